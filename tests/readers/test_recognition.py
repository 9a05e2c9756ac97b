"""Files whose names tell nothing, or something else: their first bytes tell what they are."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.helpers import log_files
from tests.helpers.log_files import COLUMNS, NORMS
from wcdfa.readers import read_series, sources
from wcdfa.readers.recognition import HEAD

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 12345\n"
OTHERS = {
    "config.json": json.dumps({"hidden_size": 8, "lr": 0.1, "num_steps": 10}, indent=2),
    "minified/config.json": json.dumps({"hidden_size": 8, "loss": 1, "step": 10}),
    "vocab.json": json.dumps({"loss": 1, "step": 2, "a": 3}),
    "tokenizer.json": json.dumps({"version": "1.0", "model": {"vocab": {"step": 1}, "merges": ["l oss", "s tep"]}}),
    "package.json": json.dumps({"name": "run", "scripts": {"step": "x"}, "dependencies": {"loss": "1.0.0"}}, indent=2),
    "generation_config.json": '{"_from_model_config": true, "eos_token_id": 2}\n',
    "labels.json": '{"label": 1, "text": "loss"}\n{"label": 0, "text": "step"}\n{"label": 0, "text": "norm"}\n',
    "list.json": json.dumps([1, 2, 3]),
    "requirements.txt": "torch==2.1\nnumpy>=1.26\nlightning==2.0  # step: 1\n",
    "README": "# Loss\n\nTrain with lr: 0.1 for 10 steps.\nThe loss: 3.\n",
    "README.txt": "step: the step\nloss: the loss\nlr: 0.1\n",
    "LICENSE": "Apache License\nVersion 2.0, January 2004\n",
    "hparams.yaml": "lr: 0.1\nsteps: 10\nloss: 3\n",
    "notes.log": "",
    "weights.dat": "\0" * 100 + "loss: 1",
    "model": "PK\x03\x04" + "\0" * 26 + "archive/data.pkl",
}


def other_files(folder):
    for name, text in OTHERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet", "events", "wandb", "trackio", "jsonl", "json"])
@pytest.mark.parametrize("name", ["run", "run.txt", "run.json", "run.csv"])
def test_a_file_under_any_name_is_read_as_what_it_is(tmp_path, log, kind, name):
    original = log(kind)
    if original.is_dir():
        (original,) = original.iterdir()
    (tmp_path / "runs").mkdir()
    shutil.copy(original, tmp_path / "runs" / name)
    if kind != "trackio":  # of several runs
        np.testing.assert_array_equal(read_series(tmp_path / "runs" / name).values, NORMS)
    other_files(tmp_path)
    (source,) = sources(tmp_path / "runs" / name)
    if not name.endswith(".csv"):  # in a folder, the ending of another kind is believed
        assert [(each.path.name, each.reader) for each in sources(tmp_path)] == [(name, source.reader)]


def test_other_files_are_no_logs(tmp_path):
    other_files(tmp_path)
    with pytest.raises(ValueError, match="no log in this folder"):
        sources(tmp_path)
    log_files.write_csv(tmp_path / "log.csv")
    assert [source.path.name for source in sources(tmp_path)] == ["log.csv"]


@pytest.mark.parametrize(
    "name", ["events.out.tfevents.1.host", "log.csv", "log.jsonl", "log.npz", "log.parquet", "model.bin", "run"]
)
def test_a_pointer_of_git_lfs_is_named(tmp_path, name):
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(ValueError, match=rf"{name}: a Git LFS pointer.* git lfs pull"):
        sources(tmp_path / name)
    if name in ("model.bin", "run"):
        with pytest.raises(ValueError, match="no log in this folder"):
            sources(tmp_path)
        return
    (source,) = sources(tmp_path)
    with pytest.raises(ValueError, match=r"a Git LFS pointer.* git lfs pull"):
        list(source.runs())


def test_only_the_beginning_of_a_file_is_looked_at(tmp_path, monkeypatch):
    (tmp_path / "run.txt").write_bytes(b"text\n" * HEAD)
    log_files.write_jsonl(tmp_path / "log.txt", COLUMNS)
    read = []
    monkeypatch.setattr("wcdfa.readers.formats.jsonl.loads", lambda text: (read.append(text), json.loads(text))[1])
    assert [source.path.name for source in sources(tmp_path)] == ["log.txt"]
    assert 2 <= len(read) <= 20
