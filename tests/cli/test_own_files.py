"""Pictures and reports that nobody named: each run keeps its own."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run
from wcdfa import plotting, report
from wcdfa.cli.own_files import name_of, owner


@pytest.fixture
def runs(tmp_path):
    """Two runs whose logs have one name, and the same one level below."""
    for seed, folder in enumerate(("a", "b", "more/a")):
        place = tmp_path / folder
        place.mkdir(parents=True)
        norms = np.exp(0.1 * wcdfa.synthetic.white_noise(200, seed=seed)).tolist()
        (place / "metrics.csv").write_text("update_norm\n" + "".join(f"{each!r}\n" for each in norms))
    return tmp_path


@pytest.mark.parametrize(
    ("command", "ending", "owner_of"), [("analyze", "png", plotting.owner_of), ("report", "html", report.owner_of)]
)
def test_each_run_has_a_file_of_its_own(runs, command, ending, owner_of):
    logs = [runs / folder / "metrics.csv" for folder in ("a", "b", "more/a")]
    names = [f"{name}-wcdfa{number}.{ending}" for name, number in (("a-metrics", ""), ("b-metrics", ""), ("a-metrics", "-2"))]
    for log, name in [*zip(logs, names, strict=True), (logs[2], names[2])]:  # the second time, it replaces its own
        done = run(command, log, "--window", 100, cwd=runs)
        assert done.returncode == 0, done.stderr
        assert f"/{name}" in done.stdout
    assert sorted(each.name for each in runs.glob(f"*.{ending}")) == sorted(names)
    assert [owner_of(runs / name) for name in names] == [owner([log]) for log in logs]


@pytest.mark.parametrize(("command", "ending"), [("analyze", "png"), ("report", "html")])
def test_a_file_of_unknown_origin_stays(runs, command, ending):
    theirs = runs / f"a-metrics-wcdfa.{ending}"
    theirs.write_bytes(b"mine")
    (runs / f"a-metrics-wcdfa-2.{ending}").symlink_to("nowhere")
    assert run(command, "a/metrics.csv", "--window", 100, cwd=runs).returncode == 0
    assert theirs.read_bytes() == b"mine"
    assert (runs / f"a-metrics-wcdfa-3.{ending}").stat().st_size > 1000


def test_a_file_that_was_named_is_replaced_as_before(runs):
    for folder in ("a", "b"):
        assert run("analyze", f"{folder}/metrics.csv", "--window", 100, "-o", "p.png", cwd=runs).returncode == 0
    assert plotting.owner_of(runs / "p.png") == owner([runs / "b" / "metrics.csv"])
    assert plotting.owner_of(runs / "a" / "metrics.csv") is report.owner_of(runs / "p.png") is None


def test_a_name_tells_the_run(tmp_path):
    names = {
        "exp/trainer_state.json": "exp-trainer_state",
        "exp/checkpoint-500/trainer_state.json": "exp-checkpoint-500-trainer_state",
        "exp/version_3/metrics.csv": "exp-version_3-metrics",
        "exp/tb": "exp-tb",
        "exp/seed=1.csv.gz": "seed=1",
        "exp/run-abc.wandb": "run-abc",
        f"exp/{'x' * 200}.csv": "x" * 120,
    }
    assert {path: name_of(tmp_path / path) for path in names} == names
    assert name_of(tmp_path.__class__("/metrics.csv")) == "metrics"
