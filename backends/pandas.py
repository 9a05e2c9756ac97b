"""DFA of pandas: of each column, of each group, or in windows, with results as pandas shows them."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np

from wcdfa.inference.calibration import Method
from wcdfa.inference.each_series import Options, columns_of, table_of
from wcdfa.inference.rolling import rolling_dfa as rolling
from wcdfa.support.extras import needed

with needed("wcdfa.backends.pandas", "wcdfa[pandas]"):
    import pandas as pd


class RollingOptions(TypedDict, total=False):
    """The options of `wcdfa.rolling_dfa` beside its windows."""

    order: int
    method: Method
    confidence: float


def dfa(data: pd.Series | pd.DataFrame, **options: Unpack[Options]) -> pd.Series | pd.DataFrame:
    """Measure the DFA exponent α of a Series, or of each column of a DataFrame.

    >>> import wcdfa
    >>> noise = wcdfa.synthetic.white_noise(500, batch=(2,), seed=0)
    >>> frame = pd.DataFrame({"quiet": noise[0], "rising": noise[1].cumsum()})
    >>> dfa(frame)[["alpha", "low", "high"]].round(2)
            alpha   low  high
    quiet    0.45  0.32   0.6
    rising   1.57  1.42   1.7

    Of groups: ``frame.groupby("subject")["stride"].apply(dfa).unstack()``.

    Parameters
    ----------
    data : Series or DataFrame
        Numbers. Rows count as equally spaced, whatever the index says; if they are not, give ``times=data.index``.
    options
        As `wcdfa.dfa`: `order`, `scales`, `method`, `confidence`, `breaks`, `missing`, `times`, `spacing`.

    Returns
    -------
    Series or DataFrame
        alpha, stderr, low, high, r_squared, adequacy, saturated, and reason: why there is no α, for example because the column holds a
        missing value, unless ``missing="omit"``, or a group is too short; otherwise None. A DataFrame gives one row for each column.

    Raises
    ------
    TypeError, ValueError
        If a column holds no numbers, or as `wcdfa.dfa`.
    """
    if isinstance(data, pd.Series):
        return _table(data.to_frame(), options).iloc[0].rename(data.name)
    return _table(data, options)


def rolling_dfa(data: pd.Series, window: int = 500, stride: int | None = None, **options: Unpack[RollingOptions]) -> pd.DataFrame:
    """Measure α in windows of a Series; each row has the label at which its window ends.

    >>> import wcdfa
    >>> days = pd.date_range("2020-01-01", periods=1000)
    >>> series = pd.Series(wcdfa.synthetic.white_noise(1000, seed=0), index=days)
    >>> rolling_dfa(series, window=500)["alpha"].round(2)
    2021-05-14    0.45
    2022-09-26    0.49
    Name: alpha, dtype: float64

    Parameters
    ----------
    data : Series
        Numbers.
    window, stride : int
        Rows in a window, and from the start of one to that of the next (default: `window`).
    options
        As `wcdfa.rolling_dfa`: `order`, `method`, `confidence`.

    Returns
    -------
    DataFrame
        The columns of `dfa`, one row for each window.

    Raises
    ------
    TypeError, ValueError
        If the Series holds no numbers; otherwise as `wcdfa.rolling_dfa`.
    """
    found = rolling(_numbers(data.to_frame())[0], window=window, stride=stride, **options)
    return pd.DataFrame(columns_of(found.result), index=data.index[found.stops - 1])


def _table(data: pd.DataFrame, options: Options) -> pd.DataFrame:
    return pd.DataFrame(table_of(_numbers(data), **options), index=data.columns)


def _numbers(data: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The columns as rows of numbers; what is missing, in nullable columns too, is NaN."""
    wrong = [name for name, kind in data.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if wrong:
        msg = f"column {wrong[0]!r} holds {data.dtypes[wrong[0]]}, no numbers; leave it out: frame.select_dtypes('number')"
        raise TypeError(msg)
    return np.ascontiguousarray(data.to_numpy(dtype=np.float64, na_value=np.nan).T)
