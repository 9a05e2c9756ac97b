"""What each command says to do, what it keeps for --details, and ``wcdfa explain``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run
from wcdfa.verdicts.explanations import explanation, explanations

JARGON = re.compile(r"\bnats\b|saturated|dissolved|captured|\border \d|misfit|\bgls\b|AR\(1\)|φ|θ", re.IGNORECASE)
ADVICE = re.compile(r"what to do: .*\(wcdfa explain ([a-z0-9-]+)\)")
LINES = Path(__file__).parents[2] / "docs" / "lines.md"


@pytest.fixture(scope="module")
def momentum(tmp_path_factory):
    """The norms of momentum on white gradients: windows have α near 1, and the run does not."""
    path = tmp_path_factory.mktemp("momentum") / "log.csv"
    write(path, wcdfa.nulls.optimizer_norms(4000, optimizer="sgd", momentum=0.9, start=0, replicates=1, seed=1)[0])
    return path


def write(path, norms, first=1):
    path.write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=first)))


def advised(text):
    """The key of what a command says to do."""
    (key,) = ADVICE.findall(text)
    assert explanation(key).key == key
    return key


@pytest.mark.parametrize(("options", "key"), [((), "short-memory"), (("--optimizer", "sgd", "--momentum", 0.9), "optimizer")])
def test_the_first_screen_of_analyze(momentum, tmp_path, options, key):
    """It says what to do, without jargon, and names no band where the run and its windows have another α."""
    said = run("analyze", momentum, *options, cwd=tmp_path).stdout
    assert advised(said) == key
    assert not JARGON.search(said)
    assert "α of the run is below that of its windows" in said
    assert "no label, because one exponent does not fit the run and its windows" in said
    assert not re.search(r"\b(critical|ordered|disordered)\b", said)
    details = run("analyze", momentum, *options, "--details", cwd=tmp_path).stdout
    assert "order 2, 3" in details
    assert "nats" in details
    assert advised(details) == key


def test_a_band_is_named_where_run_and_windows_agree(tmp_path):
    write(tmp_path / "log.csv", np.exp(0.1 * wcdfa.synthetic.white_noise(4000, seed=0)))
    said = run("analyze", "log.csv", "--order", 2, cwd=tmp_path).stdout
    assert "disordered with probability " in said
    assert "4,000 samples, order 2" in said
    assert advised(said) == "name-the-optimizer"


def test_many_runs_and_compare_say_what_to_do(momentum, tmp_path):
    for seed in range(2):
        write(tmp_path / f"{seed}.csv", np.exp(0.1 * wcdfa.synthetic.white_noise(600, seed=seed)))
    assert advised(run("analyze", "0.csv", "1.csv", cwd=tmp_path).stdout) == "name-the-optimizer"
    assert advised(run("compare", "0.csv", "1.csv", cwd=tmp_path).stdout) == "runs-alike"
    assert advised(run("compare", "0.csv", momentum, cwd=tmp_path).stdout) == "runs-differ"


def test_a_diagnosis_that_found_something_comes_first(tmp_path):
    norms = np.exp(0.02 * wcdfa.synthetic.white_noise(4000, seed=0))
    rates = np.where(np.arange(4000) < 3000, 0.1, 0.01)
    rows = zip(range(1, 4001), (norms * rates).tolist(), rates.tolist(), strict=True)
    (tmp_path / "log.csv").write_text("step,update_norm,lr\n" + "".join(f"{step},{norm!r},{rate!r}\n" for step, norm, rate in rows))
    for others in ([], ["other.csv"]):
        write(tmp_path / "other.csv", np.exp(0.1 * wcdfa.synthetic.white_noise(4000, seed=1)))
        said = run("analyze", "log.csv", *others, cwd=tmp_path).stdout
        assert advised(said).startswith(("cause-", "several-causes", "no-known-cause"))


def test_watch_says_what_to_do(momentum, tmp_path):
    said = run("watch", momentum, "--idle", 0.2, "--every", 0.1, cwd=tmp_path).stdout
    assert ADVICE.findall(said)
    assert not JARGON.search(said)


def test_explain_takes_a_key_or_a_line(tmp_path):
    row = explanation("short-memory")
    said = run("explain", "short-memory", cwd=tmp_path).stdout
    assert all(text in said for text in ("short-memory: explained by short memory", row.meaning, row.causes, "--optimizer"))
    assert "optimizer=" not in said
    pasted = ("explained", "by", "short", "memory:", "α", "=", "0.93"), ("explained by short memory: α = 0.93 (0.80–1.06)",)
    assert all(run("explain", *each, cwd=tmp_path).stdout == said for each in pasted)
    every = run("explain", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in every] == [each.key for each in explanations()]


@pytest.mark.parametrize("wrong", [["short-memori"], ["nothing", "like", "this"]])
def test_explain_of_what_is_no_line(tmp_path, wrong):
    done = run("explain", *wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no line with the key" in done.stderr


def test_the_page_shows_every_row_once():
    shown = [
        key
        for part in re.findall(r'^lines\("([a-z0-9-]+)", "([a-z0-9-]+)"\)$', LINES.read_text("utf-8"), re.MULTILINE)
        for key in between(*part)
    ]
    left = {each.key for each in explanations()} - set(shown)
    assert len(shown) == len(set(shown))
    assert not left


def between(first, last):
    keys = [each.key for each in explanations()]
    return keys[keys.index(first) : keys.index(last) + 1]


def test_a_band_that_the_run_denies_says_so(tmp_path):
    """The windows alone are within a band at order 2, and α of the run is far above them."""
    decay = np.exp(-np.arange(2000) / 500 + 0.02 * np.random.default_rng(0).standard_normal(2000))
    write(tmp_path / "log.csv", decay)
    said = " ".join(run("analyze", "log.csv", "--order", 2, "--window", 1000, cwd=tmp_path).stdout.split())
    assert "no label, because one exponent does not fit" in said
    assert re.search(r"last window: undecided, α = 0\.\d\d \(0\.\d\d–0\.\d\d\), because α of the run is another", said)


@pytest.mark.parametrize("key", ["optimizer", "short-memory", "name-the-optimizer", "sign-alpha-up"])
def test_explain_takes_a_pasted_line_of_advice_and_capitals(tmp_path, key):
    said = run("explain", key, cwd=tmp_path).stdout
    advice = f"what to do: Name the optimizer of the run, with its momentum or betas (--optimizer). (wcdfa explain {key})"
    for pasted in ([advice], advice.split(), [key.upper()], [f"wcdfa explain {key}"], [f" {key.title()} "]):
        assert run("explain", *pasted, cwd=tmp_path).stdout == said
