"""Files of torch.save made to fill the memory or to take forever, and files of wrong types: named, bounded, and the others are read."""

from __future__ import annotations

import math
import pickle
import re
import sys
import zipfile

import numpy as np
import pytest

from tests.helpers.bounded import MEMORY, SECONDS, Bounded
from tests.helpers.hostile_torch import NUMBERS, held, laughs, many, mapping, storage, tensor, typed, weights, write
from wcdfa.readers.checkpoints.displacement import read_checkpoints

FAR = 2 * math.sqrt(6)  # from step 1 to step 3
NEAR = math.sqrt(6)


@pytest.fixture(scope="module")
def bounded():
    process = Bounded()
    yield process
    process.close()


def read(folder):
    """The displacements, their steps and the notes."""
    (run,) = read_checkpoints(folder)
    column = run.columns["displacement"]
    return column.values, column.steps.tolist(), run.notes


def nested_names(name, times, leaves):
    """Dicts in one another under long names, which are the same object."""
    first, again = b"X" + len(name).to_bytes(4, "little") + name + b"q\x07", b"h\x07"
    inside = mapping(*((held(f"w{i}"), tensor()) for i in range(leaves)))
    return b"}" + first + (b"}" + again) * times + inside + b"s" * (times + 1)


REFUSED = {
    "pairs of pairs": (weights((held("x"), laughs())), "would take 268 MB"),
    "lists of lists": (weights((held("x"), b"](" + b"]" * 2 + b"e" + b"2\x86" * 50)), "would take"),
    "dicts of dicts": (weights((held("x"), mapping((held("a"), tensor())) + b"q\x05" + b"0}(X\x01\x00\x00\x00ah\x05X\x01\x00\x00\x00bh\x05uq\x05" * 40)), "would take"),
    "pairs of pairs as the key of a storage": (mapping((held("w"), tensor(storage=storage(laughs())))), "named by tuple"),
    "pairs of pairs as a shape": (mapping((held("w"), tensor(laughs(start=held(2))))), "holds an object of tuple"),
    "a list in itself": (weights((held("x"), b"]q\x05h\x05a")), "nested more than 64 levels deep"),
    "a dict in itself": (b"}q\x05X\x01\x00\x00\x00xh\x05s", "nested more than 64 levels deep"),
    "lists in lists": (lambda: weights((held("x"), b"]" * 50_000 + b"a" * 49_999)), "nested more than 64 levels deep"),
    "empty lists": (lambda: weights((held("x"), b"(" + b"]" * 2_500_000 + b"l")), "its pickle would take"),
    "empty dicts": (lambda: weights((held("x"), b"(" + b"}" * 2_500_000 + b"t")), "its pickle would take"),
    "marks": (lambda: b"(" * 2_500_000, "its pickle would take"),
    "classes": (lambda: b"".join(b"ca\n%x\n0" % i for i in range(900_000)) + weights(), "its pickle would take"),
    "calls": (lambda: b"ccollections\nOrderedDict\nq\x050" + b"h\x05)R" * 700_000, "its pickle would take"),
    "a long list in many ordered dicts": (
        lambda: weights((held("x"), b"](" + b"".join(held((i, 0)) for i in range(60_000)) + b"e\x85q\x05ccollections\nOrderedDict\nq\x060(" + b"h\x06h\x05R" * 600 + b"t\x86")),
        "its pickle would take",
    ),
    "many arguments in many calls": (lambda: b"(" + b"N" * 1_000_000 + b"tq\x050ca\nb\nq\x060" + b"h\x06h\x05R0" * 20_000 + weights(), "its pickle would take"),
    "many arguments in many tensors": (
        lambda: b"(" + b"N" * 1_000_000 + b"tq\x050ctorch._tensor\n_rebuild_from_type_v2\nq\x060" + b"h\x06(ca\nb\nNh\x05NtR0" * 2_000 + weights(),
        "its pickle would take",
    ),
    "long names of classes": (lambda: held("a" * 3_000_000) + b"q\x050" + b"h\x05h\x05\x930" * 500 + weights(), "names a class in 6,000,000 characters"),
    "memos": (lambda: b"".join(b"Nr" + i.to_bytes(4, "little") + b"0" for i in range(1_700_000)) + weights(), "its pickle would take"),
    "long names": (lambda: nested_names(b"n" * 1_000_000, 60, 100), "the names of its tensors would take"),
    "tensors": (lambda: mapping(*((held(i), tensor(held((1,)), held((1,)), held(i % 6))) for i in range(60_000))), "would take"),
    "bytes of 2**60": (weights((held("x"), b"\x8e" + (1 << 60).to_bytes(8, "little"))), ""),
    "an array of bytes of 2**60": (weights((held("x"), b"\x96" + (1 << 60).to_bytes(8, "little"))), ""),
    "an extension": (weights((held("x"), b"\x82\x01")), "an instruction that files of torch.save never have"),
    "a number is called": (weights((held("x"), held(3) + b")R")), "its pickle calls int"),
    "an unknown instruction": (weights((held("x"), b"\xff")), ""),
    "no end": (b"}", ""),
    "a storage of another type": (mapping((held("w"), tensor(storage=held((1, 2))))), ""),
    "a storage of a number": (mapping((held("w"), tensor(storage=storage(held(0))))), "named by int"),
    "a storage that is not there": (mapping((held("w"), tensor(storage=storage(held("9"))))), "data/9"),
    "a storage whose class is a number": (mapping((held("w"), tensor(storage=storage(kind=held(5))))), "a storage is of int"),
    "a name that is no tuple": (mapping((held("w"), held(3) + b"Q")), ""),
    "a float in a shape": (mapping((held("w"), tensor(held((2, 3.0))))), "a shape must be whole numbers .* holds 3.0"),
    "a bool in a shape": (mapping((held("w"), tensor(held((True, 6)), held((6, 1))))), "holds True"),
    "text as a shape": (mapping((held("w"), tensor(held("23")))), "is an object of str"),
    "a negative shape": (mapping((held("w"), tensor(held((-2, -3))))), "a negative number"),
    "a shape of no end": (mapping((held("w"), tensor(held((10**400, 1))))), "a larger one"),
    "a shape of many axes": (mapping((held("w"), tensor(held((1,) * 100_000), held((1,) * 100_000)))), "is 100000 long"),
    "fewer strides": (mapping((held("w"), tensor(stride=held((1,))))), ""),
    "a negative offset": (mapping((held("w"), tensor(start=held(-4)))), "an offset must be whole numbers"),
    "an offset past the end": (mapping((held("w"), tensor(start=held(1)))), "beyond the end of its storage"),
    "a float as offset": (mapping((held("w"), tensor(start=held(0.0)))), "holds 0.0"),
    "strides past the end": (mapping((held("w"), tensor(stride=held((4, 1))))), "beyond the end of its storage"),
    "a number as dtype": (mapping((held("w"), typed(held(5)))), "the dtype of a tensor is int"),
}  # fmt: skip
LEFT_OUT = {
    "strides of zero": tensor(held((10**6, 10**6)), held((0, 0))),
    "strides of one": tensor(held((20_000, 20_000)), held((1, 1))),
    "overlapping strides": tensor(held((5, 2, 2)), held((1, 1, 1))),
    "a stand-in": b"cos\nsystem\n" + many(held("true")) + b"R",
    "a dtype of another kind": typed(b"ctorch\nint4\n"),
}
HARMLESS = {
    "a memo of 2**31": weights((held("x"), b"Nr\xff\xff\xff\x7f")),
    "a memo of 10**30": lambda: weights((held("x"), b"Np%d\n" % 10**30)),
    "bytes as a key": weights((b"U\x01a", held(1)), (held(b"b"), held(2))),
    "pairs of pairs as a key": weights((laughs(), held(1))),
    "pairs of pairs as keys of an ordered dict": weights(
        (held("x"), b"ccollections\nOrderedDict\n" + many(b"](" + laughs() + held(1) + b"\x86e") + b"R")
    ),
    "a long integer as many keys": lambda: weights((held("x"), held(1 << 32_000_000) + b"q\x050}(" + b"h\x05N" * 20_000 + b"u")),
    "a long tuple as many keys": lambda: weights((held("x"), b"(" + b"N" * 1_000_000 + b"tq\x050}(" + b"h\x05N" * 2_000 + b"u")),
    "integers of one hash": lambda: weights(
        (held("x"), b"}(" + b"".join(held(sys.hash_info.modulus * i) + b"N" for i in range(2, 100_000)) + b"u")
    ),
    "pairs of pairs in a set": weights((held("x"), b"\x8f(" + laughs() + b"\x90"), (held("y"), b"(" + laughs() + b"\x91")),
    "states": weights((held("x"), b"ctorch._utils\n_rebuild_tensor_v2\n" + held({"__defaults__": 5}) + b"b")),
    "lists that are not": weights((held("x"), held(1) + held(2) + b"a")),
    "a named class": weights((held("x"), b"(ios\nsystem\n")),
    "tied": lambda: mapping(*((held(f"w{i or ''}"), tensor()) for i in range(10_000))),
}


