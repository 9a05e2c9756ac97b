"""Several arrays of NumPy in a zip archive, each with a checksum: members of other types, twice, compressed, or that swell."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.formats import npy
from tests.fuzz.payload import Marker
from tests.fuzz.plan import Plan, change, finish
from tests.fuzz.rows import Row

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class Zeros(NamedTuple):
    """A member of zeros, packed."""

    packed: bytes
    size: int
    checksum: int

    def write(self, file: zipfile.ZipFile) -> None:
        """Write it as it is packed; what the archive says of it is put right before the archive is closed."""
        info = zipfile.ZipInfo("zeros.npy")
        file.writestr(info, self.packed, zipfile.ZIP_STORED)
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, self.size, self.checksum


@cache
def deflated(head: bytes, count: int) -> Zeros:
    """That many numbers after a header. It takes a second, and is the same for all cases."""
    packer, packed, checksum = zlib.compressobj(1, zlib.DEFLATED, -15), [], zlib.crc32(head)
    packed.append(packer.compress(head))
    block, size = bytes(8 * 20_000), 8 * count
    for start in range(0, size, len(block)):
        piece = block[: size - start]
        packed.append(packer.compress(piece))
        checksum = zlib.crc32(piece, checksum)
    return Zeros(b"".join([*packed, packer.flush()]), len(head) + size, checksum)


class Archive:
    """The members of an archive while it is changed."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.arrays: dict[str, npy.Array] = {}
        self.others: list[tuple[str, bytes, int]] = []
        """Names, contents and compressions."""
        self.zeros: list[Zeros] = []
        self.checksum: int | None = None
        """Of the series, if another than that of its bytes."""

    def main(self) -> npy.Array:
        return self.arrays[self.case.column]


def build(folder: Path, plan: Plan) -> Case:
    rng = plan.log
    drawn = log(rng, gaps=False, long=True)
    array, values = npy.array_of(rng, [row.value for row in drawn.rows if row.value is not None])
    rows = [Row(value, row.step) for value, row in zip(values, drawn.rows, strict=True)]
    case = Case(folder / "log.npz", drawn.column, rows)
    archive = Archive(case)
    archive.arrays[drawn.column] = array
    if rows[0].step is not None:
        archive.arrays["step"] = npy.Array(np.array([row.step for row in rows], str(rng.choice(["<i8", ">i4", "<f8"]))))
    for name in drawn.rows[0].beside:
        archive.arrays[name] = npy.Array(np.array([row.beside[name] for row in drawn.rows], "<f4"))
    change(case, plan, [partial(kind, archive) for kind in CHANGES])
    method = METHODS[rng.integers(len(METHODS))]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as file:
        for name, each in archive.arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            file.writestr(info, b"".join(part for part, _ in each.parts()), method)
            if name == case.column and archive.checksum is not None:
                info.CRC = archive.checksum
        for name, content, compression in archive.others:
            file.writestr(zipfile.ZipInfo(name), content, compression)
        for zeros in archive.zeros:
            zeros.write(file)
    data = held.getvalue()
    finish(case, File(data), plan, checked=True, ended=True)
    return case


def other_array(archive: Archive, rng: np.random.Generator) -> None:
    """The series itself with another header."""
    kind = npy.CHANGES[rng.integers(len(npy.CHANGES))]
    kind(archive.case, archive.main(), rng)


def other_steps(archive: Archive, rng: np.random.Generator) -> None:
    """Steps that are none: then nothing is claimed but the number of values."""
    n = archive.main().size
    kinds = (
        np.full(n, np.nan),
        np.zeros(n),
        np.arange(n) + 0.5,
        np.arange(n + 1),
        np.full(n, 2**62),
        -np.arange(n),
        np.full(n, 1e300),
    )
    archive.arrays["step"] = npy.Array(np.asarray(kinds[rng.integers(len(kinds))]))
    archive.case.rows = [row._replace(step=None) for row in archive.case.rows]
    archive.case.damage("other steps")
    archive.case.free = True


def more(archive: Archive, rng: np.random.Generator) -> None:
    """Members beside the series that change nothing of it."""
    kinds = (
        np.array(3.5),
        np.ones((3, 4)),
        np.array(["a"]),
        np.array([1 + 2j]),
        np.array([True]),
        np.zeros((0,)),
        np.ones((2, 2, 2)),
    )
    kinds += (np.zeros(2, [("a", "f8")]), np.array(["2024-01-01"], "M8[D]"), np.ones((archive.main().size, 2)))
    with io.BytesIO() as held:
        np.save(held, kinds[rng.integers(len(kinds))])
        archive.others.append((f"more {len(archive.others)}.npy", held.getvalue(), METHODS[rng.integers(len(METHODS))]))
    archive.others.append(("notes.txt", b"text", zipfile.ZIP_STORED))
    if archive.main().size > 1:
        archive.case.done.append("more members")
    else:  # beside another array, a single number is no series
        archive.case.damage("more members")


def objects(archive: Archive, rng: np.random.Generator) -> None:
    """An array of objects, whose pickle would make a file."""
    held = io.BytesIO()
    np.lib.format.write_array(held, np.array([None], dtype=object), allow_pickle=True)
    head = held.getvalue()[: held.getvalue().index(b"\n") + 1]
    archive.others.append(
        ("objects.npy", head + pickle.dumps(Marker(str(archive.case.path.parent / "executed"))), zipfile.ZIP_STORED)
    )
    archive.case.damage("an array of objects")


def name_again(archive: Archive, rng: np.random.Generator) -> None:
    """Odd names of members, or the name of the series again."""
    names = (
        "a",
        ".npy",
        "../../up.npy",
        "/etc/x.npy",
        "a/b.npy",
        "a\\b.npy",
        "é.npy",
        "k" * 5000 + ".npy",
        f"{archive.case.column}/0.npy",
    )
    with io.BytesIO() as held:
        np.save(held, np.arange(3.0))
        archive.others.append((str(rng.choice(names)), held.getvalue(), zipfile.ZIP_STORED))
    archive.case.damage(f"a member {archive.others[-1][0][:20]!r}")


def swells(archive: Archive, rng: np.random.Generator) -> None:
    """A member of zeros that is far larger than the file."""
    count = int(rng.choice([1_000, 1_000_000, 60_000_000], p=[0.5, 0.3, 0.2]))
    zeros = npy.Array(np.zeros(1))
    zeros.header["shape"] = f"({count},)"
    archive.zeros.append(deflated(zeros.parts()[0][0], count))
    archive.case.damage(f"{count:,} zeros")


def checksum(archive: Archive, rng: np.random.Generator) -> None:
    """Another number than that of which the checksum was taken."""
    array = archive.main()
    if len(array.data) > 1 and archive.checksum is None:
        archive.checksum = zlib.crc32(b"".join(part for part, _ in array.parts()))
        at = int(rng.integers(len(array.data)))
        array.data = array.data[:at] + bytes([array.data[at] ^ (1 << int(rng.integers(8)))]) + array.data[at + 1 :]
        archive.case.damage(f"byte {at} of the array is another than when the checksum was taken")


CHANGES = (other_array, other_array, other_steps, more, more, objects, name_again, swells, checksum)
