"""Safetensors files and orbax folders made to fill the memory or to take forever, or of wrong types, and checkpoints that are no files."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.bounded import MEMORY, SECONDS, Bounded
from tests.helpers.checkpoint_files import FORMATS
from tests.helpers.pipes import KINDS, make_special
from wcdfa.readers import sources
from wcdfa.readers.checkpoints import contents
from wcdfa.readers.checkpoints.displacement import read_checkpoints

NUMBERS = np.arange(6, dtype="<f4")
NEAR, FAR = math.sqrt(6), 2 * math.sqrt(6)
GOOD = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.fixture(scope="module")
def bounded():
    process = Bounded()
    yield process
    process.close()


def write(path, header, numbers=NUMBERS, length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + numbers.astype("<f4").tobytes())


def three(folder, header=None, **how):
    """Three checkpoints, the second of them with this header; the numbers of each are one above the last's."""
    for step in (1, 2, 3):
        hostile = step == 2 and header is not None
        write(folder / f"step_{step}.safetensors", header if hostile else {"w": GOOD}, NUMBERS + step, **(how if hostile else {}))


def read(folder):
    """The displacements, their steps and the notes."""
    (run,) = read_checkpoints(folder)
    column = run.columns["displacement"]
    return column.values, None if column.steps is None else column.steps.tolist(), run.notes


def taken(bounded, folder):
    outcome = bounded.run(read, folder)
    assert not outcome.error
    assert outcome.seconds < SECONDS
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert outcome.memory < max(8 * size, MEMORY)
    return outcome.value


def skipped(notes):
    (note,) = [note for note in notes if "checkpoints skipped" in note]
    return note


def check_refused(bounded, folder, why):
    values, steps, notes = taken(bounded, folder)
    np.testing.assert_allclose(values, [FAR])
    assert steps == [3]
    assert "1 of 3 " in skipped(notes)
    assert "step_2" in skipped(notes)
    assert re.search(why, skipped(notes)), skipped(notes)


