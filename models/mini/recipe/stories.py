"""The story grammar: who, where, what goes wrong, who helps, how it ends."""
import world
from world import a

ADJ = ["little", "small", "happy", "brave", "kind", "young", "funny", "clever", "shy", "curious"]
PLACES = ["in a big forest", "near a river", "on a farm", "in a small village", "by the sea",
          "on a green hill", "in a small house", "near a lake", "in a quiet garden",
          "at the edge of the town"]
THINGS = ["red ball", "blue hat", "golden key", "little bell", "warm scarf", "toy boat",
          "green kite", "shiny stone", "picture book", "silver ring"]
SPOTS = ["under the bed", "behind the tree", "in the grass", "near the pond", "under the bridge",
         "behind the door", "in the barn", "on top of the hill", "under a big leaf", "in a basket"]
FOODS = ["cake", "bread", "soup", "apple", "pie", "berries", "cookies", "honey"]
SKILLS = [("swim", "lake"), ("sing", "garden"), ("dance", "meadow"), ("climb", "forest"),
          ("whistle", "garden"), ("paint", "garden"), ("skate", "lake"), ("juggle", "meadow")]
PLANTS = ["flower", "apple tree", "rose", "sunflower", "pumpkin", "strawberry plant"]
FEELINGS = ["sad", "worried", "tired", "lonely", "cold"]


class Hero:
    """A character, with the words that agree with it."""

    def __init__(self, rng, kind=None, name=None, other=None):
        self.kind = kind or rng.choice([k for k in world.KINDS if not other or k != other.kind])
        sex = world.PEOPLE.get(self.kind) or rng.choice("fm")
        if name in world.GIRLS:
            sex = "f"
        elif name in world.BOYS:
            sex = "m"
        names = world.GIRLS if sex == "f" else world.BOYS
        self.name = name or rng.choice([n for n in names if not other or n != other.name])
        self.he, self.him, self.his = ("she", "her", "her") if sex == "f" else ("he", "him", "his")
        self.He = self.he.capitalize()


def opening(rng, h):
    adj, place = rng.choice(ADJ), rng.choice(PLACES)
    first = rng.choice([
        f"Once upon a time, there was {a(adj)} {h.kind} named {h.name}.",
        f"Once upon a time, there was {a(adj)} {h.kind} named {h.name}.",
        f"Once upon a time, {a(adj)} {h.kind} named {h.name} lived {place}.",
        f"There was once {a(adj)} {h.kind} named {h.name}.",
        f"There was {a(adj)} {h.kind} named {h.name}.",
        f"Long ago, {a(adj)} {h.kind} named {h.name} lived {place}.",
        f"One day, {a(h.kind)} named {h.name} went for a walk.",
        f"{h.name} was {a(adj)} {h.kind}."])
    lines = [first]
    if " lived " not in first:
        lines.append(f"{h.He} lived {place}.")
    if rng.random() < 0.5:
        lines.append(rng.choice([
            f"{h.name} loved to play outside.",
            f"{h.name} liked to look at the stars.",
            f"Every morning, {h.he} said hello to the sun.",
            f"{h.He} had many friends.",
            f"Everyone liked {h.name} very much."]))
    return lines


def lost_thing(rng, h, f):
    thing, spots = rng.choice(THINGS), rng.sample(SPOTS, 3)
    return [f"One day, {h.name} lost {h.his} {thing}.",
            f"{h.He} looked {spots[0]}, but it was not there.",
            f"{h.He} looked {spots[1]}, but it was not there.",
            f"Then {a(f.kind)} named {f.name} came to help.",
            f"{f.name} found the {thing} {spots[2]}.",
            f'"Thank you, {f.name}!" said {h.name}.']


def sad_friend(rng, h, f):
    feel = rng.choice(FEELINGS)
    gift = rng.choice(["a warm blanket", "a big hug", "some hot soup", "a pretty flower"])
    return [f"One day, {h.name} met {a(f.kind)} named {f.name}.",
            f"{f.name} was very {feel}.",
            f'"What is wrong?" asked {h.name}.',
            f'"I am {feel} and I want to go home," said {f.name}.',
            f"So {h.name} gave {f.him} {gift}.",
            f"Then they walked home together."]


