"""Writes golden.json: ten full-batch steps of a small tanh network in PyTorch, for each optimizer.

    pip install torch==2.13.0 && python tests/engine/make_golden.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

LR = 0.05


def main() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(12, 4)), rng.integers(0, 3, 12)
    start = [rng.normal(size=s) * 0.5 for s in [(4, 5), (5,), (5, 3), (3,)]]
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, LR),
        "momentum": lambda p: torch.optim.SGD(p, LR, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, LR, momentum=0.9, nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, LR, alpha=0.999),
        "adam": lambda p: torch.optim.Adam(p, LR),
        "adamw": lambda p: torch.optim.AdamW(p, LR, weight_decay=0.0),
        "adagrad": lambda p: torch.optim.Adagrad(p, LR, eps=1e-8),
    }
    golden = {"x": x.tolist(), "y": y.tolist(), "start": [a.ravel().tolist() for a in start], "lr": LR, "runs": {}}
    for name, make in makers.items():
        w1, b1, w2, b2 = params = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in start]
        optimizer, losses = make(params), []
        for _ in range(10):
            loss = torch.nn.functional.cross_entropy(torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2, torch.tensor(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        end = np.concatenate([p.detach().numpy().ravel() for p in params])
        golden["runs"][name] = {"losses": losses, "params": end.tolist()}
    (Path(__file__).parent / "golden.json").write_text(json.dumps({"torch": torch.__version__, **golden}) + "\n")


if __name__ == "__main__":
    main()