WRONG = {
    "a float in the shape": ({"shape": [2.0, 3]}, r"tensor w: a shape must be whole numbers .* holds 2\.0"),
    "a negative shape": ({"shape": [-2, -3]}, "a negative number"),
    "a bool in the shape": ({"shape": [True, 6]}, "holds True"),
    "text as the shape": ({"shape": "23"}, "is an object of str"),
    "text in the shape": ({"shape": ["2", 3]}, "holds 2"),
    "a number as the shape": ({"shape": 6}, "is an object of int"),
    "no shape": ({"shape": None}, "is an object of NoneType"),
    "another shape": ({"shape": [2, 4]}, "does not fit"),
    "a huge shape": ({"shape": [10**12]}, "does not fit"),
    "a shape of no end": ({"shape": [10**400]}, "a larger one"),
    "many axes": ({"shape": [1] * 100_000}, "is 100000 long"),
    "offsets of text": ({"data_offsets": ["0", "24"]}, "a list of offsets must be .* holds 0"),
    "offsets of bools": ({"data_offsets": [False, 24]}, "holds False"),
    "offsets backwards": ({"data_offsets": [24, 0]}, "does not fit"),
    "negative offsets": ({"data_offsets": [-24, 0]}, "a negative number"),
    "three offsets": ({"data_offsets": [0, 12, 24]}, "does not fit"),
    "offsets beyond the end": ({"data_offsets": [10**15, 10**15 + 24]}, "its header says"),
    "a number as dtype": ({"dtype": 5}, "has no dtype"),
    "a list as dtype": ({"dtype": ["F32"]}, "has no dtype"),
}
WHOLE = {
    "a list": (b"[1, 2]", "is of list and not an object"),
    "a number": (b"3", "is of int"),
    "tensors that are none": ({"w": [1, 2]}, "tensor w has no dtype"),
    "a tensor of nothing": ({"w": {}}, "tensor w has no dtype"),
    "a name twice": (b'{"w": %s, "w": %s}' % ((json.dumps(GOOD).encode(),) * 2), "w comes twice"),
    "a key twice": (b'{"w": {"dtype": "F32", "shape": [9], "shape": [2, 3], "data_offsets": [0, 24]}}', "shape comes twice"),
    "NaN": (b'{"w": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 24]}}', "NaN is no number of JSON"),
    "infinity": (b'{"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, Infinity]}}', "Infinity is no number"),
    "overlaps": ({"w": GOOD, "v": GOOD}, r"tensor w begins at byte 0, inside another, which ends at byte 24"),
    "overlaps of another kind": ({"w": GOOD, "v": GOOD | {"dtype": "F4", "data_offsets": [8, 24]}}, "inside another"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 200_000, "nested too deeply"),
    "no UTF-8": (b'{"\xff": 1}', "its header is damaged: 'utf-8' codec"),
    "UTF-16": ('{"w": 1}'.encode("utf-16"), "its header is damaged"),
    "half of a character": (b'{"\xed\xa0\x80": 1}', "its header is damaged: 'utf-8' codec"),
    "lists of lists": (b'{"a":[' + b"[]," * 4_000_000 + b"[]]}", "its header would take"),
    "objects": (b'{"a":[' + b"{}," * 4_000_000 + b"{}]}", "its header would take"),
    "a long header": (b" " * 99_000_000, "its header would take|damaged"),
    "many tensors": (json.dumps({f"w{i}": GOOD | {"data_offsets": [24, 24], "shape": [0]} for i in range(100_000)}).encode(), "would take"),
    "a name of a megabyte": ({"n" * 1_000_000: GOOD | {"shape": [1]}}, "nnn"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_tensor_of_wrong_types_in_a_header(tmp_path, bounded, name):
    change, why = WRONG[name]
    three(tmp_path, {"w": GOOD | change})
    check_refused(bounded, tmp_path, why)


@pytest.mark.parametrize("name", WHOLE)
def test_a_hostile_header(tmp_path, bounded, name):
    header, why = WHOLE[name]
    three(tmp_path, header)
    check_refused(bounded, tmp_path, why)


@pytest.mark.parametrize("length", [0, 1, 10**6, 10**8, 10**8 + 1, 2**63, 2**64 - 1])
def test_a_header_of_another_length(tmp_path, bounded, length):
    three(tmp_path, {"w": GOOD}, length=length)
    check_refused(bounded, tmp_path, "its header (would be|is damaged)")


def test_an_unknown_kind_of_number_is_left_out(tmp_path, bounded):
    three(tmp_path, {"w": GOOD, "v\n\x1b[31m": {"dtype": "Q\t7", "shape": [10**15], "data_offsets": [24, 24]}})
    values, _, notes = taken(bounded, tmp_path)
    np.testing.assert_allclose(values, [NEAR, NEAR])
    (note,) = [note for note in notes if "floating-point" in note]
    assert note == r"1 left out, because they are not floating-point numbers (Q\t7): v\n\x1b[31m"


@pytest.mark.parametrize(
    "index", [b"[]", b"{", b"[" * 100_000, b'{"weight_map": []}', b'{"weight_map": {"w": 5}}', b'{"a": ["' + b'",[],"' * 2_000_000]
)
def test_a_hostile_index(tmp_path, bounded, index):
    for step in (1, 2, 3):
        (tmp_path / f"step_{step}").mkdir()
        write(tmp_path / f"step_{step}" / "model.safetensors", {"w": GOOD}, NUMBERS + step)
    (tmp_path / "step_2" / "model.safetensors.index.json").write_bytes(index)
    check_refused(bounded, tmp_path, "step_2")


ARRAYS = {
    "of a million million numbers": ({"shape": [10**12], "chunks": [10**7]}, "its tensors have 4,000,000 MB of numbers"),
    "of a huge chunk": ({"shape": [10**12], "chunks": [10**12]}, "a chunk of an array would take"),
    "of many chunks": ({"shape": [10**7], "chunks": [1]}, "its tensors are in 10,000,0.. pieces"),
    "of many chunks in rows": ({"shape": [3, 10**7], "chunks": [3, 1]}, "pieces|a chunk of an array would take"),
    "of a huge row": ({"shape": [10**3, 10**9], "chunks": [1, 1000]}, "a chunk of an array would take"),
    "of a negative shape": ({"shape": [-3]}, "step_2"),
    "of a float in the shape": ({"shape": [8.5]}, "step_2"),
    "of no chunks": ({"chunks": [0]}, "step_2"),
    "of an unknown kind of number": ({"dtype": 5}, "step_2"),
    "of many axes": ({"shape": [1] * 99, "chunks": [1] * 99}, "step_2"),
}


def orbax(folder):
    paths = [FORMATS["orbax with a file for each array"].write(folder, step) for step in (1, 2, 3)]
    return paths[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orbax")
    orbax(folder)
    return folder


@pytest.mark.parametrize("name", ARRAYS)
def test_a_hostile_array(tmp_path, bounded, written, name):
    change, why = ARRAYS[name]
    folder = shutil.copytree(written, tmp_path / "run")
    path = folder / "step_2" / "params.layer.bias" / ".zarray"
    array = json.loads(path.read_text())
    path.write_text(json.dumps(array | change))
    for chunk in path.parent.glob("[0-9]*"):
        chunk.unlink()
    _, steps, notes = taken(bounded, folder)
    assert steps == [3]
    assert re.search(why, skipped(notes)), skipped(notes)


@pytest.mark.parametrize(
    "metadata",
    [
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"tree_metadata": 5}',
        b'{"tree_metadata": {"a": 5}}',
        b'{"a": [' + b"[]," * 3_000_000 + b"1]}",
    ],
)
def test_hostile_metadata(tmp_path, bounded, written, metadata):
    folder = shutil.copytree(written, tmp_path / "run")
    (folder / "step_2" / "_METADATA").write_bytes(metadata)
    _, steps, notes = taken(bounded, folder)
    assert steps == [3]
    assert "step_2" in skipped(notes)


def test_metadata_that_leads_out_of_the_folder(tmp_path, bounded, written):
    folder = shutil.copytree(written, tmp_path / "run")
    path = folder / "step_2" / "_METADATA"
    path.write_text(path.read_text().replace('"scale"', '"../../step_1/params.scale"'))
    _, steps, notes = taken(bounded, folder)
    assert steps == [3]
    assert "leads out of the folder" in skipped(notes)


@pytest.mark.parametrize("name", [".zarray", "_METADATA", "d"])
def test_a_pipe_in_a_folder_of_orbax(tmp_path, bounded, written, name):
    folder = shutil.copytree(written, tmp_path / "run")
    path = folder / "step_2" / ("params.layer.bias/.zarray" if name == ".zarray" else name)
    path.unlink(missing_ok=True)
    make_special(path)
    _, steps, _ = taken(bounded, folder)
    assert steps == [3]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_among_checkpoints(tmp_path, bounded, kind):
    three(tmp_path)
    (tmp_path / "step_2.safetensors").unlink()
    make_special(tmp_path / "step_2.safetensors", kind)
    check_refused(bounded, tmp_path, f"it is {kind} and not a file")


def test_a_checkpoint_that_may_not_be_read(tmp_path, monkeypatch):
    """The rights of files do not bind the superuser, so that it is the system call that refuses."""
    for step in (1, 2, 3):
        (tmp_path / f"step_{step}").mkdir()
        write(tmp_path / f"step_{step}" / "model.safetensors", {"w": GOOD}, NUMBERS + step)
    listdir = os.listdir

    def refused(path="."):
        if Path(path) == tmp_path / "step_2":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    values, steps, notes = read(tmp_path)
    np.testing.assert_allclose(values, [FAR])
    assert steps == [3]
    assert "step_2 (PermissionError" in skipped(notes)


@pytest.mark.parametrize("numbers", [range(8), range(0, 80, 10)])
def test_displacements_across_a_damaged_checkpoint_are_not_among_the_others(tmp_path, numbers):
    for step in numbers:
        write(tmp_path / f"step_{step}.safetensors", {"w": GOOD}, NUMBERS + step)
    write(tmp_path / f"step_{numbers[3]}.safetensors", b"{")
    values, steps, notes = read(tmp_path)
    assert steps == [numbers[i] for i in (1, 2, 5, 6, 7)]
    np.testing.assert_allclose(values, NEAR * numbers.step)
    (note,) = [note for note in notes if "across" in note]
    assert note == (
        "1 displacement(s) across skipped checkpoints cover more steps than the others and are left out: "
        f"to step_{numbers[4]}.safetensors"
    )


def test_damaged_ones_without_steps_in_their_names(tmp_path):
    for age, name in enumerate(("first", "best", "other", "last")):
        write(tmp_path / f"{name}.safetensors", b"{" if name == "best" else {"w": GOOD}, NUMBERS + age)
        os.utime(tmp_path / f"{name}.safetensors", (age, age))
    values, steps, notes = read(tmp_path)
    np.testing.assert_allclose(values, [NEAR])
    assert steps is None
    assert any("across" in note and note.endswith(": to other.safetensors") for note in notes)


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), TypeError("an object"), OverflowError("too large"), KeyError("w")]
)
@pytest.mark.parametrize("place", ["opening", "reading"])
def test_any_error_is_that_of_one_checkpoint(tmp_path, monkeypatch, error, place):
    three(tmp_path)
    given = contents.OPEN["safetensors"]

    def fail(*_):
        raise error

    def opened(path, room):
        found = given(path, room)
        if path.name != "step_2.safetensors":
            return found
        if place == "opening":
            raise error
        return found._replace(tensors={name: leaf._replace(read=fail) for name, leaf in found.tensors.items()})

    monkeypatch.setitem(contents.OPEN, "safetensors", opened)
    values, steps, notes = read(tmp_path)
    np.testing.assert_allclose(values, [FAR])
    assert steps == [3]
    assert "step_2.safetensors" in skipped(notes)
    assert ("not enough memory" in skipped(notes)) == isinstance(error, MemoryError)