def share_food(rng, h, f):
    food = rng.choice(FOODS)
    some = a(food) if food in ("cake", "apple", "pie") else "some " + food
    return [f"One morning, {h.name} found {some} {rng.choice(SPOTS)}.",
            f"Then {h.he} saw {a(f.kind)} named {f.name}.",
            f'"I am so hungry," said {f.name}.',
            f"{h.name} wanted to eat it all, but {h.he} was kind.",
            f"{h.He} shared the {food} with {f.name}.",
            f"It tasted very good."]


def learn(rng, h, f):
    skill, where = rng.choice(SKILLS)
    return [f"{h.name} wanted to learn to {skill}.",
            f"{h.He} tried and tried, but it was too hard.",
            f"In the {where}, {h.he} met {a(f.kind)} named {f.name}.",
            f'"I can teach you to {skill}," said {f.name}.',
            f"They practiced every day.",
            f"Soon {h.name} could {skill} very well."]


def noise(rng, h, f):
    where = rng.choice(SPOTS)
    return [f"One night, {h.name} heard a strange noise.",
            f"{h.He} was afraid, but {h.he} went to look.",
            f"The noise came from {where}." if not where.startswith("in ") else
            f"The noise was {where}.",
            f"It was only {a(f.kind)} named {f.name}!",
            f'"I am lost," said {f.name}.',
            f"{h.name} laughed and showed {f.him} the way home."]


def garden(rng, h, f):
    plant = rng.choice(PLANTS)
    return [f"One spring day, {h.name} planted a seed.",
            f"{h.He} gave it water every day, but nothing happened.",
            f'"Be patient," said {f.name} the {f.kind}.',
            f"{h.name} waited and waited.",
            f"At last, the seed became a beautiful {plant}.",
            f"{h.name} showed it to {f.name}."]


def storm(rng, h, f):
    return [f"One day, it began to rain very hard.",
            f"{h.name} was wet and cold.",
            f"{h.He} knocked at the door of {a(f.kind)} named {f.name}.",
            rng.choice([f'"Come in," said {f.name}.',
                        f'"You can stay with me," said {f.name}.']),
            f"They sat by the fire and told stories.",
            f"In the morning, there was a rainbow in the sky."]


def birthday(rng, h, f):
    thing = rng.choice(THINGS)
    return [f"Today was the birthday of {f.name} the {f.kind}.",
            f"{h.name} wanted to give {f.him} a present.",
            f"{h.He} had no money, but {h.he} had {a(thing)}.",
            f'"This is for you," said {h.name}.',
            f"{f.name} was so happy that {f.he} began to sing.",
            f"Then they ate a big cake."]


def race(rng, h, f):
    return [f"{h.name} and {f.name} the {f.kind} wanted to have a race.",
            f"They ran {rng.choice(['to the old tree', 'around the lake', 'up the hill'])}.",
            f"{f.name} fell down and hurt {f.his} leg.",
            f"{h.name} stopped and helped {f.him}.",
            f'"You could win," said {f.name}.',
            f'"A friend is better than a prize," said {h.name}.']


PLOTS = [lost_thing, sad_friend, share_food, learn, noise, garden, storm, birthday, race]


def ending(rng, h, f):
    lines = [rng.choice([
        f"From that day on, {h.name} and {f.name} were best friends.",
        f"{h.name} and {f.name} played until the sun went down.",
        f"{h.name} was very happy.",
        f"{h.name} and {f.name} were very happy.",
        f"After that, {h.name} was never alone again."])]
    if rng.random() < 0.4:
        lines.append(rng.choice(["The end.", "And they all lived happily ever after.",
                                 f"That night, {h.name} slept very well."]))
    return lines


def story(rng, hero=None, friend=None):
    """Returns (sentences, hero, friend)."""
    h = hero or Hero(rng)
    f = friend or Hero(rng, other=h)
    lines = opening(rng, h) + rng.choice(PLOTS)(rng, h, f) + ending(rng, h, f)
    return lines, h, f
