"""The part of the report on the direction of the weight changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from tests.helpers.browser import Opened, browser
from tests.helpers.white_runs import diagnosed, white_run
from tests.report.test_report import Reader, drawn
from wcdfa.analysis.run_tracks import events, run_tracks
from wcdfa.analysis.series import Settings, analyze
from wcdfa.readers import sources
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.reading import Reading
from wcdfa.report import section_of, write
from wcdfa.report.direction import direction_of
from wcdfa.report.from_monitor import MonitoredRun, section_of_monitor
from wcdfa.report.from_runs import sections_of

CHANGED = diagnosed(n=3000, twice_from=2000)


def section(diagnosis):
    record = diagnosis.record
    series = RecordedSeries(Path("run"), "", "update_norm", record.norms, None, None, None, 0, ())
    return section_of(analyze(series, Settings(optimizer="sgd", hyperparameters={"momentum": 0.9})), diagnosis=diagnosis)


def said(path):
    return " ".join(Reader(path.read_text()).texts)


def test_the_page_shows_the_tracks_and_what_was_found(tmp_path):
    path = write(tmp_path / "report.html", [section(CHANGED)])
    (run,) = drawn(path)["runs"]
    tracks = run_tracks(CHANGED)
    assert [each["name"] for each in run["direction"]["tracks"]] == [track.title for track in tracks]
    np.testing.assert_allclose(run["direction"]["tracks"][0]["values"], tracks[0].values, rtol=1e-4)
    assert run["direction"]["tracks"][1]["values"][0] is None  # the first change has none before it
    np.testing.assert_allclose(run["direction"]["tracks"][1]["expected"], tracks[1].expected)
    assert run["direction"]["events"] == [[event.step, event.label] for event in events(CHANGED)]
    text = said(path)
    assert CHANGED.evidence
    assert all(sentence in text for sentence in CHANGED.evidence)
    assert CHANGED.causes[0].text in text
    assert CHANGED.causes[0].check in text
    assert CHANGED.clear == ("likely cause" in text)


def test_a_healthy_run_says_what_was_compared(tmp_path):
    healthy = diagnosed(("cosine",))
    text = said(write(tmp_path / "report.html", [section(healthy)]))
    assert f"Nothing found. Compared: {'; '.join(healthy.compared)}." in text
    assert "left out: what needs the sketch of the weight change, which was not recorded" in text
    assert "likely cause" not in text


def test_without_a_direction_there_is_no_such_part(tmp_path):
    series = RecordedSeries(Path("run"), "", "update_norm", white_run()["norms"], None, None, None, 0, ())
    path = write(
        tmp_path / "report.html", [section_of(analyze(series, Settings(optimizer="sgd", hyperparameters={"momentum": 0.9})))]
    )
    assert drawn(path)["runs"][0]["direction"] is None
    assert "did something change" not in said(path)


def test_a_diagnosis_without_direction_is_shown_if_something_was_found(tmp_path):
    series = white_run(2000)
    series["norms"][1500:] *= 5
    found, healthy = wcdfa.diagnose(series["norms"]), wcdfa.diagnose(white_run(2000)["norms"])
    assert found.found
    assert not healthy.found
    assert section(found).direction.evidence == found.evidence
    assert section(healthy).direction is None


def test_long_tracks_are_thinned():
    diagnosis = wcdfa.diagnose(white_run(9000, coordinates=4)["norms"])
    assert all(len(track.values) <= 4000 for track in direction_of(diagnosis).tracks)


def of_monitor(**missing):
    """The section that a monitor of a run with repeated batches makes."""
    series = white_run(1000, twice_from=0) | missing
    reading = Reading(count=1000, skipped=0, taken=0, **series)
    monitor = wcdfa.WeightChangeDFA(1000).update(reading)
    criteria = monitor._criteria.changed(optimizer="sgd", momentum=0.9)
    run = MonitoredRun(
        reading,
        monitor._run.history_until_now(),
        reading.judged("all", criteria),
        criteria,
        1000,
        200,
        0.1,
    )
    return section_of_monitor("mine", run)


def test_a_log_with_its_direction_is_reported_with_it(tmp_path):
    series = white_run(3000, twice_from=2000)
    rows = [
        {"step": step, "wcdfa/update_norm": norm, "wcdfa/cosine": cosine, "wcdfa/weight_norm": weights}
        for step, (norm, cosine, weights) in enumerate(
            zip(series["norms"], series["cosine"], series["weight_norm"], strict=True), start=1
        )
    ]
    log = tmp_path / "run.jsonl"
    log.write_text("\n".join(json.dumps({name: value for name, value in row.items() if np.isfinite(value)}) for row in rows))
    (source,) = sources(log)
    (run,) = source.runs()
    (found,) = sections_of(run, Settings(optimizer="sgd", lr=0.1, hyperparameters={"momentum": 0.9}))
    assert [track.title for track in found.direction.tracks] == ["‖ΔW‖", "cosine", "α of ‖ΔW‖, 256 steps", "‖ΔW‖ / ‖W‖"]
    assert any("consecutive changes are more alike" in each for each in found.direction.evidence)


def test_a_monitor_shows_the_diagnosis_of_its_window():
    direction = of_monitor().direction
    assert [track.title for track in direction.tracks] == ["‖ΔW‖", "cosine", "α of ΔW, 256 steps", "‖ΔW‖ / ‖W‖"]
    assert any("consecutive steps have more in common" in each for each in direction.evidence)
    assert of_monitor(cosine=None, sketch=None).direction is None


@pytest.mark.slow  # opens a browser
def test_a_browser_draws_it_without_a_complaint(tmp_path):
    hostile = "<img src=x onerror='window.ran = 1'>"
    series = white_run(1500)
    groups = {hostile: np.where(np.arange(1500) < 1000, 1.0, 0.0) * series["norms"]}
    frozen = wcdfa.diagnose(series["norms"], cosine=series["cosine"], groups=groups, lr=series["lr"], optimizer="sgd", momentum=0.9)
    path = write(tmp_path / "report.html", [section(CHANGED), section(frozen)])
    with browser() as chromium:
        opened = Opened(chromium, path, bypass_csp=True)
        shown = {each["name"]: each for each in opened.data("#run-0 .plot.direction")}
        assert set(shown) == {"‖ΔW‖", "cosine", "α of ΔW, 256 steps", "‖ΔW‖ / ‖W‖", "the named optimizer", "found"}
        assert shown["found"]["x"] == [event.step for event in events(CHANGED)]
        opened.page.locator("#overview a").nth(1).click()
        opened.drawn("#run-1 .plot.direction")
        assert hostile in opened.page.inner_text("#run-1 .evidence")
        assert opened.page.evaluate("window.ran") is None
        assert (opened.said, opened.asked) == ([], [opened.address])
