"""Finds the optimizer of the null that does exactly what a framework's optimizer does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wcdfa.nulls.spelling import Spelling
from wcdfa.nulls.update_rules import OPTIMIZERS, named

Known = tuple[str | None, dict[str, object]]
UNKNOWN: Known = (None, {})


class Recognition(NamedTuple):
    """The optimizer of the null and its hyperparameters; or why there is none, as a sentence without its full stop."""

    optimizer: str | None
    hyperparameters: dict[str, object]
    unknown: str | None = None

    @property
    def known(self) -> Known:
        """The optimizer and its hyperparameters."""
        return self.optimizer, self.hyperparameters


def not_recognised(why: str) -> Recognition:
    """The recognition of an optimizer that the null cannot replay."""
    return Recognition(None, {}, why)


def written(kind: type) -> str:
    """Write a class as in `Spelling`: package and name, without the module, which may change.

    >>> import decimal
    >>> written(decimal.Decimal)
    'decimal.Decimal'
    """
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def recognised(name: str, options: Mapping[str, object]) -> Known:
    """Name the optimizer that a framework writes like this, with its hyperparameters; `UNKNOWN` if the null has none that does the same.

    >>> recognised("torch.SGD", {"momentum": 0.9, "dampening": 0, "nesterov": False, "weight_decay": 0, "maximize": False})
    ('sgd', {'momentum': 0.9, 'dampening': 0, 'nesterov': False, 'weight_decay': 0})
    >>> recognised("torch.Adagrad", {})
    (None, {})
    """
    return recognition(name, options).known


def recognition(name: str, options: Mapping[str, object]) -> Recognition:
    """`recognised`, with the reason if there is no such optimizer.

    >>> print(recognition("torch.Adagrad", {}).unknown)
    Adagrad is not an optimizer that wcdfa can replay
    >>> print(recognition("torch.RMSprop", {"centered": True}).unknown)
    RMSprop with centered=True is not an optimizer that wcdfa can replay
    >>> print(recognition("transformers.Adafactor", {}).unknown)  # not the one of torch
    Adafactor of transformers is not an optimizer that wcdfa can replay
    """
    title = _title(name)
    spelled = [(rule.name, spelling) for rule in OPTIMIZERS.values() for spelling in rule.spellings if spelling.name == name]
    for optimizer, spelling in spelled:
        if (found := spelling.read(options)) is not None:
            return _replayable(title, optimizer, found)
    return not_recognised(f"{title}{_with_odd([each for _, each in spelled], options)} is not an optimizer that wcdfa can replay")


def _title(name: str) -> str:
    """The name of a class, with its package if an optimizer of another package has the same name."""
    package, title = name.partition(".")[0], name.rpartition(".")[2]
    known = {spelling.name for rule in OPTIMIZERS.values() for spelling in rule.spellings}
    elsewhere = name not in known and any(each.rpartition(".")[2] == title for each in known)
    return f"{title} of {package}" if elsewhere else title


def _with_odd(spellings: Iterable[Spelling], options: Mapping[str, object]) -> str:
    """The options that make it another optimizer than the one it resembles most; empty if it resembles none."""
    odd = min((each.unlike(options) for each in spellings), key=len, default=[])
    return f" with {', '.join(f'{name}={options.get(name)!r}' for name in odd)}" if odd else ""


def _replayable(title: str, optimizer: str, hyperparameters: dict[str, object]) -> Recognition:
    """Frameworks allow hyperparameters that the null does not, such as a momentum of 1."""
    try:
        named(optimizer, hyperparameters)
    except (ValueError, TypeError) as error:
        return not_recognised(f"{title} cannot be replayed: {str(error).partition(';')[0]}")
    return Recognition(optimizer, hyperparameters)


def together(found: Iterable[tuple[str, Recognition]]) -> Recognition:
    """What is known of several optimizers of which each changes a part of the parameters: their own, if all are the same.

    >>> sgd, adam = Recognition("sgd", {}), Recognition("adam", {"betas": (0.9, 0.99)})
    >>> together([("SGD", sgd), ("SGD", sgd)]).optimizer, together([("SGD", sgd), ("Adam", adam)]).unknown
    ('sgd', 'the optimizers differ: SGD and Adam')
    """
    parts = list(found)
    titles, each = [title for title, _ in parts], [own for _, own in parts]
    if all(other == each[0] for other in each):
        return each[0]
    why = next((other.unknown for other in each if other.unknown is not None), None)
    if why is None and len(set(titles)) > 1:
        why = f"the optimizers differ: {' and '.join(dict.fromkeys(titles))}"
    return not_recognised(why or difference("optimizers", [other.hyperparameters for other in each]))


def difference(what: str, hyperparameters: Iterable[Mapping[str, object]]) -> str:
    """Say in which hyperparameter the parts of an optimizer differ.

    >>> difference("parameter groups", [{"betas": (0.9, 0.999)}, {"betas": (0.9, 0.95)}])
    'the parameter groups have different betas: (0.9, 0.999) and (0.9, 0.95)'
    """
    each = list(hyperparameters)
    for name in each[0]:
        values = list(dict.fromkeys(repr(other.get(name)) for other in each))
        if len(values) > 1:
            return f"the {what} have different {name}: {', '.join(values[:-1])} and {values[-1]}"
    return f"the {what} differ"
