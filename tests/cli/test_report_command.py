"""``wcdfa report`` and ``wcdfa demo --report``, as a user runs them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run, run_process
from tests.helpers.torch_runs import batches, network, trained
from tests.report.test_report import drawn

HOSTILE = "<img src=x onerror=alert(1)>.jsonl"


def write_log(path, *, seed=0, n=600, groups=()):
    rng = np.random.default_rng(seed)
    rows = [
        {
            "step": step,
            "update_norm": float(np.exp(0.1 * rng.standard_normal())),
            **{f"update_norm/{name}": rng.random() for name in groups},
        }
        for step in range(1, n + 1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_one_run_with_its_groups(tmp_path):
    log = write_log(tmp_path / "run.jsonl", groups=("head", "body"))
    done = run_process("report", log, "--window", 256, "-o", "out/report.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "out" / "report.html"
    assert f"report: {path} (" in done.stdout
    (found,) = drawn(path)["runs"]
    assert found["groups"]["names"] == ["head", "body"]
    analyzed = json.loads(run("analyze", log, "--window", 256, "--json", cwd=tmp_path).stdout)
    assert [each["alpha"][1] for each in found["windows"]] == pytest.approx(
        [each["alpha"] for each in analyzed["windows"]], rel=1e-3
    )
    assert [each["verdict"].partition(",")[0] for each in found["windows"]] == [each["regime"] for each in analyzed["windows"]]


def test_groups_by_pattern_and_a_place_beside_you(tmp_path):
    norms = np.exp(0.1 * wcdfa.synthetic.white_noise(600, seed=0))
    np.savez(tmp_path / "run.npz", norms=norms, layers=np.stack([norms, norms], axis=1))
    done = run("report", "run.npz", "--groups", "layers/*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note: the log has no steps" in done.stdout
    (found,) = drawn(tmp_path / "run-wcdfa.html")["runs"]
    assert found["groups"]["names"] == ["layers/0", "layers/1"]
    done = run("report", "run.npz", "--groups", "heads/*", cwd=tmp_path)
    assert "no groups: no column of numbers named 'heads/*'" in done.stdout


def test_runs_side_by_side_and_what_could_not_be_read(tmp_path):
    for seed in range(3):
        write_log(tmp_path / "runs" / f"seed={seed}.jsonl", seed=seed)
    write_log(tmp_path / "runs" / HOSTILE, seed=3)
    (tmp_path / "runs" / "damaged.npz").write_bytes(b"PK\x03\x04 half")
    (tmp_path / "runs" / "other.csv").write_text("accuracy,loss\n1,2\n")
    done = run("report", "runs", "-o", "report.html", cwd=tmp_path)
    assert done.returncode == 1
    assert "damaged.npz" in done.stderr
    assert "1 file or run was skipped, because it holds no such series" in done.stdout
    path = tmp_path / "report.html"
    assert len(drawn(path)["runs"]) == 4
    text = path.read_text()
    assert "<h2>Not shown</h2>" in text
    assert "damaged.npz" in text
    assert "other.csv" not in text
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run.jsonl", "-o", "run.jsonl"], 2, "its name must end in .html or .htm"),
        (["run.jsonl", "-o", "page.pdf"], 2, "its name must end in .html or .htm"),
        (["run.jsonl", "-o", "."], 2, "is a folder; name a file in it, such as report.html"),
        (["missing.jsonl"], 1, "missing.jsonl"),
        (["run.jsonl", "--column", "x"], 1, "no column of numbers named 'x'"),
        (["run.jsonl", "--window", "256", "--momentum", "0.9"], 2, "name it with --optimizer"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, arguments, code, message):
    log = write_log(tmp_path / "run.jsonl")
    before = log.read_bytes()
    done = run("report", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert log.read_bytes() == before
    assert not list(tmp_path.glob("*.html"))


def test_more_runs_than_a_page_can_show(tmp_path):
    rng = np.random.default_rng(0)
    columns = {f"norm_{i}": np.exp(0.1 * rng.standard_normal(128)) for i in range(101)}
    np.savez(tmp_path / "run.npz", **columns)
    done = run("report", "run.npz", "--column", "norm_*", "--window", 128, cwd=tmp_path)
    assert done.returncode == 1
    assert "more than 100 runs: name fewer, or look at all of them with wcdfa analyze --table" in done.stderr


def test_the_demo_writes_a_report(tmp_path):
    done = run("demo", "--quick", "--report", "demo.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = drawn(tmp_path / "demo.html")["runs"]
    assert found["groups"]["names"] == ["left", "right", "hidden", "output", "hidden_bias", "output_bias"]
    assert len(found["windows"]) == 4
    assert f"last window: {found['windows'][-1]['verdict']}" in " ".join(done.stdout.split())
    assert [line["name"] for line in found["lines"]] == ["‖ΔW‖", "loss"]
    refused = run("demo", "--quick", "--report", tmp_path, cwd=tmp_path)
    assert "is a folder" in refused.stderr
    assert "step" not in refused.stdout  # before it trains


def saved_by_a_handle(torch, folder):
    """The files with recorded norms that a user may have: of Lightning, of transformers, and of torch.save."""
    from wcdfa.backends.torch.hooks import attach

    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    handle = attach(optimizer, window=300)
    trained(model, optimizer, batches(torch, 300))
    own = handle.state_dict()
    handle.detach()
    torch.save(own, folder / "handle.pt")
    torch.save({"state_dict": model.state_dict(), "callbacks": {"WeightChangeCallback": {"handle": own}}}, folder / "last.ckpt")
    (folder / "checkpoint-300").mkdir()
    torch.save({"handle": own}, folder / "checkpoint-300" / "wcdfa.pt")
    torch.save(model.state_dict(), folder / "checkpoint-300" / "pytorch_model.bin")
    torch.save(optimizer.state_dict(), folder / "checkpoint-300" / "optimizer.pt")
    return own["norms"][0].numpy()


def test_checkpoints_with_recorded_norms(torch, tmp_path):
    """Beside the weights of the model, which are no other run."""
    norms = saved_by_a_handle(torch, tmp_path)
    alpha = wcdfa.dfa(wcdfa.prepare(norms.astype(float)).values).alpha
    for name in ("handle.pt", "last.ckpt", "checkpoint-300"):
        done = run("report", name, "-o", "report.html", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert "note: a saved recorder, which holds the last 300 of 300 norms" in done.stdout
        (found,) = drawn(tmp_path / "report.html")["runs"]
        assert [each["alpha"][1] for each in found["windows"]] == pytest.approx([alpha], rel=1e-2)
