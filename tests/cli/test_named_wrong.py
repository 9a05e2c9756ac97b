"""What analyze says to do first where the named optimizer is not that of the run, and where its norms are constant by design."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.helpers.commands import run
from wcdfa.nulls import optimizer_norms


def write(path, norms):
    path.write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1)))


def said(path, *options):
    return " ".join(run("analyze", path.name, *options, cwd=path.parent).stdout.split())


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("momentum") / "log.csv"
    write(path, optimizer_norms(2000, optimizer="sgd", momentum=0.9, start=0, replicates=1, seed=3)[0])
    return path


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (("--optimizer", "sgd"), "other-optimizer"),
        (("--optimizer", "sgd", "--no-diagnosis"), "other-optimizer"),
        (("--optimizer", "sgd", "--momentum", 0.9), "optimizer"),
    ],
)
def test_a_wrong_name_is_to_be_checked_first(log, options, key):
    text = said(log, *options)
    assert f"(wcdfa explain {key})" in text
    assert ("every window that was compared differs from SGD" in text) == (key == "other-optimizer")
    assert ("check that the optimizer and its settings are those of the run (--optimizer, --momentum, --betas)" in text) == (
        key == "other-optimizer"
    )


def test_a_window_without_p_says_why(log):
    rows = [
        line for line in run("analyze", log.name, "--optimizer", "sgd", cwd=log.parent).stdout.splitlines() if line.startswith("│")
    ]
    first, second = " ".join(rows).split("501–1,000")
    assert "not compared" in first
    assert "not compared" not in second


@pytest.mark.parametrize(("optimizer", "key"), [("lion", "optimizer-without-alpha"), ("sgd", "constant-norms")])
@pytest.mark.parametrize("size", [0.003, 1.0])
def test_constant_norms_of_lion_are_by_design(tmp_path, optimizer, key, size):
    write(tmp_path / "log.csv", np.full(600, size))
    text = said(tmp_path / "log.csv", "--optimizer", optimizer)
    assert f"(wcdfa explain {key})" in text
    assert ("constant by design" in text) == (optimizer == "lion")
    assert len(re.findall("is constant except for the learning rate", text)) == (optimizer == "lion")
