"""pandas: columns, groups, windows, and columns without α."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.inference.each_series import NUMBERS

pd = pytest.importorskip("pandas")

from wcdfa.backends.pandas import dfa, rolling_dfa


@pytest.fixture
def frame():
    x, y = wcdfa.synthetic.white_noise(512, batch=(2,), seed=0)
    return pd.DataFrame({"who": np.repeat(["ann", "bob"], 256), "x": x, "y": y.cumsum()})


def test_columns_are_rows_of_the_result(frame):
    found, expected = dfa(frame[["x", "y"]], method="gls"), wcdfa.dfa(frame[["x", "y"]].to_numpy(), axis=0, method="gls")
    assert found.index.tolist() == ["x", "y"]
    for name in (*NUMBERS, "saturated"):
        assert np.allclose(found[name], getattr(expected, name)), name
    assert found["reason"].isna().all()
    one = dfa(frame["x"], method="gls")
    assert one.name == "x"
    assert one["alpha"] == pytest.approx(found.loc["x", "alpha"])


def test_groups(frame):
    by_group = frame.groupby("who")["x"].apply(dfa).unstack()
    assert by_group.index.tolist() == ["ann", "bob"]
    assert by_group.loc["bob", "alpha"] == pytest.approx(wcdfa.dfa(frame["x"].to_numpy()[256:]).alpha)
    columns = pd.concat({who: dfa(group[["x", "y"]]) for who, group in frame.groupby("who")})
    assert columns.loc[("ann", "y"), "alpha"] == pytest.approx(wcdfa.dfa(frame["y"].to_numpy()[:256]).alpha)


def test_windows_have_the_label_of_their_end(frame):
    series = frame["x"].set_axis(pd.date_range("2020-01-01", periods=512, freq="h"))
    found = rolling_dfa(series, window=256, stride=128)
    assert found.index.tolist() == [series.index[255], series.index[383], series.index[511]]
    assert np.allclose(found["alpha"], wcdfa.rolling_dfa(series.to_numpy(), window=256, stride=128).result.alpha)


def test_the_rolling_of_pandas_gives_the_same(frame):
    rolled = frame["x"].rolling(256, step=128).apply(lambda window: wcdfa.dfa(window).alpha, raw=True)
    assert rolled.iloc[-1] == pytest.approx(wcdfa.dfa(frame["x"].to_numpy()[129:385]).alpha)


@pytest.mark.parametrize("kind", ["float64", "Float64", "float64[pyarrow]"])
def test_a_missing_value_is_a_reason(frame, kind):
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    frame = frame[["x", "y"]].astype(kind)
    frame.loc[3, "x"] = None
    found = dfa(frame)
    assert found.loc["x", "reason"] == "the series holds a value that is NaN or infinite"
    assert np.isnan(found.loc["x", "alpha"])
    assert found.loc["y", "alpha"] == pytest.approx(wcdfa.dfa(frame["y"].to_numpy(dtype=float)).alpha)


def test_gaps_and_times(frame):
    days = pd.date_range("2020-01-01", periods=138).delete(range(40, 50))
    series = frame["x"][:128].set_axis(days)
    on_grid = series.asfreq("D")
    gaps, times = dfa(on_grid, missing="omit", method="ols"), dfa(series, times=series.index, method="ols")
    assert gaps["alpha"] == pytest.approx(times["alpha"])
    assert gaps["alpha"] == pytest.approx(wcdfa.dfa(on_grid.to_numpy(), missing="omit", method="ols").alpha)


def test_integers_and_the_constant_column(frame):
    found = dfa(pd.DataFrame({"count": np.arange(512) ** 2 % 17, "same": 3}))
    assert found.loc["count", "alpha"] == pytest.approx(wcdfa.dfa(np.arange(512) ** 2 % 17).alpha)
    assert found.loc["same", "reason"].startswith("the series is constant")


def test_what_is_refused(frame):
    with pytest.raises(TypeError, match=r"column 'who' holds (object|str), no numbers; leave it out"):
        dfa(frame)
    with pytest.raises(ValueError, match="method must be one of"):
        dfa(frame["x"][:10], method="best")


def test_a_short_group_does_not_stop_the_others(frame):
    short = pd.concat([frame, pd.DataFrame({"who": ["eve"] * 10, "x": range(10)})])
    found = short.groupby("who")["x"].apply(dfa).unstack()
    assert "10 samples; the default box sizes of order 1 need at least 16" in found.loc["eve", "reason"]
    assert found["alpha"].isna().tolist() == [False, False, True]
