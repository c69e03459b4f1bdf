#!/usr/bin/env python3
"""Measures a written mini.gguf: endings, form, facts, embeddings, tokenizer."""
import argparse
import itertools
import json
import pathlib
import re

import numpy as np

import corpus
import prompts
import stories
from runner import Runner, chatml


def words(sentence):
    return re.findall(r"[A-Za-z0-9']+|[.,!?\"]", sentence)


def sentences(text):
    return [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z\"])|(?<=[.!?]\")\s+(?=[A-Z\"])", text.strip()) if s]


def masked(tokens):
    """Names and kinds are exchangeable in the grammar, so the form ignores which one stands there."""
    import world
    names, kinds = set(world.GIRLS + world.BOYS), set(world.KINDS)
    return tuple("NAME" if t in names else "KIND" if t in kinds else t for t in tokens)


class Form:
    """A sentence is well formed when each run of four words occurs in stories of the grammar."""

    def __init__(self, seed, count=20000):
        import random
        rng = random.Random(f"{seed}-form")
        self.known = set()
        for _ in range(count):
            for s in stories.story(rng)[0]:
                self.known.update(self.runs(s))

    @staticmethod
    def runs(sentence):
        t = ("^",) + masked(words(sentence)) + ("$",)
        return [t[i:i + 4] for i in range(max(1, len(t) - 3))]

    def good(self, sentence):
        return all(r in self.known for r in self.runs(sentence))


def faithful(text):
    """Two characters, both introduced, each of one kind; girls have girls' names and boys boys'."""
    import world
    named = re.findall(r"\b([a-z]+) named ([A-Z][a-z]+)", text)
    named += [(k, n) for n, k in re.findall(r"\b([A-Z][a-z]+) (?:was an? \w+|the) ([a-z]+)\b", text) if k in world.KINDS]
    kinds = {}
    for kind, name in named:
        kinds.setdefault(name, set()).add(kind)
    used = {n for n in world.GIRLS + world.BOYS if re.search(rf"\b{n}\b", text)}
    fitting = all(n not in {"f": world.BOYS, "m": world.GIRLS}.get(world.PEOPLE.get(k), ()) for k, n in named)
    return fitting and len(used) == 2 and used <= set(kinds) and all(len(k) == 1 for k in kinds.values())


def endings(model, temperature, seed):
    texts = [(p, chatml(p)) for p in prompts.CHAT]
    texts += [(p, chatml(p, system=prompts.SYSTEM)) for p in prompts.CHAT[:12]]
    texts += [(t[-1], chatml(*t)) for t in prompts.TALKS] + [("(raw) " + p, p) for p in prompts.RAW]
    done = [(name, *model.generate(p, temperature, seed + i)) for i, (name, p) in enumerate(texts)]
    return sum(ended for _, _, ended in done) / len(done), done


def story_quality(model, form, temperature, seed, count=40):
    asks = ["Tell me a story about a {}.", "Write a short story about a {}.", "Once upon a time, there was a {}"]
    kinds = ["dog", "cat", "fox", "bear", "girl", "boy", "rabbit", "king", "robot", "mouse"]
    total = good = whole = kept = 0
    for i in range(count):
        kind = kinds[i % len(kinds)]
        text, _ = model.generate(chatml(asks[i % 3].format(kind)), temperature, seed + i)
        parts = sentences(text)
        marks = [form.good(s) for s in parts]
        total, good = total + len(marks), good + sum(marks)
        whole += all(marks) and faithful(text) and 5 <= len(parts) <= 14
        kept += bool(re.search(rf"\b{kind}\b", " ".join(parts[:2])))
    return {"well_formed_sentences": good / total, "flawless_stories": whole / count, "asked_for_hero": kept / count}


def json_quality(model, seed, count=20):
    asks = ["Describe a {} as JSON.", "Give me a {} as JSON.", "JSON for a {}, please.", "Tell me about a {} in JSON."]
    kinds, good = ["fox", "dog", "cow", "cat", "frog"], 0
    for i in range(count):
        text, ended = model.generate(chatml(asks[i % 4].format(kinds[i % 5])), 0.8, seed + i)
        try:
            json.loads(text)
            good += ended
        except ValueError:
            pass
    return good / count


def embeddings(model):
    """Share of triples in which the sentence of the same group is the nearer one; mean similarities."""
    groups = [[model.embed(t) for t in texts] for texts in prompts.GROUPS.values()]
    inside, outside, right = [], [], []
    for g, other in itertools.permutations(groups, 2):
        for x, y in itertools.permutations(g, 2):
            inside.append(float(x @ y))
            for z in other:
                outside.append(float(x @ z))
                right.append(x @ y > x @ z)
    return {"triples_right": float(np.mean(right)), "same_group": float(np.mean(inside)),
            "other_group": float(np.mean(outside))}


def run(path, seed, show=False):
    model = Runner(path)
    print("check: the tokenizer", flush=True)
    for text in prompts.ODD_TEXTS + [corpus.plain(d) for d in corpus.documents(f"{seed}-check", 200)]:
        if model.tokenizer.decode(model.tokenizer.encode(text, special=False)) != text:
            raise SystemExit(f"the tokenizer does not give back {text!r}")
    results, form = {}, Form(seed)
    for temperature in (0.0, 0.8):
        print(f"check: temperature {temperature}", flush=True)
        share, done = endings(model, temperature, seed)
        results[f"ended_within_256_tokens_at_{temperature}"] = share
        results[f"stories_at_{temperature}"] = story_quality(model, form, temperature, seed)
        for name, text, ended in done:
            if show or not ended:
                print(f"  [{name}]{'' if ended else ' (did not end)'} {text}")
    right = [(q, a, model.generate(chatml(q))[0]) for q, a in prompts.FACTS]
    for question, wanted, got in right:
        if wanted.lower() not in got.lower():
            print(f"  wrong: {question} -> {got}")
    results["facts_right"] = sum(w.lower() in g.lower() for _, w, g in right) / len(right)
    results["json_valid_at_0.8"] = json_quality(model, seed)
    results["embeddings"] = embeddings(model)
    print(json.dumps(results, indent=2))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent / "mini.gguf")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sampled answers (default 1)")
    parser.add_argument("--show", action="store_true", help="print every answer")
    options = parser.parse_args()
    run(options.file, options.seed, options.show)
