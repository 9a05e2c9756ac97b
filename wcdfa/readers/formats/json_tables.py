"""Collects what a JSON document holds of a log: lists of objects, lists of numbers, and points of TensorBoard."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.formats.json_stream import Stream
from wcdfa.readers.formats.rows import OF_A_COLUMN, Rows, numbers
from wcdfa.readers.limits import Room
from wcdfa.readers.step_values import in_order_written
from wcdfa.readers.steps import rank, with_steps

WRAPPERS = ("history", "log_history", "metrics", "logs", "log", "scalars")  # names of the outermost object that add nothing
BATCHES = "batches"  # in each entry of the history of skorch, which is an epoch
DEEPEST = 20  # objects in one another; what is deeper is read as a row
POINT = 3  # wall time, step, value
EARLIEST = 1e8  # a wall time, in seconds

Kind = TypeVar("Kind")


class Values:
    """A list of numbers, in which other values are gaps."""

    def __init__(self) -> None:
        self.count = 0
        self._values = array("d")
        self._rows: array[int] | None = None

    def extend(self, values: list[object]) -> None:
        """Add values."""
        plain = len(self._values) == self.count and set(map(type, values)) <= {float, int}
        try:
            self._values += array("d", values if plain else ())  # type: ignore[arg-type] # they are numbers
        except OverflowError:  # a whole number that no float holds
            plain = False
        if not plain:
            for i, value in enumerate(values, start=self.count):
                self._add(i, value)
        self.count += len(values)

    def _add(self, row: int, value: object) -> None:
        if self._rows is None and len(self._values) < row:  # the value before is the first gap
            self._rows = array("q", range(len(self._values)))
        for _, number in numbers(value):
            self._values.append(_float(number))
            if self._rows is not None:
                self._rows.append(row)

    def column(self) -> Column:
        """The numbers; without rows if there is no gap."""
        if self._rows is None and len(self._values) < self.count:  # only the last ones are gaps
            self._rows = array("q", range(len(self._values)))
        return Column(np.frombuffer(self._values), rows=None if self._rows is None else np.frombuffer(self._rows, np.int64))


def _float(number: float) -> float:
    """The number; infinite if it is a whole number that no float holds."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


class Tables:
    """The tables and lists in a document, by the names above them, joined with "/"."""

    def __init__(self, size: int) -> None:
        self._size, self._room = size, Room(size)
        self.rows: dict[str, Rows] = {}
        self.lists: dict[str, Values] = {}
        self.points: dict[str, array[float]] = {}
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
                self._point(path, stream.value())
            elif first == '"':
                self._values(path).extend([stream.value()])
            else:
                values = self._values(path)
                for part in stream.plain():
                    values.extend(part)
        stream.skip()

    @property
    def timed(self) -> int:
        """How many points have what may be a wall time."""
        return sum(sum(time > EARLIEST for time in each[::POINT]) for each in self.points.values())

    def _row(self, path: str, row: object) -> None:
        if not isinstance(row, dict):
            raise EOFError  # noqa: TRY004 - the text is damaged
        inside = row.pop(BATCHES, ())
        self._made(self.rows, path, lambda: Rows(self._size)).add(row)
        for each in inside if isinstance(inside, list) else ():
            self._row(f"{path}/{BATCHES}" if path else BATCHES, each if isinstance(each, dict) else {})

    def _point(self, path: str, point: object) -> None:
        """A point as TensorBoard gives it to download, ``[wall time, step, value]``; other lists are left out."""
        if isinstance(point, list) and len(point) == POINT and all(type(each) in (float, int) for each in point):
            self._made(self.points, path, lambda: array("d")).extend(map(_float, point))

    def _values(self, path: str) -> Values:
        return self._made(self.lists, path, Values)

    def _made(self, known: dict[str, Kind], path: str, make: Callable[[], Kind]) -> Kind:
        if path not in known:
            self._room.take(OF_A_COLUMN + len(path), f"{len(known) + 1:,} columns with their names")
            known[path] = make()
        return known[path]

    def columns(self, alone: str) -> Mapping[str, Column]:
        """All numbers by name. A list without a name is called `alone`."""
        found: dict[str, Callable[[], Column]] = {}
        for names in self._groups(alone):
            for name, read in names.items():
                found.setdefault(name, read)
        return Lazy(found, lambda name: found[name]())

    def runs(self, run: Run) -> Iterator[Run]:
        """The runs in the rows, if the document is one list of objects; else the run with the columns that were found."""
        if list(self.rows) == [""] and not self.lists and not self.points:
            return self.rows[""].runs(run)
        return iter([run])

    def _groups(self, alone: str) -> Iterator[dict[str, Callable[[], Column]]]:
        for path, rows in self.rows.items():
            yield _readers(rows.columns(), path)
        lists = {path or alone: each for path, each in self.lists.items()}
        held = {name: column for name, each in lists.items() if len((column := each.column()).values)}
        for count in dict.fromkeys(lists[name].count for name in held):
            yield _readers(with_steps({name: column for name, column in held.items() if lists[name].count == count}))
        for path, each in self.points.items():
            points = np.frombuffer(each).reshape(-1, POINT)
            steps = points[:, 1]
            whole = np.array_equal(steps, np.trunc(steps))
            column = Column(points[:, 2].copy(), steps.astype(np.int64) if whole else None)
            yield _readers({path or alone: in_order_written(column)})


def _readers(columns: Mapping[str, Column], path: str = "") -> dict[str, Callable[[], Column]]:
    prefix = f"{path}/" if path else ""
    return {f"{prefix}{name}": (lambda name=name: columns[name]) for name in columns}  # type: ignore[misc]
