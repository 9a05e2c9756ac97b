"""A wrong call: exit status 2, said once and in options, before any log is read."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.commands import run

pytest.importorskip("cyclopts", reason="cyclopts is not installed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--momentum", 0.9], "--momentum belongs to an optimizer: name it with --optimizer"),
        (["--momentum", 0.9, "--weight-decay", 0.1], "--weight-decay and --momentum belong to an optimizer"),
        (["--optimizer", "muon", "--betas", 0.9, 0.9], "muon has no hyperparameter --betas"),
        (["--optimizer", "sgd", "--momentum", 1.5], "got 1.5"),
        (["--lr", -1], "--lr must be positive and finite, got -1"),
        (["--lr", "nan"], "--lr must be positive and finite, got nan"),
        (["--steps", 50, 10], "--steps takes the first step and then the last, got 50 and 10"),
    ],
)
@pytest.mark.parametrize("command", ["analyze", "report", "compare", "watch"])
def test_a_wrong_call_is_refused_before_a_log_is_looked_for(tmp_path, command, arguments, message):
    done = run(command, "missing.csv", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "missing.csv" not in done.stderr


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("analyze", ["missing.csv", "--epoch-length", 1], "--epoch-length"),
        ("analyze", ["missing.csv", "--group-by", "("], "is not a regular expression"),
        ("analyze", ["missing.csv", "-o", "x.foo"], "ends in '.foo'"),
        ("report", ["missing.csv", "-o", "report.pdf"], "its name must end in .html or .htm"),
        ("demo", ["--output", "x.foo"], "ends in '.foo'"),
        ("demo", ["--report", "report.pdf"], "its name must end in .html or .htm"),
    ],
)
def test_what_one_command_checks_at_its_door(tmp_path, command, arguments, message):
    done = run(command, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "missing.csv" not in done.stderr
    assert not [each for kind in ("*.foo", "*.html", "*.pdf") for each in tmp_path.glob(kind)]


def test_watch_refuses_windows_and_epochs_that_its_monitor_cannot_take(tmp_path):
    np.savetxt(tmp_path / "run.csv", 1.0 + np.arange(100) % 7, header="update_norm", comments="")
    for arguments, message in (
        (["--window", 30], "--window must be at least 50, got 30"),
        (["--epoch-length", 400], "give a larger --window, or no --epoch-length"),
    ):
        done = run("watch", "run.csv", "--idle", 0.1, *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr


def test_watch_says_at_its_end_that_nothing_could_be_read(tmp_path):
    (tmp_path / "junk.jsonl").write_text("hello\n")
    done = run("watch", "junk.jsonl", "--every", 0.01, "--idle", 0.05, cwd=tmp_path)
    assert done.returncode == 1
    assert "waiting: junk.jsonl: line 1 is not JSON" in done.stdout
