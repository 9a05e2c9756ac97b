"""Which steps a series has: restarts, disorder, gaps, and series of which only some steps were logged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import log_files
from tests.helpers.log_files import NORMS
from wcdfa.readers.columns import Column
from wcdfa.readers.errors import LogError
from wcdfa.readers.ordering import in_order
from wcdfa.readers.series import read_series
from wcdfa.readers.spacing import Subsampled, spaced
from wcdfa.support.text import often


def write(path, steps, values, name="update_norm"):
    path.write_text(
        f"step,{name}\n" + "".join(f"{step},{value!r}\n" for step, value in zip(steps, map(float, values), strict=True))
    )
    return path


def test_event_files_of_a_restarted_run(tmp_path):
    """It went on from a checkpoint at step 200: what came after that in the first file is undone."""
    first = {"step": np.arange(1, 251), "update_norm": NORMS[:250]}
    second = {"step": np.arange(201, 301), "update_norm": -NORMS[200:]}
    log_files.write_events(tmp_path, first, filename_suffix=".first")
    written = next(tmp_path.glob("*.first"))
    written.rename(tmp_path / "events.out.tfevents.1000000000.host.1.0")  # names begin with the second of the start
    log_files.write_events(tmp_path, second)
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:200], -NORMS[200:]]))
    assert series.steps.tolist() == list(range(1, 301))
    assert series.notes == (
        "steps went back to 201: a restart, and the later records count; 50 records that it replaced are left out",
    )


def test_a_restart_that_has_not_come_as_far_as_the_run_before(tmp_path):
    path = write(tmp_path / "a.csv", [*range(250), *range(100, 150)], np.arange(300))
    series = read_series(path)
    assert series.steps.tolist() == list(range(150))
    assert series.values.tolist() == [*range(100), *range(250, 300)]


def test_disorder_is_sorted(tmp_path):
    order = np.random.default_rng(0).permutation(300)
    series = read_series(write(tmp_path / "a.csv", order, NORMS[order]))
    np.testing.assert_array_equal(series.values, NORMS)
    assert "records were out of order and are sorted by step" in series.notes[0]


def test_the_last_record_of_a_step_counts(tmp_path):
    series = read_series(write(tmp_path / "a.csv", np.sort([*range(100), *range(0, 100, 10)]), np.arange(110)))
    assert series.values.tolist() == [each for each in range(110) if each % 11]
    assert series.notes == ("10 records belong to a step that was written again: the last of each step counts",)


@pytest.mark.parametrize(("apart", "said"), [(2, "2nd"), (5, "5th"), (10, "10th"), (113, "113th")])
def test_every_kth_step_is_read_and_said(tmp_path, apart, said):
    series = read_series(write(tmp_path / "a.csv", apart * np.arange(300), NORMS))
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.steps.tolist() == list(range(0, 300 * apart, apart))
    assert series.thinned == apart
    assert series.notes == (f"only every {said} step was logged: memory below {apart} steps cannot be seen",)


@pytest.mark.parametrize("more", [[1], [1995], [1, 1995]])
def test_the_first_and_the_last_step_of_a_thinned_log_are_left_out(tmp_path, more):
    """A Trainer with ``logging_first_step`` logs steps 1, 10, 20 …"""
    steps = np.sort([*range(10, 2000, 10), *more])
    series = read_series(write(tmp_path / "a.csv", steps, steps))
    assert series.values.tolist() == list(range(10, 2000, 10))
    assert series.thinned == 10
    assert series.notes[1] == (
        "1 value at steps between was left out" if len(more) == 1 else f"{len(more)} values at steps between were left out"
    )


def test_a_thinned_log_that_goes_on_between_its_steps_is_kept_whole(tmp_path):
    steps = np.array([*range(0, 1500, 10), *range(1507, 3000, 10)])
    series = read_series(write(tmp_path / "a.csv", steps, NORMS))
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.thinned == 10


def test_the_spacing_tells_where_a_log_counts_something_else(tmp_path):
    """Steps of a log may be micro-batches, or rows that were written every tenth step."""
    path = write(tmp_path / "a.csv", 4 * np.arange(300), NORMS)
    series = read_series(path, spacing=1)
    assert (series.thinned, series.notes) == (1, ())
    path = write(tmp_path / "a.csv", np.arange(300), NORMS)
    series = read_series(path, spacing=10)
    assert series.thinned == 10
    assert series.notes == ("only every 10th step was logged: memory below 10 steps cannot be seen",)


def test_mixed_spacings_are_refused_and_named(tmp_path):
    steps = np.concatenate([np.arange(100), 100 + 10 * np.arange(100), 1100 + np.arange(100)])
    path = write(tmp_path / "a.csv", steps, NORMS)
    with pytest.raises(
        Subsampled, match=r"unevenly spaced \(0 to 100 by 1, 100 to 1,100 by 10, 1,100 to 1,199 by 1\).*steps=\(first, last\)"
    ):
        read_series(path)
    np.testing.assert_array_equal(read_series(path, last=99).values, NORMS[:100])
    np.testing.assert_array_equal(read_series(path, first=1100).values, NORMS[200:])
    part = read_series(path, first=100, last=1090)
    np.testing.assert_array_equal(part.values, NORMS[100:200])
    assert part.thinned == 10
    with pytest.raises(ValueError, match="no step from 5000 to None: those logged are 0 to 1,199"):
        read_series(path, first=5000)


def test_a_few_gaps_are_said(tmp_path):
    steps = np.delete(np.arange(300), [50, 51, 200])
    series = read_series(write(tmp_path / "a.csv", steps, NORMS[steps]))
    np.testing.assert_array_equal(series.steps, steps)
    assert series.notes == ("3 steps between are not in the log",)


def test_a_range_of_a_log_without_steps(tmp_path):
    np.save(tmp_path / "a.npy", NORMS)
    with pytest.raises(ValueError, match=r"a\.npy: the log has no steps to choose a range of"):
        read_series(tmp_path / "a.npy", first=1)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("grad_norm", "a gradient norm, not ‖ΔW‖"),
        ("train/grad_norm", "a gradient norm, not ‖ΔW‖"),
        ("displacement", "a displacement over many steps, not a step norm"),
        ("update_norm", None),
        ("train_loss", "a loss, not ‖ΔW‖"),
        ("value", "the name does not tell whether this is ‖ΔW‖"),
    ],
)
def test_what_is_no_update_norm_is_said(tmp_path, name, note):
    notes = read_series(write(tmp_path / "a.csv", range(300), NORMS, name), name).notes
    assert notes == () if note is None else notes[0].startswith(note)


INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.one_of(st.integers(0, 30), INTEGERS), min_size=1, max_size=60))
def test_any_steps_are_put_in_order_or_refused(steps):
    """What comes out is in order, each step once, with the value that was written last of it."""
    steps = np.array(steps, dtype=np.int64)
    try:
        found = spaced(Column(np.arange(len(steps), dtype=float), steps))
    except LogError:
        return
    assert np.all(found.steps[1:] > found.steps[:-1])
    for value, step in zip(found.values, found.steps, strict=True):
        assert value == np.flatnonzero(steps == step)[-1]
    assert len(found.steps) == len(np.unique(steps)) or found.notes


@pytest.mark.parametrize("apart", [1, 40])
def test_displacements_may_lie_any_number_of_steps_apart(tmp_path, apart):
    path = write(tmp_path / "a.csv", np.arange(300) * apart, NORMS, "displacement")
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.thinned == 1  # each covers all steps up to it, and none is left out
    steps = np.delete(np.arange(301) * apart, 150)
    assert read_series(write(path, steps, NORMS, "displacement")).notes[-1] == "1 step between is not in the log"
    with pytest.raises(Subsampled, match="unevenly spaced"):
        read_series(write(path, np.arange(300) ** 2, NORMS, "displacement"))


@pytest.mark.parametrize(("runs", "last"), [(2, 60), (4, 60), (4, 30)])
def test_whole_runs_one_after_the_other_are_no_restarts(runs, last):
    steps = np.concatenate([*[np.arange(60)] * (runs - 1), np.arange(last)])
    with pytest.raises(
        LogError,
        match=rf"its steps go from 0 to 59 {often(runs)}: several runs, or epochs that count anew, and no column tells which",
    ):
        spaced(Column(np.arange(len(steps), dtype=float), steps))


@pytest.mark.parametrize("stretches", [(60, 90), (60, 30), (60, 90, 120)])
def test_a_run_that_began_anew_is_a_restart(stretches):
    steps = np.concatenate([np.arange(each) for each in stretches])
    values, kept, notes = in_order(np.arange(len(steps), dtype=float), steps)
    assert kept.tolist() == list(range(stretches[-1]))
    assert values[-1] == len(steps) - 1
    assert "a restart, and the later records count" in notes[0]
