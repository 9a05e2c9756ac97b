"""Pictures compared with those that were looked at, in light and in dark: ``python -m tests.plotting.test_images`` draws them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images

import wcdfa
from tests.helpers.white_runs import diagnosed
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.plotting import plot_diagnosis, plot_fluctuations, plot_groups, plot_orders, plot_run
from wcdfa.plotting.runs import plot_runs
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.windows import judge

IMAGES = Path(__file__).parents[1] / "images"
STYLES = {"light": "default", "dark": "dark_background"}
TOLERANCE = 12  # root mean square over the pixels, of 255: fonts are drawn a little differently by each release


def run() -> Figure:
    x = np.exp(0.1 * wcdfa.synthetic.arfima(2000, d=0.4, seed=0))
    judged = judge(x, optimizer="sgd", momentum=0.9, replicates=50)
    alarm = Alarm(start=1700, end=None, onset=1500, direction="up", alpha=1.3, threshold=1.2)
    return plot_run(x, judged, title="a run", lr=np.linspace(1, 0.1, 2000), loss=1 / np.sqrt(np.arange(1, 2001)), alarms=[alarm])


def fluctuations() -> Figure:
    figure = Figure(figsize=(3.4, 3.4), layout="constrained")  # the width of a column
    norms = np.exp(0.1 * wcdfa.synthetic.arfima(500, d=0.5, seed=0))
    found = wcdfa.verdict(norms, optimizer="sgd", momentum=0.9, replicates=50)
    plot_fluctuations(found.result, ax=figure.subplots(), expected=spread(found.result, 500), alone=found.null_curve)
    return figure


def orders() -> Figure:
    figure = Figure(figsize=(3.4, 3.4), layout="constrained")
    x = wcdfa.synthetic.white_noise(500, seed=0) + np.linspace(0, 8, 500)
    plot_orders([wcdfa.dfa(x, order=order) for order in (1, 2, 3)], ax=figure.subplots())
    return figure


def groups() -> Figure:
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    rng = np.random.default_rng(0)
    alphas = {f"layers/{i}": 0.5 + 0.1 * i + 0.05 * rng.standard_normal(20) for i in range(10)}
    alphas["layers/3"][5:8] = np.nan
    plot_groups(alphas, ax=figure.subplots(), steps=100 * np.arange(1, 21))
    return figure


def runs() -> Figure:
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    known = {f"d = {d}": judge(wcdfa.synthetic.arfima(2000, d=d, seed=1), log=False, replicates=20) for d in (0.0, 0.3, 0.6)}
    plot_runs(known, ax=figure.subplots())
    return figure


def tracks() -> Figure:
    repeated = diagnosed(n=2000, twice_from=1400)
    known = replace(  # what is found depends on more than the picture
        repeated,
        checks=(Check("cosine", 0.9, 0.86, 0.94, 1.0, since=1), Check("cosine", 0.95, 0.86, 0.94, 0.0, since=1001)),
        deviations=(Check("neighbours", 0.4, -0.03, 0.03, 0.0, since=1001),),
        changes=(Change("cosine", "all", -2.3, -3.0, 1401, 1425, 0.001), Change("frozen", "head", 1.0, 0.0, 300, 320, 0.0)),
    )
    return plot_diagnosis(known, title="a run")


PICTURES = {picture.__name__: picture for picture in (run, fluctuations, orders, groups, runs, tracks)}


def draw(name: str, style: str, path: Path) -> None:
    with matplotlib.style.context(STYLES[style], after_reset=True):
        PICTURES[name]().savefig(path, dpi=72)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(name, style, tmp_path):
    draw(name, style, tmp_path / f"{name}-{style}.png")
    difference = compare_images(IMAGES / f"{name}-{style}.png", tmp_path / f"{name}-{style}.png", tol=TOLERANCE)
    assert difference is None, difference


def test_a_picture_of_something_else_is_seen(tmp_path):
    draw("orders", "light", tmp_path / "orders.png")
    expected_path = tmp_path / "fluctuations-light.png"
    expected_path.write_bytes((IMAGES / "fluctuations-light.png").read_bytes())
    assert compare_images(expected_path, tmp_path / "orders.png", tol=TOLERANCE) is not None


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name in PICTURES:
        for style in STYLES:
            draw(name, style, IMAGES / f"{name}-{style}.png")
