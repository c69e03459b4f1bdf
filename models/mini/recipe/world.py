"""The small closed world the model knows: every fact it can state is listed here."""

# kind: (colour, foods, sound, home, legs, can fly, can swim, baby)
ANIMALS = {
    "dog": ("brown", ["meat", "bones"], "woof", "a house", 4, False, True, "puppy"),
    "cat": ("gray", ["fish", "mice"], "meow", "a house", 4, False, False, "kitten"),
    "fox": ("red", ["mice", "berries"], "yip", "a den", 4, False, True, "cub"),
    "bear": ("brown", ["honey", "fish"], "roar", "a cave", 4, False, True, "cub"),
    "rabbit": ("white", ["carrots", "grass"], "squeak", "a hole", 4, False, False, "kit"),
    "mouse": ("gray", ["cheese", "seeds"], "squeak", "a hole", 4, False, False, "pup"),
    "bird": ("blue", ["seeds", "worms"], "tweet", "a nest", 2, True, False, "chick"),
    "owl": ("brown", ["mice", "frogs"], "hoot", "a tree", 2, True, False, "owlet"),
    "frog": ("green", ["flies", "worms"], "croak", "a pond", 4, False, True, "tadpole"),
    "duck": ("yellow", ["grass", "seeds"], "quack", "a pond", 2, True, True, "duckling"),
    "hen": ("white", ["corn", "worms"], "cluck", "a farm", 2, False, False, "chick"),
    "pig": ("pink", ["corn", "apples"], "oink", "a farm", 4, False, True, "piglet"),
    "cow": ("brown", ["grass", "hay"], "moo", "a farm", 4, False, True, "calf"),
    "horse": ("brown", ["hay", "apples"], "neigh", "a farm", 4, False, True, "foal"),
    "sheep": ("white", ["grass", "hay"], "baa", "a farm", 4, False, False, "lamb"),
    "goat": ("white", ["grass", "leaves"], "baa", "a hill", 4, False, False, "kid"),
    "lion": ("yellow", ["meat"], "roar", "a cave", 4, False, True, "cub"),
    "wolf": ("gray", ["meat"], "howl", "a forest", 4, False, True, "cub"),
    "deer": ("brown", ["leaves", "grass"], "bleat", "a forest", 4, False, True, "fawn"),
    "squirrel": ("red", ["nuts", "seeds"], "chatter", "a tree", 4, False, False, "kit"),
    "turtle": ("green", ["leaves", "berries"], "hiss", "a pond", 4, False, True, "hatchling"),
    "monkey": ("brown", ["bananas", "nuts"], "chatter", "a tree", 4, False, False, "baby"),
    "elephant": ("gray", ["leaves", "grass"], "trumpet", "a plain", 4, False, True, "calf"),
    "penguin": ("black", ["fish"], "squawk", "the ice", 2, False, True, "chick"),
    "bee": ("yellow", ["honey"], "buzz", "a hive", 6, True, False, "larva"),
    "whale": ("blue", ["fish"], "song", "the sea", 0, False, True, "calf"),
}

THINGS = {
    "sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "banana": "yellow",
    "strawberry": "red", "tomato": "red", "night": "black", "sea": "blue", "leaf": "green",
    "carrot": "orange", "lemon": "yellow", "cloud": "white", "rose": "red", "milk": "white",
    "blood": "red", "coal": "black", "tree": "green", "fire": "orange", "moon": "white",
}

OPPOSITES = [
    ("big", "small"), ("hot", "cold"), ("happy", "sad"), ("up", "down"), ("day", "night"),
    ("fast", "slow"), ("good", "bad"), ("old", "new"), ("wet", "dry"), ("hard", "soft"),
    ("light", "dark"), ("open", "closed"), ("full", "empty"), ("long", "short"),
    ("left", "right"), ("black", "white"), ("loud", "quiet"), ("clean", "dirty"),
    ("high", "low"), ("early", "late"), ("strong", "weak"), ("yes", "no"), ("in", "out"),
    ("first", "last"), ("rich", "poor"), ("near", "far"), ("love", "hate"), ("win", "lose"),
]

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
           "ten", "eleven", "twelve"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

GIRLS = ["Lily", "Mia", "Anna", "Ella", "Ruby", "Nina", "Luna", "Rosa", "Daisy", "Bella",
         "Zoe", "Kim", "Emma", "Sara", "Molly"]
BOYS = ["Tom", "Max", "Sam", "Ben", "Leo", "Tim", "Oscar", "Pip", "Finn", "Milo", "Jack",
        "Toby", "Rex", "Paul", "Hugo"]

# People and the like can star in stories, yet have no animal facts.
PEOPLE = {"girl": "f", "boy": "m", "king": "m", "queen": "f", "farmer": "", "baker": "",
          "princess": "f", "prince": "m", "robot": "", "dragon": "", "knight": "", "wizard": "m",
          "child": "", "cook": "", "fairy": "f"}

KINDS = list(ANIMALS) + list(PEOPLE)


def a(noun):
    """The noun with its indefinite article."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def plural(kind):
    irregular = {"mouse": "mice", "wolf": "wolves", "sheep": "sheep", "deer": "deer",
                 "fox": "foxes"}
    return irregular.get(kind, kind + "s")
