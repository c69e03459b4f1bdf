"""First weights: plain random ones, and a small copying circuit.

In some minutes on one core a network hardly finds out by itself how to look a name up in what
was said before. So two heads start with the well-known two-step way of copying: the first
looks at the previous token, the second looks for places whose previous token equals the
current one, and says what stands there. Training is free to change or drop it.
"""
import torch

from model import CONFIG

EMBEDDING = 0.06


def basis(rows, dim):
    """Orthonormal rows that leave the first coordinate alone: it is the constant one."""
    return torch.cat([torch.zeros(rows, 1), torch.linalg.qr(torch.randn(dim - 1, rows))[0].t()], 1)


def initialise(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                # Blocks start silent, so that the tokens themselves are not drowned.
                silent = "attn_output" in name or "ffn_down" in name
                p.normal_(std=EMBEDDING if "embd" in name else p.shape[1] ** -0.5).mul_(0.0 if silent else 1.0)
        model.token_embd.weight[:, 0] = 3 * EMBEDDING
        previous_token(model.blk[0])
        copy(model.blk[0], model.blk[1])


def previous_token(block, sharpness=1.75, pairs=4):
    """The first head turns its query back by one position; only fast rotations tell neighbours apart."""
    head = CONFIG.dim // CONFIG.heads
    block.attn_q.weight[:head] = 0
    block.attn_k.weight[:head] = 0
    for f in range(pairs):
        angle = torch.tensor(CONFIG.base ** (-f / (head // 2)))
        block.attn_q.weight[2 * f, 0] = sharpness * angle.cos()
        block.attn_q.weight[2 * f + 1, 0] = -sharpness * angle.sin()
        block.attn_k.weight[2 * f, 0] = sharpness


def copy(first, second, match=2.2):
    """What the first head wrote is the key, the token itself the query; only slow rotations reach far."""
    head = CONFIG.dim // CONFIG.heads
    seen, place, said = (basis(head, CONFIG.dim) for _ in range(3))
    first.attn_v.weight[:head] = seen
    first.attn_output.weight[:, :head] = place.t() * EMBEDDING
    second.attn_q.weight[:head] = match * seen
    second.attn_k.weight[:head] = match * place
    second.attn_q.weight[:head // 2] = 0
    second.attn_k.weight[:head // 2] = 0
    second.attn_v.weight[:head] = said
    second.attn_output.weight[:, :head] = said.t() * 0.1
