"""Batches of like-long documents, the schedule, and the training loop."""
import random
import time

import torch

import corpus
from corpus import USER

LONGEST = 1000
# Beginnings first: they hold most of what has to be looked up, and are quick to compute.
FIRST_LONGEST, FIRST_SHARE = 64, 0.45


def encode(tokenizer, pieces):
    ids, weights = [], []
    for text, weight in pieces:
        part = tokenizer.encode(text)
        ids += part
        weights += [weight] * len(part)
    return ids, weights


def batches(tokenizer, seed, tokens, done=lambda: 1.0):
    """Endless batches of about so many tokens; each document stands alone, as it will in use."""
    rng = random.Random(seed)
    while True:
        longest = FIRST_LONGEST if done() < FIRST_SHARE else LONGEST
        docs = (encode(tokenizer, corpus.document(rng)) for _ in range(1000))
        pool = sorted(([part[:longest] for part in doc] for doc in docs), key=lambda d: len(d[0]))
        groups, group = [], []
        for doc in pool:
            if group and (len(group) + 1) * len(doc[0]) > tokens:
                groups.append(group)
                group = []
            group.append(doc)
        groups.append(group)
        rng.shuffle(groups)
        yield from (stack(g) for g in groups)


def stack(docs):
    width = max(len(d[0]) for d in docs)
    ids, weights = torch.zeros(len(docs), width, dtype=torch.long), torch.zeros(len(docs), width)
    for row, (i, w) in enumerate(docs):
        ids[row, :len(i)], weights[row, :len(w)] = torch.tensor(i), torch.tensor(w)
    return ids, weights


def schedule(done, polish):
    """Warm up, stay, then fall straight to nothing over the last half; polishing only falls."""
    if polish:
        return 0.3 * min(1.0, done / 0.05 + 0.02, 1.005 - done)
    return min(1.0, done / 0.02 + 0.02, (1 - done) / 0.5 + 0.005)


def validation_loss(model, tokenizer, seed, count=200):
    """Per learnt token, over documents the training did not see."""
    docs = [encode(tokenizer, d) for d in corpus.documents(seed, count)]
    total = weight = 0.0
    with torch.no_grad():
        for doc in docs:
            ids, w = stack([doc])
            w = (w > USER).float()
            n = w[:, 1:].sum().item()
            if n:
                total += model.loss(ids, w).item() * n
                weight += n
    return total / weight


def train(model, optimizer, tokenizer, seed, minutes, steps, tokens, polish=False, say=print):
    """Runs until the steps are done or the minutes are over; Ctrl-C keeps what was learnt."""
    start, seen, mean, step = time.time(), 0, None, 0

    def progress():
        return step / steps if steps else (time.time() - start) / (60 * minutes)

    try:
        for ids, weights in batches(tokenizer, seed, tokens, (lambda: 1.0) if polish else progress):
            if polish:
                # Weights helped to learn, but bend the odds: a girl needs a girl's name, said before or not.
                weights = torch.where(weights > USER, 1.0, weights.double()).float()
            gone, done = time.time() - start, progress()
            if done >= 1:
                break
            loss = model.loss(ids, weights)
            loss.backward()
            optimizer.step(schedule(done, polish))
            step += 1
            seen += ids.numel()
            mean = loss.item() if mean is None else 0.97 * mean + 0.03 * loss.item()
            if step % 100 == 0:
                eta = gone / done * (1 - done) if done else 0
                say(f"step {step:5d}  loss {mean:.3f}  {seen / 1e6:.2f} M tokens  "
                    f"{seen / gone:.0f} tokens/s  ETA {eta:.0f} s", flush=True)
    except KeyboardInterrupt:
        say("Stopped by hand; the model is kept as it is now.", flush=True)
    return {"steps": step, "tokens": seen, "seconds": round(time.time() - start), "loss": mean}
