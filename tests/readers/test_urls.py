"""Logs in object stores and on web servers, through fsspec: what is fetched, how it is shown, and what is said if it cannot be."""

from __future__ import annotations

import functools
import gzip
import os
import pickle
import tempfile
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.commands import run
from tests.helpers.log_files import COLUMNS, NORMS, write_csv
from wcdfa.readers import read_series, remote, series_of, sources
from wcdfa.readers.places import Url, place_of


@pytest.fixture
def memory():
    """A store in memory: puts files into it by name."""
    require("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]

    def put(name, data):
        MemoryFileSystem().makedirs(f"/{name}".rpartition("/")[0], exist_ok=True)
        MemoryFileSystem().pipe_file(f"/{name}", data)

    yield put
    MemoryFileSystem.store.clear()


@pytest.fixture
def csv(tmp_path):
    write_csv(tmp_path / "made.csv")
    return (tmp_path / "made.csv").read_bytes()


@pytest.mark.parametrize("name", ["run.csv", "runs/seed=1/run.csv", "a b/ü.csv", "run", "run.csv.gz"])
def test_a_file(memory, csv, name):
    memory(name, gzip.compress(csv) if name.endswith(".gz") else csv)
    for url in (f"memory://{name}", Path(f"memory://{name}")):
        series = read_series(url)
        np.testing.assert_array_equal(series.values, NORMS)
        assert series.name == f"memory://{name}: update_norm"
        assert str(series.path) == f"memory://{name}"


def test_a_folder_shows_each_log_by_its_url_and_nothing_else_is_fetched(memory, csv, log, monkeypatch):
    for name in (
        "runs/b.csv",
        "runs/a/run.csv.gz",
        "runs/model.safetensors",
        "runs/checkpoint-1/model.pt",
        "runs/.hidden.csv",
        "other/c.csv",
    ):
        memory(name, gzip.compress(csv) if name.endswith(".gz") else csv)
    (events,) = log("events").iterdir()
    memory(f"runs/tb/{events.name}", events.read_bytes())
    memory("runs/mlruns/1/abc/meta.yaml", b"run_id: abc\n")
    memory(
        "runs/mlruns/1/abc/metrics/update_norm",
        b"".join(b"1 %r %d\n" % each for each in zip(NORMS.tolist(), range(300), strict=True)),
    )
    fetched = []
    write = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", lambda self, *args, **named: (fetched.append(self.name), write(self, *args, **named)))
    found = sources("memory://runs")
    assert [str(each.path) for each in found] == [
        "memory://runs/b.csv",
        "memory://runs/a/run.csv.gz",
        "memory://runs/mlruns/1/abc",
        "memory://runs/tb",
    ]
    assert "checkpoint-1" not in fetched
    for each in pickle.loads(pickle.dumps(found)):  # for other processes
        (read,) = each.runs()
        assert read.path == each.path
        np.testing.assert_array_equal(next(series_of(read)).values, NORMS)


def test_the_copies_go_with_what_was_read(memory, csv, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    memory("runs/a.csv", csv)
    found = sources("memory://runs/")
    assert len(os.listdir(tmp_path / "temporary")) == 1
    del found
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://nothing/here.csv", r"^memory://nothing/here\.csv: no such file or folder$"),
        ("memory://runs", r"^memory://runs: no log in this folder; it holds notes\.md, weights\.bin$"),
        ("nonsense://a/b.csv", "^nonsense://a/b.csv: .*nonsense"),
    ],
)
def test_what_is_not_there(memory, url, said):
    memory("runs/weights.bin", b"1")
    memory("runs/notes.md", b"1")
    with pytest.raises((ValueError, OSError), match=said):
        read_series(url)


def test_too_much(memory, csv, monkeypatch):
    memory("runs/a.csv", csv)
    monkeypatch.setattr(remote, "MOST", 1000)
    for url in ("memory://runs", "memory://runs/a.csv"):
        with pytest.raises(ValueError, match="fetched, it would take more than 0 MB"):
            sources(url)


def test_a_missing_driver_is_named(monkeypatch):
    require("fsspec")
    from fsspec import core

    def missing(url):
        raise ImportError("Please install s3fs to access S3")

    monkeypatch.setattr(core, "url_to_fs", missing)
    for url, driver in (
        ("s3://b/a.csv", "s3fs"),
        ("gs://b/a.csv", "gcsfs"),
        ("abfs://b/a.csv", "adlfs"),
        ("hf://datasets/a", "huggingface_hub"),
    ):
        with pytest.raises(
            ValueError, match=rf"^{url}: reading \w+:// needs {driver}, which is not installed: pip install {driver}$"
        ):
            sources(url)


