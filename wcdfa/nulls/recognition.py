"""Finds the optimizer of the null that does exactly what a framework's optimizer does."""

from __future__ import annotations

from collections.abc import Mapping

from wcdfa.nulls.update_rules import OPTIMIZERS, named

Known = tuple[str | None, dict[str, object]]
UNKNOWN: Known = (None, {})


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
    for rule in OPTIMIZERS.values():
        for spelling in rule.spellings:
            if spelling.name == name and (found := spelling.read(options)) is not None:
                return replayable(rule.name, found)
    return UNKNOWN


def replayable(optimizer: str | None, hyperparameters: dict[str, object]) -> Known:
    """Return both unchanged if the null can replay that optimizer, else `UNKNOWN`.

    >>> replayable("sgd", {"momentum": 0.9}), replayable("sgd", {"momentum": 1.0})  # which frameworks allow
    (('sgd', {'momentum': 0.9}), (None, {}))
    """
    if optimizer is None:
        return UNKNOWN
    try:
        named(optimizer, hyperparameters)
    except (ValueError, TypeError):
        return UNKNOWN
    return optimizer, hyperparameters
