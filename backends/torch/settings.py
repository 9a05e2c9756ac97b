"""The settings for recording in torch."""

from __future__ import annotations

from dataclasses import dataclass

from wcdfa.recording.groups import Groups, checked
from wcdfa.recording.sample import COORDINATES
from wcdfa.support.numbers import is_number, whole


@dataclass(frozen=True)
class Settings:
    """The settings of `wcdfa.backends.torch.hooks.attach`, which the callbacks of trainers share. They are checked when it is made.

    >>> Settings(window=200).steps_between_copies
    40

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown or outside its limits.
    """

    window: int = 500
    mode: str = "exact"
    sample: float = 1 / 64
    groups: Groups = None
    snapshot: str = "device"
    every: int | None = None
    gradients: bool = False
    direction: bool = True
    coordinates: int = COORDINATES

    def __post_init__(self) -> None:
        if self.mode not in ("exact", "sample"):
            msg = f"mode must be 'exact' or 'sample', got {self.mode!r}"
            raise ValueError(msg)
        if self.snapshot not in ("device", "cpu"):
            msg = f"snapshot must be 'device' or 'cpu', got {self.snapshot!r}"
            raise ValueError(msg)
        if not is_number(self.sample) or not 0 < self.sample <= 1:
            msg = f"sample must be a share above 0 and at most 1, got {self.sample!r}; 1/64 is usual"
            raise ValueError(msg)
        for name in ("gradients", "direction"):
            if not isinstance(getattr(self, name), bool):
                msg = f"{name} must be True or False, got {getattr(self, name)!r}"
                raise TypeError(msg)
        checked(self.groups)
        object.__setattr__(self, "window", whole("window", self.window, "a whole number of norms (500 is the default)"))
        object.__setattr__(
            self, "coordinates", whole("coordinates", self.coordinates, "a whole number of coordinates (64 is the default)")
        )
        if self.every is not None:
            object.__setattr__(self, "every", whole("every", self.every, "a whole number of steps"))
        if self.steps_between_copies > self.window:
            msg = (
                f"norms are copied to the host after every={self.every} steps, but only window={self.window} norms are kept: "
                "make the window larger"
            )
            raise ValueError(msg)

    @property
    def steps_between_copies(self) -> int:
        """How many steps there are between two copies to the host."""
        return max(1, self.window // 5) if self.every is None else self.every

    @property
    def share(self) -> float:
        """The share of the numbers that is measured."""
        return self.sample if self.mode == "sample" else 1.0
