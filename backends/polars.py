"""DFA in expressions of polars: ``pl.col("x").wcdfa.dfa()``, once this module is imported."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from wcdfa.inference.each_series import NUMBERS, Options, table_of
from wcdfa.support.extras import needed

with needed("wcdfa.backends.polars", "wcdfa[polars]"):
    import polars as pl

RESULT = pl.Struct({**dict.fromkeys(NUMBERS, pl.Float64), "saturated": pl.Boolean, "reason": pl.String})
"""The type of a result: the numbers of `wcdfa.DFAResult`, and why there is no α."""


@pl.api.register_expr_namespace("wcdfa")
class Namespace:
    """The methods of ``pl.col("x").wcdfa``.

    >>> import wcdfa
    >>> frame = pl.DataFrame({"x": wcdfa.synthetic.white_noise(500, seed=0)})
    >>> found = frame.select(pl.col("x").wcdfa.dfa()).unnest("x")
    >>> print(found.select(pl.col("alpha", "low", "high").round(2)).row(0))
    (0.45, 0.32, 0.6)
    """

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def dfa(self, **options: Unpack[Options]) -> pl.Expr:
        """Measure the DFA exponent α of the samples, of each group in ``group_by`` and ``over``: a struct.

        Parameters
        ----------
        options
            As `wcdfa.dfa`: `order`, `scales`, `method`, `confidence`, `breaks`, `missing`.

        Returns
        -------
        Expr
            One struct of alpha, stderr, low, high, r_squared, adequacy, saturated and reason; ``.struct.field("alpha")`` or ``unnest``
            take it apart. Null and NaN are gaps with ``missing="omit"``. Without it, or in a group that is
            too short, alpha is NaN, and `reason` says so.
        """
        return self._expression.map_batches(
            lambda series: pl.Series(series.name, [measured(series, options)], dtype=RESULT),
            return_dtype=RESULT,
            returns_scalar=True,
        )


def measured(series: pl.Series, options: Options) -> dict[str, object]:
    """The result for one Series, as the fields of a struct.

    >>> measured(pl.Series([1.0, None] * 20), {})["reason"]
    'the series holds a value that is NaN or infinite'

    Raises
    ------
    TypeError, ValueError
        If the Series holds no numbers, or as `wcdfa.dfa`.
    """
    if not series.dtype.is_numeric():
        msg = f"column {series.name!r} holds {series.dtype}, no numbers; cast it first: pl.col({series.name!r}).cast(pl.Float64)"
        raise TypeError(msg)
    samples = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return {name: column.item() for name, column in table_of(samples[None], **options).items()}
