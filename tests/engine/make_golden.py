"""Writes golden.json: ten steps of small networks in PyTorch, float64, for the engine to repeat.

    python tests/engine/make_golden.py        (made with torch 2.13.0)

Flat parameters stand in the engine's order: layer by layer, weights as (n_in, n_out), then bias; norms: scale, shift.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

STEPS = 10
LR = 0.05
ROWS, INPUTS, HIDDEN, CLASSES = 8, 3, 4, 3

F = nn.functional
FORWARD = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
}
LOSSES = {
    "cross_entropy": lambda z, y, s: F.cross_entropy(z, y, label_smoothing=s),
    "binary_cross_entropy": lambda z, y, s: F.binary_cross_entropy_with_logits(z[:, 0], y.double() * (1 - s) + s / 2),
    "squared_error": lambda z, y, s: F.mse_loss(z[:, 0], y) / 2,
    "absolute_error": lambda z, y, s: F.l1_loss(z[:, 0], y),
    "huber": lambda z, y, s: F.huber_loss(z[:, 0], y),
}
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, LR),
    "momentum": lambda groups: torch.optim.SGD(groups, LR, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, LR, momentum=0.9, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, LR, alpha=0.999, eps=1e-8),
    "adam": lambda groups: torch.optim.Adam(groups, LR),
    "adamw": lambda groups: torch.optim.AdamW(groups, LR),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, LR, eps=1e-8),
}
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


def flat(network: nn.Sequential) -> list[float]:
    return [v for p in network.parameters() for v in (p.T if p.ndim == 2 else p).flatten().tolist()]


def case(
    optimizer: str = "adam",
    loss: str = "cross_entropy",
    normalization: str = "none",
    l2: float = 0.0,
    clip_norm: float = 0.0,
    label_smoothing: float = 0.0,
) -> dict[str, object]:
    settings = dict(locals())
    torch.manual_seed(1)
    classes = loss.endswith("entropy")
    n_outputs = CLASSES if loss == "cross_entropy" else 1
    norm = [NORMS[normalization](HIDDEN)] if normalization != "none" else []
    network = nn.Sequential(nn.Linear(INPUTS, HIDDEN), *norm, nn.Tanh(), nn.Linear(HIDDEN, n_outputs)).double()
    x = torch.randn(ROWS, INPUTS, dtype=torch.float64)
    y = torch.randint(0, max(n_outputs, 2), (ROWS,)) if classes else torch.randn(ROWS, dtype=torch.float64)
    start = flat(network)
    weights = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim != 2]
    groups: list[dict[str, object]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    if l2:
        groups[0]["weight_decay"] = l2
    descent = OPTIMIZERS[optimizer](groups)
    losses = []
    for _ in range(STEPS):
        descent.zero_grad()
        LOSSES[loss](network(x), y, label_smoothing).backward()
        if clip_norm:
            # By hand: clip_grad_norm_ adds 1e-6 to the norm.
            norm = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
            for p in network.parameters():
                p.grad *= min(1.0, clip_norm / norm)
        descent.step()
        losses.append(LOSSES[loss](network(x), y, 0.0).item())
    return {
        **settings,
        "n_outputs": n_outputs,
        "x": x.tolist(),
        "y": y.tolist(),
        "start": start,
        "losses": losses,
        "end": flat(network),
    }


def main() -> None:
    z = torch.linspace(-6, 6, 25, dtype=torch.float64)
    golden = {
        "torch": torch.__version__.split("+")[0],
        "lr": LR,
        "activations": {"z": z.tolist()} | {name: forward(z).tolist() for name, forward in FORWARD.items()},
        "cases": [
            *(case(optimizer=name) for name in OPTIMIZERS),
            *(case(loss=name) for name in LOSSES if name != "cross_entropy"),
            *(case(optimizer="sgd", normalization=name) for name in NORMS),
            case(optimizer="sgd", l2=0.1),
            case(optimizer="sgd", clip_norm=0.1),
            case(label_smoothing=0.1),
            case(loss="binary_cross_entropy", label_smoothing=0.1),
        ],
    }
    path = Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
