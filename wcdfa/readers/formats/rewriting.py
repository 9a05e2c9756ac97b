"""Rewrites the numbers in a text column of a table that are spelled in other ways, as Arrow reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wcdfa.readers.formats.arrow import arrow_compute, pa
from wcdfa.readers.formats.spelled_numbers import (
    COMMAS,
    DECIMAL_COMMA,
    ENGLISH,
    GERMAN,
    NUMBER,
    POINTS,
    REWRITTEN,
    is_spelled,
    said_of,
)

PLAIN = rf"^(?:{NUMBER})$"
WHOLE = r"^[+-]?[0-9]+$"
UNUSUAL = r"[^0-9eE.+\-infatyINF]"  # in no plain number
ODD = re.compile(rf"{DECIMAL_COMMA}|{COMMAS}|{POINTS}")


def is_odd(fields: Iterable[str]) -> bool:
    """Whether one of the fields is a number in another spelling.

    >>> is_odd(["warmup", "tensor(1.5)"]), is_odd(["1,109"]), is_odd(["warmup", "12.3%"])
    (True, True, False)
    """
    return any(is_spelled(field) or ODD.match(field.strip()) for field in fields)


def is_plain(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each text is a number that Arrow reads; false for a null."""
    return _matches(text, PLAIN)


def rewritten(text: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """The texts without spaces around them, and with plain numbers in place of those that are spelled in other ways.

    >>> rewritten(pa.chunked_array([["tensor(1.5, device='cuda:0')", "1.0D-03", "warmup"]]), ".").to_pylist()
    ['1.5', '1.0e-03', 'warmup']
    >>> rewritten(pa.chunked_array([["812", "1,109"]]), ".").to_pylist(), rewritten(pa.chunked_array([["0,5", "1,109"]]), ".").to_pylist()
    (['812', '1109'], ['0.5', '1.109'])

    Commas alone are read only where other numbers of the column tell whether they stand between thousands or before decimals.

    Parameters
    ----------
    text : pa.ChunkedArray
    decimal : str
        The decimal sign of the table.
    """
    text = arrow_compute.utf8_trim_whitespace(text)
    if decimal == ",":
        text = _german(text, POINTS)
    if not arrow_compute.all(is_plain(text)).as_py():
        for pattern, number in REWRITTEN:
            text = arrow_compute.replace_substring_regex(text, pattern, number)
    return text if decimal == "," else _with_commas(text)


def _with_commas(text: pa.ChunkedArray) -> pa.ChunkedArray:
    english, german = _any(text, ENGLISH), _any(text, GERMAN)
    if english and german:
        return text
    commas = arrow_compute.or_(_matches(text, DECIMAL_COMMA), _matches(text, COMMAS))
    grouped = _matches(text, COMMAS)
    if german or not arrow_compute.all(arrow_compute.or_(grouped, arrow_compute.invert(commas))).as_py():
        return text if english else _german(text)
    if english or _any(text, WHOLE) or _any(text, r"^[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}$"):
        return _without(text, ",", arrow_compute.or_(grouped, _matches(text, ENGLISH)))
    return text


def _german(text: pa.ChunkedArray, points: str = GERMAN) -> pa.ChunkedArray:
    """With decimal points for decimal commas, and without points between thousands."""
    pointed = arrow_compute.or_(_matches(text, GERMAN), _matches(text, points))
    text = _without(text, ".", pointed)
    comma = arrow_compute.or_(_matches(text, DECIMAL_COMMA), _matches(text, r"^[+-]?[0-9]+,$"))
    return arrow_compute.if_else(comma, arrow_compute.replace_substring(text, ",", "."), text)


def _without(text: pa.ChunkedArray, sign: str, where: pa.ChunkedArray) -> pa.ChunkedArray:
    return arrow_compute.if_else(where, arrow_compute.replace_substring(text, sign, ""), text)


def _matches(text: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return arrow_compute.fill_null(arrow_compute.match_substring_regex(text, pattern), False)


def _any(text: pa.ChunkedArray, pattern: str) -> bool:
    return bool(arrow_compute.any(_matches(text, pattern)).as_py())


def how_spelled(name: str, text: pa.ChunkedArray, values: pa.ChunkedArray, decimal: str) -> Iterator[str]:
    """A note on the first number of a column that was rewritten.

    >>> text = pa.chunked_array([["812", "1,109"]])
    >>> list(how_spelled("norm", text, rewritten(text, ".").cast(pa.float64()), "."))
    ["numbers of norm are written in another way: '1,109' is read as 1109"]
    """
    unusual = GERMAN + "|" + POINTS if decimal == "," else UNUSUAL
    odd = arrow_compute.and_(_matches(arrow_compute.utf8_trim_whitespace(text), unusual), arrow_compute.is_valid(values))
    place = arrow_compute.index(odd, True).as_py()
    if place >= 0:
        yield said_of(name, text[place].as_py(), values[place].as_py())
