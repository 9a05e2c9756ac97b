"""``wcdfa watch`` before there is a log, and while more than one logger writes."""

from __future__ import annotations

import time

import numpy as np
import pytest

import wcdfa
from tests.cli.test_commands import lines_of
from tests.conftest import require
from tests.helpers.commands import run, start
from tests.helpers.log_files import write_events
from wcdfa.analysis.series import Settings
from wcdfa.monitor.follower import QUIET, Follower


def rows(first, last, seed=0):
    values = np.exp(0.1 * wcdfa.synthetic.white_noise(1000, seed=seed))[first:last].tolist()
    return "".join(f"{step},{value!r}\n" for step, value in enumerate(values, start=first + 1))


HEADER = "step,update_norm\n"


@pytest.mark.parametrize("name", ["run.csv", "run.unheard-of"])
def test_a_log_that_never_comes_is_waited_for_and_said_once(tmp_path, name):
    done = run("watch", name, "--every", 0.02, "--idle", 0.3, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"waiting: {name}: no such file or folder"]


def test_a_folder_that_stays_empty_is_waited_for_and_said_once(tmp_path):
    (tmp_path / "runs").mkdir()
    done = run("watch", "runs", "--every", 0.02, "--idle", 0.3, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == ["waiting: runs: no log in this folder; it holds nothing"]


def test_a_log_that_comes_later_is_followed(tmp_path):
    process = start("watch", "runs", "--window", 100, "--every", 0.05, "--idle", 60, cwd=tmp_path)
    try:
        lines_of(process, "waiting: runs: no such file or folder")
        (tmp_path / "runs" / "a").mkdir(parents=True)
        lines_of(process, "waiting: runs: no log in this folder")
        log = tmp_path / "runs" / "a" / "metrics.csv"
        log.write_text(HEADER)
        time.sleep(0.2)
        log.write_text(HEADER + rows(0, 120))
        lines_of(process, r"step 120: .*α = ")
        log.unlink()
        lines_of(process, "waiting: ")
        log.write_text(HEADER + rows(120, 180))
        assert not any("started over" in line for line in lines_of(process, r"step 180: .*α = "))
    finally:
        process.kill()
        process.communicate()


def test_a_note_whose_number_grows_is_said_once(tmp_path):
    """Records that were written twice, more at each look."""
    log = tmp_path / "log.csv"
    log.write_text(HEADER)
    follower, said = Follower(log, Settings(window=100)), []
    for first in range(0, 400, 80):
        with log.open("a") as file:
            for line in rows(first, first + 80).splitlines():
                file.write(f"{line}\n" * 2)
        said += follower.look().said
    assert sum("belong to a step that was written again" in line for line in said) == 1
    log.write_text(HEADER + rows(0, 150, seed=1))
    said = [*follower.look().said]
    assert not any("written again" in line for line in said)


def test_another_logger_of_the_run_is_no_other_run(tmp_path):
    def logged(count, seed=0):
        values = np.exp(0.1 * wcdfa.synthetic.white_noise(1000, seed=seed))[:count]
        return {"step": np.arange(1, count + 1), "update_norm": values}

    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics.csv").write_text(HEADER + rows(0, 150))
    follower, said = Follower(tmp_path, Settings(window=100)), []
    said += follower.look().said
    for count in range(160, 160 + 10 * (QUIET + 2), 10):
        write_events(folder / "tb", logged(count))
        said += follower.look().said
        for file in (folder / "tb").iterdir():
            file.unlink()
    assert said == [f"now following {folder / 'metrics.csv'}: update_norm"]
    other = tmp_path / "other.csv"
    other.write_text(HEADER + rows(0, 120, seed=1))
    assert any(str(other) in line for line in follower.look().said)


def test_a_run_that_has_logged_nothing_yet_is_waited_for(tmp_path):
    """Beside a log of something else, which alone would end the command."""
    (tmp_path / "other.csv").write_text("accuracy,loss\n1,2\n")
    require("tensorboard.summary").Writer(str(tmp_path / "tb")).close()
    done = run("watch", ".", "--every", 0.05, "--idle", 0.3, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "waiting: " in done.stdout
