"""Learning rates, as factors of the optimizer's own, and momenta along a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


class Schedule:
    """What schedules share: the momentum is the optimizer's own."""

    def rate(self, steps: Steps) -> Doubles:
        """Factor of the learning rate at each step, the first of which is 0."""
        raise NotImplementedError

    def momentum(self, steps: Steps) -> Doubles | None:
        """Momentum, or β₁, at each step; None if it is the optimizer's own."""
        return None


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at all steps."""

    def rate(self, steps: Steps) -> Doubles:
        """One."""
        return np.ones(len(steps))


@dataclass(frozen=True)
class WarmupCosine(Schedule):
    """Rises in a line, then falls as half a cosine to zero; it ends one step after `total`, so that no rate is zero."""

    warmup: int = 100
    total: int = 5000

    def rate(self, steps: Steps) -> Doubles:
        """Share of the peak."""
        left = np.clip((steps - self.warmup) / (self.total + 1 - self.warmup), 0, 1)
        return np.minimum((steps + 1) / self.warmup, 1) * 0.5 * (1 + np.cos(np.pi * left))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """``torch.optim.lr_scheduler.OneCycleLR`` with its defaults: the momentum falls while the rate rises."""

    total: int = 5000
    rising: float = 0.3
    momenta: tuple[float, float] = (0.85, 0.95)

    def rate(self, steps: Steps) -> Doubles:
        """From 1/25 to 1, and on to 1/250,000."""
        return self._along(steps, 1 / 25, 1.0, 1 / 25e4)

    def momentum(self, steps: Steps) -> Doubles:
        """From the higher one to the lower one, and back."""
        low, high = self.momenta
        return self._along(steps, high, low, high)

    def _along(self, steps: Steps, start: float, middle: float, end: float) -> Doubles:
        top, last = self.rising * self.total - 1, self.total - 1
        up, down = steps / top, np.clip((steps - top) / (last - top), 0, 1)
        return np.where(steps <= top, _between(start, middle, up), _between(middle, end, down))


def _between(start: float, end: float, share: Doubles) -> Doubles:
    """Half a cosine from start to end."""
    return end + (start - end) / 2 * (1 + np.cos(np.pi * share))


SCHEDULES: dict[str, Schedule] = {"constant": Constant(), "warm-up + cosine": WarmupCosine(), "OneCycle": OneCycle()}
"""The schedules that verdicts are measured with."""
