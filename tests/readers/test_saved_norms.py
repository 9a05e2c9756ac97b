"""Norms that are saved beside a log with too few of them are found, and with them the optimizer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers.commands import run
from wcdfa.readers import sources
from wcdfa.readers.saved_norms import saved_norms
from wcdfa.readers.series import read_series

SGD = json.dumps({"optimizer": "sgd", "hyperparameters": {"momentum": 0.9}})


def save_torch(path, steps, source=SGD):
    """What the callback for transformers saves in a checkpoint."""
    torch = pytest.importorskip("torch")
    from wcdfa.backends.torch.hooks import attach

    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, window=100)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    path.parent.mkdir(exist_ok=True)
    torch.save({"recording": {"handle": handle.state_dict(), "monitor": {"source": source}}}, path)
    handle.detach()


def write_state(folder, history):
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": history, "global_step": 40}))


def history(steps):
    return [{"step": i, "wcdfa/step": i, "wcdfa/update_norm": 0.1 + i % 7} for i in steps]


@pytest.mark.parametrize("steps", [31, 40])
@pytest.mark.parametrize("given", ["checkpoint-40", "checkpoint-40/trainer_state.json", "."])
def test_a_checkpoint_before_the_first_log_has_its_norms(tmp_path, steps, given):
    save_torch(tmp_path / "checkpoint-40" / "wcdfa.pt", steps)
    write_state(tmp_path / "checkpoint-40", [])
    series = read_series(tmp_path / given)
    assert len(series.values) == steps
    assert series.optimizer == "sgd"


def test_a_state_without_any_norms_still_says_so(tmp_path):
    write_state(tmp_path, [])
    with pytest.raises(ValueError, match="no log history with numbers in it"):
        read_series(tmp_path)


@pytest.mark.parametrize(("source", "optimizer"), [(SGD, "sgd"), (None, None)])
def test_the_optimizer_of_a_whole_log_is_that_of_its_checkpoint(tmp_path, source, optimizer):
    save_torch(tmp_path / "checkpoint-40" / "wcdfa.pt", 30, source)
    write_state(tmp_path / "checkpoint-40", history(range(1, 41)))
    series = read_series(tmp_path / "checkpoint-40")
    np.testing.assert_array_equal(series.values, [0.1 + i % 7 for i in range(1, 41)])  # those of the log
    assert series.optimizer == optimizer
    assert dict(series.hyperparameters) == ({"momentum": 0.9} if optimizer else {})


def test_of_several_saved_files_the_one_with_most_norms_is_named(tmp_path):
    save_torch(tmp_path / "a" / "wcdfa.pt", 30)
    save_torch(tmp_path / "b" / "wcdfa.pt", 50)
    found = saved_norms([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert found == (tmp_path / "b" / "wcdfa.pt", 50)
    assert str(found) == f"{tmp_path / 'b' / 'wcdfa.pt'} holds 50 norms of steps: analyze that file"
    assert saved_norms([tmp_path / "a"], least=31) is None


@pytest.mark.parametrize("logs", [["log.csv"], ["log.csv", "b.csv"]])
def test_a_log_of_epochs_names_the_file_with_the_norms_of_steps(tmp_path, logs):
    for log in logs:
        (tmp_path / log).write_text("epoch,update_norm\n0,0.5\n1,0.25\n")
    before = run("analyze", tmp_path, cwd=tmp_path)
    assert "analyze that file" not in before.stdout + before.stderr
    save_torch(tmp_path / "wcdfa.pt", 40)
    done = run("analyze", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert "wcdfa.pt holds 40 norms of steps: analyze that file" in " ".join((done.stdout + done.stderr).split())
    assert len(sources(tmp_path)) == len(logs)