def three(folder, second, **how):
    """Three checkpoints, the second of them of these instructions; the numbers of each are one above the last's."""
    second = second() if callable(second) else second
    for step in (1, 2, 3):
        write(folder / f"step_{step}.pt", second if step == 2 else weights(), NUMBERS + step, **(how if step == 2 else {}))


def taken(bounded, folder):
    outcome = bounded.run(read, folder)
    assert not outcome.error
    assert outcome.seconds < SECONDS
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert outcome.memory < max(8 * size, MEMORY)
    return outcome.value


def check_refused(bounded, folder, why):
    values, steps, notes = taken(bounded, folder)
    np.testing.assert_allclose(values, [FAR])
    assert steps == [3]
    (note,) = [note for note in notes if "1 of 3 checkpoints skipped" in note]
    assert "step_2" in note
    assert re.search(why, note), note
    assert any("across skipped checkpoints" in note for note in notes)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, bounded, name):
    instructions, why = REFUSED[name]
    three(tmp_path, instructions)
    check_refused(bounded, tmp_path, why)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_tensor_that_is_left_out(tmp_path, bounded, name):
    three(tmp_path, weights((held("x"), LEFT_OUT[name])))
    values, steps, notes = taken(bounded, tmp_path)
    np.testing.assert_allclose(values, [NEAR, NEAR])
    assert steps == [2, 3]
    assert any("1 left out" in note and note.endswith(": x") for note in notes)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(tmp_path, bounded, name):
    three(tmp_path, HARMLESS[name])
    values, steps, notes = taken(bounded, tmp_path)
    np.testing.assert_allclose(values, [NEAR, NEAR])
    assert steps == [2, 3]
    assert not any("skipped" in note for note in notes)


