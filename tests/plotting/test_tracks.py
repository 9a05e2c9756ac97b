"""The picture of the four tracks shows the numbers it is given, and marks what was found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

import wcdfa
from tests.helpers.white_runs import diagnosed, white_run
from wcdfa.analysis.run_tracks import events, run_tracks
from wcdfa.monitor.live_diagnosis import LiveDiagnosis
from wcdfa.plotting import plot_diagnosis, plot_track, save
from wcdfa.recording.reading import Reading

LABELS = {"cosine": "cosine", "weight_norm": "‖ΔW‖ / ‖W‖"}
SUBSETS = [names for size in range(4) for names in itertools.combinations(("cosine", "weight_norm", "sketch"), size)]


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_any_subset_of_the_series_is_drawn(names, tmp_path):
    figure = plot_diagnosis(diagnosed(names))
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert set(labels) == {
        "‖ΔW‖",
        f"α of {'ΔW' if 'sketch' in names else '‖ΔW‖'}, 256 steps",
        *(LABELS[name] for name in names if name in LABELS),
    }
    assert save(figure, tmp_path / "a.png").stat().st_size > 10_000


def test_the_tracks_share_their_steps_and_begin_with_the_loss():
    figure = plot_diagnosis(diagnosed(), loss=np.linspace(2, 1, 1200), title="a $run$")
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "‖ΔW‖", "cosine", "α of ΔW, 256 steps", "‖ΔW‖ / ‖W‖"]
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "", "", "", "optimizer step"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), np.linspace(2, 1, 1200))


def test_a_track_is_drawn_with_its_means_and_its_band():
    ax = Figure().subplots()
    track = run_tracks(diagnosed())[1]
    assert plot_track(track, ax=ax) is ax
    each, means = ax.lines
    np.testing.assert_array_equal(each.get_ydata(), track.values)
    np.testing.assert_array_equal(means.get_ydata(), track.means()[1])
    corners = [band.get_paths()[0].vertices for band in ax.collections]
    assert [(part[:, 1].min(), part[:, 1].max()) for part in corners] == [(band.low, band.high) for band in track.expected]
    low, high = ax.get_ylim()
    assert low < track.expected[0].low < track.expected[0].high < high


def test_events_are_marked_in_all_tracks():
    diagnosis = diagnosed(n=3000, twice_from=2000)
    figure = plot_diagnosis(diagnosis)
    found = events(diagnosis)
    assert found
    for ax in figure.axes:
        dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
        assert dotted == [event.step for event in found]
    written = [text.get_text() for text in figure.axes[0].texts]
    assert f"{found[0].label}, from step {found[0].step:,}" in written
    healthy = plot_diagnosis(diagnosed(n=3000))
    assert not any(line.get_linestyle() == ":" for ax in healthy.axes for line in ax.lines)


def test_names_of_groups_are_text():
    series = white_run(1500)
    groups = {"<b>$x$": np.where(np.arange(1500) < 1000, 1.0, 0.0) * series["norms"]}
    diagnosis = wcdfa.diagnose(series["norms"], groups=groups)
    (text, *_) = [each for each in plot_diagnosis(diagnosis).axes[0].texts if "frozen" in each.get_text()]
    assert text.get_text().startswith("<b>$x$: frozen ↓")
    assert not text.get_parse_math()


def test_a_loss_of_another_length_is_refused():
    with pytest.raises(ValueError, match="loss must have one number for each of the 1200 recorded steps, got shape \\(7,\\)"):
        plot_diagnosis(diagnosed(), loss=np.ones(7))


def test_values_that_are_not_known_are_gaps(tmp_path):
    series = white_run(600)
    unknown = np.full(600, np.nan)
    figure = plot_diagnosis(wcdfa.diagnose(series["norms"], cosine=unknown, weight_norm=unknown))
    assert save(figure, tmp_path / "a.png").is_file()


def test_a_run_that_still_goes_on_is_drawn_with_its_last_steps():
    live, series = LiveDiagnosis(), white_run(2000, twice_from=1500)
    assert [ax.get_ylabel() for ax in plot_diagnosis(live.diagnosis).axes] == ["‖ΔW‖"]  # nothing yet
    live.update(Reading(count=2000, skipped=0, taken=0, steps=np.arange(1, 2001), **series))
    figure = plot_diagnosis(live.diagnosis)
    assert events(live.diagnosis)
    assert [ax.get_ylabel() for ax in figure.axes] == ["‖ΔW‖", "cosine", "α of ΔW, 128 steps", "‖ΔW‖ / ‖W‖"]
    assert figure.axes[0].lines[0].get_xdata()[-1] == 2000
