"""``wcdfa analyze --with``: whether the series of a log moves together with another of its columns."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers.commands import run
from wcdfa import WeightChangeDFA, synthetic
from wcdfa.sinks.jsonl import JSONLinesSink

N = 600
X, NOISE = synthetic.arfima(N, d=0.2, batch=(2,), seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two logs: one with several columns beside the norm, the other with the norm alone."""
    place = tmp_path_factory.mktemp("with")
    with (place / "run.jsonl").open("w") as file:
        for i in range(N):
            row = {
                "step": i + 1,
                "update_norm": float(np.exp(X[i] / 10)),
                "train/loss": float(2 + X[i] + NOISE[i]),
                "constant": 1.0,
            }
            row |= {"validation": float(X[i])} if i % 100 == 99 else {}
            file.write(json.dumps(row) + "\n")
    with (place / "alone.jsonl").open("w") as file:
        file.writelines(json.dumps({"step": i + 1, "update_norm": float(np.exp(NOISE[i] / 10))}) + "\n" for i in range(N))
    return place


def test_it_says_whether_they_move_together_or_why_not(folder):
    options = [word for name in ("loss", "validation", "constant", "update_norm", "reward") for word in ("--with", name)]
    lines = run("analyze", "run.jsonl", *options, cwd=folder).stdout.splitlines()
    said = {line.partition(":")[0]: line for line in lines}
    assert said["train/loss and log ‖ΔW‖"].startswith("train/loss and log ‖ΔW‖: coupled (p = 0.001): ρ = 0.")
    assert "6 steps of 600 have both, and at least 128 are needed" in said["validation"]
    assert "it is constant" in said["constant"]
    assert "it is the same column" in said["update_norm"]
    assert "no column of numbers of that name; it holds: step, update_norm, train/loss, constant, validation" in said["reward"]


def test_it_is_in_json(folder):
    result = json.loads(run("analyze", "run.jsonl", "--with", "loss", "--with", "constant", "--json", cwd=folder).stdout)
    loss, constant = result["couplings"]
    assert loss["column"] == "train/loss"
    assert (loss["n"], loss["spacing"], loss["reason"]) == (N, 1, None)
    assert loss["p_value"] == pytest.approx(0.001)
    assert 0.4 < loss["low"] < loss["rho"] < loss["high"] < 0.9
    assert (constant["p_value"], constant["rho"], constant["size"], constant["reason"]) == (None, None, None, "it is constant")
    assert "couplings" not in json.loads(run("analyze", "run.jsonl", "--json", cwd=folder).stdout)


def test_of_many_logs_each_has_a_note(folder):
    shown = " ".join(run("analyze", ".", "--with", "loss", "--jobs", "1", cwd=folder).stdout.split())
    assert "note: run.jsonl: update_norm: train/loss and log ‖ΔW‖: coupled" in shown
    assert (
        "note: alone.jsonl: update_norm: loss: not compared with log ‖ΔW‖: the log has no column of numbers of that name" in shown
    )


def test_another_series_is_called_by_its_column(folder):
    shown = run("analyze", "run.jsonl", "--column", "train/loss", "--with", "update_norm", cwd=folder).stdout
    assert "update_norm and log train/loss: " in shown or "update_norm and train/loss: " in shown


def test_what_a_monitor_logged_can_be_compared_again(tmp_path):
    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        monitor = WeightChangeDFA(window=256, logger=sink)
        for norm, loss in zip(np.exp(X / 10), X + NOISE, strict=True):
            monitor.update(norm, beside={"loss": loss})
    logged = json.loads(run("analyze", "run.jsonl", "--with", "loss", "--json", cwd=tmp_path).stdout)["couplings"]
    assert [each["column"] for each in logged] == ["wcdfa/beside/loss"]
    assert logged[0]["rho"] == pytest.approx(monitor.coupling("loss", whole=True).clearest[1])