def test_names_are_shown_escaped(tmp_path):
    for step, name in enumerate((b"step_1\n.safetensors", b"step_2\n\x1b[31m\xff.safetensors", b"step_3\n.safetensors")):
        write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)), b"{" if step == 1 else {"w": GOOD})
    write(tmp_path / "step_4\n.safetensors", b"{")
    notes = " ".join(read(tmp_path)[2])
    assert r"step_4\n.safetensors" in notes
    assert r"step_2\n\x1b[31m\udcff.safetensors" in notes
    assert notes.isprintable()


def test_many_checkpoints_and_many_files(tmp_path, bounded):
    """Finding them and putting them in order takes as long as there are many, and not the square of it."""
    for step in range(2000):
        write(tmp_path / f"step_{step}.safetensors", {"w": GOOD}, NUMBERS + step)
    for number in range(2000):
        (tmp_path / f"{number}_of.safetensors").symlink_to(tmp_path / f"step_{number}.safetensors")
        (tmp_path / f"note_{number}.txt").touch()
    outcome = bounded.run(found, tmp_path)
    assert outcome.value == [(".", 1999)]
    assert outcome.seconds < SECONDS


def found(folder):
    return [
        (str(source.path.relative_to(folder)), len(run.columns["displacement"].values))
        for source in sources(folder)
        for run in source.runs()
    ]


@pytest.mark.parametrize("number", ["9" * 30, "9" * 200, "18446744073709551616"])
def test_a_number_that_is_no_step(tmp_path, number):
    for i in range(3):
        write(tmp_path / f"step_{number}{i}.safetensors", {"w": GOOD}, NUMBERS + i)
    assert read(tmp_path)[1] is None
