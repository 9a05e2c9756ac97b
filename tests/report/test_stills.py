"""Still pictures show the numbers they are given, in pixels."""

from __future__ import annotations

import base64
import re
import zlib
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.report_runs import analysis, series
from tests.report.test_direction import CHANGED
from tests.report.test_direction import section as with_direction
from tests.report.test_report import Reader
from wcdfa.analysis.series import Settings, analyze
from wcdfa.report import section_of
from wcdfa.report.axes import Axis, axis_of
from wcdfa.report.encoding import NOT_DRAWN, drawn_runs
from wcdfa.report.page import page
from wcdfa.report.still_groups import heat_map
from wcdfa.report.still_window import fluctuations, ranges
from wcdfa.report.stills import direction, together, trajectory
from wcdfa.report.svg import area, line
from wcdfa.support.colors import ALPHA, NULL

KINDS = ("trajectory", "fluctuations", "surrogates", "orders", "groups")


@lru_cache(1)
def judged():
    return analysis()


@lru_cache(1)
def example():
    (run,) = drawn_runs([section_of(judged(), {"head": judged().series})])
    return run


def places(drawn):
    """The places that a path goes through."""
    return np.array([each.split(",") for each in re.findall(r"[-\d.]+,[-\d.]+", drawn)], dtype=float)


def paths(picture, **wanted):
    return [
        each["d"]
        for tag, each in Reader(picture).elements
        if tag == "path" and all(each.get(k.replace("_", "-")) == v for k, v in wanted.items())
    ]


def test_alpha_over_the_steps_is_where_its_axis_says():
    picture = trajectory(example())
    (dots,) = paths(picture, stroke=ALPHA, stroke_width="5")
    alpha, stops = judged().judged.numbers("alpha"), [each["steps"][1] for each in example()["windows"]]
    found = places(dots)
    assert np.corrcoef(found[:, 0], stops)[0, 1] == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(found[:, 1], alpha)[0, 1] == pytest.approx(-1, abs=1e-5)  # pixels count downwards
    (band,) = paths(picture, fill=NULL)
    inside = places(band)
    assert inside[:, 1].min() < found[:, 1].mean() < inside[:, 1].max()
    assert "SGD(momentum 0.9) alone" in Reader(picture).texts


def test_f_is_drawn_over_what_the_optimizer_alone_gives():
    window = example()["windows"][-1]
    picture = fluctuations(example(), window)
    (dots,) = paths(picture, stroke=ALPHA, stroke_width="7")
    assert len(places(dots)) == len(window["curves"][0][3])
    (band,) = paths(picture, fill=NULL)
    assert len(places(band)) == 2 * len(window["alone"]["sizes"])
    curve = judged().judged.verdicts[-1].null_curve
    np.testing.assert_allclose([window["alone"]["low"], window["alone"]["high"]], [curve.low, curve.high], rtol=1e-4)
    assert window["missing"] == ""


def test_where_nothing_was_compared_nothing_is_drawn_of_an_optimizer():
    alone = section_of(analysis(settings=Settings(window=256)))
    (run,) = drawn_runs([alone])
    assert run["windows"][-1]["alone"] is None
    assert run["windows"][-1]["missing"] == NOT_DRAWN
    assert paths(fluctuations(run, run["windows"][-1]), fill=NULL) == []
    assert NOT_DRAWN in Reader(page([alone], title="alone")).texts


def test_a_window_without_alpha_has_no_pictures_of_its_own():
    flat = series("run")
    flat.values[-256:] = 1.0
    text = page([section_of(analyze(flat, Settings(window=256)))], title="flat")
    hidden = [each.get("class") for _, each in Reader(text).elements if "hidden" in each]
    assert hidden[-2:] == ["pair", "higher"]
    assert "There is no α in this window, and so no F(s) to draw." in Reader(text).texts


def test_alpha_stands_above_what_else_could_give_it():
    said = Reader(ranges(example(), example()["windows"][-1])).texts
    rows = [each for each in said if each in ("α of this window", "SGD(momentum 0.9) alone", "short memory", "in random order")]
    assert rows == ["α of this window", "SGD(momentum 0.9) alone", "in random order"]
    assert not any("order 2" in each for each in said)


def test_the_heat_map_has_a_row_for_each_group_and_a_gap_where_there_is_no_alpha():
    late = judged().series._replace(values=judged().series.values[600:], steps=judged().series.steps[600:], lr=None, loss=None)
    (run,) = drawn_runs([section_of(judged(), {"head": judged().series, "late": late})])
    picture = heat_map(run)
    ((_, image),) = [each for each in Reader(picture).elements if each[0] == "image"]
    data = base64.b64decode(image["href"].removeprefix("data:image/png;base64,"))
    start = data.index(b"IDAT") + 4
    pixels = np.frombuffer(zlib.decompressobj().decompress(data[start:]), dtype=np.uint8).reshape(2, -1)[:, 1:]
    assert (pixels[0] > 0).all()
    assert (pixels[1][:40] == 0).all()
    assert (pixels[1][-200:] > 0).all()
    assert {"head", "late"} <= set(Reader(picture).texts)


def test_tracks_and_runs_side_by_side():
    (run,) = drawn_runs([with_direction(CHANGED)])
    picture = direction(run)
    assert len([each for _, each in Reader(picture).elements if each.get("stroke-dasharray") == "2 3"]) == len(
        run["direction"]["events"]
    )
    assert {each["name"] for each in run["direction"]["tracks"]} <= set(Reader(picture).texts)
    names = Reader(together([example(), {**run, "name": "<b>"}])).texts
    assert [name for name in names if name in (example()["name"], "<b>")] == [example()["name"], "<b>"]


def test_every_place_of_a_picture_has_one_before_any_script():
    text = page([section_of(judged(), {"head": judged().series}), with_direction(CHANGED)], title="two")
    for kind in (*KINDS, "direction", "together"):
        assert f'<div class="plot {kind}"><svg' in text
    assert not re.findall(r'<div class="plot \w+"></div>', text)
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert not re.search(r"[ \"ML,](nan|inf)", drawn)


def test_gaps_are_gaps():
    xs, ys = np.arange(5.0), np.array([1.0, np.nan, 2.0, 3.0, np.nan])
    (drawn,) = paths(line(xs, ys, "red"))
    assert drawn == "M0,1h0M2,2h0L3,3"
    (drawn,) = paths(area(xs, ys, ys + 1, "red"))
    assert drawn == "M0,2L0,1ZM2,3L3,4L3,3L2,2Z"


@given(st.lists(st.floats(allow_nan=True), max_size=20), st.booleans())
def test_an_axis_holds_any_numbers(values, log):
    axis = axis_of(values, 0, 100, log=log)
    at = axis.at(values)
    known = np.isfinite(np.array(values, dtype=float))
    assert np.all((at[known] >= -0.01) & (at[known] <= 100.01))
    assert np.isnan(at[~known]).all()
    ticks = axis.ticks(5)
    assert len(ticks) <= 20
    assert all(axis.low <= each <= axis.high or len(ticks) == 1 for each in ticks)


def test_ticks_are_round():
    assert Axis(0.4, 1.6, 0, 1).ticks(6) == [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]
    assert Axis(0.9, 1100, 0, 1, log=True).ticks(5) == [1.0, 10.0, 100.0, 1000.0]
    assert Axis(0, 10_000, 0, 1).ticks(8) == [0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0, 10_000.0]
