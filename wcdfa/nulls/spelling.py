"""How frameworks write optimizers: the name of the class or factory, and the names of the hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Options = Mapping[str, object]
Source = str | tuple[str, str] | Callable[[Options], object]
"""The framework's name of a hyperparameter, a pair of names, or a function of all its options."""


@dataclass(frozen=True)
class Spelling:
    """How a framework writes one optimizer: its class or factory, and its names of the hyperparameters.

    >>> adam = Spelling("keras.Adam", {"betas": ("beta_1", "beta_2"), "eps": "epsilon"}, only={"amsgrad": False})
    >>> adam.read({"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7, "amsgrad": False})
    {'betas': (0.9, 0.99), 'eps': 1e-07}
    >>> print(adam.read({"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7, "amsgrad": True}))
    None
    """

    name: str
    """Package and class, or the path of a factory: "torch.AdamW", "optax.contrib.muon"."""
    hyperparameters: Mapping[str, Source] = field(default_factory=dict)
    """Our name of each hyperparameter, and the framework's."""
    only: Mapping[str, object] = field(default_factory=dict)
    """Options that must have this value, or it is another optimizer. True and False stand for any true or false value."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Hyperparameters of ours that are no option of the framework's."""
    ignored: frozenset[str] = frozenset()
    """Options that change nothing here."""

    def fits(self, options: Options) -> bool:
        """Whether the options are those of this optimizer; one that is missing counts as False."""
        return not self.unlike(options)

    def unlike(self, options: Options) -> list[str]:
        """The names of the options that make it another optimizer."""
        return [name for name, wanted in self.only.items() if not _alike(options.get(name), wanted)]

    def read(self, options: Options) -> dict[str, object] | None:
        """Our hyperparameters; None if the options make it another optimizer."""
        if not self.fits(options):
            return None
        found = {name: _found(options, theirs) for name, theirs in self.hyperparameters.items()}
        return {**{name: value for name, value in found.items() if value is not None}, **self.fixed}

    @property
    def names(self) -> frozenset[str]:
        """The framework's names of the hyperparameters that are read without a function."""
        theirs = [each if isinstance(each, tuple) else (each,) for each in self.hyperparameters.values() if not callable(each)]
        return frozenset(name for names in theirs for name in names)


def _alike(value: object, wanted: object) -> bool:
    return bool(value) is wanted if isinstance(wanted, bool) else value == wanted


def _found(options: Options, theirs: Source) -> object:
    if callable(theirs):
        return theirs(options)
    return options.get(theirs) if isinstance(theirs, str) else tuple(options[name] for name in theirs)
