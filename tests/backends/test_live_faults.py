"""Faults put into real trainings by torch: the alert that a tracker gets carries the cause."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch", reason="torch is not installed")

import torch

import wcdfa
from wcdfa.backends.torch import attach
from wcdfa.sinks.jsonl import JSONLinesSink

AT, STEPS = 1600, 2000


def train(sink, fault):
    """A small network on random data, which reshuffles them each epoch."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.Tanh(), torch.nn.Linear(32, 5))
    inputs, labels = torch.randn(2000, 20), torch.randint(0, 5, (2000,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
    handle = attach(optimizer, model=model, monitor=monitor, groups={"first": "^0", "last": "^2"}, alarm=sink.alert)
    for step in range(STEPS):
        if step == AT:
            fault(optimizer)
        rows = torch.randint(0, 2000, (16,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    handle.read()
    return handle


def smaller_momentum(optimizer):
    optimizer.param_groups[0]["betas"] = (0.5, 0.99)


def frozen(optimizer):
    optimizer.param_groups[0]["params"][0].requires_grad_(False)
    optimizer.param_groups[0]["params"][1].requires_grad_(False)


@pytest.mark.parametrize(
    ("fault", "evidence", "cause"),
    [
        (smaller_momentum, "consecutive changes are less alike", "the momentum, or β₁, is smaller"),
        (frozen, "first: it no longer moves", "some parameters are frozen"),
    ],
    ids=["momentum", "frozen"],
)
def test_the_alert_carries_the_cause(tmp_path, fault, evidence, cause):
    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        handle = train(sink, fault)
    rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    alerts = [row["wcdfa/alert"] for row in rows if "wcdfa/alert" in row]
    changed = [alert for alert in alerts if alert.startswith("the run changed from about step 1,")]
    assert changed, handle.raised
    assert any(evidence in alert for alert in alerts)
    assert any(cause in alert for alert in alerts)
    last = next(row for row in reversed(rows) if "wcdfa/cosine" in row)
    assert {
        "wcdfa/update_ratio",
        "wcdfa/vector_alpha",
        "wcdfa/cosine_low",
        "wcdfa/diagnosis_p",
        "wcdfa/cosine/first",
    } <= last.keys()
