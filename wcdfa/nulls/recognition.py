"""Which optimizer of the null does what a framework's does: only where that is sure."""

from __future__ import annotations

from collections.abc import Mapping

from wcdfa.nulls.update_rules import OPTIMIZERS, named

Known = tuple[str | None, dict[str, object]]
UNKNOWN: Known = (None, {})


def written(kind: type) -> str:
    """The name of a class as `Spelling` has it: its package, not its module, which may move.

    >>> import decimal
    >>> written(decimal.Decimal)
    'decimal.Decimal'
    """
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def recognised(name: str, options: Mapping[str, object]) -> Known:
    """The optimizer that a framework writes like this, and its hyperparameters; `UNKNOWN` where the null has none that does the same.

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
    """The same two where the null can replay that optimizer; else `UNKNOWN`.

    >>> replayable("sgd", {"momentum": 0.9}), replayable("sgd", {"momentum": 1.0})  # which frameworks allow
    (('sgd', {'momentum': 0.9}), (None, {}))
    """
    if optimizer is None:
        return UNKNOWN
    try:
        named(optimizer, hyperparameters)
    except ValueError:
        return UNKNOWN
    return optimizer, hyperparameters
