"""Questions and answers about the closed world."""
from world import ANIMALS, THINGS, OPPOSITES, NUMBERS, DAYS, a, plural


def animal_fact(rng):
    k = rng.choice(list(ANIMALS))
    color, foods, sound, home, legs, fly, swim, baby = ANIMALS[k]
    food = " and ".join(foods)
    it = rng.choice([k, k, k, plural(k)])
    which = rng.randrange(8)
    if which == 0:
        return (rng.choice([f"What color is {a(k)}?", f"What is the color of {a(k)}?",
                            f"Which color does {a(k)} have?", f"What colour is {a(k)}?",
                            f"Tell me the color of {a(k)}."]), f"{a(k).capitalize()} is {color}.")
    if which == 1:
        return (rng.choice([f"What does {a(k)} eat?", f"What do {plural(k)} eat?",
                            f"What food does {a(k)} like?", f"Tell me what {a(k)} eats."]),
                f"{a(k).capitalize()} eats {food}.")
    if which == 2:
        if k == "whale":
            return "What sound does a whale make?", "A whale sings a song."
        return (rng.choice([f"What sound does {a(k)} make?", f"What does {a(k)} say?",
                            f"What noise does {a(k)} make?"]),
                f'{a(k).capitalize()} says "{sound}".')
    if which == 3:
        return (rng.choice([f"Where does {a(k)} live?", f"Where do {plural(k)} live?",
                            f"Where is the home of {a(k)}?"]),
                f"{a(k).capitalize()} lives " + ("on" if home in ("a farm", "a hill", "the ice", "a plain")
                                                  else "in") + f" {home}.")
    if which == 4:
        n = NUMBERS[legs] if legs else "no"
        return (rng.choice([f"How many legs does {a(k)} have?", f"How many legs do {plural(k)} have?"]),
                f"{a(k).capitalize()} has {n} legs.")
    if which == 5:
        q = rng.choice([f"Can {a(k)} fly?", f"Can {plural(k)} fly?"])
        return q, f"Yes, {a(k)} can fly." if fly else f"No, {a(k)} cannot fly."
    if which == 6:
        q = rng.choice([f"Can {a(k)} swim?", f"Can {plural(k)} swim?"])
        return q, f"Yes, {a(k)} can swim." if swim else f"No, {a(k)} does not like to swim."
    return (rng.choice([f"What is a baby {k} called?", f"What do you call a baby {k}?",
                        f"What is the name of a baby {k}?"]), f"A baby {k} is called {a(baby)}.")


def about_animal(rng, k=None):
    k = k or rng.choice(list(ANIMALS))
    color, foods, _, home, legs, fly, _, _ = ANIMALS[k]
    where = ("on " if home in ("a farm", "a hill", "the ice", "a plain") else "in ") + home
    q = rng.choice([f"Tell me about {plural(k)}.", f"What is {a(k)}?", f"Describe {a(k)}.",
                    f"What do you know about {plural(k)}?", f"Tell me about the {k}.",
                    f"Tell me something about {plural(k)}."])
    n = NUMBERS[legs] if legs else "no"
    return q, (f"{a(k).capitalize()} is an animal. It is {color} and has {n} legs. "
               f"It lives {where} and eats {' and '.join(foods)}.")


def thing_color(rng):
    t = rng.choice(list(THINGS))
    the = f"the {t}" if t in ("sky", "sea", "sun", "night", "moon") else \
        t if t in ("grass", "snow", "milk", "blood", "coal", "fire") else a(t)
    return (rng.choice([f"What color is {the}?", f"What colour is {the}?",
                        f"Which color is {the}?", f"What is the color of {the}?"]),
            f"{the.capitalize()} is {THINGS[t]}.")


def opposite(rng):
    x, y = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        x, y = y, x
    return (rng.choice([f"What is the opposite of {x}?", f"Opposite of {x}?",
                        f"Tell me the opposite of {x}.", f'What is the opposite of "{x}"?',
                        f"What's the opposite of {x}?"]), f"The opposite of {x} is {y}.")


def counting(rng):
    which = rng.randrange(5)
    if which == 0:
        n = rng.randint(2, 10)
        if rng.random() < 0.5:
            return (rng.choice([f"Count to {n}.", f"Please count to {n}.", f"Can you count to {n}?",
                                f"Count from 1 to {n}."]),
                    ", ".join(str(i) for i in range(1, n + 1)) + ".")
        words = ", ".join(NUMBERS[1:n + 1]) + "."
        return (rng.choice([f"Count to {NUMBERS[n]}.", f"Please count to {NUMBERS[n]}.",
                            f"Can you count to {NUMBERS[n]}?"]), words.capitalize())
    if which == 1:
        n = rng.randint(0, 10)
        return (rng.choice([f"What comes after {NUMBERS[n]}?", f"What number comes after {NUMBERS[n]}?"]),
                f"After {NUMBERS[n]} comes {NUMBERS[n + 1]}.")
    if which == 2:
        n = rng.randrange(7)
        return (rng.choice([f"What day comes after {DAYS[n]}?", f"Which day is after {DAYS[n]}?"]),
                f"After {DAYS[n]} comes {DAYS[(n + 1) % 7]}.")
    x, y = rng.randint(0, 9), rng.randint(0, 9)
    if which == 3:
        return (rng.choice([f"What is {x} + {y}?", f"{x} + {y}", f"What is {x} plus {y}?",
                            f"How much is {x} + {y}?", f"{x}+{y}=?", f"What's {x}+{y}?"]),
                f"{x} + {y} is {x + y}.")
    if rng.random() < 0.2:
        return (rng.choice(["What are the days of the week?", "Name the days of the week.",
                            "List the days of the week."]),
                "The days of the week are " + ", ".join(DAYS[:-1]) + " and Sunday.")
    k = rng.randint(3, 4)
    names = rng.sample(list(ANIMALS), k)
    return (rng.choice([f"Name {NUMBERS[k]} animals.", f"Tell me {NUMBERS[k]} animals.",
                        f"List {NUMBERS[k]} animals.", f"Give me a list of {NUMBERS[k]} animals."]),
            ", ".join(a(n) for n in names[:-1]).capitalize() + f" and {a(names[-1])}.")


def fact(rng):
    r = rng.random()
    if r < 0.45:
        return animal_fact(rng)
    if r < 0.55:
        return about_animal(rng)
    if r < 0.65:
        return thing_color(rng)
    if r < 0.78:
        return opposite(rng)
    return counting(rng)
