"""The quantities that a series may hold; only some of them can be compared with an optimizer."""

from __future__ import annotations

from typing import Literal, get_args

Quantity = Literal["update norm", "gradient norm", "displacement", "loss", "unknown"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


def described(quantity: Quantity) -> str:
    """What to call it in a sentence, after "the series is".

    >>> described("gradient norm"), described("unknown")
    ('a gradient norm', 'of a kind that its name does not tell')
    """
    return (
        "of a kind that its name does not tell" if quantity == "unknown" else f"a{'n' if quantity[0] in 'aeiou' else ''} {quantity}"
    )


def symbol(quantity: Quantity) -> str:
    """What to call it beside an axis.

    >>> symbol("update norm"), symbol("gradient norm"), symbol("unknown")
    ('‖ΔW‖', 'gradient norm', 'value')
    """
    return {"update norm": "‖ΔW‖", "unknown": "value"}.get(quantity, quantity)
