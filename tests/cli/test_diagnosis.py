"""What analyze and watch say of faults, from logs that hold the direction."""

from __future__ import annotations

import json

from tests.helpers.commands import run
from tests.helpers.live_runs import run_on_white

AT = 1500
NAMED = ("--optimizer", "sgd", "--momentum", "0.9")


def write(path, reading, every=1, direction=True):
    """What a sink would write at each step; NaN of the first cosine included."""
    series = {"update_norm": reading.norms, "lr": reading.lr}
    if direction:
        series |= {"cosine": reading.cosine, "weight_norm": reading.weight_norm}
        series |= {f"update_norm/{name}": values for name, values in reading.groups.items()}
        series |= {f"cosine/{name}": values for name, values in reading.cosines.items()}
    with path.open("w") as file:
        for i in range(every - 1, len(reading.norms), every):
            row = {"wcdfa/step": i + 1} | {f"wcdfa/{name}": float(values[i]) for name, values in series.items()}
            file.write(json.dumps(row) + "\n")


def test_a_fault_is_in_the_text_and_in_json(tmp_path):
    write(tmp_path / "run.jsonl", run_on_white("sgd", 2500, 1, fault="momentum", at=AT))
    shown = run("analyze", "run.jsonl", *NAMED, cwd=tmp_path).stdout.replace("\n", " ")
    assert "diagnosis: found from step 1,501 on" in shown
    assert "likely cause: the momentum, or β₁, is smaller. Look at momentum" in shown
    found = json.loads(run("analyze", "run.jsonl", "--json", "--baseline", str(AT), cwd=tmp_path).stdout)["diagnosis"]
    assert found["found"]
    assert found["since"] == AT + 1
    assert any("consecutive changes are less alike" in each for each in found["evidence"])
    assert any("no optimizer is named" in each for each in found["not_compared"])
    without = run("analyze", "run.jsonl", "--json", "--no-diagnosis", cwd=tmp_path).stdout
    assert json.loads(without)["diagnosis"] is None


def test_watch_says_it_too(tmp_path):
    write(tmp_path / "run.jsonl", run_on_white("sgd", 2500, 1, fault="momentum", at=AT))
    shown = run("watch", "run.jsonl", "--idle", "0.1", "--every", "0.01", *NAMED, cwd=tmp_path).stdout.replace("\n", " ")
    assert "the run changed from about step 1,501 on: " in shown
    assert "run is not what SGD(momentum 0.9) gives" in shown


def test_a_dull_log_says_briefly_what_was_not_compared(tmp_path):
    healthy = run_on_white("sgd", 2500, 2)
    write(tmp_path / "plain.jsonl", healthy, direction=False)
    write(tmp_path / "thin.jsonl", healthy, every=10)
    plain = run("analyze", "plain.jsonl", cwd=tmp_path).stdout
    assert "diagnosis: nothing found. Compared: 3 series after step" in plain
    assert plain.count("not compared: ") == 1
    thin = " ".join(run("analyze", "thin.jsonl", *NAMED, cwd=tmp_path).stdout.split())  # it is wrapped
    assert "likely cause" not in thin
    assert "the direction, because not every step was recorded" in thin
