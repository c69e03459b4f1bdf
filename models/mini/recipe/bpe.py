"""Byte-level BPE: learning the merges, encoding, decoding."""
import collections

from corpus import SPECIALS
from pretoken import split


def _byte_alphabet():
    """GPT-2's printable stand-in for each byte, which GGUF files use in token texts."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return {b: chr(b) if b in keep else chr(next(spare)) for b in range(256)}


BYTES = _byte_alphabet()
UNBYTES = {c: b for b, c in BYTES.items()}


def spell(word):
    return [BYTES[b] for b in word.encode("utf-8")]


def learn(texts, size, longest=16):
    """Merges, best first, for a vocabulary of the given size."""
    counts = collections.Counter(w for t in texts for w in split(t))
    words = [(spell(w), n) for w, n in sorted(counts.items())]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (parts, n) in enumerate(words):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += n
            where[pair].add(i)
    merges = []
    while len(merges) < size - 256 - len(SPECIALS):
        # Ties go to the alphabet, so that the same text always gives the same merges.
        best = min((p for p in pairs if len(p[0] + p[1]) <= longest), key=lambda p: (-pairs[p], p))
        merges.append(best)
        for i in where.pop(best):
            parts, n = words[i]
            for pair in zip(parts, parts[1:]):
                pairs[pair] -= n
                if pairs[pair] <= 0:
                    del pairs[pair]
            parts[:] = merge(parts, best)
            for pair in zip(parts, parts[1:]):
                pairs[pair] += n
                where[pair].add(i)
        pairs.pop(best, None)
    return merges


def merge(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and parts[i] == pair[0] and parts[i + 1] == pair[1]:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.tokens = SPECIALS + [BYTES[b] for b in range(256)] + [x + y for x, y in self.merges]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.cache = {}

    def _word(self, word):
        if word not in self.cache:
            parts = spell(word)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                parts = merge(parts, best)
            self.cache[word] = [self.ids[p] for p in parts]
        return self.cache[word]

    def encode(self, text, special=True):
        """Token ids; with special, the control tokens written in the text count as such."""
        if special:
            for i, name in enumerate(SPECIALS):
                if name in text:
                    left, right = text.split(name, 1)
                    return self.encode(left) + [i] + self.encode(right)
        return [t for w in split(text) for t in self._word(w)]

    def decode(self, ids):
        data = bytes(UNBYTES[c] for i in ids if i >= len(SPECIALS) for c in self.tokens[i])
        return data.decode("utf-8", errors="replace")