@pytest.mark.parametrize(
    ("shape", "stride"), [((3, 2), (1, 3)), ((3, 1, 2), (2, 50, 1)), ((2,), (5,)), ((), ()), ((1, 1, 2), (0, 9, 3))]
)
def test_views(tmp_path, bounded, shape, stride):
    for step in (1, 2, 3):
        write(tmp_path / f"step_{step}.pt", mapping((held("w"), tensor(held(shape), held(stride)))), NUMBERS * step)
    expected = np.linalg.norm(np.lib.stride_tricks.as_strided(NUMBERS, shape, [4 * each for each in stride]))
    np.testing.assert_allclose(taken(bounded, tmp_path)[0], [expected, expected])


@pytest.mark.parametrize("compressed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members(tmp_path, bounded, compressed):
    """They would swell to many times the size of the file."""
    three(tmp_path, b"N0" * 3_000_000 + weights(), compressed=compressed)
    assert (tmp_path / "step_2.pt").stat().st_size < 1_000_000
    check_refused(bounded, tmp_path, r"data\.pkl is compressed, which torch\.save never does")


@pytest.mark.parametrize("field", ["declared larger", "declared stored", "at another place"])
def test_a_list_of_members_that_lies(tmp_path, bounded, field):
    three(tmp_path, b"N0" * 1_000_000 + weights(), compressed=zipfile.ZIP_DEFLATED)
    path = tmp_path / "step_2.pt"
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 10 : entry + 12] = b"\0\0"  # stored
    if field == "declared larger":
        content[entry + 20 : entry + 28] = (4_000_000_000).to_bytes(4, "little") * 2
    if field == "at another place":
        content[entry + 42 : entry + 46] = (len(content) - 30).to_bytes(4, "little")
    path.write_bytes(content)
    check_refused(bounded, tmp_path, "step_2")


