"""A small Llama: RMS norms, rotary positions on neighbouring pairs, SwiGLU, tied embeddings."""
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

CONFIG = SimpleNamespace(vocab=1024, dim=128, layers=4, heads=4, ffn=352, context=1024, eps=1e-5, base=10000.0)


class Norm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + CONFIG.eps) * self.weight


def rotate(x, cos, sin):
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        d, f = CONFIG.dim, CONFIG.ffn
        self.attn_norm, self.ffn_norm = Norm(d), Norm(d)
        self.attn_q, self.attn_k = nn.Linear(d, d, False), nn.Linear(d, d, False)
        self.attn_v, self.attn_output = nn.Linear(d, d, False), nn.Linear(d, d, False)
        self.ffn_gate, self.ffn_up = nn.Linear(d, f, False), nn.Linear(d, f, False)
        self.ffn_down = nn.Linear(f, d, False)

    def forward(self, x, cos, sin, mask):
        b, t, d = x.shape
        n = self.attn_norm(x)
        q, k, v = (m(n).view(b, t, CONFIG.heads, -1).transpose(1, 2) for m in (self.attn_q, self.attn_k, self.attn_v))
        scores = rotate(q, cos, sin) @ rotate(k, cos, sin).transpose(-1, -2)
        probs = (scores * (d // CONFIG.heads) ** -0.5 + mask).softmax(-1)
        x = x + self.attn_output((probs @ v).transpose(1, 2).reshape(b, t, d))
        n = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(n)) * self.ffn_up(n))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embd = nn.Embedding(CONFIG.vocab, CONFIG.dim)
        self.blk = nn.ModuleList(Block() for _ in range(CONFIG.layers))
        self.output_norm = Norm(CONFIG.dim)
        half = CONFIG.dim // CONFIG.heads // 2
        angles = torch.arange(CONFIG.context)[:, None] * CONFIG.base ** (-torch.arange(half) / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def hidden(self, ids):
        t = ids.shape[1]
        mask = torch.full((t, t), float("-inf")).triu(1)
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, self.cos[:t], self.sin[:t], mask)
        return self.output_norm(x)

    def forward(self, ids):
        return self.hidden(ids) @ self.token_embd.weight.t()

    def loss(self, ids, weights):
        """Mean cross-entropy of the next token; only places that carry weight are computed."""
        wanted = weights[:, 1:].reshape(-1)
        keep = wanted > 0
        h = self.hidden(ids[:, :-1]).flatten(0, 1)[keep]
        losses = F.cross_entropy(h @ self.token_embd.weight.t(), ids[:, 1:].reshape(-1)[keep], reduction="none")
        return (losses * wanted[keep]).sum() / wanted.sum().clamp_min(1.0)
