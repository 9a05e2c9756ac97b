"""A run whose norms end in NaN, infinity or zeros is told so first, with the step."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.advice import of_analysis
from wcdfa.analysis.remarks import remarks
from wcdfa.analysis.series import Settings, analyze
from wcdfa.readers import sources
from wcdfa.recording.reading import Reading
from wcdfa.report.lines import first_key
from wcdfa.report.sections import section_of
from wcdfa.verdicts.ending import ending_of


def noise(n, seed=0):
    return np.exp(0.2 * np.random.default_rng(seed).standard_normal(n))


def ended(n, first, value):
    norms = noise(n)
    norms[first - 1 :] = value
    return norms


def analysis_of(path, norms, column="update_norm", **options):
    path.write_text("".join(json.dumps({"step": i + 1, column: x}) + "\n" for i, x in enumerate(norms.tolist())))
    settings = Settings(**options)
    (series,) = (each for source in sources(path) for run in source.runs() for each in settings.series(run))
    return analyze(series, settings)


@pytest.mark.parametrize(
    ("n", "first", "value", "key"),
    [
        (999, 601, math.nan, "ends-not-finite"),
        (3000, 2001, math.inf, "ends-not-finite"),
        (1000, 701, math.nan, "ends-not-finite"),
        (1999, 1540, 0.0, "ends-still"),
        (600, 598, math.nan, "ends-not-finite"),
    ],
)
def test_it_is_said_first_everywhere(tmp_path, n, first, value, key):
    norms = ended(n, first, value)
    said = f"from step {first:,} on, to the end ({n - first + 1:,} of them)"
    diagnosis = Reading(norms, n, 0).diagnosis()
    assert diagnosis.found
    assert said in diagnosis.evidence[0]
    assert diagnosis.since == first
    analysis = analysis_of(tmp_path / "log.jsonl", norms)
    assert said in str(analysis.ending)
    assert of_analysis(analysis).key == key
    assert of_analysis(analysis_of(tmp_path / "log.jsonl", norms, diagnosis=False)).key == key
    section = section_of(analysis)
    assert first_key(section) == key
    assert section.direction.evidence[0] == section.notes[0] == str(analysis.ending)
    assert section.no_alarms.endswith(said)


@pytest.mark.parametrize("tail", [[], [math.nan] * 2, [0.0] * 19, [math.nan] * 9 + [1.0]])
def test_a_few_at_the_end_are_no_end(tail):
    norms = np.r_[noise(400), tail]
    assert ending_of(norms) is None
    assert not wcdfa.diagnose(norms, baseline=390).found


def test_zeros_before_nan_are_left_to_the_zeros():
    found = ending_of(np.r_[noise(50), np.zeros(4), np.full(10, math.nan)], np.arange(100, 164))
    assert (found.since, found.length, found.still) == (154, 10, False)


def test_a_logarithm_or_a_loss_of_0_is_no_stop(tmp_path):
    assert ending_of(np.r_[-noise(100), np.zeros(50)]) is None
    losses = ended(800, 700, 0.0)
    assert analysis_of(tmp_path / "log.jsonl", losses, "loss", columns=("loss",)).ending is None
    losses[-60:] = math.nan
    assert str(analysis_of(tmp_path / "log.jsonl", losses, "loss", columns=("loss",)).ending).startswith(
        "the values are not finite"
    )


@pytest.mark.parametrize(
    ("n", "window", "left"),
    [(999, 500, "499 values are in no window: steps 501 to 999"), (651, 650, "1 value is in no window: steps 651 to 651")],
)
def test_steps_after_the_last_window_are_named(tmp_path, n, window, left):
    analysis = analysis_of(tmp_path / "log.jsonl", noise(n), window=window)
    assert f"the last {left}" in remarks(analysis)
    assert f"the last {left}" in section_of(analysis).notes


@pytest.mark.parametrize(("n", "window"), [(1000, 500), (400, 500)])
def test_nothing_is_left_of_whole_windows(tmp_path, n, window):
    assert not any("in no window" in each for each in remarks(analysis_of(tmp_path / "log.jsonl", noise(n), window=window)))


def test_a_run_without_any_window_says_how_it_ends(tmp_path):
    with pytest.raises(ValueError, match=r"^the norms are not finite from step 11 on, to the end \(490 of them\); "):
        analysis_of(tmp_path / "log.jsonl", ended(500, 11, math.nan))
