"""The optimizers, made as torch makes them: weight decay on matrices only, not on biases and norms."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

Groups = list[dict[str, object]]


def sgd(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.SGD(decayed(model, 1e-4), lr=lr, momentum=0.9, fused=True)]


def adamw(beta2: float) -> Callable[[nn.Module, float], list[torch.optim.Optimizer]]:
    return lambda model, lr: [torch.optim.AdamW(decayed(model, 1e-2), lr=lr, betas=(0.9, beta2), fused=True)]


def muon(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for all the rest, as its authors advise."""
    inner = [p for name, p in model.named_parameters() if p.ndim == 2 and not name.startswith(("letters", "places", "head"))]
    others = [p for p in model.parameters() if all(p is not q for q in inner)]
    return [
        torch.optim.Muon(inner, lr=10 * lr, momentum=0.95, weight_decay=1e-2),
        torch.optim.AdamW([{"params": others, "weight_decay": 0.0}], lr=lr, betas=(0.9, 0.95), fused=True),
    ]


def decayed(model: nn.Module, weight_decay: float) -> Groups:
    """Two groups of parameters: matrices with weight decay, everything else without."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


OPTIMIZERS: dict[str, Callable[[nn.Module, float], list[torch.optim.Optimizer]]] = {
    "sgd": sgd,
    "adamw_99": adamw(0.99),
    "adamw_95": adamw(0.95),
    "muon": muon,
}