def test_many_members_and_strange_names(tmp_path, bounded):
    names = ["../../out", "/etc/passwd", "archive/data/../0", "archive/\n", *(f"archive/more/{i}" for i in range(66_000))]
    three(tmp_path, weights(), members=[(name, b"") for name in names])
    values, _, _ = taken(bounded, tmp_path)
    np.testing.assert_allclose(values, [NEAR, NEAR])
    assert not (tmp_path.parent.parent / "out").exists()


def test_a_long_list_of_members(tmp_path, bounded):
    """A member takes 47 bytes in the file, and many more in memory."""
    three(tmp_path, weights())
    path = tmp_path / "step_2.pt"
    content = path.read_bytes()
    begin, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    members = content[begin:end] * 300_000
    tail = content[end : end + 12] + len(members).to_bytes(4, "little") + content[end + 16 :]
    path.write_bytes(content[:begin] + members + tail)
    check_refused(bounded, tmp_path, "its list of members would take|cut off")


def test_overlapping_members(tmp_path, bounded):
    """Many storages that are the same bytes of the file: as many numbers as a bomb has."""
    size, count = 2_000_000, 400
    numbers = np.zeros(size, "<f4")
    tensors = mapping(*((held(f"w{i}"), tensor(held((size,)), held((1,)), storage=storage(held(str(i))))) for i in range(count)))
    three(tmp_path, tensors)
    path = tmp_path / "step_2.pt"
    write(path, tensors, numbers)
    content = path.read_bytes()
    begin, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    first, second = content[begin:end].split(b"PK\x01\x02")[1:]
    same = [
        second[:24] + (13 + len(str(i))).to_bytes(2, "little") + second[26:42] + f"archive/data/{i}".encode() for i in range(count)
    ]
    members = b"".join(b"PK\x01\x02" + each for each in (first, *same))
    path.write_bytes(content[:begin] + members + content[end : end + 12] + len(members).to_bytes(4, "little") + content[end + 16 :])
    check_refused(bounded, tmp_path, r"its tensors have 3,200 MB of numbers|cut off")


def test_views_of_one_storage(tmp_path, bounded):
    """Each may be in place, but all together are far more numbers than the file has."""
    size = 200_000
    views = mapping(*((held(f"w{i}"), tensor(held((size - 1000,)), held((1,)), held(i))) for i in range(900)))
    three(tmp_path, views)
    write(tmp_path / "step_2.pt", views, np.zeros(size))
    check_refused(bounded, tmp_path, "its tensors have 716 MB of numbers")


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_all_protocols_of_torch(tmp_path, torch, protocol):
    for step in (1, 2, 3):
        model = {"w": torch.arange(6.0).reshape(2, 3) + step, "b": torch.ones(3, dtype=torch.bfloat16)}
        more = {"big": 10**30, "set": {1, 2}, "name": bytearray(b"x"), "of": frozenset("a"), "n": -5, "f": 0.5, (1, "a"): True}
        torch.save({"model": model, **more}, tmp_path / f"step_{step}.pt", pickle_protocol=protocol)
    values, _, notes = read(tmp_path)
    np.testing.assert_allclose(values, [NEAR, NEAR])
    assert len(notes) == 1