def test_the_commands(memory, csv, tmp_path):
    memory("runs/a.csv", csv)
    write_csv(tmp_path / "other.csv", COLUMNS | {"update_norm": NORMS[::-1]})
    memory("runs/b.csv", (tmp_path / "other.csv").read_bytes())
    one = run("analyze", "memory://runs/a.csv", "--window", "100", cwd=tmp_path)
    assert (one.returncode, "α of memory://runs/a.csv: update_norm" in one.stdout) == (0, True)
    assert (tmp_path / "a-wcdfa.png").exists()
    many = run("analyze", "memory://runs", "--window", "100", "--json", "--jobs", "1", cwd=tmp_path)
    assert '"path": "memory://runs/b.csv"' in many.stdout
    assert run("compare", "memory://runs", "--window", "100", cwd=tmp_path).returncode == 0
    assert run("report", "memory://runs/a.csv", "--window", "100", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a-wcdfa.html").exists()


def test_a_url_as_a_path():
    url = place_of("s3://bucket/runs/a.csv")
    assert isinstance(url, Url)
    assert (str(url), url.name, str(url.parent), str(url.resolve()), url.protocol) == (
        "s3://bucket/runs/a.csv",
        "a.csv",
        "s3://bucket/runs",
        "s3://bucket/runs/a.csv",
        "s3",
    )
    assert pickle.loads(pickle.dumps(url)) == url
    assert str(pickle.loads(pickle.dumps(url))) == str(url)
    assert str(place_of(Path("zip://run.csv::s3://bucket/a.zip"))) == "zip://run.csv::s3://bucket/a.zip"
    for path in ("runs/a.csv", "C:/runs/a.csv", "/s3:/a", "s3:a"):
        assert not isinstance(place_of(path), Url)


SIGNED = "?X-Amz-Credential=Mine%2F1&run=1&X-Amz-Signature=0aSigned1b"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            f"https://me:pass@word@host/runs/a.csv{SIGNED}",
            "https://***@host/runs/a.csv?X-Amz-Credential=***&run=1&X-Amz-Signature=***",
        ),
        ("https://token@host/a.csv", "https://***@host/a.csv"),
        ("simplecache::s3://key:secret@bucket/a.csv", "simplecache::s3://***@bucket/a.csv"),
        ("abfs://container@account/a.csv?sv=2022-11-02&sig=x%3D", "abfs://container@account/a.csv?sv=2022-11-02&sig=***"),
        (f"https://host/a.csv?key-pair={40 * 'a'}&raw=true", "https://host/a.csv?key-pair=***&raw=true"),
    ],
)
def test_no_secret_of_a_url_is_shown(url, said):
    place = Url(url)
    for each in (place, pickle.loads(pickle.dumps(place)), place.parent / place.whole.rpartition("/")[2]):
        assert (str(each), f"{each}", each.name, each.whole) == (said, said, said.rpartition("/")[2], url)
        assert said in repr(each)
    assert place == Url(url)
    assert hash(place) == hash(Url(url))
    assert place not in (Url(f"{url}1"), Path(url))


def test_a_url_of_a_file_of_this_machine(tmp_path):
    write_csv(tmp_path / "a b.csv")
    assert read_series((tmp_path / "a b.csv").as_uri()).path == tmp_path / "a b.csv"


def test_from_a_web_server(tmp_path, csv):
    require("aiohttp")
    require("fsspec")
    (tmp_path / "run.csv").write_bytes(csv)
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
        archive.writestr("run.csv", csv)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        for name in ("run.csv", "run.csv?raw=true", "run.zip"):
            series = read_series(f"{base}/{name}")
            np.testing.assert_array_equal(series.values, NORMS)
            assert str(series.path) == f"{base}/{name}"
        with pytest.raises(FileNotFoundError, match=rf"^{base}/none\.csv: no such file or folder, or the server"):
            sources(f"{base}/none.csv")
        secret = f"{base.replace('//', '//me:pass@')}/run.csv{SIGNED}"
        for command, *options in (("analyze", "--json"), ("analyze", "--output", "a.png"), ("report", "--output", "a.html")):
            done = run(command, secret, "--window", "100", *options, cwd=tmp_path)
            assert done.returncode == 0
            said = done.stdout + done.stderr + "".join(each.read_text("latin-1") for each in tmp_path.glob("a.*"))
            assert "run.csv" in said
            for each in ("me:pass", "Mine", "0aSigned1b"):
                assert each not in said
        many = run(
            "analyze", secret, secret.replace("run.csv", "none.csv"), "--window", "100", "--table", "a.parquet", cwd=tmp_path
        )
        assert many.returncode != 0
        assert ("none.csv" in many.stderr, "me:pass" in many.stdout + many.stderr) == (True, False)
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_from_s3(tmp_path, csv, monkeypatch):
    """A bucket of a local server that speaks S3."""
    require("s3fs")
    require("boto3")
    server_type = require("moto.server").ThreadedMotoServer
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    server = server_type(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        client = require("boto3").client("s3")
        client.create_bucket(Bucket="bucket")
        for name in ("runs/a.csv", "runs/deep/b.csv", "runs/model.bin", "c.csv"):
            client.put_object(Bucket="bucket", Key=name, Body=csv)
        assert [str(each.path) for each in sources("s3://bucket/runs/")] == [
            "s3://bucket/runs/a.csv",
            "s3://bucket/runs/deep/b.csv",
        ]
        np.testing.assert_array_equal(read_series("s3://bucket/c.csv").values, NORMS)
        with pytest.raises(FileNotFoundError, match=r"^s3://bucket/none\.csv: no such file or folder"):
            sources("s3://bucket/none.csv")
        with pytest.raises(FileNotFoundError, match=r"^s3://nobody: no such file or folder"):
            sources("s3://nobody")
    finally:
        server.stop()
