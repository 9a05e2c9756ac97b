"""A log that is followed while it is written."""

from __future__ import annotations

import json
import os
import sqlite3

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.series import Settings
from wcdfa.monitor.follower import BEFORE, QUIET, Follower
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.series import read_series

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
    assert "the log was started over, and so is α" in news.said
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
    np.testing.assert_array_equal(follower.monitor.get_signal(), np.concatenate([norms(150), norms(100, seed=1)])[-100:])


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
    os.utime(tmp_path / "old.csv", (1, 1))
    follower = Follower(tmp_path, SETTINGS)
    news = follower.look()
    assert news.fresh == 70
    assert news.said == (f"now following {tmp_path / 'new.csv'}: update_norm",)


def test_several_series_are_refused(tmp_path):
    (tmp_path / "log.csv").write_text("norm/a,norm/b\n1,2\n3,4\n")
    with pytest.raises(NoSeries, match="2 series, but only one can be followed: choose it with column="):
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


class Pair:
    """Two logs in a folder, with norms of different size, of which the first is followed."""

    def __init__(self, folder):
        self.folder, self.ends = folder, {"b.csv": 0, "a.csv": 0}
        self.append("b.csv", 120)
        os.utime(folder / "b.csv", (1, 1))
        self.append("a.csv", 120)
        self.follower = Follower(folder, SETTINGS)
        assert self.follower.look().said == (f"now following {folder / 'a.csv'}: update_norm",)

    def append(self, name, n):
        end = self.ends[name]
        level = 1000 if name == "b.csv" else 1
        write(self.folder / name, level * norms(end + n)[end:], first=end + 1, mode="a" if end else "w")
        self.ends[name] = end + n

    def look(self, *names):
        for name in names:
            self.append(name, 10)
        return self.follower.look()

    @property
    def held(self):
        return set((np.asarray(self.follower.monitor.get_signal()) > 30).tolist())


def test_of_two_logs_written_in_turn_the_first_is_kept_and_the_other_named_once(tmp_path):
    pair = Pair(tmp_path)
    looks = [pair.look(name) for _ in range(2 * QUIET) for name in ("b.csv", "a.csv")]
    assert [each.fresh for each in looks] == [0, 10] * 2 * QUIET
    said = [line for each in looks for line in each.said if "now following" in line or "is being written too" in line]
    assert said == [f"{tmp_path / 'b.csv'}: update_norm is being written too; to follow it, give its own path"]
    assert pair.held == {False}


def test_of_two_logs_written_at_once_the_first_is_kept_and_the_other_named_once(tmp_path):
    pair = Pair(tmp_path)
    looks = [pair.look("a.csv", "b.csv") for _ in range(2 * QUIET)]
    assert {each.fresh for each in looks} == {10}
    assert sum("b.csv: update_norm is being written too" in line for each in looks for line in each.said) == 1
    assert pair.held == {False}


def test_a_log_that_is_written_no_more_gives_way_to_one_that_is(tmp_path):
    pair = Pair(tmp_path)
    looks = [pair.look("b.csv") for _ in range(QUIET)]
    assert [each.fresh for each in looks] == [0] * (QUIET - 1) + [120 + 10 * QUIET]
    assert looks[-1].said[0] == f"now following {tmp_path / 'b.csv'}: update_norm"
    assert pair.held == {True}
    assert pair.follower.monitor.history == monitored(1000 * norms(120 + 10 * QUIET)).history
    assert pair.look("b.csv").fresh == 10


def test_a_log_that_is_gone_gives_way_at_once_and_what_holds_no_series_never_takes_over(tmp_path):
    pair = Pair(tmp_path)
    for i in range(2 * QUIET):
        (tmp_path / "other.csv").write_text("size,count\n" + "1,2\n" * (i + 1))
        assert pair.look() == (0, ())
    (tmp_path / "a.csv").unlink()
    assert pair.look("b.csv").said[-1] == f"now following {tmp_path / 'b.csv'}: update_norm"


def test_what_holds_no_series_is_passed_over_at_the_first_look(tmp_path):
    write(tmp_path / "log.csv", norms(60))
    os.utime(tmp_path / "log.csv", (1, 1))
    (tmp_path / "other.csv").write_text("size,count\n1,2\n")
    assert Follower(tmp_path, SETTINGS).look().fresh == 60


