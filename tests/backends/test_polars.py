"""polars: the expression in select, groups, windows and lazy frames, and what has no α."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.inference.each_series import NUMBERS

pl = pytest.importorskip("polars")

from wcdfa.backends import polars as backend


@pytest.fixture
def frame():
    x, y = wcdfa.synthetic.white_noise(512, batch=(2,), seed=0)
    return pl.DataFrame({"who": ["ann"] * 256 + ["bob"] * 256, "x": x, "y": y.cumsum()})


def alpha(values):
    return pytest.approx(float(wcdfa.dfa(np.array(values)).alpha))


def test_a_struct_with_the_fields_of_dfa(frame):
    found = frame.select(pl.col("x").wcdfa.dfa(order=2, confidence=0.9))
    expected = wcdfa.dfa(frame["x"].to_numpy(), order=2, confidence=0.9)
    assert found.schema == {"x": backend.RESULT}
    row = found.unnest("x").row(0, named=True)
    assert [row[name] for name in NUMBERS] == pytest.approx([float(getattr(expected, name)) for name in NUMBERS])
    assert row["reason"] is None
    assert row["saturated"] is False


def test_several_columns_and_the_names_of_others(frame):
    found = frame.select(pl.col("x", "y").wcdfa.dfa().struct.field("alpha").name.keep(), pl.len().alias("n"))
    assert found.columns == ["x", "y", "n"]
    assert found["y"].item() == alpha(frame["y"])


def test_groups_and_over(frame):
    groups = frame.group_by("who", maintain_order=True).agg(pl.col("x").wcdfa.dfa())
    assert groups.shape == (2, 2)
    assert groups.unnest("x")["alpha"].to_list() == [alpha(frame["x"][:256]), alpha(frame["x"][256:])]
    over = frame.with_columns(found=pl.col("x").wcdfa.dfa().over("who"))
    assert over.height == 512
    assert over["found"].struct.field("alpha")[300] == alpha(frame["x"][256:])


def test_a_short_group_does_not_stop_the_others(frame):
    found = (
        frame.vstack(frame[:10].with_columns(who=pl.lit("eve"))).group_by("who", maintain_order=True).agg(pl.col("x").wcdfa.dfa())
    )
    rows = found.unnest("x").to_dicts()
    assert np.isnan(rows[2]["alpha"])
    assert "10 samples; the default box sizes of order 1 need at least 16" in rows[2]["reason"]
    assert rows[1]["alpha"] == alpha(frame["x"][256:])


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_lazy_frames(frame, engine):
    lazy = frame.lazy().group_by("who").agg(pl.col("x").wcdfa.dfa().struct.field("alpha"))
    assert lazy.collect_schema() == {"who": pl.String, "alpha": pl.Float64}
    found = lazy.collect(engine=engine).sort("who")
    assert found["alpha"].to_list() == [alpha(frame["x"][:256]), alpha(frame["x"][256:])]


def test_windows(frame):
    rows = frame.with_row_index("i").with_columns(pl.col("i").cast(pl.Int64))
    windows = rows.group_by_dynamic("i", every="128i", period="256i").agg(pl.col("x").wcdfa.dfa(), pl.len())
    whole = windows.filter(pl.col("len") == 256).unnest("x")
    assert whole["alpha"].to_list() == [alpha(frame["x"][i : i + 256]) for i in (0, 128, 256)]


@pytest.mark.parametrize("lost", [None, float("nan")])
def test_null_and_nan_are_a_reason(frame, lost):
    found = frame.with_columns(x=pl.when(pl.int_range(pl.len()) == 7).then(lost).otherwise(pl.col("x")))
    row = found.select(pl.col("x").wcdfa.dfa()).unnest("x").row(0, named=True)
    assert np.isnan(row["alpha"])
    assert row["reason"] == "the series holds a value that is NaN or infinite"


def test_nulls_are_gaps_if_asked(frame):
    lost = frame[:128].with_columns(x=pl.when(pl.int_range(pl.len()).is_between(40, 49)).then(None).otherwise(pl.col("x")))
    found = lost.select(pl.col("x").wcdfa.dfa(missing="omit", method="ols").struct.field("alpha")).item()
    expected = wcdfa.dfa(lost["x"].fill_null(np.nan).to_numpy(), missing="omit", method="ols")
    assert found == pytest.approx(float(expected.alpha))


def test_integers_decimals_and_a_constant():
    whole = np.arange(256) ** 2 % 17
    frame = pl.DataFrame({"i": whole, "same": [2] * 256}).with_columns(d=pl.col("i").cast(pl.Decimal(10, 2)))
    found = frame.select(pl.col("i", "d", "same").wcdfa.dfa())
    assert found["i"].struct.field("alpha").item() == alpha(whole.astype(float)) == found["d"].struct.field("alpha").item()
    assert found["same"].struct.field("reason").item().startswith("the series is constant")


def test_what_is_refused(frame):
    with pytest.raises((TypeError, pl.exceptions.ComputeError), match="column 'who' holds String, no numbers; cast it first"):
        frame.select(pl.col("who").wcdfa.dfa())
    with pytest.raises((ValueError, pl.exceptions.ComputeError), match="method must be one of"):
        frame.select(pl.col("x").wcdfa.dfa(method="best"))
