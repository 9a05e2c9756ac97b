"""The quantities that a series may hold; only some of them can be compared with an optimizer."""

from __future__ import annotations

from typing import Literal, get_args

Quantity = Literal["update norm", "gradient norm", "displacement", "loss", "unknown"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


def symbol(quantity: Quantity) -> str:
    """What to call it beside an axis.

    >>> symbol("update norm"), symbol("gradient norm"), symbol("unknown")
    ('‖ΔW‖', 'gradient norm', 'value')
    """
    return {"update norm": "‖ΔW‖", "unknown": "value"}.get(quantity, quantity)