def test_of_the_runs_of_a_store_one_is_held(tmp_path):
    store = sqlite3.connect(tmp_path / "store.db")
    store.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_name TEXT, step INTEGER, metrics TEXT)")

    def append(run, first, values):
        rows = [(run, step, f'{{"update_norm": {value!r}}}') for step, value in enumerate(values.tolist(), start=first)]
        store.executemany("INSERT INTO metrics (run_name, step, metrics) VALUES (?, ?, ?)", rows)
        store.commit()

    append("first", 1, norms(120))
    follower = Follower(tmp_path / "store.db", SETTINGS)
    assert follower.look().fresh == 120
    append("second", 1, 1000 * norms(200))
    append("first", 121, norms(10, seed=1))
    assert follower.look() == (10, ("note: not followed: 1 other run of this log, second",))
    for i in range(QUIET):
        append("second", 201 + i, 1000 * norms(1))
        news = follower.look()
    followed = f"now following {tmp_path / 'store.db'}: second: update_norm"
    assert news.said == (followed, "note: not followed: 1 other run of this log, first")
    assert follower.monitor.get_signal().min() > 30
    store.close()


@pytest.mark.parametrize("header", ["step,update_norm\n", "update_norm\n"])
def test_a_log_replaced_by_that_of_a_longer_run_begins_anew(tmp_path, header):
    path = tmp_path / "log.csv"
    write(path, norms(150), header=header)
    follower = Follower(path, SETTINGS)
    follower.look()
    path.unlink()
    write(path, norms(190, seed=1), header=header)
    assert follower.look() == (190, ("the log was started over, and so is α",))
    np.testing.assert_array_equal(follower.monitor.get_signal(), norms(190, seed=1)[-100:])
    assert follower.monitor.history == monitored(norms(190, seed=1)).history


def test_a_restart_that_overtakes_between_two_looks_takes_the_undone_norms_away(tmp_path):
    path = tmp_path / "log.csv"
    write(path, norms(600))
    follower = Follower(path, Settings(window=300))
    follower.look()
    write(path, 1000 * norms(301, seed=1), first=400, mode="a")
    assert "the log was started over, and so is α" in follower.look().said
    expected = np.concatenate([norms(600)[:399], 1000 * norms(301, seed=1)])
    np.testing.assert_array_equal(follower.monitor.get_signal(), expected[-300:])
    assert follower.monitor.reading().steps.tolist() == list(range(401, 701))


def test_norms_that_are_not_numbers_are_no_other_run(tmp_path):
    path = tmp_path / "log.csv"
    values = norms(120)
    values[[50, 119]] = np.nan
    write(path, values)
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(5), first=121, mode="a")
    assert follower.look() == (5, ())


@pytest.mark.parametrize("first", [-3, 0, 1, 7])
@pytest.mark.parametrize("n", [150, 1500])
def test_steps_are_those_of_the_log(tmp_path, first, n):
    path = tmp_path / "log.csv"
    write(path, norms(n), first=first)
    follower = Follower(path, SETTINGS)
    follower.look()
    write(path, norms(20, seed=1), first=first + n, mode="a")
    follower.look()
    assert follower.monitor.reading().steps.tolist() == list(range(first + n - 80, first + n + 20))
    assert follower.watch.stops[-1] == first + n + 20 - 1 - (n + 20) % 20


def test_rows_are_counted_as_steps_where_there_are_none(tmp_path):
    write(tmp_path / "log.csv", norms(1500), header="update_norm\n")
    follower = Follower(tmp_path / "log.csv", SETTINGS)
    follower.look()
    assert follower.monitor.reading().steps.tolist() == list(range(1401, 1501))


@pytest.mark.parametrize("early", [True, False])
def test_no_logarithm_is_taken_where_values_are_negative(tmp_path, early):
    path = tmp_path / "log.csv"
    values = wcdfa.synthetic.white_noise(300, seed=0)
    if not early:
        values[:150] = abs(values[:150])
    write(path, values[:150])
    follower = Follower(path, SETTINGS)
    said = follower.look().said
    assert (
        any(
            "values are negative, which no norm is: this may be the logarithm of one; no logarithm is taken" in line
            for line in said
        )
        is early
    )
    write(path, values[150:], first=151, mode="a")
    said = follower.look().said
    assert (
        any(
            "values are negative, which no norm is: this may be the logarithm of one; no logarithm is taken" in line
            for line in said
        )
        is not early
    )
    expected = wcdfa.WeightChangeDFA(window=100, log=False)
    for value in values:
        expected.update(value)
    assert follower.monitor.alpha == expected.alpha
    assert np.isfinite(expected.alpha)
    insisting = Follower(path, Settings(window=100, log=True))
    insisting.look()
    assert "needs norms above 0" in insisting.monitor.reason


