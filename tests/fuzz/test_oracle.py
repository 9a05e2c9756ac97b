"""The fuzzer itself: it tells right from wrong, it sees what a reader must not do, and a seed is always the same case."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.breakages import BREAKAGES
from tests.fuzz.case import Case
from tests.fuzz.checking import HANG, UNCAUGHT
from tests.fuzz.formats import FORMATS
from tests.fuzz.formats.checkpoints import Checkpoints, distance
from tests.fuzz.mutations import tried
from tests.fuzz.plan import plan
from tests.fuzz.reading import Read, attempt, listening
from tests.fuzz.rows import Row, ordered
from tests.fuzz.worker import ROOT, Worker
from wcdfa.readers.series import RecordedSeries

VALUES = np.exp(np.random.default_rng(0).standard_normal(40))
STEPS = np.arange(40) * 10


def case(*, steps=True, **options):
    rows = [Row(value, int(step) if steps else None) for value, step in zip(VALUES.tolist(), STEPS, strict=True)]
    return Case(Path("log"), "norm", rows, **options)


def found(values=VALUES, steps=STEPS, notes=(), empty=0, thinned=10):
    values, steps = np.asarray(values, float), None if steps is None else np.asarray(steps)
    series = RecordedSeries(Path("log"), "", "norm", values, steps, None, None, empty, notes)._replace(thinned=thinned)
    return Read([series], columns={"norm"})


def changed(*places):
    values = VALUES.copy()
    values[list(places)] += 1
    return values


WITHOUT_5 = np.delete(VALUES, 5), np.delete(STEPS, 5)
WHOLE = found(notes=("a gap",))


@pytest.mark.parametrize(
    ("wrong", "read"),
    [
        ("", found()),
        ("values", found(changed(7))),
        ("values", found(*WITHOUT_5)),
        ("steps", found(steps=STEPS + 1)),
        ("steps", found(steps=None)),
        ("refused", Read(errors=["ValueError: no"])),
        ("taken as 1 apart", found(thinned=1)),
        ("columns of a whole log are absent: norm", Read(found().series)),
    ],
)
def test_a_whole_log_must_be_read_exactly(wrong, read):
    assert wrong in (case().silent(read, None) or "")
    assert bool(wrong) == bool(case().silent(read, None))


@pytest.mark.parametrize(
    ("wrong", "read"),
    [
        ("", found()),
        ("", found(changed(5))),
        ("", found(*WITHOUT_5)),
        ("", Read(errors=["ValueError: no"])),
        ("", found(VALUES[:20], STEPS[:20], ("cut off",))),
        ("", found(VALUES[:20], STEPS[:20], empty=3)),
        ("are missing", found(VALUES[:20], STEPS[:20])),
        ("are missing", found(VALUES[:20], STEPS[:20], ("a gap",))),
        ("not those that were written", found(changed(1, 2, 3, 4, 6), notes=("cut off",))),
        ("neither", Read()),
    ],
)
@pytest.mark.parametrize("steps", [True, False])
def test_only_the_touched_row_of_a_damaged_log_may_differ(wrong, read, steps):
    if read.series and not steps:
        read = Read([read.series[0]._replace(steps=None)])
    said = case(steps=steps, damaged=True, wild={5}).silent(read, WHOLE)
    assert wrong in (said or "")
    assert bool(wrong) == bool(said)


@pytest.mark.parametrize(
    ("steps", "note", "wrong"),
    [
        ([1, 2, 3, 4, 2, 3], "a restart", "the steps go back"),
        ([1, 2, 3, 4, 4], "written again", "a step is written twice"),
        ([1, 2, 3, 5, 6], "not in the log", "steps are missing"),
    ],
)
def test_what_a_whole_log_shows_must_be_said(steps, note, wrong):
    log = Case(Path("log"), "norm", [Row(float(i), step) for i, step in enumerate(steps)])
    kept = ordered(log.rows)
    values, places = [row.value for row in kept], [row.step for row in kept]
    assert wrong in log.silent(found(values, places, thinned=1), None)
    assert log.silent(found(values, places, (note,), thinned=1), None) is None


def test_the_learning_rate_is_compared():
    log = Case(Path("log"), "norm", [Row(float(i), i, {"lr": 0.1 * i}) for i in range(5)])
    read = found(range(5), range(5), thinned=1)
    read.columns.add("lr")
    assert "lr is not what was written" in log.silent(read, None)
    read.series[0] = read.series[0]._replace(lr=0.1 * np.arange(5))
    assert log.silent(read, None) is None


def test_without_steps_the_order_counts():
    swapped = np.concatenate([VALUES[20:], VALUES[:20]])
    assert "not those" in case(steps=False, damaged=True, wild={5}).silent(found(swapped, None, ("odd",)), WHOLE)


def test_what_a_file_shows_to_be_missing_must_be_said():
    cut = case(damaged=True, lost=True, gone=set(range(20, 40)))
    assert cut.silent(found(VALUES[:20], STEPS[:20], ("cut off",)), WHOLE) is None
    assert "nothing says so" in cut.silent(found(VALUES[:20], STEPS[:20]), WHOLE)


def test_a_restart_undoes_what_came_after_it():
    rows = [Row(float(i), step) for i, step in enumerate([1, 2, 3, 4, 2, 3])]
    assert [(row.step, row.value) for row in ordered(rows)] == [(1, 0.0), (2, 4.0), (3, 5.0)]


def test_checkpoints_that_are_left_out_must_be_said_and_the_others_are_there():
    weights = [{"w": np.full(4, float(i * i))} for i in range(4)]
    run = Checkpoints(Path("run"), "displacement", [], weights=weights, steps=[1, 2, 3, 4], touched={2}, damaged=True)
    right = [distance(weights[i + 1], weights[i]) for i in range(3)]
    skipped = [right[0], distance(weights[3], weights[1])]
    assert run.silent(found(right, [2, 3, 4]), None) is None
    assert run.silent(found([right[0], 77.0, 88.0], [2, 3, 4]), None) is None  # those of the damaged one
    assert run.silent(found(skipped, [2, 4], ("1 skipped",)), None) is None
    assert "nothing says so" in run.silent(found(skipped, [2, 4]), None)
    assert "is right" in run.silent(found([right[0], 77.0], [2, 4], ("1 skipped",)), None)
    assert "is right" in run.silent(found([55.0, *right[1:]], [2, 3, 4]), None)
    assert "nothing is read" in run.silent(found(right[:1], [2], ("1 skipped",)), None)
    assert "refused" in run.silent(Read(errors=["ValueError: no"]), None)


@pytest.mark.parametrize(
    "error", [TypeError("x"), KeyError("x"), MemoryError(), RecursionError("x"), ValueError(""), OverflowError("x")]
)
def test_other_exceptions_are_faults(error):
    def fail():
        raise error

    read = Read()
    attempt(read, fail)
    attempt(read, lambda: b"\xff".decode())
    with listening(read):
        warnings.warn("odd", stacklevel=1)
    assert not read.errors
    assert [each.partition(":")[0] for each in read.uncaught] == [type(error).__name__, "UnicodeDecodeError", "UserWarning"]


def test_named_errors_are_none():
    read = Read()
    attempt(read, lambda: int("x"))
    assert len(read.errors) == 1
    assert not read.uncaught


PROGRAM = """
import json, os, subprocess, sys
from pathlib import Path
from tests.fuzz.bounds import Bounds, held, opened
bounds, folder, told = Bounds(), Path(sys.argv[1]), {}
def seen(name, do):
    with bounds.measured():
        do()
    told[name] = bounds.over(1000) or "; ".join(bounds.done)
