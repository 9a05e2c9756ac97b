"""The command line as a user runs it; each command at least once in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run, run_process
from wcdfa.cli.demo_training import accuracy, train

DATA = Path(__file__).parents[1] / "data"


def is_png(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_demo(tmp_path):
    done = run_process("demo", "--quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2,000 steps of AdamW(0.9, 0.98) on addition modulo 59" in done.stdout
    assert "last window: " in done.stdout
    assert "AdamW(0.9, 0.98) on gradients without memory" in done.stdout
    assert all(span in done.stdout for span in ("1–500", "501–1,000", "1,001–1,500", "1,501–2,000"))
    assert "diagnosis: " in done.stdout
    assert done.stdout.count("what to do: ") == 1
    assert "order 2" not in done.stdout
    assert "not compared" not in done.stdout.split("diagnosis: ")[1]  # the direction is recorded, and the run is long enough
    assert f"picture: {tmp_path / 'wcdfa-demo.png'}" in done.stdout
    assert is_png(tmp_path / "wcdfa-demo.png")


def test_analyze(tmp_path):
    done = run_process("analyze", DATA / "charlm_adamw.npz", "--output", "sub/alpha.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    norms = np.load(DATA / "charlm_adamw.npz")["norms"].astype(float)
    for i in range(8):
        verdict = wcdfa.verdict(norms[500 * i : 500 * i + 500])
        assert f"{verdict.alpha:.3f}" in done.stdout
        assert f"{verdict.low:.2f}–{verdict.high:.2f}" in done.stdout
    assert "undecided" in done.stdout
    assert "not compared with the optimizer" in done.stdout
    assert is_png(tmp_path / "sub" / "alpha.png")


def test_analyze_json(tmp_path):
    done = run("analyze", DATA / "grokking_mod97_adamw.npz", "--json", "--window", 128, "--stride", 500, "--order", 2, cwd=tmp_path)
    assert done.returncode == 0
    assert all(line.startswith("wcdfa: calibrating") for line in done.stderr.splitlines())
    found = json.loads(done.stdout)
    assert (found["series"], found["n"], found["order"], len(found["windows"])) == ("norms", 30_000, 2, 60)
    assert {"alpha", "low", "high", "regime", "windows"} <= set(found)
    norms = np.load(DATA / "grokking_mod97_adamw.npz")["norms"].astype(float)
    expected = wcdfa.verdict(norms[29_500:29_628], order=2)
    assert found["alpha"] == found["windows"][-1]["alpha"] == pytest.approx(expected.alpha, rel=1e-12)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found["regime"] == found["windows"][-1]["regime"] == expected.label
    assert found["windows"][0]["orders"].keys() == {"2", "3", "4"}
    assert {alarm["direction"] for alarm in found["alarms"]} <= {"up", "down"}
    assert list(tmp_path.glob("*.png")) == []


def test_analyze_compares_with_the_optimizer(tmp_path):
    options = ["--optimizer", "adamw", "--betas", 0.9, 0.99, "--weight-decay", 0.1]
    done = run("analyze", DATA / "charlm_adamw.npz", *options, "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert all(line.startswith("wcdfa: replaying") for line in done.stderr.splitlines())
    windows = json.loads(done.stdout)["windows"]
    for number, window in enumerate(windows):
        null = window["null"]
        assert not number or null["low"] < 1 < null["high"]  # momentum 0.9; at the start of the run, gradients become smaller
        assert null["excess"] == pytest.approx(window["alpha"] - null["median"])
    assert any("AdamW(0.9, 0.99) on gradients without memory" in finding["text"] for finding in windows[-1]["findings"])
    table = run("analyze", DATA / "charlm_adamw.npz", *options, cwd=tmp_path).stdout
    assert "AdamW(0.9, 0.99) on gradients without memory" in table
    assert f" {windows[-1]['p_value']:.2g} " in table


def test_a_learning_rate_beside_the_series_is_taken_out(tmp_path):
    lr = 0.1 * np.cos(np.linspace(0, 1.5, 500))
    norms = lr * np.exp(0.1 * wcdfa.synthetic.white_noise(500, seed=0))
    rows = "".join(f"{a!r},{b!r}\n" for a, b in zip(norms.tolist(), lr.tolist(), strict=True))
    (tmp_path / "a.csv").write_text("norm,learning_rate\n" + rows)
    window = json.loads(run("analyze", "a.csv", "--json", cwd=tmp_path).stdout)["windows"][0]
    assert window["low"] < 0.5 < window["high"]
    assert any("log lr explains" in finding["text"] for finding in window["findings"])
    (tmp_path / "b.csv").write_text("norm,other\n" + rows)
    assert json.loads(run("analyze", "b.csv", "--json", cwd=tmp_path).stdout)["alpha"] > 1


def test_a_drift_is_said(tmp_path):
    calm, wild = wcdfa.synthetic.white_noise(4000, seed=0), wcdfa.synthetic.random_walk(1000, seed=0)
    np.save(tmp_path / "a.npy", np.exp(np.concatenate([calm, wild]) / 10))
    alarms = json.loads(run("analyze", "a.npy", "--json", cwd=tmp_path).stdout)["alarms"]
    assert [alarm["direction"] for alarm in alarms] == ["up"]
    assert abs(alarms[0]["onset"] - 4000) < 150
    assert f"drift: α went up from about step {alarms[0]['onset']:,}" in run("analyze", "a.npy", cwd=tmp_path).stdout


def test_what_has_no_exponent_is_said_and_is_null_in_json(tmp_path):
    np.save(tmp_path / "flat.npy", np.r_[np.ones(500), np.random.default_rng(0).random(500)])
    done = run("analyze", "flat.npy", cwd=tmp_path)
    assert "none" in done.stdout
    assert is_png(tmp_path / "flat-wcdfa.png")
    windows = json.loads(run("analyze", "flat.npy", "--json", cwd=tmp_path).stdout)["windows"]
    assert windows[0]["alpha"] is None
    assert windows[1]["alpha"] > 0
    np.save(tmp_path / "ones.npy", np.ones(1000))
    assert run("analyze", "ones.npy", cwd=tmp_path).returncode == 0


def test_many_windows_are_shortened_on_the_terminal(tmp_path):
    np.save(tmp_path / "long.npy", wcdfa.synthetic.white_noise(10_000, seed=0))
    done = run("analyze", "long.npy", "--window", 128, "--stride", 100, cwd=tmp_path)
    assert "… 59 more, with --json" in done.stdout
    assert "9,801–9,928" in done.stdout


def test_a_short_series_and_empty_rows_are_said(tmp_path):
    (tmp_path / "a.csv").write_text("norm,loss\n" + "".join(f"{1 + i % 7},\n{2 + i % 5},\n,3\n" for i in range(50)))
    done = run("analyze", "a.csv", "--column", "norm", cwd=tmp_path)
    assert "the series is shorter than the window of 500: all of it is one window" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["analyze", "missing.npz"], 1, "wcdfa: missing.npz: no such file"),
        (["analyze", DATA / "charlm_adamw.npz", "--column", "x"], 1, "it holds: norms, gradient_norm, loss, lr"),
        (["analyze", DATA / "charlm_adamw.npz", "--window", "20"], 2, "window"),
        (["analyze", DATA / "charlm_adamw.npz", "--betas", "0.9", "0.99"], 2, "--betas belongs to an optimizer"),
        (
            ["analyze", DATA / "charlm_adamw.npz", "--optimizer", "sgd", "--betas", "0.9", "0.99"],
            2,
            "sgd has no hyperparameter --betas",
        ),
        (["analyze", DATA / "charlm_adamw.npz", "--optimizer", "adagrad"], 2, "optimizer"),
        (["analyze", DATA / "charlm_adamw.npz", "--method", "best"], 2, "method"),
        (["analyze", DATA / "charlm_adamw.npz", "--window", "0"], 2, "window"),
        (["analyze", DATA / "charlm_adamw.npz", "--order", "9"], 2, "order"),
        (["analyze"], 2, "analyze"),
        (["analyze", DATA / "charlm_adamw.npz", "--output", "a.xyz"], 2, "ends in '.xyz', and known are"),
        (["analyze", DATA / "charlm_adamw.npz", "--output", "."], 2, "is a folder"),
        (["wat"], 2, "wat"),
    ],
)
def test_errors_are_short_and_have_a_status(tmp_path, arguments, code, message):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message.lower() in (done.stderr + done.stdout).lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "code"), [(["analyze", "missing.npz"], 1), (["analyze", "--unheard-of"], 2)])
def test_a_process_has_the_same_status_and_says_the_same(tmp_path, arguments, code):
    done, expected = run_process(*arguments, cwd=tmp_path), run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == expected
    assert done.returncode == code


def test_the_demo_learns_from_true_gradients():
    """The hand-written gradients against finite differences, and the loss falls."""
    from wcdfa.cli import demo_training as demo

    state = next(iter(train(1, seed=3))).parameters
    left, right = np.arange(20), np.arange(20)[::-1]
    _, gradients = demo._loss_and_gradients(state, left, right)
    rng = np.random.default_rng(0)
    for name, gradient in gradients.items():
        flat = state[name].reshape(-1)
        for index in rng.integers(flat.size, size=5):
            flat[index] += 1e-6
            up, _ = demo._loss_and_gradients(state, left, right)
            flat[index] -= 2e-6
            down, _ = demo._loss_and_gradients(state, left, right)
            flat[index] += 1e-6
            assert gradient.reshape(-1)[index] == pytest.approx((up - down) / 2e-6, abs=1e-7), name
    *_, last = train(300, seed=0)
    assert last.loss < 3.5 < np.log(59)
    assert 0 <= accuracy(last.parameters) <= 1


def test_without_its_libraries_the_command_line_says_what_to_install(tmp_path):
    program = "import sys; sys.modules['cyclopts'] = None; from wcdfa.cli.app import main"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "wcdfa: the command line needs cyclopts, which is not installed: pip install 'wcdfa[cli]'\n"
