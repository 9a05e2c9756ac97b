"""Runs on a server of Weights & Biases, through the official client and a local stand-in of the server."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.commands import run as command
from tests.helpers.log_files import NORMS
from tests.helpers.wandb_server import KEY, serving
from wcdfa.readers import read_series, sources
from wcdfa.readers.formats import wandb_service

ROWS = [{"update_norm": norm, "lr": 0.1, "position": 10 * i} for i, norm in enumerate(NORMS.tolist())]
OWN_STEP = [{"1": "position", "6": [3]}, {"1": "update_norm", "5": 1, "6": [1]}]
OF_PATTERN = [{"1": "position"}, {"2": "update_*", "5": 1}]


@pytest.fixture(scope="module")
def wandb():
    wandb = require("wandb")
    yield wandb
    wandb.teardown()  # the process of the client


@pytest.fixture
def server(wandb, tmp_path, monkeypatch):
    with serving() as server:
        given = {"BASE_URL": server.url, "API_KEY": KEY, "DIR": tmp_path, "CACHE_DIR": tmp_path / "c", "CONFIG_DIR": tmp_path / "d"}
        for name, value in given.items():
            monkeypatch.setenv(f"WANDB_{name}", str(value))
        wandb.teardown()  # its settings are those of the first call
        yield server


@pytest.mark.parametrize(("metrics", "few"), [(OWN_STEP, 200), (OF_PATTERN, 1), ((), 200)])
def test_the_history_of_a_run(server, monkeypatch, metrics, few):
    monkeypatch.setattr(wandb_service, "FEW", few)  # with more keys than that, each is read on demand
    rows = ROWS if metrics else [{name: row[name] for name in ("update_norm", "lr")} for row in ROWS]
    server.add("r1", rows, shown="fine-run", metrics=metrics)
    (source,) = sources("wandb://e/p/r1")
    (found,) = source.runs()
    assert (str(found.path), found.name, found.tool, found.identity) == ("wandb://e/p/r1", "fine-run r1", "wandb", "wandb:r1")
    column = found.columns["update_norm"]
    np.testing.assert_array_equal(column.values, NORMS)
    np.testing.assert_array_equal(column.steps, np.arange(300) * (10 if metrics else 1))
    np.testing.assert_array_equal(found.columns["lr"].values, np.full(300, 0.1))
    assert ("SampledHistoryPage" in server.asked) == (few == 1)


def test_values_that_are_missing_or_no_numbers(server):
    rows = [
        {"update_norm": norm} if i % 2 else {"loss": "NaN", "image": {"_type": "image-file"}} for i, norm in enumerate(NORMS[:100])
    ]
    server.add("r1", rows, shown="r1", types={"image": "image-file"})
    (found,) = sources("wandb://e/p/r1")[0].runs()
    np.testing.assert_array_equal(found.columns["update_norm"].values, NORMS[1:100:2])
    np.testing.assert_array_equal(found.columns["update_norm"].rows, np.arange(1, 100, 2))
    assert np.isnan(found.columns["loss"].values).all()
    assert "image" not in found.columns
    assert found.name == "r1"


def test_all_runs_of_a_project(server):
    for name in ("r1", "r2"):
        server.add(name, ROWS, shown=f"{name}-shown")
    server.add("empty", [], shown="empty")
    (source,) = sources("wandb://e/p")
    assert [run.identity for run in source.runs()] == ["wandb:r1", "wandb:r2"]
    with pytest.raises(ValueError, match=r"wandb://e/p: .*2 series"):
        read_series("wandb://e/p")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("wandb://e/p/none", r"^wandb://e/p/none: Weights & Biases does not give it: .*[Cc]ould not find run"),
        ("wandb://e", r"^wandb://e: a run is named wandb://entity/project/run"),
        ("wandb://e/p/r/more", r"a run is named wandb://entity/project/run"),
        ("wandb://e/p", r"^wandb://e/p: a project without runs"),
    ],
)
def test_what_is_not_there(server, url, said):
    with pytest.raises(ValueError, match=said):
        read_series(url)


def test_without_a_key(server, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(ValueError, match=r"^wandb://e/p/r1: .*log in with: wandb login, or set WANDB_API_KEY"):
        read_series("wandb://e/p/r1")


def test_the_command(server, tmp_path, monkeypatch):
    server.add("r1", ROWS, shown="fine")
    monkeypatch.setattr("tests.helpers.commands.environment", lambda cwd: dict(os.environ))
    done = command("analyze", "wandb://e/p/r1", "--window", "100", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert '"path": "wandb://e/p/r1"' in done.stdout
