"""Logs that are cut off or damaged: an error that names the file, or what is whole before the damage, and never anything else."""

from __future__ import annotations

import json
import struct
import threading
import zlib

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.log_files import NORMS, WRITERS
from tests.helpers.zip_files import write_long_list
from wcdfa.readers import sources
from wcdfa.readers.formats.binary_records import tensorflow_records
from wcdfa.readers.series import read_series, series_of
from wcdfa.support.text import shown

PLACES = 50
CHECKED = {"events", "tf events", "wandb", "npz"}  # with checksums: nothing that is read is wrong
PACKED = {"gz", "bz2", "xz", "zst", "zip"}


def file_of(path):
    return next(path.glob("*tfevents*")) if path.is_dir() else path


def read(path):
    """The first series of the first run."""
    (source,) = sources(path)
    run = next(source.runs())
    return next(series_of(run, [name for name in run.columns if name.endswith("update_norm")]))


def attempt(path):
    """The series, or None where it was refused by an error that names the file."""
    try:
        return read(path)
    except ValueError as error:
        refused = str(error)
    assert refused.startswith(shown(path))
    return None


@pytest.fixture
def damaged(log, tmp_path):
    """The name of a log's file in a folder of its own, its bytes, and what is read from them."""

    def start(kind):
        whole = file_of(log(kind))
        return tmp_path / whole.name, whole.read_bytes(), read(whole)

    return start


@pytest.mark.parametrize("kind", WRITERS)
def test_cut_off_anywhere(damaged, kind):
    path, data, whole = damaged(kind)
    rng = np.random.default_rng(0)
    for place in [0, *rng.integers(len(data), size=PLACES - 2), len(data) - 1]:
        path.write_bytes(data[:place])
        series = attempt(path)
        if series is None:
            continue
        count = len(series.values)
        np.testing.assert_array_equal(series.values, whole.values[:count])
        if series.steps is not None:
            np.testing.assert_array_equal(series.steps, whole.steps[:count])
        assert count == len(whole.values) or series.notes or ends_whole(kind, data[:place])


def ends_whole(kind, data):
    """Whether what is left is itself a whole log, so that nothing can be known to be missing."""
    if kind in ("events", "tf events"):
        return ends_with_record(data)
    return kind == "wandb" or data.endswith((b"\n", b"}"))


def ends_with_record(data):
    from io import BytesIO

    return sum(16 + len(record) for record in tensorflow_records(BytesIO(data), require("google_crc32c").value)) == len(data)


@pytest.mark.parametrize("kind", WRITERS)
def test_one_byte_of_it_is_wrong(damaged, kind):
    path, data, whole = damaged(kind)
    rng = np.random.default_rng(1)
    for place, change in zip(rng.integers(len(data), size=PLACES), rng.integers(1, 256, size=PLACES), strict=True):
        changed = bytearray(data)
        changed[place] ^= change
        path.write_bytes(changed)
        series = attempt(path)
        if series is None or kind == "parquet":  # whose pages are compressed, mostly without a checksum: several values may change
            continue
        count = len(series.values)
        if kind in PACKED:  # what stands before the place at which it shows may be wrong, and is said to be damaged
            assert series.notes or np.array_equal(series.values, whole.values), place
        elif kind in CHECKED or count == len(whole.values):
            wrong = series.values != whole.values[:count]
            assert wrong.sum() <= (kind not in CHECKED), place
            assert count == len(whole.values) or series.notes, place
        else:
            assert np.isin(series.values, whole.values).sum() >= count - 1
            assert series.notes or series.empty or series.steps is None, place


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.npy", "a.npz", "a.parquet", "a.wandb", "a.db", "a.json", "a.tfevents.1"]
)
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=name):
        read_series(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.npy", "a.npz", "a.parquet", "a.wandb", "a.db", "a.json", "a.tfevents.1"])
def test_noise(tmp_path, name):
    rng = np.random.default_rng(0)
    for _ in range(20):
        (tmp_path / name).write_bytes(rng.bytes(int(rng.integers(2000))))
        with pytest.raises(ValueError, match=name):
            read_series(tmp_path / name)


def test_a_long_list_of_members_is_not_read(tmp_path):
    path = tmp_path / "a.npz"
    write_long_list(path)
    with pytest.raises(ValueError, match=r"a\.npz: .*its list of members would take 330 MB of memory"):
        read_series(path)


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.jsonl", "a.csv", "a.wandb", "a.json", "a.db"])
def test_what_the_system_refuses_to_open_is_no_damage(tmp_path, name, monkeypatch):
    from pathlib import Path

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    (tmp_path / name).write_text("norm\n1.0\n")
    monkeypatch.setattr(Path, "open", refuse)  # nothing is forbidden to root
    with pytest.raises(PermissionError, match=name):
        read_series(tmp_path / name)


def test_half_written_last_lines(tmp_path):
    (tmp_path / "a.csv").write_text("step,norm\n1,0.5\n2,0.25\n3,0.12")
    (tmp_path / "b.csv").write_text("0.5\n0.25\n0.12")
    (tmp_path / "a.jsonl").write_text('{"norm": 0.5}\n{"norm": 0.25}\n{"norm": 0.12')
    (tmp_path / "b.jsonl").write_text("0.5\n0.25\n0.12")
    for name in ("a.csv", "b.csv", "a.jsonl", "b.jsonl"):
        series = read_series(tmp_path / name)
        assert series.values.tolist() == [0.5, 0.25]
        assert series.notes[0] == "the last line has no end and was left out: the log may be cut off, or still being written"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_that_grows_while_it_is_read(tmp_path, kind):
    """What is read is always a beginning, step by step, whatever is written meanwhile, and nobody sees half a line."""
    path, done = tmp_path / f"a.{kind}", threading.Event()
    lines = [f"{i},{1 + i % 7}.5\n" if kind == "csv" else json.dumps({"step": i, "norm": 1.5 + i % 7}) + "\n" for i in range(5_000)]
    with path.open("w") as file:
        file.write("step,norm\n" * (kind == "csv") + "".join(lines[:100]))

    def grow():
        with path.open("a") as file:
            for line in lines[100:]:
                for part in (line[:5], line[5:]):
                    file.write(part)
                    file.flush()
        done.set()

    writer = threading.Thread(target=grow)
    writer.start()
    looks = 0
    try:
        while not done.is_set() or not looks:
            series = read_series(path)
            np.testing.assert_array_equal(series.steps, np.arange(len(series.steps)))
            np.testing.assert_array_equal(series.values, 1.5 + series.steps % 7)
            looks += 1
    finally:
        writer.join()
    assert len(read_series(path).values) == 5_000


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_that_no_float_holds_is_infinite(tmp_path, digits):
    (tmp_path / "a.jsonl").write_text(f'{{"norm": 1.0}}\n{{"norm": {"1" * digits}}}\n{{"norm": 2.0}}\n')
    (run,) = sources(tmp_path / "a.jsonl")[0].runs()
    np.testing.assert_array_equal(run.columns["norm"].values, [1.0, np.inf, 2.0])


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, '{"norm": 1.0} {"norm": 2.0}', "\x00"])
def test_lines_that_break_parsers(tmp_path, line):
    (tmp_path / "a.jsonl").write_text(f'{{"norm": 1.0}}\n{line}\n{{"norm": 2.0}}\n')
    series = read_series(tmp_path / "a.jsonl")
    assert (series.values[0], series.values[-1]) == (1.0, 2.0)
    assert "line 2" in series.notes[0]
    (tmp_path / "trainer_state.json").write_text(
        f'{{"log_history": [{{"norm": 1.0}}, {line.replace("} {", "} x {")}, {{"norm": 2.0}}]}}'
    )
    series = read_series(tmp_path / "trainer_state.json")
    assert series.values[0] == 1.0
    assert series.notes[0] == "it is cut off or damaged: the entries before were read"


