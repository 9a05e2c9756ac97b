"""A study that is stopped goes on where it was; nothing runs twice, and its protocol comes first."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest

from studies import __main__ as program
from studies.common import commands, page, protocol, results, runner, store
from studies.common.protocol import Protocol
from studies.common.study import NAMES, Claim, Outcome, Study, StudyError, check_verdict, load
from tests.helpers.documents import ROOT

NONE = Protocol(None, "")
QUICK = [sys.executable, "-m", "studies", "run", "hebbian", "--quick"]


def quick(*options):
    return subprocess.run([*QUICK, *options], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    printed = quick("--runs", str(folder))
    return folder / "hebbian", printed


def records(folder):
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_killed_at_any_moment_it_goes_on_and_comes_out_the_same(uninterrupted, tmp_path):
    whole, printed = uninterrupted
    folder = tmp_path / "hebbian"
    process = subprocess.Popen([*QUICK, "--runs", str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not list(folder.glob("*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert 0 < len(kept) < len(list(whole.glob("*.json")))
    assert quick("--runs", str(tmp_path)) == printed
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())
    assert {name: record["results"] for name, record in records(folder).items()} == {
        name: record["results"] for name, record in records(whole).items()
    }
    assert {path.suffix or path.name for path in folder.iterdir()} == {".json", ".lock", ".png"}


def test_workers_end_with_their_parent(tmp_path):
    process = subprocess.Popen([*QUICK, "--jobs", "2", "--runs", str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not list((tmp_path / "hebbian").glob("*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    assert psutil.wait_procs(workers, timeout=20)[1] == []


@pytest.mark.parametrize("options", [("--jobs", "2"), ("--jobs", "2", "--dask", "local")], ids=["processes", "dask"])
def test_processes_and_a_cluster_bring_the_same(options, uninterrupted, tmp_path):
    whole, printed = uninterrupted
    assert quick("--runs", str(tmp_path), *options) == printed
    assert {name: record["results"] for name, record in records(tmp_path / "hebbian").items()} == {
        name: record["results"] for name, record in records(whole).items()
    }


def test_a_run_that_fails_stops_no_other(tmp_path, monkeypatch):
    def run(seed):
        if seed == 1:
            raise ZeroDivisionError
        return {"found": seed}

    monkeypatch.setattr(runner, "load", lambda _: toy(run))
    (failure,) = runner.complete(toy(run), [{"seed": seed} for seed in range(3)], tmp_path, NONE)
    assert "'seed': 1" in failure
    assert "ZeroDivisionError" in failure
    found = store.table(store.read_all(tmp_path, [{"seed": seed} for seed in range(3)]))
    assert found.to_dict("list") == {"seed": [0, 2], "found": [0, 2]}


def test_runs_have_one_thread_and_leave_the_environment_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(runner, "load", lambda _: toy(lambda seed: {name: os.environ[name] for name in runner.THREADS}))
    before = dict(os.environ)
    assert not runner.complete(toy(None), [{"seed": 0}], tmp_path, NONE)
    (record,) = store.read_all(tmp_path, [{"seed": 0}])
    assert record["results"] == runner.THREADS
    assert dict(os.environ) == before


def toy(run, verdict="replicates"):
    def outcomes(runs):
        return [Outcome("one", verdict, "one", "1", "0", len(runs))]

    def settings(_):
        return [{"seed": seed} for seed in range(4)]

    claims = (Claim("one", "One is one.", "nobody"),)
    return Study(
        "toy", "Toy", "One is compared with one.", claims, settings, run, outcomes, lambda _: [], lambda *_: None, lambda _: []
    )


def made(seed, commit="a", sha256="x"):
    settings, followed = {"seed": seed}, Protocol(commit, sha256)._asdict()
    return {"settings": settings, "protocol": followed, "versions": {}, "results": {}, "seconds": 1.0}


def test_runs_of_two_protocols_are_not_mixed(tmp_path):
    study = toy(None)
    with pytest.raises(StudyError, match="holds no run"):
        results.collect(study, tmp_path)
    store.write(tmp_path, made(0, commit=None))
    assert results.collect(study, tmp_path).protocol["commit"] is None
    store.write(tmp_path, made(1))
    found = results.collect(study, tmp_path)  # the same text: where the commit is known, it is that
    assert (len(found.runs), found.planned, found.protocol["commit"], found.seconds) == (2, 4, "a", 2)
    store.write(tmp_path, made(2, sha256="y"))
    with pytest.raises(StudyError, match=r"had 2 texts .* 1 have another .*'seed': 2"):
        results.collect(study, tmp_path)


def test_runs_of_another_protocol_are_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "load", lambda _: pytest.fail("it has run"))
    store.write(tmp_path, made(0, sha256="y"))
    with pytest.raises(StudyError, match="had 2 texts"):
        runner.complete(toy(None), [{"seed": 0}, {"seed": 1}], tmp_path, Protocol("a", "x"))


def test_one_process_at_a_time_adds_runs(tmp_path, monkeypatch):
    def run(seed):
        with pytest.raises(StudyError, match="another process adds runs"):
            runner.complete(toy(run), [{"seed": 5}], tmp_path, NONE)
        return {"found": seed}

    monkeypatch.setattr(runner, "load", lambda _: toy(run))
    assert runner.complete(toy(run), [{"seed": 0}], tmp_path, NONE) == []


def test_what_is_no_folder_and_what_is_no_run_are_named(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(StudyError, match="give another folder with --runs"):
        runner.complete(toy(None), [], file, NONE)
    store.path_of(tmp_path, {"seed": 0}).write_bytes(b"")
    with pytest.raises(StudyError, match=r"seed|0_.*json is damaged"):
        store.read_all(tmp_path, [{"seed": 0}])


def test_fewer_runs_never_replace_the_results_of_more(tmp_path, monkeypatch):
    monkeypatch.setattr(Study, "folder", tmp_path / "study")
    (tmp_path / "study").mkdir()
    study = toy(None)
    for seeds in (1, 3):
        for seed in range(seeds):
            store.write(tmp_path / f"{seeds}", made(seed))
    few, more = (results.collect(study, tmp_path / f"{seeds}") for seeds in (1, 3))
    assert results.more_than(study, few) == 0
    results.write(study, more)
    assert results.more_than(study, few) == 3
    assert results.more_than(study, more) == 0


def test_a_verdict_is_one_of_the_words():
    for word in ("replicates", "does not replicate", "artefact of float32", "not testable here", "undecided"):
        check_verdict(word)
    for word in ("Replicates", "artefact of ", "proved", ""):
        with pytest.raises(ValueError, match="is no verdict"):
            check_verdict(word)
    with pytest.raises(ValueError, match="is no verdict"):
        results.judged(toy(None, "proved"), pd.DataFrame())
    with pytest.raises(ValueError, match="no study is called"):
        load("alchemy")


def test_no_run_before_its_protocol_is_committed(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*arguments):
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    with pytest.raises(ValueError, match="is missing"):
        protocol.protocol_of(tmp_path)
    (tmp_path / "protocol.md").write_text("what is done")
    assert protocol.protocol_of(tmp_path).commit is None  # no checkout: its text is known, no commit
    git("init", "--quiet")
    with pytest.raises(ValueError, match="is not committed"):
        protocol.protocol_of(tmp_path)
    git("add", "protocol.md")
    git("commit", "--quiet", "-m", "protocol")
    committed = protocol.protocol_of(tmp_path)
    assert committed.commit == git("rev-parse", "HEAD")
    (tmp_path / "later.md").write_text("another commit, which a shallow clone takes for that of every file")
    git("add", "later.md")
    git("commit", "--quiet", "-m", "later")
    git("clone", "--quiet", "--depth", "1", (tmp_path).as_uri(), "shallow")
    assert protocol.protocol_of(tmp_path / "shallow") == Protocol(None, committed.sha256)
    (tmp_path / "protocol.md").write_text("what was found")
    with pytest.raises(ValueError, match="is not committed"):
        protocol.protocol_of(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_results_follow_the_protocol_that_was_committed_before_them(name):
    study = load(name)
    found = results.read(study)
    text = (study.folder / "protocol.md").read_bytes()
    assert hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest() == found.protocol["sha256"]
    assert results.judged(study, found.runs) == found.outcomes
    if history():
        (commit, *_) = history("log", "--format=%H", "--", f"studies/{name}/protocol.md")
        assert commit == found.protocol["commit"]  # it was not changed after the runs
        assert history("log", "--format=%H", f"{commit}..HEAD", "--", f"studies/{name}/results")


def history(*arguments):
    """Lines that git prints; nothing in an sdist or where a clone holds no history."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return []
    arguments = arguments or ("rev-parse", "--is-shallow-repository")
    lines = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [] if lines == ["true"] else lines


