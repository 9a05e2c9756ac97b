"""``wcdfa analyze`` on many runs."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest

import wcdfa
from tests.helpers.commands import run, start


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two learning rates of three seeds each, one log without norms, and one that is damaged."""
    folder = tmp_path_factory.mktemp("sweep")
    for number, d in enumerate((0.1, 0.4)):
        for seed in range(3):
            place = folder / f"lr={number + 1}"
            place.mkdir(exist_ok=True)
            norms = np.exp(0.1 * wcdfa.synthetic.arfima(600, d=d, seed=10 * number + seed))
            frame = pd.DataFrame({"step": np.arange(600) + 1, "update_norm": norms, "loss": 1.0})
            frame.to_csv(place / f"seed={seed}.csv", index=False)
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04")
    return folder


def alpha_of(path, window):
    norms = pd.read_csv(path)["update_norm"].to_numpy()
    return wcdfa.verdict(norms[len(norms) // window * window - window :][:window])


def test_a_row_a_run(sweep, tmp_path):
    done = run("analyze", sweep, "--window", 200, "--jobs", 1, cwd=tmp_path)
    assert done.returncode == 1  # of the damaged one
    assert "broken.npz" in done.stderr
    assert "Traceback" not in done.stderr
    for path in sweep.glob("lr=*/*.csv"):
        expected = alpha_of(path, 200)
        row = f"{expected.alpha:.3f} │ {expected.low:.2f}–{expected.high:.2f}"
        assert row in done.stdout
    assert "1 file or run was skipped, because it holds no such series; choose another norm with --column" in done.stdout
    assert list(tmp_path.glob("*.png")) == []


def test_json_lines_and_the_parquet_table(sweep, tmp_path):
    done = run("analyze", sweep / "lr=1", sweep / "lr=2", "--window", 200, "--json", "--table", "all.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["path"] for each in found} == {str(path) for path in sweep.glob("lr=*/*.csv")}
    table = pd.read_parquet(tmp_path / "all.parquet")
    assert len(table) == 6 * 3
    for each in found:
        rows = table[table["path"] == each["path"]].sort_values("window")
        assert rows["alpha"].tolist() == [window["alpha"] for window in each["windows"]]
        assert rows["last_step"].tolist() == [200, 400, 600]
        assert (rows["n"] == 600).all()
        assert each["alpha"] == pytest.approx(alpha_of(each["path"], 200).alpha, rel=1e-12)


def test_processes_and_one_process_write_the_same_table(sweep, tmp_path):
    frames = []
    for jobs in (1, 2):
        assert run("analyze", sweep / "lr=1", "--window", 200, "--jobs", jobs, "--table", "a.parquet", cwd=tmp_path).returncode == 0
        frames.append(pd.read_parquet(tmp_path / "a.parquet").sort_values(["path", "window"], ignore_index=True))
    pd.testing.assert_frame_equal(*frames)


def test_dask_writes_the_same_table(sweep, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        address = cluster.scheduler_address
        done = run("analyze", sweep / "lr=1", "--window", 200, "--dask", address, "--table", "a.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run("analyze", sweep / "lr=1", "--window", 200, "--jobs", 1, "--table", "b.parquet", cwd=tmp_path).returncode == 0
    a, b = (
        pd.read_parquet(tmp_path / name).sort_values(["path", "window"], ignore_index=True) for name in ("a.parquet", "b.parquet")
    )
    pd.testing.assert_frame_equal(a, b)


def test_groups(sweep, tmp_path):
    options = ["--window", 200, "--jobs", 1, "--group-by", r"lr=\d+"]
    done = run("analyze", sweep / "lr=1", sweep / "lr=2", *options, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    groups = [line for line in lines if "runs" in line]
    assert [(each["group"], each["runs"]) for each in groups] == [("lr=1", 3), ("lr=2", 3)]
    for each in groups:
        alphas = [line["alpha"] for line in lines if "runs" not in line and each["group"] in line["path"]]
        assert each["alpha"] == pytest.approx(np.mean(alphas))
        # Student's t of two degrees of freedom
        assert each["high"] - each["alpha"] == pytest.approx(4.30265 * np.std(alphas, ddof=1) / np.sqrt(3), rel=1e-4)
    shown = run("analyze", sweep, *options, cwd=tmp_path).stdout
    assert "lr=1: update_norm" in shown
    assert f"± {groups[0]['spread']:.2f}" in shown
    wrong = run("analyze", sweep, "--group-by", "(", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "'(' is not a regular expression" in wrong.stderr


def test_exit_status_for_scripts(sweep, tmp_path):
    log = next(sweep.glob("lr=2/*.csv"))
    regime = alpha_of(log, 200).label
    other = "ordered" if regime != "ordered" else "disordered"
    assert run("analyze", log, "--window", 200, "--fail-on", regime, "--json", cwd=tmp_path).returncode == 3
    assert run("analyze", log, "--window", 200, "--fail-on", other, "--json", cwd=tmp_path).returncode == 0
    assert run("analyze", log, log.parent, "--window", 200, "--fail-on", regime, "--fail-on", other, cwd=tmp_path).returncode == 3
    assert run("analyze", sweep / "broken.npz", cwd=tmp_path).returncode == 1
    assert run("analyze", log, sweep / "missing.csv", "--window", 200, cwd=tmp_path).returncode == 1
    assert run("analyze", "--unheard-of", cwd=tmp_path).returncode == 2
    calm, wild = wcdfa.synthetic.white_noise(4000, seed=0), wcdfa.synthetic.random_walk(1000, seed=0)
    np.save(tmp_path / "drift.npy", np.exp(np.concatenate([calm, wild]) / 10))
    assert run("analyze", "drift.npy", "--fail-on", "drift", "--json", cwd=tmp_path).returncode == 3


def test_several_series_of_one_log(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"update_norm/{name}": np.exp(0.1 * rng.standard_normal(300)) for name in ("a", "b")} | {"loss": 1.0})
    frame.to_csv(tmp_path / "log.csv", index=False)
    done = run("analyze", "log.csv", "--column", "update_norm/*", "--window", 100, "--json", cwd=tmp_path)
    assert [json.loads(line)["series"] for line in done.stdout.splitlines()] == ["update_norm/a", "update_norm/b"]
    assert "Choose one with --column" in run("analyze", "log.csv", cwd=tmp_path).stderr
    refused = run("analyze", "log.csv", "--column", "update_norm/*", "--output", "a.png", cwd=tmp_path)
    assert "--output is for the picture of one series" in refused.stderr


def test_an_interrupt_leaves_a_whole_table(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for seed in range(200):
        np.save(folder / f"norms_{seed:03}.npy", np.exp(0.1 * wcdfa.synthetic.white_noise(5000, seed=seed)))
    process = start("analyze", folder, "--jobs", 2, "--table", "all.parquet", cwd=tmp_path)
    table = tmp_path / "all.parquet"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (table.exists() and len(pd.read_parquet(table))):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    frame = pd.read_parquet(table)
    assert 0 < frame["path"].nunique() < 200
    assert (frame.groupby("path").size() == 10).all()  # of each series all windows
    assert os.listdir(tmp_path) == ["runs", "all.parquet"] or set(os.listdir(tmp_path)) == {"runs", "all.parquet"}


def test_two_runs_of_one_name_are_told_apart(tmp_path):
    for seed, place in enumerate(("one", "two")):
        (tmp_path / place).mkdir()
        np.save(tmp_path / place / "norms.npy", np.exp(0.1 * wcdfa.synthetic.white_noise(200, seed=seed)))
    done = run("analyze", ".", "--window", 100, cwd=tmp_path)
    assert all(f"{place}/norms.npy" in done.stdout for place in ("one", "two")), done.stdout


def test_a_folder_of_nothing_says_what_is_there(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "readme.txt").write_text("nothing")
    assert "no log in this folder; it holds empty, readme.txt" in run("analyze", ".", cwd=tmp_path).stderr


def test_a_table_replaces_neither_a_log_nor_anything_else(tmp_path):
    frame = pd.DataFrame({"step": np.arange(300), "update_norm": np.exp(0.1 * wcdfa.synthetic.white_noise(300, seed=0))})
    frame.to_parquet(tmp_path / "run.parquet")
    frame.to_parquet(tmp_path / "other.parquet")
    for name, code, message in (
        ("run", 2, "--table would replace"),
        ("other", 1, "exists and is not a table of results, so it is not replaced"),
    ):
        done = run("analyze", "run.parquet", "--table", f"{name}.parquet", "--window", 100, cwd=tmp_path)
        assert done.returncode == code
        assert message in done.stderr
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), frame)
    good = ["analyze", "run.parquet", "--table", "table.parquet", "--window", 100]
    assert run(*good, cwd=tmp_path).returncode == 0
    before = pd.read_parquet(tmp_path / "table.parquet")
    assert run("analyze", "missing.csv", "gone.csv", "--table", "table.parquet", cwd=tmp_path).returncode == 1
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), before)


def test_what_must_be_known_is_said_of_many_runs_too(tmp_path):
    for seed, name in enumerate(("a", "b")):
        norms = np.exp(0.1 * wcdfa.synthetic.white_noise(400, seed=seed))
        steps = [*range(200), *range(150, 350)]
        pd.DataFrame({"step": steps, "grad_norm": norms}).to_csv(tmp_path / f"{name}.csv", index=False)
    done = run("analyze", ".", "--window", 100, "--json", cwd=tmp_path)
    assert all("steps went back to 150: a restart" in json.loads(line)["notes"][-1] for line in done.stdout.splitlines())
    shown = run("analyze", ".", "--window", 100, cwd=tmp_path).stdout.replace("\n", " ")
    for name in ("a", "b"):
        assert f"note: {name}.csv: grad_norm: a gradient norm, not ‖ΔW‖" in shown
        assert f"note: {name}.csv: grad_norm: steps went back to 150: a restart" in shown


def test_a_note_on_more_than_two_runs_is_printed_once(tmp_path):
    for seed, name in enumerate("abcd"):
        norms = np.exp(0.1 * wcdfa.synthetic.white_noise(400, seed=seed))
        pd.DataFrame({"step": np.arange(400), "grad_norm" if name < "d" else "update_norm": norms}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    said = " ".join(run("analyze", ".", "--window", 100, cwd=tmp_path).stdout.split())
    assert "note: a.csv: grad_norm and 2 more: a gradient norm, not ‖ΔW‖" in said
    assert said.count("a gradient norm, not") == 1


def test_a_reader_that_has_read_enough_is_no_error(sweep, tmp_path):
    process = start("analyze", sweep / "lr=1", "--json", "--window", 200, "--jobs", 1, cwd=tmp_path)
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (141, "")
