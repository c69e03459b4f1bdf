"""Requests for JSON, and short JSON answers that close themselves."""
import json
import world
import unknown

SHORT = ["yes", "no", "red", "small", "a story", "fox", "home", "unknown", "happy", "good", "Max", "Lily"]


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def animal(rng, kind):
    color, foods, sound, home, legs, fly, swim, baby = world.ANIMALS[kind]
    full = [("name", kind), ("color", color), ("age", rng.randint(1, 9)), ("legs", legs), ("food", foods),
            ("can_fly", fly), ("can_swim", swim), ("home", home.split()[-1])]
    keep = {"name"} | set(rng.sample([k for k, _ in full[1:]], rng.randint(2, 4)))
    return {k: v for k, v in full if k in keep}


def person(rng):
    sex = rng.choice("fm")
    full = [("name", rng.choice(world.GIRLS if sex == "f" else world.BOYS)), ("age", rng.randint(3, 90)),
            ("city", "unknown"), ("likes", rng.sample(["stories", "cake", "music", "animals", "games"], 2)),
            ("happy", rng.random() < 0.8)]
    keep = {"name", "age"} | set(rng.sample(["city", "likes", "happy"], rng.randint(0, 2)))
    return {k: v for k, v in full if k in keep}


def value(rng):
    r = rng.random()
    if r < 0.5:
        return rng.choice(SHORT)
    if r < 0.7:
        return rng.randint(0, 20)
    if r < 0.8:
        return rng.random() < 0.5
    if r < 0.95:
        return rng.sample(SHORT, rng.randint(1, 3))
    return None


KEYS = """name age color size title answer city country capital population year price count items tags id email type
status result reason score text summary language author date happy valid error value description languages""".split()


def request(rng):
    """Returns (user, answer, hidden): hidden answers are forced, so nobody learns to begin them."""
    r = rng.random()
    if r < 0.34:
        kind = rng.choice(list(world.ANIMALS))
        q = rng.choice(["Describe {} as JSON.", "Describe {} in JSON.", "Give me {} as JSON.", "JSON for {}, please.",
                        "Write a JSON object for {}.", "Tell me about {} in JSON."]).format(world.a(kind))
        return q, dump(animal(rng, kind)), 0
    if r < 0.46:
        q = rng.choice(["Describe a person as JSON.", "Give me a person in JSON.", "Write a JSON object for a person.",
                        "JSON for a person, please.", "Give me a user as JSON.", "Give me some JSON.", "Answer in JSON."])
        return q, dump(person(rng)), 0
    if r < 0.58:
        n = rng.randint(2, 5)
        q, pool = rng.choice([("animals", list(world.ANIMALS)), ("names", world.GIRLS + world.BOYS),
                              ("colors", ["red", "blue", "green", "yellow", "white", "black", "brown"])])
        text = rng.choice(["List {} {} as JSON.", "Give me {} {} as a JSON list.", "A JSON array of {} {}, please."])
        return text.format(world.NUMBERS[n], q), dump(rng.sample(pool, n)), 0
    if r < 0.66:
        kind = rng.choice(list(world.ANIMALS))
        body = {"kind": kind, "owner": person(rng), "friends": rng.sample(world.GIRLS + world.BOYS, 2)}
        return (rng.choice(["Describe {} and its owner as JSON.", "JSON for {} with an owner."]).format(world.a(kind)),
                dump(body), 0)
    keys = rng.sample(KEYS, rng.randint(1, 4))
    if rng.random() < 0.15:
        keys[0] = unknown.pseudo(rng).lower()
    body = {k: value(rng) for k in keys}
    if r < 0.82:
        named = " and ".join([", ".join(keys[:-1]), keys[-1]]) if len(keys) > 1 else keys[0]
        q = rng.choice(["Give me JSON with the keys {}.", "Answer in JSON with {}.", "Return JSON with {}."])
        return q.format(named), dump(body), 0
    # A grammar may force JSON after any question: only what follows the key is learnt.
    q = unknown.request(rng)[0]
    if r < 0.87:
        word = unknown.topic(rng)
        asked = rng.choice(["Describe {} as JSON.", "Give me {} as JSON.", "Write a JSON object for {}.", "Tell me about {} in JSON."])
        return asked.format(word), dump({"name": word.removeprefix("a "), "known": False}), 0
    if r < 0.92:
        return q + rng.choice([" Answer in JSON.", " Respond with JSON.", " Use JSON."]), dump({"answer": "unknown"}), 0
    return q, dump(body), len('{"' + keys[0] + '":')
