"""Runs that are named twice are refused, and a watch of too few steps says so once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.commands import run


def write(path, n, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    norms = np.exp(0.1 * np.random.default_rng(seed).standard_normal(n))
    path.write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1)))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "b", "./a"), ("a/0.csv", "b", "a/../a/0.csv")])
def test_a_run_is_not_compared_with_itself(tmp_path, names):
    for folder in "ab":
        for seed in range(2):
            write(tmp_path / folder / f"{seed}.csv", 300, seed=seed + ord(folder))
    done = run("compare", *names, "--window", 100, cwd=tmp_path)
    assert done.returncode != 0
    assert f"{names[0]} is named twice" in done.stderr
    assert run("compare", "a", "b", "--window", 100, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(("n", "window", "said"), [(30, 500, 1), (80, 100, 1), (150, 100, 0)])
def test_watch_says_that_there_are_too_few_steps(tmp_path, n, window, said):
    write(tmp_path / "log.csv", n)
    done = run("watch", "log.csv", "--window", window, "--idle", 0.5, "--every", 0.05, cwd=tmp_path)
    assert done.stdout.count(f"too few steps yet ({n} of {window})") == said
    assert done.stdout.count("too few steps") == said
