"""SGD, Adam, AdamW and RMSprop with the arithmetic of ``torch.optim``, in float32, on arrays of shape (runs, d)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def norms_of(arrays: Floats) -> npt.NDArray[np.float64]:
    """Norm of each run, summed in float64."""
    return np.sqrt(np.einsum("rd,rd->r", arrays, arrays, dtype=np.float64, casting="safe"))


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """What all optimizers here share: clipping, weight decay and the count of steps."""

    lr: float = 1e-2
    weight_decay: float = 0.0
    clip_norm: float | None = None
    name: ClassVar[str]
    decoupled: ClassVar[bool] = False  # whether weight decay leaves the gradient alone

    def begin(self) -> dict[str, Floats]:
        """The state before the first step."""
        return {"step": np.zeros((), np.float32)}

    def change(self, state: dict[str, Floats], weights: Floats, gradient: Floats, lr: float, momentum: float | None) -> Floats:
        """Change of the weights in one step; `momentum` stands for the optimizer's own momentum or β₁ unless it is None."""
        state["step"] = state["step"] + 1
        if self.clip_norm is not None:
            gradient = gradient * np.minimum(1, self.clip_norm / (norms_of(gradient) + 1e-6)).astype(np.float32)[:, None]
        if self.weight_decay and not self.decoupled:
            gradient = gradient + np.float32(self.weight_decay) * weights
        change = np.float32(-lr) * self.direction(state, gradient, self.memory if momentum is None else momentum)
        return change - np.float32(lr * self.weight_decay) * weights if self.weight_decay and self.decoupled else change

    def direction(self, state: dict[str, Floats], gradient: Floats, momentum: float) -> Floats:
        """What is multiplied by the learning rate."""
        raise NotImplementedError

    @property
    def memory(self) -> float:
        """Share of the mean of gradients that is kept at each step."""
        return 0.0

    @property
    def pace(self) -> float:
        """Learning rate that counts in the long run, for gradients of size 1."""
        return self.lr

    @property
    def own(self) -> dict[str, object]:
        """Hyperparameters of this kind, named as wcdfa and torch name them."""
        return {}

    @property
    def keywords(self) -> dict[str, object]:
        """What `wcdfa.verdict` takes to know this optimizer."""
        decay = {"weight_decay": self.weight_decay} if self.weight_decay or self.decoupled else {}
        clipped = {} if self.clip_norm is None else {"clip_norm": self.clip_norm}
        return {"optimizer": self.name, **self.own, **decay, **clipped}


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """``torch.optim.SGD``."""

    momentum: float = 0.0
    nesterov: bool = False
    name: ClassVar[str] = "sgd"

    def direction(self, state: dict[str, Floats], gradient: Floats, momentum: float) -> Floats:
        """The gradient, or the sum of gradients with momentum."""
        if not self.momentum:
            return gradient
        state["mean"] = np.float32(momentum) * state["mean"] + gradient if "mean" in state else gradient
        return gradient + np.float32(momentum) * state["mean"] if self.nesterov else state["mean"]

    @property
    def memory(self) -> float:
        """The momentum."""
        return self.momentum

    @property
    def pace(self) -> float:
        """A gradient is added 1 / (1 - momentum) times."""
        return self.lr / (1 - self.momentum)

    @property
    def own(self) -> dict[str, object]:
        """Momentum and its kind."""
        return {"momentum": self.momentum, "nesterov": self.nesterov}


def moving(state: dict[str, Floats], name: str, kept: float, new: Floats) -> Floats:
    """Moving mean of what is new, from zero on."""
    fresh = np.float32(1 - kept) * new
    state[name] = np.float32(kept) * state[name] + fresh if name in state else fresh
    return state[name]


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """``torch.optim.Adam``, without amsgrad."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    name: ClassVar[str] = "adam"

    def direction(self, state: dict[str, Floats], gradient: Floats, momentum: float) -> Floats:
        """Mean of gradients over the root of the mean of their squares, both without the bias of a start from zero."""
        step = int(state["step"])
        mean = moving(state, "mean", momentum, gradient)
        square = moving(state, "square", self.betas[1], gradient * gradient)
        root = np.sqrt(square) / np.float32((1 - self.betas[1] ** step) ** 0.5) + np.float32(self.eps)
        return mean / (root * np.float32(1 - momentum**step))

    @property
    def memory(self) -> float:
        """β₁."""
        return self.betas[0]

    @property
    def own(self) -> dict[str, object]:
        """Both betas."""
        return {"betas": self.betas}


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """``torch.optim.AdamW``, without amsgrad."""

    weight_decay: float = 1e-2
    name: ClassVar[str] = "adamw"
    decoupled: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """``torch.optim.RMSprop``, neither centered nor with momentum."""

    alpha: float = 0.99
    eps: float = 1e-8
    name: ClassVar[str] = "rmsprop"

    def direction(self, state: dict[str, Floats], gradient: Floats, momentum: float) -> Floats:
        """The gradient over the root of the mean of its squares."""
        return gradient / (np.sqrt(moving(state, "square", self.alpha, gradient * gradient)) + np.float32(self.eps))

    @property
    def own(self) -> dict[str, object]:
        """The share of the mean square that is kept."""
        return {"alpha": self.alpha}


OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": SGD(lr=0.1),
    "SGD .9": SGD(momentum=0.9),
    "SGD .95": SGD(momentum=0.95),
    "SGD .99": SGD(momentum=0.99),
    "Nesterov .9": SGD(momentum=0.9, nesterov=True),
    "Adam .9 .999": Adam(),
    "AdamW .9 .999": AdamW(),
    "AdamW .9 .95": AdamW(betas=(0.9, 0.95)),
    "AdamW .95 .95": AdamW(betas=(0.95, 0.95)),
    "RMSprop": RMSprop(lr=1e-3),
}
"""The optimizers that verdicts are measured with."""