def touch():
    global data
    data = b"x" * (300 << 20)
seen("nothing", lambda: (folder / "a").exists())
seen("memory", touch)
seen("file", lambda: (folder / "a").write_text("a"))
seen("process", lambda: subprocess.run(["true"]))
seen("removal", lambda: os.remove(folder / "a"))
file = open(folder / "b", "w")
told["open"], told["held"] = opened(folder), list(held(folder))
print(json.dumps(told))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of the memory")
def test_what_reading_costs_and_touches_is_seen(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["nothing"] == ""
    assert "MB of memory for 1,000 bytes" in told["memory"]
    assert "to write" in told["file"]
    assert "subprocess.Popen" in told["process"]
    assert "os.remove" in told["removal"]
    assert told["open"] == [f"{tmp_path}/b"]
    assert told["held"] == ["b"]


@pytest.mark.parametrize(
    ("program", "kind"), [("import time; time.sleep(60)", HANG), ("import os; os.kill(os.getpid(), 9)", UNCAUGHT)]
)
def test_a_reader_that_hangs_or_ends_the_process_is_seen(tmp_path, program, kind, monkeypatch):
    with Worker(tmp_path, patience=1.0 if kind == HANG else 60.0) as worker:
        monkeypatch.setattr(worker, "program", lambda: [sys.executable, "-c", program])
        assert worker.check("npy", 3).kind == kind
        monkeypatch.undo()
        worker.patience = 60.0
        assert worker.check("npy", 3).seed == 3  # it goes on


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"orbax"}))  # whose library draws names for its files
def test_a_seed_is_always_the_same_case(tmp_path, name):
    if missing := FORMATS[name].missing():
        pytest.skip(f"{missing} is not installed")
    made = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        with warnings.catch_warnings(action="ignore"):
            FORMATS[name].build(tmp_path / place, plan(name, 7))
        files = sorted(path for path in (tmp_path / place).rglob("*") if path.is_file() and not path.is_symlink())
        made.append({path.relative_to(tmp_path / place): path.read_bytes() for path in files})
    assert made[0] == made[1]
    assert made[0]


def test_breakages_follow_the_readers():
    """Each replaces a text that is in its module exactly once, and is looked for in formats that there are."""
    for each in BREAKAGES:
        assert (ROOT / "wcdfa" / each.module).read_text(encoding="utf-8").count(each.old) == 1, each.what
        assert set(each.formats) <= set(FORMATS), each.what


@pytest.mark.parametrize("what", ["the last row", "rounded to float32", "of damaged archives", "a restart"])
def test_a_reader_that_is_broken_on_purpose_is_noticed(what):
    trial = tried(next(each for each in BREAKAGES if each.what == what), cases=60)
    assert trial.caught, trial