def test_a_rate_that_was_given_is_used_until_that_of_the_log_varies(tmp_path):
    """From then on α is that of the log with its schedule, as `analyze` finds it."""
    path, header = tmp_path / "log.csv", "step,update_norm,lr\n"
    rates = np.r_[np.full(150, 1.0), np.linspace(1.0, 0.01, 150)]
    values = norms(300) * rates
    rows = [
        f"{step},{value!r},{rate!r}\n" for step, value, rate in zip(range(1, 301), values.tolist(), rates.tolist(), strict=True)
    ]
    path.write_text(header + "".join(rows[:150]))
    follower = Follower(path, Settings(window=100, lr=0.5))
    assert follower.look().fresh == 150
    assert set(follower.monitor.reading().lr) == {0.5}
    with path.open("a") as file:
        file.writelines(rows[150:])
    news = follower.look()
    assert "the learning rate of the log begins to vary, so it is used, and α is started over" in news.said
    assert any("not the 0.5 that was given, because it varies from 0.01 to 1" in said for said in news.said)
    np.testing.assert_array_equal(follower.monitor.reading().lr, rates[-100:])
    alone = Follower(path, SETTINGS)
    alone.look()
    assert follower.monitor.alpha == alone.monitor.alpha


def test_a_thinned_log_is_followed_and_said_to_be_so(tmp_path):
    path = tmp_path / "log.csv"
    steps = np.arange(10, 3001, 10)
    path.write_text(
        "step,update_norm\n" + "".join(f"{step},{value!r}\n" for step, value in zip(steps, norms(300).tolist(), strict=True))
    )
    follower = Follower(path, SETTINGS)
    assert "note: only every 10th step was logged: memory below 10 steps cannot be seen" in follower.look().said
    assert (follower.series.thinned, follower.monitor.step) == (10, 3000)
    counted = Follower(follower.path, Settings(window=follower.settings.window, baseline=8000))
    counted.look()
    assert counted.live.baseline == 8000 // 10 // 25


def test_gradients_and_a_momentum_that_varies_reach_the_monitor(tmp_path):
    path, values = tmp_path / "log.csv", norms(300)
    gradients, momentum = norms(300, seed=1), np.linspace(0.95, 0.85, 300)
    rows = zip(range(1, 301), values.tolist(), gradients.tolist(), momentum.tolist(), strict=True)
    path.write_text("step,update_norm,grad_norm,wcdfa/momentum\n" + "".join(f"{','.join(map(repr, row))}\n" for row in rows))
    follower = Follower(path, Settings(window=100, optimizer="sgd", hyperparameters={"momentum": 0.9}))
    follower.look()
    reading = follower.monitor.reading()
    np.testing.assert_array_equal(reading.gradients, gradients[-100:])
    np.testing.assert_allclose(reading.varying["momentum"], momentum[-100:], rtol=1e-6)


def rows_in_epochs(count, name, value):
    """Rows with a counter `name`, and where it counts calls of a tracker, other metrics in rows of their own."""
    held = []
    for i, norm in enumerate(norms(count).tolist()):
        held.append({name: len(held) if name == "_step" else value(i), "update_norm": norm})
        if name == "_step" and i % 60 == 59:
            held.append({name: len(held), "val/loss": 1.0})
    return held


@pytest.mark.parametrize("every", [1, 37, 250])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples_seen", lambda i: 64 * (i + 1) - 16 * ((i + 1) // 60)),  # with a smaller last batch
        ("batch", lambda i: i % 60),
        ("iter", lambda i: i),
        ("_step", None),
    ],
)
def test_a_log_that_grows_is_held_as_a_whole_log_is_read(tmp_path, name, value, every):
    rows, path = rows_in_epochs(500, name, value), tmp_path / "log.jsonl"
    begun = 250 if every == 1 else 0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:begun]))
    follower, fresh, said = Follower(path, SETTINGS), 0, []
    for first in range(begun, len(rows), every)[: 80 if every == 1 else None]:
        with path.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows[first : first + every])
        news = follower.look()
        fresh, said = fresh + news.fresh, [*said, *news.said]
        expected = sum("update_norm" in row for row in rows[: first + every])
        assert len(follower.series.values) == len(read_series(path).values) == expected == fresh
    assert not any("started over" in each for each in said)
