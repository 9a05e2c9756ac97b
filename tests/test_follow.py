"""A log that is followed while it is written."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis import Settings
from wcdfa.follow import BEFORE, Follower
from wcdfa.readers import read_series

SETTINGS = Settings(window=100)


def norms(n, seed=0):
    return np.exp(0.1 * wcdfa.synthetic.white_noise(n, seed=seed))


def write(path, values, first=1, mode="w", header="step,update_norm\n"):
    with path.open(mode) as file:
        if mode == "w":
            file.write(header)
        for step, value in enumerate(np.asarray(values).tolist(), start=first):
            file.write(f"{step},{value!r}\n" if "step" in header else f"{value!r}\n")


def monitored(values):
    monitor = wcdfa.WeightChangeDFA(window=100)
    for value in values:
        monitor.update(value)
    return monitor


def test_piece_by_piece_is_as_from_the_loop_itself(tmp_path):
    values = norms(700)
    path = tmp_path / "log.csv"
    write(path, values[:130])
    follower = Follower(path, SETTINGS)
    assert follower.look().fresh == 130
    for first, last in ((130, 131), (131, 400), (400, 700)):
        write(path, values[first:last], first=first + 1, mode="a")
        assert follower.look().fresh == last - first
        assert follower.look().fresh == 0
    expected = monitored(values)
    assert follower.monitor.history == expected.history
    np.testing.assert_array_equal(follower.monitor.get_signal(), expected.get_signal())
    assert follower.monitor.reading().steps[-1] == 700


def test_of_a_long_log_the_last_windows_are_taken(tmp_path):
    values = norms(5000)
    write(tmp_path / "log.csv", values)
    follower = Follower(tmp_path / "log.csv", SETTINGS)
    assert follower.look().fresh == 5000
    assert len(follower.monitor.history) == (BEFORE * 100 - 100) / 20 + 1
    np.testing.assert_array_equal(follower.monitor.get_signal(), values[-100:])


def test_steps_that_are_lost_are_a_gap(tmp_path):
    path = tmp_path / "log.csv"
    write(path, norms(60))
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(60, seed=1), first=71)  # rotated, and ten steps were never seen
    assert follower.look().fresh == 60
    assert follower.monitor.reading().steps.tolist() == [*range(21, 61), *range(71, 131)]


def test_a_log_without_steps_that_is_rotated_or_truncated_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    header = "update_norm\n"
    write(path, norms(150), header=header)
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(40, seed=1), header=header)
    assert follower.look().fresh == 40
    np.testing.assert_array_equal(follower.monitor.get_signal(), np.concatenate([norms(150)[90:], norms(40, seed=1)]))


def test_another_run_in_the_same_file_begins_anew(tmp_path):
    path = tmp_path / "log.csv"
    write(path, norms(300))
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(120, seed=1))
    news = follower.look()
    assert "the log was begun anew, and α with it" in news.said
    assert follower.monitor.history == monitored(norms(120, seed=1)).history


def test_a_restart_that_is_appended_is_said(tmp_path):
    path = tmp_path / "log.csv"
    write(path, norms(200))
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(100, seed=1), first=151, mode="a")
    news = follower.look()
    assert any("went back to 151: a restart" in line for line in news.said)
    assert follower.monitor.reading().steps[-1] == 250


def test_what_cannot_be_read_for_a_while_loses_nothing(tmp_path):
    path = tmp_path / "log.csv"
    write(path, norms(150))
    follower = Follower(path, SETTINGS)
    follower.look()
    before = follower.monitor.history
    path.unlink()
    with pytest.raises(FileNotFoundError):
        follower.look()
    path.write_text("")
    with pytest.raises(ValueError, match=r"log\.csv"):
        follower.look()
    assert follower.monitor.history == before
    write(path, norms(60, seed=1), first=151)
    assert follower.look().fresh == 60


def test_of_a_folder_the_log_that_was_written_last(tmp_path):
    write(tmp_path / "old.csv", norms(60))
    write(tmp_path / "new.csv", norms(70, seed=1))
    import os

    os.utime(tmp_path / "old.csv", (1, 1))
    follower = Follower(tmp_path, SETTINGS)
    assert follower.look().fresh == 70
    assert follower.series.path.name == "new.csv"


def test_several_series_are_refused(tmp_path):
    (tmp_path / "log.csv").write_text("norm/a,norm/b\n1,2\n3,4\n")
    with pytest.raises(ValueError, match="2 series, and one can be followed: choose it with --column"):
        Follower(tmp_path / "log.csv", Settings(columns=("norm/*",), window=100)).look()


def test_a_drift_is_said_once(tmp_path):
    calm, wild = wcdfa.synthetic.white_noise(2000, seed=0), wcdfa.synthetic.random_walk(500, seed=0)
    path = tmp_path / "log.csv"
    values = np.exp(0.1 * np.concatenate([calm, wild]))
    write(path, values[:1000])
    follower = Follower(path, Settings(window=128, method="gls"))
    said = list(follower.look().said)
    for first in range(1000, 2500, 250):
        write(path, values[first : first + 250], first=first + 1, mode="a")
        said += follower.look().said
    assert sum("regime changed from disordered to ordered" in line for line in said) == 1
    assert read_series(path).values.size == 2500
