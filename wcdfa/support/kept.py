"""Keeps what functions returned, the latest of it, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from threading import Lock
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


class Kept:
    """Results by function and arguments; the one asked for the longest ago is dropped first.

    >>> kept = Kept(100, size=len)
    >>> kept.of("{:>60}".format, "a") is kept.of("{:>60}".format, "a")
    True
    >>> _ = kept.of("{:>60}".format, "b")
    >>> len(kept), kept.bytes
    (1, 60)
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self.most, self.bytes = most, 0
        self._size = size
        self._found: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """How many results are kept."""
        return len(self._found)

    def __iter__(self) -> Iterator[object]:
        """The results that are kept."""
        return iter([found for found, _ in self._found.values()])

    def of(self, function: Callable[P, T], *key: P.args, **_: P.kwargs) -> T:
        """What the function gives for these hashable arguments, kept or new."""
        whole = (function, *key)
        with self._lock:
            if whole in self._found:
                self._found.move_to_end(whole)
                return cast("T", self._found[whole][0])
        result = function(*key)  # type: ignore[call-arg]
        self._keep(whole, result, self._size(result))  # type: ignore[arg-type]
        return result

    def _keep(self, key: Hashable, result: object, size: int) -> None:
        if size > self.most:
            return
        with self._lock:
            self.bytes += size - self._found.pop(key, (None, 0))[1]
            self._found[key] = result, size
            while self.bytes > self.most:
                self.bytes -= self._found.popitem(last=False)[1][1]
