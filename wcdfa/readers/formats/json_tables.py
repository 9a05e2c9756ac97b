"""Collects what a JSON document holds of a log: lists of objects, of numbers and of rows, and points of TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.formats.json_series import series_in
from wcdfa.readers.formats.json_stream import Stream
from wcdfa.readers.formats.json_values import Values
from wcdfa.readers.formats.rows import OF_A_COLUMN, Rows
from wcdfa.readers.limits import Room
from wcdfa.readers.step_values import in_order_written
from wcdfa.readers.steps import rank, with_steps

WRAPPERS = ("history", "log_history", "metrics", "logs", "log", "scalars")  # names of the outermost object that add nothing
BATCHES = "batches"  # in each entry of the history of skorch, which is an epoch
DEEPEST = 20  # objects in one another; what is deeper is read as a row
POINT = ["0", "1", "2"]  # wall time, step, value: the columns of lists without names
TITLES, NUMBERS, TABLE = "columns", "index", "data"  # the names that pandas gives to the parts of a table
EARLIEST = 1e8  # a wall time, in seconds

Kind = TypeVar("Kind")


class Tables:
    """The tables and lists in a document, by the names above them, joined with "/"."""

    def __init__(self, size: int) -> None:
        self._size, self._room = size, Room(size)
        self.rows: dict[str, Rows] = {}
        self.lists: dict[str, Values] = {}
        self._titles: dict[str, list[str]] = {}
        self._bare: set[str] = set()
        self.loose = 0
        """Values that are in no list."""
        self.names: list[str] = []
        """The names in the outermost object."""

    def take(self, stream: Stream, path: str = "", depth: int = 0) -> None:
        """Read the value at the place of the stream. Raises EOFError where it is cut off."""
        first = stream.peek()
        if first == "[":
            stream.skip()
            self._list(stream, path)
        elif first == "{" and depth < DEEPEST:
            stream.skip()
            self._object(stream, path, depth)
        else:
            stream.value()
            self.loose += 1

    def _object(self, stream: Stream, path: str, depth: int) -> None:
        while stream.peek() != "}":
            name = stream.value()
            if not isinstance(name, str) or stream.peek() != ":":
                raise EOFError
            stream.skip()
            kind = stream.peek()
            if not depth:
                self.names.append(name)
            if name.isdecimal() and kind == "{":
                row = stream.value()
                self._row(path, row if any(rank(each) is not None for each in row) else {"step": int(name), **row})  # type: ignore[attr-defined,dict-item]
            elif name.isdecimal() and kind not in '["':
                self._values(path).extend([stream.value()])
            else:
                wrapped = not depth and name in WRAPPERS and kind in "[{"
                self._room.take(len(path) + len(name), "the names in it")
                self.take(stream, path if wrapped else f"{path}/{name}" if path else name, depth + 1)
        stream.skip()

    def _list(self, stream: Stream, path: str) -> None:
        while (first := stream.peek()) != "]":
            if first == "{":
                for row in stream.objects():
                    self._row(path, row)
            elif first == "[":
                self._listed(path, stream.value())
            elif first == '"':
                text = stream.value()
                self._title(path, text)
                self._values(path).extend([text])
            else:
                values = self._values(path)
                for part in stream.plain():
                    values.extend(part)
        stream.skip()

    @property
    def points(self) -> dict[str, Column]:
        """Points as TensorBoard gives them to download, ``[wall time, step, value]``."""
        return {path: column for path, rows in self.rows.items() if (column := _points(rows.numbers())) is not None}

    def _row(self, path: str, row: object) -> None:
        if not isinstance(row, dict):
            raise EOFError  # noqa: TRY004 - the text is damaged
        path = _above(path) if self._is(path, TABLE) else path
        inside = row.pop(BATCHES, ())
        self._made(self.rows, path, lambda: Rows(self._size)).add(row)
        for each in inside if isinstance(inside, list) else ():
            self._row(f"{path}/{BATCHES}" if path else BATCHES, each if isinstance(each, dict) else {})

    def _listed(self, path: str, row: object) -> None:
        """A row as a list: below the names of its columns, in a document that is a list of them, or a point of TensorBoard."""
        if not isinstance(row, list) or self._is(path, TITLES):
            self._title(path, "/".join(map(str, row)) if isinstance(row, list) else "")
            return
        names = self._titles.get(_above(path) if self._is(path, TABLE) else path, ())
        if len(names) == len(row):
            self._row(path, dict(zip(names, row, strict=True)))
        elif path in ("", TABLE) or _is_point(row):  # other lists of lists are no logs
            self._bare.add(_above(path) if self._is(path, TABLE) else path)
            self._row(path, {str(i): each for i, each in enumerate(row)})

    def _title(self, path: str, name: object) -> None:
        if self._is(path, TITLES):
            self._titles.setdefault(_above(path), []).append(str(name))

    @staticmethod
    def _is(path: str, last: str) -> bool:
        return path.rpartition("/")[2] == last

    def _values(self, path: str) -> Values:
        return self._made(self.lists, path, Values)

    def _made(self, known: dict[str, Kind], path: str, make: Callable[[], Kind]) -> Kind:
        if path not in known:
            self._room.take(OF_A_COLUMN + len(path), f"{len(known) + 1:,} columns with their names")
            known[path] = make()
        return known[path]

    def columns(self, alone: str) -> Mapping[str, Column]:
        """All numbers by name. A list without a name is called `alone`."""
        self._join_indices()
        for path in [path for path in self._bare if self.rows[path].count == 1]:  # it is one row, such as the size of an image
            del self.rows[path]
        self._bare.clear()
        found: dict[str, Callable[[], Column]] = {}
        for names in self._groups(alone):
            for name, read in names.items():
                found.setdefault(name, read)
        return Lazy(found, lambda name: found[name]())

    def runs(self, run: Run) -> Iterator[Run]:
        """The runs in the rows, if the document is one list of rows; else the run with the columns that were found."""
        held = [path for path, rows in self.rows.items() if rows.numbers()]
        if held == [""] and not self.lists and not self.points:
            return self.rows[""].runs(run)
        return iter([run])

    def _join_indices(self) -> None:
        """Put the index of a table, which is a list of its own, beside the columns; their names are no series either."""
        for path in [path for path in self.lists if self._is(path, TITLES) or self._is(path, NUMBERS)]:
            rows = self.rows.get(_above(path))
            if rows is not None:
                index = self.lists.pop(path).column()
                if self._is(path, NUMBERS) and index.rows is None and len(index.values) == rows.count:
                    rows.add_column(NUMBERS, index.values)

    def _groups(self, alone: str) -> Iterator[dict[str, Callable[[], Column]]]:
        points = self.points
        for path, rows in self.rows.items():
            yield _readers({path or alone: points[path]} if path in points else rows.columns(), "" if path in points else path)
        held = {path or alone: column for path, each in self.lists.items() if len((column := each.column()).values)}
        counts = {path or alone: each.count for path, each in self.lists.items()}
        for name, (column, names) in series_in(held).items():
            yield _readers({name: column})
            held = {each: kept for each, kept in held.items() if each not in names}
        for count in dict.fromkeys(counts[name] for name in held):
            yield _readers(with_steps({name: column for name, column in held.items() if counts[name] == count}))


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _is_point(row: list[object]) -> bool:
    """Whether a list may be a point that TensorBoard gives to download, ``[wall time, step, value]``."""
    return len(row) == len(POINT) and isinstance(row[0], float | int) and row[0] > EARLIEST


def _points(columns: Mapping[str, Column]) -> Column | None:
    """The points that TensorBoard gives to download, with their steps; None if these lists are others."""
    if list(columns) != POINT or any(each.rows is not None for each in columns.values()):
        return None
    times, steps, values = (columns[name].values for name in POINT)
    if not np.all(times > EARLIEST):
        return None
    whole = np.array_equal(steps, np.trunc(steps))
    return in_order_written(Column(values, steps.astype(np.int64) if whole else None))


def _readers(columns: Mapping[str, Column], path: str = "") -> dict[str, Callable[[], Column]]:
    prefix = f"{path}/" if path else ""
    return {f"{prefix}{name}": (lambda name=name: columns[name]) for name in columns}  # type: ignore[misc]
