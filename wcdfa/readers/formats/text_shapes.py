"""Reads printed lines of one shape at once: lines that differ in nothing but their numbers, as a program prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from wcdfa.readers.formats.text_patterns import PAIR, RANK_WORD, whole_name

NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
PLAIN = re.compile(NUMBER)
# digits around commas, whose number counts (1,234 is one number, and 1,23 are two); other digits; spaces before numbers; more than one
# space, which ends a name
FURTHER = re.compile(",[0-9]")
PART = re.compile(r"(?P<commas>[0-9]+(?:,[0-9]+)+)|(?P<digits>[0-9]+)|(?P<before> +(?=[0-9]))|(?P<spaces> {2,})")
MOST = 16  # shapes that are tried for a line
TRIES = 64  # shapes that are made, and one more for each so many lines that have one
LONGEST = 1000  # characters of a line


class Shape(NamedTuple):
    """What lines have in common."""

    pattern: re.Pattern[str]
    """It fits the whole of a line, and has a group for each number behind a name."""
    names: Mapping[str, int]
    """The names, and the place of the group that counts: the last one, if a name stands twice in a line."""
    ranked: bool
    """Whether the rank of a process may stand in it."""

    def columns(self, found: Sequence[Sequence[str]]) -> dict[str, list[float]]:
        """The numbers in lines of this shape by name."""
        texts = list(zip(*found, strict=True))
        return {name: _numbers(texts[place]) for name, place in self.names.items()}


def _numbers(texts: Sequence[str]) -> list[float]:
    return [float(text.replace(",", "")) for text in texts] if "," in texts[0] else list(map(float, texts))


class Shapes:
    """The shapes of the lines of a log, those last seen first.

    >>> shapes = Shapes()
    >>> for line in ("step:   9 | loss: 3.5, time 12.1ms", "step:  10 | loss: 1e-3, time 9.5ms"):
    ...     shape, found = shapes.of(line)
    ...     shape.columns([found])
    {'step': [9.0], 'loss': [3.5]}
    {'step': [10.0], 'loss': [0.001]}
    """

    def __init__(self) -> None:
        self._known: list[Shape] = []
        self._made, self._fitting = 0, 0

    def of(self, line: str) -> tuple[Shape, tuple[str, ...]] | None:
        """The shape of a line and its numbers; None if it has none of those that are often seen."""
        for place, shape in enumerate(self._known):
            if found := shape.pattern.fullmatch(line):
                self._fitting += 1
                if place:
                    self._known.insert(0, self._known.pop(place))
                return shape, found.groups()
        if len(line) > LONGEST or self._made > TRIES + self._fitting // TRIES:
            return None
        self._made += 1
        made = shape_of(line)
        if made is None or (found := made.pattern.fullmatch(line)) is None:
            return None
        self._known = [made, *self._known[: MOST - 1]]
        return made, found.groups()


def shape_of(line: str) -> Shape | None:
    """The shape of a line: in all lines that it fits, the same names stand before numbers. None if commas make it hard to tell.

    >>> shape_of("iter 2: loss 3.2").names
    {'iter': 0, 'loss': 1}
    """
    parts: list[str] = []
    names: dict[str, int] = {}
    end = 0
    for place, match in enumerate(PAIR.finditer(line)):
        if FURTHER.match(line, match.end()):
            return None
        name = match[1] or match[2]
        joining = line[match.start(1 if match[1] else 2) + len(name) : match.start(3)]
        parts += [*_patterns(line[end : match.start()]), re.escape(name)]
        parts += [*_patterns(joining.rstrip(" ")), " +" if joining.endswith(" ") else "", "("]
        parts += [NUMBER] if PLAIN.fullmatch(match[3]) else _patterns(match[3])
        parts += [")"]
        if named := whole_name(name):
            names[named] = place
        end = match.end()
    return Shape(re.compile("".join([*parts, *_patterns(line[end:])])), names, RANK_WORD.search(line) is not None)


def _patterns(text: str) -> Iterator[str]:
    end = 0
    for match in PART.finditer(text):
        yield re.escape(text[end : match.start()])
        if match["commas"]:
            yield ",".join(f"[0-9]{{{len(digits)}}}" for digits in match[0].split(","))
        else:
            yield {"digits": "[0-9]+", "before": " +", "spaces": " {2,}"}[str(match.lastgroup)]
        end = match.end()
    yield re.escape(text[end:])
