"""Runs a written GGUF file in numpy, sharing no code with the training."""
import numpy as np

from bpe import Tokenizer
from gguf_read import read


class Runner:
    def __init__(self, path):
        self.meta, self.w = read(path)
        self.tokenizer = Tokenizer([m.split(" ") for m in self.meta["tokenizer.ggml.merges"]])
        if self.tokenizer.tokens != self.meta["tokenizer.ggml.tokens"]:
            raise ValueError("the merges do not lead to the vocabulary of the file")
        self.layers = self.meta["llama.block_count"]
        self.heads = self.meta["llama.attention.head_count"]
        half = self.meta["llama.rope.dimension_count"] // 2
        self.speeds = self.meta["llama.rope.freq_base"] ** (-np.arange(half) / half)
        self.stops = {i for i, t in enumerate(self.tokenizer.tokens) if t in ("<|im_end|>", "<|endoftext|>")}

    def norm(self, x, name):
        eps = self.meta["llama.attention.layer_norm_rms_epsilon"]
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * self.w[name + ".weight"]

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T

    def rotate(self, x, first):
        angle = (first + np.arange(x.shape[1]))[:, None] * self.speeds
        pair = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angle)
        return np.stack([pair.real, pair.imag], -1).reshape(x.shape).astype(np.float32)

    def hidden(self, ids, cache=None):
        """Final states of the new tokens; cache (a list) keeps keys and values between calls."""
        cache = [] if cache is None else cache
        x = self.w["token_embd.weight"][ids]
        first = cache[0][0].shape[1] if cache else 0
        for i in range(self.layers):
            name, n = f"blk.{i}.", self.norm(x, f"blk.{i}.attn_norm")
            q, k, v = (self.linear(n, name + m).reshape(len(ids), self.heads, -1).transpose(1, 0, 2)
                       for m in ("attn_q", "attn_k", "attn_v"))
            q, k = self.rotate(q, first), self.rotate(k, first)
            if first:
                k, v = np.concatenate([cache[i][0], k], 1), np.concatenate([cache[i][1], v], 1)
                cache[i] = (k, v)
            else:
                cache.append((k, v))
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(np.float32(q.shape[-1]))
            scores += np.triu(np.full(scores.shape[1:], -1e30, np.float32), first + 1)
            p = np.exp(scores - scores.max(-1, keepdims=True))
            p /= p.sum(-1, keepdims=True)
            x = x + self.linear((p @ v).transpose(1, 0, 2).reshape(len(ids), -1), name + "attn_output")
            n = self.norm(x, name + "ffn_norm")
            g = self.linear(n, name + "ffn_gate")
            x = x + self.linear(g / (1 + np.exp(-g)) * self.linear(n, name + "ffn_up"), name + "ffn_down")
        return self.norm(x, "output_norm")

    def logits(self, ids, cache=None):
        return self.linear(self.hidden(ids, cache), "token_embd")

    def generate(self, prompt, temperature=0.0, seed=0, limit=256):
        """Returns (text, whether it ended by itself)."""
        rng, cache, out = np.random.default_rng(seed), [], []
        ids = self.tokenizer.encode(prompt)
        while len(out) < limit:
            scores = self.logits(ids, cache)[-1].astype(np.float64)
            if temperature:
                p = np.exp((scores - scores.max()) / temperature)
                pick = int(rng.choice(len(p), p=p / p.sum()))
            else:
                pick = int(scores.argmax())
            if pick in self.stops:
                return self.tokenizer.decode(out), True
            out.append(pick)
            ids = [pick]
        return self.tokenizer.decode(out), False

    def embed(self, text):
        """Mean of the final states, to length one."""
        v = self.hidden(self.tokenizer.encode(text)).mean(0)
        return v / np.linalg.norm(v)


def chatml(*turns, system=None):
    """user, assistant, user, ... as a prompt for the next assistant turn."""
    text = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for i, turn in enumerate(turns):
        text += f"<|im_start|>{'user' if i % 2 == 0 else 'assistant'}\n{turn}<|im_end|>\n"
    return text + "<|im_start|>assistant\n"
