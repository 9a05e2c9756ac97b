"""Parquet: types, encodings and metadata of all kinds through Arrow, and damaged pages."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.plan import Plan, change, finish

CODECS = ("none", "snappy", "zstd", "gzip")
OTHERS = {
    "text": ["a", None, "é\x00"],
    "list": [[1.5], [], None],
    "struct": [{"a": 1.5}, None, {"a": 2.5}],
    "bytes": [b"\xff", b"", None],
    "all null": [None, None, None],
    "true": [True, False, None],
    "huge": [2**63 - 1, -(2**63), 0],
    "step/": [1, 2, 3],
}


class Columns:
    """The columns while they are changed, as Arrow arrays."""

    def __init__(self, case: Case) -> None:
        import pyarrow as pa

        self.case = case
        rows = case.rows
        self.arrays: list[tuple[str, pa.Array]] = []
        if rows[0].step is not None:
            self.arrays.append(("step", pa.array([row.step for row in rows], pa.int64())))
        self.arrays.append((case.column, pa.array([row.value for row in rows], pa.float64())))
        self.arrays += [(name, pa.array([row.beside[name] for row in rows], pa.float32())) for name in rows[0].beside]
        self.metadata: dict[bytes, bytes] = {}

    def place(self) -> int:
        """Where the series is."""
        return [name for name, _ in self.arrays].index(self.case.column)


def build(folder: Path, plan: Plan) -> Case:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = plan.log
    drawn = log(rng)
    case = Case(folder / "log.parquet", drawn.column, drawn.rows)
    columns = Columns(case)
    change(case, plan, [partial(kind, columns) for kind in CHANGES])
    names = [name for name, _ in columns.arrays]
    table = pa.Table.from_arrays([array for _, array in columns.arrays], names=names).replace_schema_metadata(columns.metadata)
    held = io.BytesIO()
    pq.write_table(
        table,
        held,
        compression=str(rng.choice(CODECS)),
        row_group_size=int(rng.choice([1, 7, 1000])) if len(drawn.rows) < 60 else 1000,
        data_page_version=str(rng.choice(["1.0", "2.0"])),
        use_dictionary=bool(rng.integers(2)),
        write_page_checksum=bool(rng.integers(2)),
        store_schema=bool(rng.integers(2)),
    )
    finish(case, File(held.getvalue()), plan, ended=True)
    case.free |= bool(plan.bytes)  # pages are compressed, so a byte may change many values
    return case


def other_columns(columns: Columns, rng: np.random.Generator) -> None:
    """Columns of other types beside, which change nothing of the series."""
    import pyarrow as pa

    name = str(rng.choice(list(OTHERS)))
    kinds = OTHERS[name]
    n = len(columns.arrays[0][1])
    columns.arrays.append((f"{name}{len(columns.arrays)}", pa.array([kinds[i % len(kinds)] for i in range(n)])))
    columns.case.done.append(f"a column of {name}")


def other_type(columns: Columns, rng: np.random.Generator) -> None:
    """The series in another type: exact where that type holds it, else nothing but its length is claimed."""
    import pyarrow as pa

    at = columns.place()
    _, array = columns.arrays[at]
    types = (
        pa.float32(),
        pa.float16(),
        pa.string(),
        pa.decimal128(38, 9),
        pa.int64(),
        pa.bool_(),
        pa.large_string(),
        pa.timestamp("ns"),
    )
    kind = types[rng.integers(len(types))]
    try:
        made = array.cast(pa.int64(), safe=False).cast(kind) if pa.types.is_timestamp(kind) else array.cast(kind, safe=False)
    except pa.ArrowException:
        return
    columns.arrays[at] = (columns.case.column, made)
    columns.case.damage(f"the series as {kind}")
    columns.case.free = True


def nested(columns: Columns, rng: np.random.Generator) -> None:
    """The series or the steps as lists, dictionary or struct."""
    import pyarrow as pa

    at = int(rng.integers(len(columns.arrays)))
    name, array = columns.arrays[at]
    kind = int(rng.integers(3))
    try:
        made = (
            array.dictionary_encode()
            if kind == 0
            else pa.StructArray.from_arrays([array], ["a"])
            if kind == 1
            else pa.array([[each] for each in array.to_pylist()])
        )
    except (pa.ArrowException, NotImplementedError):
        return
    columns.arrays[at] = (name, made)
    columns.case.damage(f"{name!r} as {made.type}")
    columns.case.free = True


def twice(columns: Columns, rng: np.random.Generator) -> None:
    """Two columns of one name."""
    name, array = columns.arrays[rng.integers(len(columns.arrays))]
    columns.arrays.append((name, array[::-1] if rng.random() < 0.5 else array))
    columns.case.damage(f"two columns are named {name!r}")
    columns.case.free |= name in (columns.case.column, "step")


def metadata(columns: Columns, rng: np.random.Generator) -> None:
    """Metadata of pandas and others that are wrong; they change nothing."""
    wrong = (b"{", b"\xff", b"", json.dumps({"index_columns": ["absent"], "columns": 3}).encode(), b"[" * 10_000, b"x" * 300_000)
    columns.metadata[(b"pandas", b"huggingface", b"")[rng.integers(3)]] = wrong[rng.integers(len(wrong))]
    columns.case.done.append("odd metadata")


def nulls(columns: Columns, rng: np.random.Generator) -> None:
    """Steps that are absent in some rows."""
    import pyarrow as pa

    name, array = columns.arrays[0]
    if name == "step" and len(array):
        gone = sorted(set(rng.integers(len(array), size=int(rng.integers(1, 4))).tolist()))
        columns.arrays[0] = (name, pa.array([None if i in gone else each for i, each in enumerate(array.to_pylist())], array.type))
        columns.case.damage(f"rows {gone} have no step", wild=gone)


def empty(columns: Columns, rng: np.random.Generator) -> None:
    """No rows."""
    columns.arrays = [(name, array[:0]) for name, array in columns.arrays]
    columns.case.damage("no rows")
    columns.case.gone = set(range(len(columns.case.rows)))


CHANGES = (other_columns, other_columns, other_type, nested, twice, metadata, nulls, empty)
