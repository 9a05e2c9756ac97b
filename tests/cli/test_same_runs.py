"""A run that several loggers wrote, and logs that hold nothing or cannot be read, beside good ones."""

from __future__ import annotations

import json
import sys
import zipfile

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers import log_files
from tests.helpers.commands import run
from tests.report.test_report import drawn
from wcdfa.cli.row_stream import AHEAD, RowStream
from wcdfa.readers import read_series, sources
from wcdfa.readers.series import series_of

STEPS = np.arange(1, 601)


def columns(seed, n=600):
    return {"step": STEPS[:n], "update_norm": np.exp(0.1 * wcdfa.synthetic.white_noise(n, seed=seed))}


def write_csv(path, seed, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    log_files.write_csv(path, columns(seed, **options))


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three seeds, each in a table and in event files; one table lacks its last rows, and one event file its last events."""
    folder = tmp_path_factory.mktemp("seeds")
    for seed, (rows, events) in enumerate(((600, 600), (480, 600), (600, 480))):
        write_csv(folder / f"seed={seed}" / "csv" / "metrics.csv", seed, n=rows)
        log_files.write_events(folder / f"seed={seed}" / "tb", columns(seed, n=events))
    return folder


def test_two_loggers_of_a_run_are_one_row(seeds, tmp_path):
    options = ["--window", 200, "--table", tmp_path / "t.parquet"]
    for jobs in (1, 2):
        done = run("analyze", ".", "--json", "--jobs", jobs, *options, cwd=seeds)
        assert done.returncode == 0, done.stderr
        found = sorted(objects(done), key=lambda each: each["path"])
        assert [each["path"] for each in found] == [
            "seed=0/csv/metrics.csv",
            "seed=1/tb",
            "seed=2/csv/metrics.csv",
        ]
        assert [each["n"] for each in found] == [600] * 3
        assert "the same norms are in seed=0/tb: one run" in found[0]["notes"]
        table = require("pandas").read_parquet(tmp_path / "t.parquet")
        assert sorted(set(table["path"])) == [each["path"] for each in found]
        assert len(table) == 3 * 3
    shown = run("analyze", ".", "--jobs", 1, *options, cwd=seeds).stdout
    assert shown.count("│ 600 │") == 3
    assert "the same norms are in seed=1/csv/metrics.csv: one run" in shown.replace("\n", " ")


def test_a_group_counts_a_run_once(seeds, tmp_path):
    found = objects(run("analyze", seeds, "--json", "--window", 200, "--group-by", "seeds", "--jobs", 1, cwd=tmp_path))
    (group,) = (each for each in found if "runs" in each)
    assert group["runs"] == 3
    assert group["alpha"] == pytest.approx(np.mean([each["alpha"] for each in found if "runs" not in each]))


def test_compare_counts_a_run_once(seeds, tmp_path):
    found = objects(run("compare", seeds, "--json", "--window", 200, cwd=tmp_path))
    assert len(found) == 2
    assert [each["other"]["path"] for each in found] == [
        str(seeds / "seed=1" / "tb"),
        str(seeds / "seed=2" / "csv" / "metrics.csv"),
    ]
    refused = run("compare", seeds / "seed=0", "--window", 200, cwd=tmp_path)
    assert refused.returncode == 1
    assert "2 series found, which are of one run, and a comparison needs two runs" in refused.stderr


def test_a_report_shows_a_run_once(seeds, tmp_path):
    done = run("report", seeds, "--window", 200, "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(drawn(tmp_path / "page.html")["runs"]) == 3
    assert "the same norms are in" in (tmp_path / "page.html").read_text()


def test_each_logger_of_a_training_writes_the_same_run(tmp_path):
    """Of float32 and float64, with steps from 0 and from 1, and under the names that each gives."""
    log_files.write_trainer_state(tmp_path / "trainer_state.json")
    log_files.write_events(tmp_path / "runs" / "events")
    log_files.write_lightning(tmp_path / "lightning")
    first, second = (
        {name: values[part] for name, values in log_files.COLUMNS.items()} for part in (slice(0, 200), slice(150, None))
    )
    pieces = [("a run", {**log_files.rows_of(each), "id": "abc123"}) for each in (first, second)]
    log_files.write_tracker("wandb", tmp_path / "tracked", *pieces)
    (found,) = objects(run("analyze", ".", "--json", "--window", 100, cwd=tmp_path))
    assert found["n"] == 300
    (whole,) = objects(run("analyze", "tracked", "--json", "--window", 100, cwd=tmp_path))
    assert (whole["n"], whole["run"]) == (300, "a run abc123")
    assert whole["notes"][:2] == [
        "the run was resumed: its 2 pieces are read in the order of their start",
        "steps went back to 151: a restart, and the later records count; 50 records that it replaced are left out",
    ]
    alone = [json.loads(run("analyze", each, "--json", "--window", 100, cwd=tmp_path).stdout) for each in tmp_path.rglob("*.wandb")]
    assert [each["n"] for each in alone] == [300, 300]


def test_a_resumed_run_that_counts_its_rows_anew_loses_none(tmp_path):
    parts = [{"update_norm": log_files.NORMS[part]} for part in (slice(0, 200), slice(200, None))]
    pieces = [("a run", {**log_files.rows_of(each), "id": "abc124"}) for each in parts]
    series = read_series(log_files.write_tracker("wandb", tmp_path, *pieces))
    np.testing.assert_array_equal(series.values, log_files.NORMS)
    assert series.steps.tolist() == list(range(300))
    assert "a later piece counts its rows from 0 again, so _step is counted on" in series.notes


def test_a_run_that_is_resumed_within_a_second_is_read_whole(tmp_path):
    parts = [{"update_norm": log_files.NORMS[part]} for part in (slice(0, 200), slice(200, None))]
    pieces = [("a run", {**log_files.rows_of(each), "id": "abc125"}) for each in parts]
    log_files.write_tracker("wandb", tmp_path, *pieces)
    first, second = sorted(file.parent for file in tmp_path.rglob("*-abc125*/*.wandb") if not file.parent.is_symlink())
    second.rename(f"{first}-1")  # as it is called then
    (found,) = [series for source in sources(tmp_path) for run in source.runs() for series in series_of(run)]
    np.testing.assert_array_equal(found.values, log_files.NORMS)


@pytest.fixture
def mixed(tmp_path):
    """Two good logs, and five in which nothing is logged."""
    from tensorboard.summary import Writer

    for seed in range(2):
        write_csv(tmp_path / "runs" / f"{seed}.csv", seed)
    (tmp_path / "runs" / "empty.csv").write_text("")
    (tmp_path / "runs" / "header.csv").write_text("step,update_norm\n")
    (tmp_path / "runs" / "begun.jsonl").write_text("")
    Writer(str(tmp_path / "runs" / "begun")).close()
    (tmp_path / "runs" / "trainer_state.json").write_text('{"log_history": []}')
    return tmp_path


@pytest.mark.parametrize("command", ["analyze", "compare", "report"])
def test_what_holds_nothing_is_no_failure_and_what_is_damaged_is_one(mixed, command):
    require("tensorboard")
    one = ["--window", 200, *(["--jobs", 1] if command == "analyze" else [])]
    done = run(command, "runs", *one, cwd=mixed)
    assert done.returncode == 0, done.stderr
    assert "5 files or runs were skipped, because nothing is logged in them" in done.stdout
    (mixed / "runs" / "damaged.npz").write_bytes(b"PK\x03\x04")
    done = run(command, "runs", *one, cwd=mixed)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "damaged.npz" in done.stderr
    assert done.stdout.count("1.csv") >= (command != "report")
    named = run(command, "runs", "runs/begun.jsonl", *one, cwd=mixed)
    assert named.returncode == 1
    assert "begun.jsonl: no numbers" in named.stderr


def test_rows_of_many_logs_are_printed_while_they_are_judged(tmp_path, monkeypatch):
    for number in range(60):
        write_csv(tmp_path / "runs" / f"{number:02}.csv", number, n=120)
    known = []
    done_with = RowStream.done

    def seen(stream, task):
        done_with(stream, task)
        known.append("runs/00.csv" in sys.stdout.buffer.getvalue().decode())

    monkeypatch.setattr(RowStream, "done", seen)
    done = run("analyze", "runs", "--window", 100, "--jobs", 1, cwd=tmp_path)
    assert known.index(True) <= AHEAD
    lines = done.stdout.splitlines()
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│") and ".csv" in line]
    assert rows == [f"runs/{number:02}.csv: update_norm" for number in (*range(20), *range(40, 60))]
    assert "… 20 more, with --json" in done.stdout
    assert sum(line.startswith("└") for line in lines) == sum(line.startswith("┏") for line in lines) == 1


def test_lines_of_many_logs_are_printed_at_once_and_a_copy_is_said(tmp_path):
    for number in range(41):
        write_csv(tmp_path / "runs" / f"{number:02}.csv", number % 40, n=120)
    done = run("analyze", "runs", "--window", 100, "--jobs", 1, "--json", cwd=tmp_path)
    assert [each["path"] for each in objects(done)] == [f"runs/{number:02}.csv" for number in range(40)]
    assert "note: runs/00.csv: update_norm: the same norms are in runs/40.csv: one run" in done.stderr


def test_a_run_of_something_else_in_one_log_is_passed_over(tmp_path):
    """As it is in a folder: the others are judged. If there is no other, what the log holds is said."""
    rows = "".join(f"{step},{value!r}\n" for step, value in enumerate(log_files.NORMS.tolist()))
    for name, columns in (("two", ("update_norm", "loss")), ("none", ("loss", "reward"))):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for column in columns:
                archive.writestr(f"{column}.csv", f"step,{column}\n{rows}")
    done = run("analyze", "two.zip", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [each["run"] for each in objects(done)] == ["update_norm.csv"]
    done = run("analyze", "none.zip", cwd=tmp_path)
    assert done.returncode == 1
    assert "it holds: step, loss" in " ".join(done.stdout.split())
    assert "To log ‖ΔW‖" in done.stdout


def test_a_folder_of_empty_runs_says_how_to_log(tmp_path):
    for seed in range(2):
        (tmp_path / f"{seed}.csv").write_text("step,update_norm\n")
    done = run("analyze", ".", "--jobs", 1, cwd=tmp_path)
    assert done.returncode == 1
    assert "2 files or runs were skipped, because nothing is logged in them" in done.stdout
    assert "To log ‖ΔW‖" in done.stdout
