"""The first command on logs that real tools write: a few of the cases of benchmarks/real_logs.py, which has them all."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from benchmarks.real_log_cases.cases import CASES, GRADIENT, Log, Series
from benchmarks.real_log_cases.checking import judged, outcome
from tests.conftest import require

pytest.importorskip("cyclopts", reason="cyclopts, which the command line needs, is not installed")

KINDS = ("tables", "encodings", "json_logs", "tensorboard", "wandb_runs", "trackers", "programs")
for kind in KINDS:
    importlib.import_module(f"benchmarks.real_log_cases.{kind}")
CHOSEN = {
    ("csv module", "every 10th step"),
    ("csv module", "value beside grad_norm"),
    ("csv module", "a loss only"),
    ("csv module", "appended to after a restart, second header"),
    ("pandas", "to_csv, ; and decimal comma"),
    ("pandas", "to_parquet, steps as the index, .pq"),
    ("a table", "UTF-16, as PowerShell redirects it"),
    ("gzip", "metrics.jsonl.gz"),
    ("json module", "killed and restarted: } { in one line"),
    ("SummaryWriter", "restarted from a checkpoint, no purge_step"),
    ("wandb's page", "export of a panel, two runs"),
    ("TensorBoard's page", "download of update norms"),
    ("logging", "step and norm in a message"),
    ("TensorBoard's page", "download of a loss"),
    ("torchtitan", "what it prints, with colours and ranks"),
}
FEW = [case for case in CASES if (case.tool, case.way) in CHOSEN]


def test_all_that_are_chosen_are_cases():
    assert {(case.tool, case.way) for case in FEW} == CHOSEN


def test_each_case_has_a_name_of_its_own():
    names = [(case.tool, case.way) for case in CASES]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("case", FEW, ids=lambda case: f"{case.tool}: {case.way}")
def test_the_first_command_is_right(case, tmp_path):
    for package in case.needs:
        require(package)
    log = case.write(tmp_path / "logs")
    verdict = judged(log, outcome(log, tmp_path))
    assert verdict.right, verdict.why
    assert not verdict.false


def test_what_is_wrong_is_seen(tmp_path):
    (tmp_path / "log.csv").write_text("step,update_norm\n" + "".join(f"{i},{1 + 0.1 * np.sin(i * i)}\n" for i in range(60)))
    values, steps = 1 + 0.1 * np.sin(np.arange(60) ** 2), np.arange(60)
    found = outcome(Log(tmp_path / "log.csv"), tmp_path)

    def why(*series, **options):
        return judged(Log(tmp_path / "log.csv", series, **options), found).why

    assert why(Series(values, steps)) == ""
    assert "other values" in why(Series(values + 1e-15, steps))
    assert "and not 1–60" in why(Series(values, steps + 1))
    assert "and not gradient norm" in why(Series(values, steps, GRADIENT))
    assert "and not every 10" in why(Series(values, steps, thinned=10))
    assert "1 series, and not 2" in why(Series(values, steps), Series(values, steps))
    assert "does not say" in why(Series(values, steps), says="epoch")
    assert judged(Log(tmp_path / "log.csv"), found).false
