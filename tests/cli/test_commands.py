"""What the command line costs, compare and watch."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run, run_process, start


def test_help_imports_no_framework_and_nothing_that_a_command_needs(tmp_path):
    program = (
        "import sys\n"
        "from wcdfa.cli.app import app\n"
        "app('--help', result_action='return_value')\n"
        "print(sorted({'pyarrow', 'matplotlib', 'tensorboard', 'wandb', 'distributed', 'torch', 'jax', 'tensorflow', 'keras', "
        "'wcdfa.readers', 'wcdfa.cli.analyze'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(command in done.stdout for command in ("demo", "analyze", "watch", "report", "compare", "--install-completion"))


@pytest.mark.parametrize("command", ["demo", "analyze", "watch", "report", "compare", "explain"])
def test_each_command_has_help(tmp_path, command):
    done = run(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Usage: wcdfa {command}" in done.stdout
    assert "--empty" not in done.stdout


def test_completion_knows_the_commands_and_their_options():
    from wcdfa.cli.app import app

    for shell in ("bash", "zsh", "fish"):
        script = app.generate_completion(prog_name="wcdfa", shell=shell)
        assert all(word in script for word in ("analyze", "compare", "watch", "demo", "group-by", "optimizer"))


def write(path, norms, first=1, mode="w"):
    with path.open(mode) as file:
        if mode == "w":
            file.write("step,update_norm\n")
        file.writelines(f"{step},{norm!r}\n" for step, norm in enumerate(np.asarray(norms).tolist(), start=first))


def norms(n, d=0.0, seed=0):
    return np.exp(0.1 * wcdfa.synthetic.arfima(n, d=d, seed=seed))


def test_compare(tmp_path):
    for name, d in (("a", 0.0), ("b", 0.4), ("c", 0.0)):
        write(tmp_path / f"{name}.csv", norms(2000, d, seed=ord(name)))
    done = run_process("compare", "a.csv", "b.csv", "c.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    to_b, to_c = (json.loads(line) for line in done.stdout.splitlines())
    assert (to_b["reference"]["path"], to_b["other"]["path"]) == ("a.csv", "b.csv")
    assert [(each["first_step"], each["last_step"]) for each in to_b["windows"]] == [
        (1, 500),
        (501, 1000),
        (1001, 1500),
        (1501, 2000),
    ]
    assert to_b["mean"]["low"] < 0.4 < to_b["mean"]["high"]
    assert to_b["mean"]["low"] > 0
    assert to_c["mean"]["low"] < 0 < to_c["mean"]["high"]
    for each in to_b["windows"]:
        assert each["difference"] == pytest.approx(each["other"] - each["reference"])
    shown = run("compare", "a.csv", "b.csv", cwd=tmp_path).stdout
    assert f"over all windows they differ: {to_b['mean']['difference']:+.3f}" in shown
    assert "a comparison needs two" in run("compare", "a.csv", cwd=tmp_path).stderr
    write(tmp_path / "later.csv", norms(600), first=5000)
    assert "no step is in both" in run("compare", "a.csv", "later.csv", cwd=tmp_path).stderr


def test_compare_takes_the_logarithm_of_all_or_of_none(tmp_path):
    write(tmp_path / "a.csv", norms(600))
    write(tmp_path / "b.csv", wcdfa.synthetic.white_noise(600, seed=1))
    done = run("compare", "a.csv", "b.csv", "--json", cwd=tmp_path)
    alpha = json.loads(done.stdout)["windows"][0]["reference"]
    assert alpha == pytest.approx(wcdfa.verdict(norms(600)[:500], log=False).alpha, rel=1e-12)
    assert "no logarithm was taken for any series, because there are negative values in b.csv: update_norm" in done.stderr.replace(
        "\n", " "
    )


def test_compare_passes_over_what_is_no_series_in_a_folder(tmp_path):
    (tmp_path / "runs").mkdir()
    write(tmp_path / "runs" / "a.csv", norms(600))
    write(tmp_path / "runs" / "b.csv", norms(600, seed=1))
    (tmp_path / "runs" / "notes.csv").write_text("x,y\n1,2\n")
    assert run("compare", "runs", cwd=tmp_path).returncode == 0
    few = "have 10 steps in common"
    write(tmp_path / "late.csv", norms(50), first=591)
    assert few in run("compare", "runs/a.csv", "late.csv", cwd=tmp_path).stderr


def test_watch_names_the_other_runs_of_a_log(tmp_path):
    rows = "".join(
        f"{run},{step},{norm!r}\n" for run in "abc" for step, norm in enumerate(norms(100, seed=ord(run)).tolist(), start=1)
    )
    (tmp_path / "log.csv").write_text("run,step,update_norm\n" + rows)
    said = run("watch", "log.csv", "--idle", 0.2, "--every", 0.1, cwd=tmp_path).stdout
    assert "note: not followed: 2 other runs of this log, b, a" in said
    assert "too few steps yet (100 of 500)" in said
    assert "(wcdfa explain other-runs)" in said


def lines_of(process, pattern, seconds=60):
    """Read what it prints until a line matches."""
    said = []
    deadline = time.monotonic() + seconds
    os.set_blocking(process.stdout.fileno(), False)
    while time.monotonic() < deadline and process.poll() is None:
        select.select([process.stdout], [], [], 0.1)
        while line := process.stdout.readline():
            said.append(line)
            if re.search(pattern, line):
                return said
    raise AssertionError(f"{pattern} is not in {said}")


def test_watch_follows_a_log_through_truncation_and_rotation(tmp_path):
    log = tmp_path / "log.csv"
    write(log, norms(250))
    process = start("watch", log, "--window", 100, "--every", 0.05, cwd=tmp_path)
    try:
        lines_of(process, r"step 250: .*α = ")
        write(log, norms(60, seed=1), first=251, mode="a")
        lines_of(process, r"step 310: .*α = ")
        with log.open("a") as file:  # half a line, which is not read until it is whole
            file.write("311,0.")
        time.sleep(0.3)
        with log.open("a") as file:
            file.write("9\n")
        log.rename(tmp_path / "log.csv.1")  # rotation: the steps go on in a new file
        write(log, norms(60, seed=2), first=312)
        said = lines_of(process, r"step 371: .*α = ")
        assert not any("started over" in line for line in said)
        write(log, norms(150, seed=3))  # truncation: another run from step 1
        said = lines_of(process, r"step 150: .*α = ")
        assert any("the log was started over, and so is α" in line for line in said)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        assert (process.returncode, error) == (130, "")
    finally:
        process.kill()
        process.communicate()


def test_watch_says_what_analyze_says(tmp_path):
    write(tmp_path / "log.csv", norms(500, d=0.4))
    said = run("watch", "log.csv", "--idle", 0.2, "--every", 0.1, cwd=tmp_path).stdout
    found = json.loads(run("analyze", "log.csv", "--json", cwd=tmp_path).stdout)
    assert f"step 500: {found['regime']}, α = {found['alpha']:.2f} ({found['low']:.2f}–{found['high']:.2f})" in said
    assert any(bar in said for bar in "▁▂▃▄▅▆▇█")


def test_watch_waits_for_what_is_not_yet_whole(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    process = start("watch", "empty.csv", "--window", 100, "--every", 0.05, "--idle", 20, cwd=tmp_path)
    try:
        time.sleep(0.5)
        write(tmp_path / "empty.csv", norms(120))
        lines_of(process, "step 120: ")
    finally:
        process.kill()
        process.communicate()


def test_watch_says_what_it_waits_for_once_and_off_a_terminal_too(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    done = run("watch", "empty.jsonl", "--idle", 0.5, "--every", 0.05, cwd=tmp_path)
    assert done.returncode == 1  # nothing could be read
    assert done.stdout.splitlines() == ["waiting: empty.jsonl: no numbers in 0 line(s)"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.csv", "size,count\n1,2\n", "which column?"),
        ("log.csv", "step,update_norm\n" + "".join(f"{i * i},{1 + i % 3}\n" for i in range(9)), "steps are unevenly spaced"),
        ("log.odd", "1\n", "unknown format"),
    ],
)
def test_watch_does_not_wait_for_what_nothing_will_change(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    done = run("watch", name, "--every", 0.05, "--idle", 20, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_watch_judges_as_analyze_does_where_values_are_negative_and_steps_begin_at_0(tmp_path):
    write(tmp_path / "log.csv", wcdfa.synthetic.white_noise(500, seed=0), first=0)
    options = ("--idle", 0.2, "--every", 0.1)
    said = run("watch", "log.csv", *options, cwd=tmp_path).stdout
    found = json.loads(run("analyze", "log.csv", "--json", cwd=tmp_path).stdout)
    assert "values are negative, which no norm is: this may be the logarithm of one" in said
    assert found["windows"][-1]["last_step"] == 499
    assert f"step 499: {found['regime']}, α = {found['alpha']:.2f} ({found['low']:.2f}–{found['high']:.2f})" in said
    assert any(bar in said for bar in "▁▂▃▄▅▆▇█")
    insisting = run("watch", "log.csv", "--log", *options, cwd=tmp_path).stdout
    assert "--no-log takes any series" in insisting
    assert "log=False" not in insisting


@pytest.mark.parametrize("options", [[], ["--lr", 1], ["--optimizer", "sgd"], ["--optimizer", "sgd", "--lr", 1]])
def test_watch_takes_the_rates_of_the_log_whatever_is_given(tmp_path, options):
    """The norms of a cosine schedule that does nothing but scale white ones."""
    rates = 1.01 + np.cos(np.linspace(0, np.pi, 500))
    values = rates * np.exp(0.1 * wcdfa.synthetic.white_noise(500, seed=0))
    rows = "".join(
        f"{step},{rate!r},{value!r}\n" for step, rate, value in zip(range(500), rates.tolist(), values.tolist(), strict=True)
    )
    (tmp_path / "log.csv").write_text("step,lr,update_norm\n" + rows)
    said = " ".join(run("watch", "log.csv", "--idle", 0.2, "--every", 0.1, *options, cwd=tmp_path).stdout.split())
    assert ("explained by optimizer: α = 0.4" if "--optimizer" in options else "disordered, α = 0.4") in said
    assert ("not the 1 that was given, because it varies from 0.01 to 2.01" in said) == ("--lr" in options)


@pytest.mark.parametrize("given", [None, "gradient-norm", "update-norm"])
def test_a_user_may_tell_what_a_column_holds(tmp_path, given):
    np.save(tmp_path / "dw.npy", np.exp(0.1 * wcdfa.synthetic.white_noise(500, seed=0)))
    told = [] if given is None else ["--quantity", given]
    shown = " ".join(run("analyze", "dw.npy", "--optimizer", "sgd", *told, cwd=tmp_path).stdout.split())
    assert ("SGD on gradients without memory" in shown) == (given == "update-norm")
    assert ("gradients without memory" in shown) == (given is not None)
    assert ("SGD was not replayed, because a replay gives ‖ΔW‖" in shown) == (given is None)
    assert ("if you know, say so with --quantity" in shown) == (given is None)
