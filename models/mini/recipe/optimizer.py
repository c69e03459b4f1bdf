"""Two optimizers in one: orthogonalised momentum for matrices (Muon), Adam for the rest."""
import torch


def orthogonal(m, rounds=5):
    """Pushes the singular values towards one with a quintic Newton-Schulz iteration."""
    flip = m.shape[0] > m.shape[1]
    x = m.t() if flip else m
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        g = x @ x.t()
        x = 3.4445 * x + (-4.7750 * g + 2.0315 * g @ g) @ x
    return x.t() if flip else x


class Optimizer:
    def __init__(self, model, matrix_rate=0.02, other_rate=0.004, decay=0.05):
        named = list(model.named_parameters())
        self.matrices = [p for n, p in named if p.dim() == 2 and "embd" not in n]
        self.momenta = [torch.zeros_like(p) for p in self.matrices]
        self.matrix_rate, self.decay = matrix_rate, decay
        rest = [p for n, p in named if p.dim() != 2 or "embd" in n]
        self.adam = torch.optim.Adam(rest, lr=other_rate, betas=(0.9, 0.97), eps=1e-8)
        self.other_rate = other_rate
        self.all = [p for _, p in named]

    def step(self, scale):
        """One update; scale is the schedule's share of the full learning rates."""
        torch.nn.utils.clip_grad_norm_(self.all, 1.0)
        with torch.no_grad():
            for p, m in zip(self.matrices, self.momenta):
                m.mul_(0.95).add_(p.grad)
                update = orthogonal(p.grad + 0.95 * m)
                rate = self.matrix_rate * scale
                p.mul_(1 - rate * self.decay)
                p.sub_(update, alpha=rate * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
        for group in self.adam.param_groups:
            group["lr"] = self.other_rate * scale
        self.adam.step()
        for p in self.all:
            p.grad = None
