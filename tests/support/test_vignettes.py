"""The tiny pictures: well-formed and inside their frame, whatever numbers they are given."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa.support.cards import card, or_text
from wcdfa.support.thinning import thinned
from wcdfa.support.vignettes import EDGE, HEIGHT, MOST, WIDTH, curve, ruler, track

ANY = st.floats(allow_nan=True, allow_infinity=True)


def inside(picture):
    """The elements of a picture, after checking that none lies outside of its frame."""
    tree = ElementTree.fromstring(picture)
    for part in tree:
        for name, most in (
            ("x", WIDTH),
            ("x1", WIDTH),
            ("x2", WIDTH),
            ("cx", WIDTH),
            ("y", HEIGHT),
            ("y1", HEIGHT),
            ("cy", HEIGHT),
        ):
            assert 0 <= float(part.get(name, 0)) <= most, (part.tag, name)
        for point in part.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT
    return list(tree)


def named(parts, tag):
    return [part for part in parts if part.tag == tag]


@given(st.lists(ANY, max_size=450))
def test_a_track_of_any_numbers(values):
    parts = inside(track(values, name="a < b", said='"x" & y'))
    assert bool(named(parts, "polyline") or named(parts, "circle")) == any(map(math.isfinite, values))


@given(ANY, ANY, ANY, st.none() | st.tuples(ANY, ANY))
def test_a_ruler_of_any_numbers(alpha, low, high, expected):
    with np.errstate(all="ignore"):
        parts = inside(ruler(alpha, low, high, said="α", expected=expected))
    assert len(named(parts, "circle")) == math.isfinite(alpha)
    assert len(named(parts, "rect")) == (expected is not None and all(map(math.isfinite, expected)))


@given(st.lists(st.tuples(ANY, ANY), max_size=30), ANY)
def test_a_curve_of_any_numbers(points, slope):
    x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
    with np.errstate(all="ignore"):
        parts = inside(curve(x, y, slope, name="F(s)", said="F(s)"))
    assert len(named(parts, "circle")) == np.count_nonzero(np.isfinite(x) & np.isfinite(y))


def test_places_follow_the_numbers():
    first, second, third = named(inside(curve([0.0, 1.0, 2.0], [0.0, 2.0, 1.0], 0.5, name="F(s)", said="F(s)")), "circle")
    assert float(first.get("cx")) < float(second.get("cx")) < float(third.get("cx"))
    assert float(first.get("cy")) > float(third.get("cy")) > float(second.get("cy"))
    (line,) = named(inside(curve([0.0, 1.0], [0.0, 1.0], 1.0, name="F(s)", said="F(s)")), "line")
    assert [line.get(each) for each in ("x1", "y1")] != [line.get(each) for each in ("x2", "y2")]
    low, high = (float(named(inside(ruler(alpha, 0.2, 0.3, said="α")), "circle")[0].get("cx")) for alpha in (0.5, 1.5))
    assert low < high


def test_a_long_line_keeps_its_extremes_and_its_gaps():
    values = np.zeros(100_000)
    values[777], values[90_000], values[40_000:60_000] = 5.0, -3.0, np.nan
    thin = values[thinned(values, MOST)]
    assert MOST / 2 < len(thin) <= MOST
    assert (np.nanmax(thin), np.nanmin(thin)) == (5.0, -3.0)
    before, after = named(inside(track(values, name="x", said="x")), "polyline")
    end, start = before.get("points").split()[-1], after.get("points").split()[0]
    gap = float(start.partition(",")[0]) - float(end.partition(",")[0])
    assert gap / (WIDTH - 2 * EDGE) == pytest.approx(0.2, abs=0.03)


def test_text_is_escaped_and_made_visible():
    html = card("<b>\x1b[31m", "a & b", "", todo="<script>")
    tree = ElementTree.fromstring(html)
    assert [part.text for part in tree.iter("strong")] == ["<b>\\x1b[31m"]
    assert tree.find(".//script") is None
    assert len(list(tree.iter("p"))) == 3


def test_what_cannot_be_shown_as_a_card_is_shown_as_text_and_logged(caplog):
    def broken(value):
        raise ValueError(value)

    with caplog.at_level("DEBUG", logger="wcdfa"):
        assert or_text(broken)(1) is None
    (record,) = caplog.records
    assert record.levelname == "DEBUG"
    assert "ValueError: 1" in caplog.text
