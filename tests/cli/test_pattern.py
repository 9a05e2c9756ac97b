"""``--pattern``: the numbers in a text log, for all commands that read one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers.commands import run

pytest.importorskip("cyclopts", reason="cyclopts is not installed")

NORMS = np.exp(0.2 * np.random.default_rng(0).standard_normal(300))
PATTERN = r"<(?P<step>\d+)> G (?P<value>\S+)"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "run.log"
    path.write_text("".join(f"<{step}> G {norm!r};\n" for step, norm in enumerate(NORMS.tolist(), start=1)))
    return path


def test_analyze(log, tmp_path):
    done = run("analyze", log, "--pattern", PATTERN, "--window", 100, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["series"], found["n"], found["windows"][-1]["last_step"]) == ("G", 300, 300)


def test_without_it_the_way_out_is_named(log, tmp_path):
    done = run("analyze", log, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("wcdfa: ")
    assert done.stderr.rstrip().endswith("say how they look with --pattern")


def test_compare_and_report(log, tmp_path):
    (tmp_path / "other.txt").write_text(log.read_text().replace("G 1", "G 2"))
    done = run("compare", log, "other.txt", "--pattern", PATTERN, "--window", 100, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "run.log" in str(json.loads(done.stdout)["reference"])
    done = run("report", log, "--pattern", PATTERN, "--window", 100, "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").exists()


def test_watch(log, tmp_path):
    done = run("watch", log, "--pattern", PATTERN, "--window", 100, "--idle", 0.1, "--every", 0.05, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "now following run.log: G" in done.stdout.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("command", ["analyze", "report", "compare", "watch"])
@pytest.mark.parametrize(("pattern", "message"), [("(a", "no regular expression"), ("a", "put it into a group with a name")])
def test_a_wrong_pattern_is_refused_at_the_door(tmp_path, command, pattern, message):
    done = run(command, "missing.log", "--pattern", pattern, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "missing.log" not in done.stderr


@pytest.mark.parametrize("command", ["analyze", "report", "compare", "watch"])
def test_the_help_shows_the_example_whole(tmp_path, command):
    done = run(command, "--help", cwd=tmp_path)
    shown = "".join(done.stdout.replace("│", " ").split())
    assert r"suchas grad_norm[:=] *(?P<value>\S+) . Named".replace(" ", "") in shown
