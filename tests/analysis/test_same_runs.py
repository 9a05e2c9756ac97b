"""One run in several logs is recognised, and two runs never are taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wcdfa.analysis.agreement import agree, contradict
from wcdfa.analysis.fingerprints import fingerprint_of
from wcdfa.analysis.same_runs import SameRuns, distinct
from wcdfa.readers.series import RecordedSeries

STEPS = np.arange(2000)


def norms(seed=0, n=2000, spread=0.1, size=0.5):
    return size * np.exp(spread * np.random.default_rng(seed).standard_normal(n))


def series(values, steps=None, path="run.csv", column="update_norm", **others):
    values = np.asarray(values, float)
    known = {"run": "", "lr": None, "loss": None, "empty": 0, "notes": ()} | others
    return RecordedSeries(Path(path), column=column, values=values, steps=STEPS[: len(values)] if steps is None else steps, **known)


def fingerprint(values, steps=None, **others):
    return fingerprint_of(series(values, steps, **others))


def digits(values, number):
    return [float(f"{each:.{number}g}") for each in values]


@pytest.mark.parametrize("spread", [0.001, 0.1, 1.0])
@pytest.mark.parametrize("size", [1e-6, 0.5, 300.0])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_what_two_loggers_write_of_one_run_agrees(spread, size, shift):
    values = norms(spread=spread, size=size)
    whole, single = fingerprint(values), fingerprint(np.float32(values), STEPS + shift)
    rounded = fingerprint(digits(values, 6), STEPS + shift)
    for one, other in ((whole, single), (whole, rounded), (rounded, single)):
        assert agree(one, other)
        assert agree(other, one)


@pytest.mark.parametrize("part", [slice(0, 1000), slice(700, None), slice(0, None, 10), slice(0, None, 64), slice(0, None, 100)])
def test_a_log_of_some_of_the_steps_agrees(part):
    values = norms()
    assert agree(fingerprint(values), fingerprint(np.float32(values[part]), STEPS[part]))


def test_decimals_and_digits_are_told_apart():
    values = norms(spread=1.0)
    assert agree(fingerprint(values), fingerprint(values.round(4)))
    assert agree(fingerprint(np.float32(values)), fingerprint(digits(values, 4)))
    assert not agree(fingerprint(values), fingerprint(values * (1 + 1e-5)))
    assert contradict(fingerprint(values), fingerprint(values * (1 + 1e-5)))


@pytest.mark.parametrize("shared", [16, 100, 1500])
def test_seeds_that_share_their_first_values_are_two_runs(shared):
    one, other = norms(0), np.concatenate([norms(0)[:shared], norms(1)[shared:]])
    assert not agree(fingerprint(one), fingerprint(other))
    assert len(distinct([series(one, path="a"), series(other, path="b")])) == 2


@pytest.mark.parametrize(
    "values",
    [
        np.full(2000, 0.125),
        0.1 * (1 + np.cos(np.pi * STEPS / 2000)),  # as a sign update gives it, whatever the seed
        np.float32(0.1 * (1 + np.cos(np.pi * STEPS / 2000))),
        (0.1 * (1 + np.cos(np.pi * STEPS / 2000))).round(4),
        np.where(STEPS < 1000, 0.1, 0.01),
        norms().round(1),
        norms()[:15],
    ],
    ids=["constant", "cosine", "float32", "rounded", "steps", "one digit", "short"],
)
def test_values_that_every_run_may_have_show_nothing(values):
    assert not agree(fingerprint(values), fingerprint(values))
    assert len(distinct([series(values, path="a"), series(values, path="b")])) == 2


def test_two_columns_of_a_log_are_two_series_and_meet_those_of_their_name():
    one, copy = norms(0), norms(0)
    first = [series(one, path="csv", column=name) for name in ("update_norm", "update_norm/all")]
    second = [series(np.float32(copy), path="tb", column=f"train/{name}") for name in ("update_norm/all", "update_norm")]
    kept = distinct([*first, *second])
    assert [each.column for each in kept] == ["update_norm", "update_norm/all"]
    assert all(each.notes == ("the same norms are in tb: one run",) for each in kept)


def test_runs_of_one_store_are_as_many_as_it_holds():
    runs = [series(norms(seed), path="store.db", run=f"seed={seed}") for seed in range(3)]
    assert len(distinct(runs)) == 3
    assert len(distinct([*runs, series(norms(1), path="seed1.csv")])) == 3
    again = distinct([*runs, series(norms(1), path="store.db", run="a copy")])
    assert [each.notes for each in again] == [(), ("the same norms are in store.db: seed=1: one run",), ()]


def test_an_id_of_the_tool_tells_too_unless_the_values_speak_against_it():
    short = norms()[:12]
    mine, theirs = (series(short + number / 100, path=path, identity="wandb:abc") for number, path in enumerate("ab"))
    assert len(distinct([mine, theirs])) == 1
    assert len(distinct([mine, theirs._replace(identity="wandb:def")])) == 2
    assert len(distinct([series(norms(seed), path=str(seed), identity="wandb:seed0") for seed in range(2)])) == 2
    assert len(distinct([mine, theirs._replace(column="grad_norm")])) == 2


def test_the_longer_log_is_kept_then_the_one_with_more_beside_it_then_the_more_precise_one():
    values, rates = norms(), np.linspace(0.1, 0.01, 2000)
    short, rated = series(values[:1000], path="a", lr=rates[:1000]), series(np.float32(values[:1995]), path="b", lr=rates[:1995])
    whole, rounded = series(values, path="c"), series(digits(values, 4), path="d")
    for given, kept in (
        ([short, whole], "c"),
        ([whole, rated], "b"),  # which lacks a few steps at its end
        ([rounded, whole], "c"),
        ([whole._replace(path=Path("e")), whole], "c"),
    ):
        for logs in (given, given[::-1]):
            assert [str(each.path) for each in distinct(logs)] == [kept]


def test_many_runs_of_few_digits_are_compared_with_few_others(monkeypatch):
    compared = []
    monkeypatch.setattr("wcdfa.analysis.same_runs.agree", lambda *pair: compared.append(pair) or agree(*pair))
    runs = SameRuns()
    for seed in range(120):
        runs.add(fingerprint(norms(seed, n=300).round(4), path=str(seed)))
    joined = [runs.add(fingerprint(np.float32(norms(seed, n=300)), path=f"tb/{seed}")).run for seed in range(120)]
    assert joined == list(range(120))
    assert len(compared) < 4 * 240


def test_a_log_that_was_copied_many_times_is_one_run():
    values = norms()
    kept = distinct([series(np.float32(values) if number % 2 else values, path=f"{number:03}") for number in range(100)])
    assert len(kept) == 1
