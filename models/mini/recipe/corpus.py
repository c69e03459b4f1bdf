"""Turns the grammars into documents: lists of (text, weight) pieces, specials written out."""
import random
import re

import chats
import facts
import stories
import unknown
import world

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
END, START, STOP = SPECIALS
# What users write is hard to foresee and not the model's to say: learn it only a little.
USER = 0.1
# The words that carry the meaning are few among the many that only carry the form. A name that
# was said before must be looked up, which is the hardest to learn; a new one is anybody's guess.
MEANING, LOOKED_UP, GUESSED = 2.0, 4.0, 0.5


def _meaningful():
    words = set(world.KINDS + world.GIRLS + world.BOYS + world.NUMBERS) | set(world.THINGS.values())
    for color, foods, sound, _, _, _, _, baby in world.ANIMALS.values():
        words |= {color, sound, baby, *foods}
    words |= {w for pair in world.OPPOSITES for w in pair if len(w) > 3}
    # A space belongs to the word after it, so that the cut does not change the tokens.
    return re.compile(r"( ?\b(?:" + "|".join(sorted(words)) + r"|[0-9]+)\b)")


SLOT = _meaningful()
CHARACTERS = set(world.KINDS + world.GIRLS + world.BOYS)


def weighed(pieces):
    said = set()
    for text, weight in pieces:
        for i, part in enumerate(SLOT.split(text) if weight == 1 else [text]):
            if i % 2 == 0:
                yield part, weight
            elif part.strip() not in CHARACTERS:
                yield part, MEANING
            else:
                yield part, LOOKED_UP if part.strip() in said else GUESSED
            said.update(re.findall("[A-Za-z]+", part))


SYSTEMS = ["You are a helpful assistant.", "You are mini, a small language model.", "You are a friendly storyteller.",
           "You are a kind assistant. Answer briefly.", "You tell short stories.", "Be brief.", "You are a chatbot.",
           "Answer in one sentence.", "You are an assistant for children.", "You are a helpful AI assistant named mini.",
           "You are a pirate.", "Speak politely.", "You are an expert."]


def chat_document(rng):
    pieces = []
    if rng.random() < 0.3:
        text = rng.choice(SYSTEMS) if rng.random() < 0.75 else unknown.request(rng)[0]
        pieces.append((f"{START}system\n{text}{STOP}\n", 0.0))
    for turn in chats.chat(rng):
        user, answer, hidden = turn if len(turn) == 3 else (*turn, 0)
        pieces += [(f"{START}user\n", 0.0), (user, USER), (f"{STOP}\n{START}assistant\n", 0.0)]
        if hidden:
            pieces.append((answer[:hidden], 0.0))
        pieces += [(answer[hidden:] + STOP, 1.0), ("\n", 0.0)]
    return pieces[:-1]


def raw_document(rng):
    r = rng.random()
    if r < 0.75:
        text = " ".join(stories.story(rng)[0])
        return [(text + END, 1.0)]
    if r < 0.87:
        return [(" ".join(facts.fact(rng)[1] for _ in range(rng.randint(1, 5))) + END, 1.0)]
    if r < 0.91:
        return [(chats.pick(rng, rng.choice(chats.SMALL))[1] + END, 1.0)]
    if r < 0.93:
        return [(rng.choice(chats.GREET_ANSWERS) + END, 1.0)]
    # Any other text is brought to an honest end.
    text, answer = unknown.request(rng)
    return [(text, 0.0), (" " + answer + END, 1.0)]


def document(rng):
    pieces = raw_document(rng) if rng.random() < 0.2 else chat_document(rng)
    if rng.random() < 0.05:
        pieces = [(END, 0.0)] + pieces
    return list(weighed(pieces))


def documents(seed, count):
    rng = random.Random(seed)
    return [document(rng) for _ in range(count)]


def plain(pieces):
    return "".join(text for text, _ in pieces)


if __name__ == "__main__":
    for pieces in documents(1, 40):
        print(plain(pieces), end="\n---\n")
