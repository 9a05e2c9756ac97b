"""Small breakages of the readers, each of which the fuzzer should find."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Breakage(NamedTuple):
    """A text in a module, and another in its place."""

    kind: str
    what: str
    module: str
    """Below the package."""
    old: str
    new: str
    formats: tuple[str, ...]
    """Those in which it must be found."""

    def make(self, root: Path) -> None:
        """Break the copy of the package in a folder.

        Raises
        ------
        ValueError
            If the text to replace is not there exactly once: the breakage must follow the module.
        """
        path = root / "wcdfa" / self.module
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            msg = f"{self.what}: {self.module} holds the text to replace {text.count(self.old)} times and not once: {self.old!r}"
            raise ValueError(msg)
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


LOSS, WRONG, UNCHECKED = "silent loss", "wrong values", "unchecked"
UNBOUNDED, UNCAUGHT, UNSAID, LEFT = "unbounded", "uncaught exception", "note left out", "file left behind"
NUMPY, DELIMITED, ROWS = "readers/formats/numpy.py", "readers/formats/delimited.py", "readers/formats/rows.py"
JSONL, STATE, EVENTS = "readers/formats/jsonl.py", "readers/formats/trainer_state.py", "readers/formats/tensorboard.py"
RECORDS, PARQUET, WANDB = "readers/formats/binary_records.py", "readers/formats/parquet.py", "readers/formats/wandb.py"
STORES, SQLITE, UNPACKING = "readers/formats/stores.py", "readers/formats/sqlite.py", "readers/formats/unpacking.py"
STEPS, ORDERING, SPACING = "readers/steps.py", "readers/ordering.py", "readers/spacing.py"
TEXT_TABLE, TORN, ARROW_TABLES = "readers/formats/text_table.py", "readers/formats/torn.py", "readers/formats/arrow_tables.py"
TEMPORARY = "support/temporary_folders.py"
STEP_COLUMNS = "readers/step_columns.py"
DISPLACEMENT, DISCOVERY = "readers/checkpoints/displacement.py", "readers/discovery.py"

BREAKAGES = (
    Breakage(
        LOSS,
        "the first row of a table",
        TEXT_TABLE,
        "values.frombytes(column.values.tobytes())",
        "values.frombytes(column.values[not values :].tobytes())",
        ("csv",),
    ),
    Breakage(
        LOSS,
        "the last row",
        ROWS,
        "found[name] = Column(np.frombuffer(values), rows=where)",
        "found[name] = Column(np.frombuffer(values)[:-1], rows=None if where is None else where[:-1])",
        ("jsonl", "wandb"),
    ),
    Breakage(
        LOSS, "the last column", STEPS, "return Lazy(columns, read)", "return Lazy([*columns][:-1] or columns, read)", ("jsonl",)
    ),
    Breakage(
        LOSS,
        "lines that are damaged are passed over",
        TORN,
        "self._left_out.append(number)",
        "pass",
        ("jsonl",),
    ),
    Breakage(
        LOSS,
        "a restart undoes nothing",
        ORDERING,
        "for mend in (without_undone, _sorted, _last_of_each)",
        "for mend in (_sorted, _last_of_each)",
        ("csv", "tensorboard"),
    ),
    Breakage(
        LOSS,
        "how far apart the values are",
        SPACING,
        "thinned = usual if spacing is None else spacing",
        "thinned = 1 if spacing is None else spacing",
        ("jsonl",),
    ),
    Breakage(LOSS, "all event files but the first", EVENTS, "for file in files:\n", "for file in files[:1]:\n", ("tensorboard",)),
    Breakage(LOSS, "all parts of a table but the first", PARQUET, "Parts(parts, schema)", "Parts(parts[:1], schema)", ("parquet",)),
    Breakage(
        LOSS, "what stands in a write-ahead log", STORES, "if not _size_of_log(path):  #", "if True:  #", ("mlflow", "trackio")
    ),
    Breakage(LOSS, "the last folder in a folder", DISCOVERY, "in reversed(inside) if", "in reversed(inside[:-1]) if", ("folders",)),
    Breakage(LOSS, "nested names", WANDB, '"/".join(item.nested_key) or str(item.key)', "str(item.key)", ("wandb",)),
    Breakage(
        LOSS,
        "the last of the records of a step, not the first",
        ORDERING,
        "np.flatnonzero(np.append(np.diff(steps) > 0, True))",
        "np.flatnonzero(np.append(True, np.diff(steps) > 0))",
        ("csv", "jsonl"),
    ),
    Breakage(
        LOSS,
        "the learning rate",
        "readers/series.py",
        'rate, loss = beside.first("rate")',
        "rate, loss = None",
        ("jsonl", "tensorboard"),
    ),
    Breakage(
        WRONG,
        "rounded to float32",
        NUMPY,
        ".astype(np.float64, copy=False)",
        ".astype(np.float32).astype(np.float64)",
        ("npy",),
    ),
    Breakage(
        WRONG,
        "the wrong byte order",
        NUMPY,
        "each.load().reshape",
        'each.load().view(each.dtype.newbyteorder("<")).reshape',
        ("npy", "npz"),
    ),
    Breakage(
        WRONG, "steps are off by one", STEP_COLUMNS, "yield Axis(name, steps, ", "yield Axis(name, steps + 1, ", ("csv", "npz")
    ),
    Breakage(
        WRONG,
        "rows without a step get that of another row",
        STEP_COLUMNS,
        "there = self.rows[places] == rows",
        "there = np.ones(len(rows), bool)",
        ("jsonl",),
    ),
    Breakage(WRONG, "the mark of NaN is ignored", SQLITE, "np.nan if is_nan else value", "value", ("mlflow",)),
    Breakage(
        WRONG,
        "the order written is lost",
        SQLITE,
        "run_uuid = ? AND key = ? ORDER BY rowid",
        "run_uuid = ? AND key = ? ORDER BY value",
        ("mlflow",),
    ),
    Breakage(
        WRONG,
        "the parts in the wrong order",
        PARQUET,
        "_is_part(part)), key=_order)",
        "_is_part(part)), key=_order, reverse=True)",
        ("parquet",),
    ),
    Breakage(
        WRONG,
        "a last line that is cut off is read",
        DELIMITED,
        "end, open_end = last_line_end(file, size)",
        "end, open_end = size, False",
        ("csv",),
    ),
    Breakage(
        WRONG,
        "differences are taken in float32",
        DISPLACEMENT,
        "np.result_type(new, old, np.float64)",
        "np.result_type(new, old)",
        ("safetensors", "torch"),
    ),
    Breakage(
        UNCHECKED,
        "the checksum of an array in an archive",
        NUMPY,
        "member.read(1)  # the checksum is only checked at the end",
        "pass",
        ("npz",),
    ),
    Breakage(
        UNCHECKED,
        "the checksum of a member packed by bz2 or lzma",
        UNPACKING,
        "if data and not self._left and self._checksum",
        "if False and self._checksum",
        ("npz",),
    ),
    Breakage(
        UNCHECKED,
        "the checksum of an event",
        RECORDS,
        'if _masked(crc32c(data)) != int.from_bytes(body[-4:], "little"):',
        "if False:",
        ("tensorboard",),
    ),
    Breakage(
        UNCHECKED,
        "the checksum of a record",
        RECORDS,
        " or zlib.crc32(data, SEEDS[kind]) != check:",
        ":",
        ("wandb",),
    ),
    Breakage(
        UNCHECKED,
        "whether the pages of a store are sound",
        SQLITE,
        'if found != "ok":',
        "if False:",
        ("mlflow", "trackio"),
    ),
    Breakage(UNCHECKED, "how many rows a table gave", ARROW_TABLES, "if read != rows:", "if False:", ("parquet",)),
    Breakage(
        UNCHECKED,
        "what comes after the end of an array",
        NUMPY,
        "        if each.more:\n",
        "        if False:\n",
        ("npy",),
    ),
    Breakage(
        UNBOUNDED,
        "the memory for arrays",
        NUMPY,
        'room.take(needed, f"what its {len(chosen):,} array(s) ask for")',
        "pass",
        ("npz",),
    ),
    Breakage(UNCAUGHT, "of damaged archives", NUMPY, "except Exception as error:  #", "except ValueError as error:  #", ("npz",)),
    Breakage(UNCAUGHT, "of text among numbers", SQLITE, "except TypeError as error:", "except KeyError as error:", ("mlflow",)),
    Breakage(
        UNCAUGHT,
        "of damaged event files",
        EVENTS,
        "except DecodeError as error:\n            notes",
        "except KeyError as error:\n            notes",
        ("tensorboard",),
    ),
    Breakage(UNSAID, "a restart", ORDERING, "            notes.append(note)\n", "", ("csv", "jsonl")),
    Breakage(UNSAID, "steps that are missing", SPACING, ", *_missing(steps, usual))", ")", ("csv", "jsonl")),
    Breakage(
        UNSAID,
        "rows of a store that cannot be read",
        SQLITE,
        "    if damaged:\n",
        "    if damaged < 0:\n",
        ("trackio",),
    ),
    Breakage(
        UNSAID,
        "values without a step",
        STEPS,
        "[there], (note, *chosen.notes))",
        "[there], chosen.notes)",
        ("jsonl", "parquet"),
    ),
    Breakage(UNSAID, "damage in an event file", EVENTS, 'notes.append(f"{shown(file.name)}: {error}")', "pass", ("tensorboard",)),
    Breakage(UNSAID, "a history that is cut off", STATE, "notes.append(CUT)", "pass", ("trainer_state",)),
    Breakage(UNSAID, "a checkpoint that is skipped", DISPLACEMENT, "notes.skips(error)", "pass", ("safetensors", "torch")),
    Breakage(
        UNSAID,
        "text where a number should be",
        TEXT_TABLE,
        '        notes.append(\n            f"{some} of',
        '        str(\n            f"{some} of',
        ("csv", "tsv"),
    ),
    Breakage(
        LEFT,
        "the copy of a store",
        TEMPORARY,
        "weakref.finalize(self, _remove, place, lock, os.getpid())",
        "pass",
        ("mlflow",),
    ),
    Breakage(
        LEFT,
        "SQLite's files beside a store",
        STORES,
        'immutable=not _beside(path, "-shm").exists()',
        "immutable=False",
        ("mlflow",),
    ),
    Breakage(LEFT, "a write-ahead log is merged into its store", STORES, "?mode=ro", "?mode=rw", ("mlflow", "trackio")),
)