def test_deep_rows_are_read_as_deep_as_they_go(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a":' * 900 + '{"norm": 1.5}' + "}" * 900 + "\n")
    assert read_series(tmp_path / "a.jsonl").values.tolist() == [1.5]


def test_integers_beyond_all_floats(tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"norm": {"9" * 400}}}\n{{"norm": -{"9" * 400}}}\n')
    assert read_series(tmp_path / "a.jsonl").values.tolist() == [np.inf, -np.inf]


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_a_whole_record_that_is_no_event(log, tmp_path):
    crc = require("google_crc32c").value
    header, data = struct.pack("<Q", 3), b"\xff\xff\xff"
    record = header + struct.pack("<I", masked(crc(header))) + data + struct.pack("<I", masked(crc(data)))
    path = tmp_path / "a.tfevents.1"
    path.write_bytes(file_of(log("events")).read_bytes() + record)
    series = read(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert "a record in it is not a TensorBoard event" in series.notes[0]


def test_a_whole_record_that_is_none_of_wandb(log, tmp_path):
    data = log("wandb").read_bytes()
    record = struct.pack("<IHB", zlib.crc32(b"\x01\xff\xff\xff"), 3, 1) + b"\xff\xff\xff"
    assert 32768 - len(data) % 32768 > 20  # it fits into the block
    (tmp_path / "a.wandb").write_bytes(data + record)
    series = read(tmp_path / "a.wandb")
    np.testing.assert_array_equal(series.values, NORMS)
    assert "a record in it cannot be read" in series.notes[0]


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_pickle_is_not_loaded(tmp_path, name):
    array = np.array([Bomb(tmp_path / "loaded")], dtype=object)
    save = np.save if name == "a.npy" else np.savez
    save(tmp_path / name, array, allow_pickle=True)
    with pytest.raises(ValueError, match=f"{name}: damaged, or not plain arrays: Object arrays cannot be loaded"):
        read_series(tmp_path / name)
    assert not (tmp_path / "loaded").exists()
    loaded = np.load(tmp_path / name, allow_pickle=True)
    (file,) = loaded if name == "a.npy" else loaded["arr_0"]
    file.close()
    assert (tmp_path / "loaded").exists()  # it would have been


def test_a_header_that_asks_for_all_memory(tmp_path):
    np.save(tmp_path / "a.npy", NORMS)
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data.replace(b"(300,), }         ", b"(3000000000000,),}"))
    with pytest.raises(ValueError, match=r"a\.npy: damaged"):
        read_series(tmp_path / "a.npy")


@pytest.mark.parametrize("rest", ["", "]", ', "step": 3', '}} {"grad_norm": 1.0}]}', ', "a": [1}'])
def test_what_follows_a_log_history_may_be_damaged(tmp_path, rest):
    entries = ", ".join(f'{{"step": {i}, "grad_norm": {1 + i % 7}.5}}' for i in range(40))
    path = tmp_path / "trainer_state.json"
    path.write_text(f'{{"epoch": 1.0, "log_history": [{entries}]{rest}')
    (run,) = sources(path)[0].runs()
    np.testing.assert_array_equal(run.columns["grad_norm"].values, [1.5 + i % 7 for i in range(40)])
    assert run.notes == ("it is cut off or damaged: the entries before were read",)
    path.write_text(f'{{"epoch": 1.0, "log_history": [{entries}], "stateful_callbacks": {{"a": [1]}}}}')
    (run,) = sources(path)[0].runs()
    assert run.notes == ()