def test_all_versions_are_named_and_times_are_readable(tmp_path):
    for seed, version in enumerate(["2.0", "2.0", "2.1"]):
        record = {"settings": {"seed": seed}, "protocol": NONE._asdict(), "versions": {"numpy": version}, "results": {}}
        store.write(tmp_path, record | {"seconds": 1.0})
    assert results.collect(toy(None), tmp_path).versions == {"numpy": "2.0 and 2.1"}
    said = [page.duration(each) for each in (0, 1, 89, 90, 7200, 7201)]
    assert said == ["0 seconds", "1 second", "89 seconds", "2 minutes", "120 minutes", "2.0 hours"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--jobs", "0"), "argument --jobs: '0' is no whole number of 1 or more; give one"),
        (("--jobs", "two"), "argument --jobs: 'two' is no whole number"),
        (("--at-most", "-1"), "argument --at-most: '-1' is no whole number of 0 or more; give one, or leave the option out"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(options, words, capsys):
    with pytest.raises(SystemExit) as caught:
        program.main(["run", "hebbian", *options])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_at_most_none_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "load", lambda _: toy(None))
    monkeypatch.setattr(commands, "protocol_of", lambda _: NONE)
    with pytest.raises(SystemExit, match="holds no run of study toy"):
        program.main(["run", "toy", "--at-most", "0", "--runs", str(tmp_path)])


def test_an_error_in_a_study_keeps_its_traceback(tmp_path, monkeypatch):
    def broken(_):
        msg = "a mistake in the study"
        raise ValueError(msg)

    monkeypatch.setattr(program, "load", lambda _: toy(None)._replace(settings=broken))
    with pytest.raises(ValueError, match="a mistake") as caught:
        program.main(["run", "toy", "--quick", "--runs", str(tmp_path)])
    assert not isinstance(caught.value, StudyError)
    with pytest.raises(StudyError, match="no Dask scheduler answers at 'nonsense://'"):
        runner.complete(toy(None), [{"seed": 0}], tmp_path, NONE, dask="nonsense://")


def test_the_command_line_says_what_is_wrong(tmp_path):
    for arguments, words in [(["run", "alchemy"], "no study is called 'alchemy'"), (["page", "alchemy"], "there are grokking")]:
        found = subprocess.run([sys.executable, "-m", "studies", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert found.returncode == 1
        assert words in found.stderr
        assert "Traceback" not in found.stderr
    listed = subprocess.run(
        [sys.executable, "-m", "studies", "list", "--runs", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert all(f"{name} " in listed for name in NAMES)


def test_results_are_read_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.setattr(Study, "folder", tmp_path)
    rows = [{"seed": 0, "loss": 1.5, "word": "a"}, {"seed": 1, "loss": [1.0, 2.0], "curve": [3.0]}, {"seed": 2, "loss": None}]
    study = toy(None)
    found = results.Results(
        pd.DataFrame(rows), [Outcome("one", "replicates", "one", "1", "0", 3)], {"commit": "a", "sha256": "b"}, {}, 1.0, 3, [], []
    )
    results.write(study, found)
    again = results.read(study)
    assert again[1:] == found[1:]
    assert sorted(again.runs) == sorted(found.runs)
    for name in ("seed", "loss", "curve"):
        before, after = (["" if each is None or each != each else each for each in runs[name]] for runs in (found.runs, again.runs))  # noqa: PLR0124 - NaN
        assert before == after
