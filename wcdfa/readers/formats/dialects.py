"""Finds how a text table is written, from its beginning: the encoding, what is between two fields, and the decimal sign."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from wcdfa.readers.formats.arrow import Deferred
from wcdfa.readers.formats.spelled_numbers import GERMAN, OBJECT, POINTS, plain_line
from wcdfa.readers.formats.unfinished import is_number

if TYPE_CHECKING:
    import charset_normalizer
    import clevercsv
else:
    charset_normalizer, clevercsv = Deferred("charset_normalizer"), Deferred("clevercsv")

LOOK = 1 << 16  # bytes at the beginning of a file that are looked at
LINES = 40  # that are looked at
DELIMITERS = (",", ";", "\t", "|", " ")
MARKS = {
    codecs.BOM_UTF8: "utf-8",  # the mark is passed over where the first line is read
    codecs.BOM_UTF32_LE: "utf-32",  # begins as that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ENCODINGS = ["cp1252", "cp1251", "shift_jis", "gb18030", "euc_kr"]  # in which systems write text that is not Unicode
FEW = 3  # letters that are not ASCII; fewer tell no encoding apart
ZEROS = 0.9  # share of zero bytes at odd or even places in UTF-16
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")
POINTED = re.compile(rf"{POINTS}|{GERMAN}")  # between thousands
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")  # in no text
ROWS = 3  # fewer are not surely a table
MOSTLY = 0.8  # share of lines that have equally many fields


class Dialect(NamedTuple):
    """How a text table is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    """What is between two fields; a space stands for any number of spaces and tabs."""
    decimal: str = "."
    returns: bool = False
    """Whether its lines end with a carriage return alone."""
    printed: str = ""
    """The beginning of a printed tensor in it, with a comma that no quotes hold; empty if there is none."""

    @property
    def odd(self) -> bool:
        """Whether the text must be converted before it is read."""
        return self.encoding != "utf-8" or self.delimiter == " " or self.returns or bool(self.printed)

    def number(self, field: str) -> str:
        """The field with a decimal point, if it is a number with a decimal comma.

        >>> Dialect(decimal=",").number("0,5"), Dialect(decimal=",").number("1.109,5"), Dialect().number("0,5")
        ('0.5', '1109.5', '0,5')
        """
        if self.decimal != ",":
            return field
        if POINTED.fullmatch(field):
            field = field.replace(".", "")
        return field.replace(",", ".") if DECIMAL_COMMA.fullmatch(field) else field


def dialect_of(beginning: bytes, ending: str = "") -> Dialect:
    r"""Find how a table is written.

    >>> dialect_of("step;norm\n1;0,5\n2;0,25\n".encode("utf-16"))
    Dialect(encoding='utf-16', delimiter=';', decimal=',', returns=False, printed='')

    Parameters
    ----------
    beginning : bytes
        The first 64 kB of a file.
    ending : str, optional
        The ending of its name: fields in a .tsv file are separated by tabs if it has any.
    """
    encoding = encoding_of(beginning)
    text = _decoded(beginning, encoding)
    printed = OBJECT.search(text) if "(" in text else None
    text = plain_line(text) if printed else text
    lines = _lines(text, whole=len(beginning) < LOOK)
    delimiter = "\t" if ending == ".tsv" and "\t" in text else _delimiter(lines)
    fields = [field for line in lines for field in split(line, delimiter)] if delimiter != "," else []
    comma = any(DECIMAL_COMMA.fullmatch(field) or re.match(GERMAN, field) for field in fields) and not any(
        "." in field and is_number(field) and not POINTED.fullmatch(field) for field in fields
    )
    return Dialect(encoding, delimiter, "," if comma else ".", "\r" in text and "\n" not in text, printed[1] if printed else "")


def _decoded(beginning: bytes, encoding: str) -> str:
    return beginning.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def encoding_of(beginning: bytes) -> str:
    r"""The name of the encoding: by the mark that a file begins with, by its zero bytes, or by its letters if it is not UTF-8.

    >>> encoding_of("größe".encode()), encoding_of("step,größe,näherung\n".encode("latin-1")), encoding_of("step\n1\n".encode("utf-16-le"))
    ('utf-8', 'cp1252', 'utf-16-le')
    """
    if wide := wide_encoding_of(beginning):
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)  # the last letter may be cut off
    except UnicodeDecodeError:
        return _of_letters(beginning)
    return "utf-8"


def wide_encoding_of(beginning: bytes) -> str:
    r"""The name of an encoding by the mark that a file begins with, or by its zero bytes; empty if there are none.

    >>> wide_encoding_of("step: 1\n".encode("utf-16-le")), wide_encoding_of(b"step: 1\n")
    ('utf-16-le', '')
    """
    return next((encoding for mark, encoding in MARKS.items() if beginning.startswith(mark)), None) or _of_zeros(beginning)


def _of_zeros(beginning: bytes) -> str:
    if b"\0" not in beginning:
        return ""
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        places, others = beginning[first:LOOK:2], beginning[1 - first : LOOK : 2]
        if places and places.count(0) > ZEROS * len(places) and not others.count(0):
            return encoding
    return ""


def _of_letters(beginning: bytes) -> str:
    foreign = b"\n".join(line for line in beginning.splitlines() if not line.isascii())
    if sum(byte > 127 for byte in foreign) < FEW:
        return "cp1252"
    found = charset_normalizer.from_bytes(foreign, cp_isolation=ENCODINGS).best()
    return "cp1252" if found is None else found.encoding


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line.

    >>> split('1,"a, b"', ","), split("  1   0.5 ", " ")
    (['1', 'a, b'], ['1', '0.5'])
    """
    if '"' not in line:
        return line.split() if delimiter == " " else line.split(delimiter)
    text = " ".join(line.split()) if delimiter == " " else line
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


def _lines(text: str, *, whole: bool) -> list[str]:
    """The first lines that are neither empty nor comments; one that is cut off is left out."""
    lines = (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text).split("\n")
    if not whole and len(lines) > 1:
        lines.pop()
    rows = (line for line in lines if line.strip() and not line.startswith("#"))
    return [line for line, _ in zip(rows, range(LINES), strict=False)]


def _delimiter(lines: Sequence[str]) -> str:
    """What is between two fields; a comma if there is only one column."""
    if _is_plain(lines):
        return ","
    found = [each for each in DELIMITERS if _is_even(lines, each)]
    if len(found) > 1:
        with suppress(clevercsv.Error):
            told = clevercsv.Detector().detect("\n".join(lines).replace("\0", ""), delimiters=found)
            if told is not None and told.delimiter in found:
                return str(told.delimiter)
    return found[0] if found else ","


def _is_plain(lines: Sequence[str]) -> bool:
    """Whether commas separate the fields, without a doubt."""
    first = lines[0] if lines else ""
    if "," not in first or any(each in first for each in ";\t|"):
        return False
    return not any(is_number(part) for field in first.split(",") for part in field.split()[1:]) and _is_even(lines, ",")


def _is_even(lines: Sequence[str], delimiter: str) -> bool:
    """Whether this splits most lines into the same number of fields, more than one."""
    counts = Counter(len(split(line, delimiter)) for line in lines)
    width, count = max(counts.items(), key=lambda each: each[1], default=(1, 0))
    return width > 1 and count >= MOSTLY * len(lines)


def looks_like_table(beginning: bytes) -> bool:
    r"""Whether the first 64 kB of a file are surely those of a table: names above rows of numbers, or only rows of numbers.

    >>> looks_like_table(b"# step loss\n0 0.5\n1 0.25\n2 0.12\n"), looks_like_table(b"step 1 loss 0.5\nstep 2 loss 0.25\n")
    (True, False)
    """
    if beginning[:1] in b"{[<" or (not beginning.isascii() and _is_binary(beginning)):
        return False
    try:
        lines = _lines(_decoded(beginning, encoding_of(beginning)), whole=len(beginning) < LOOK)
        if len(lines) < ROWS or not any(_is_table(lines, each, comma) for each in _between(lines[-2]) for comma in _commas(lines)):
            return False  # however it is split: to find what is between its fields takes long
        if _is_binary(beginning):
            return False
        dialect = dialect_of(beginning)
    except ModuleNotFoundError:  # of the libraries that tell odd tables apart
        return False
    return _is_table(lines, dialect.delimiter, dialect.decimal)


def _between(line: str) -> list[str]:
    """What may be between the fields of a line; a comma if there is only one."""
    return [each for each in DELIMITERS if each == "," or len(split(line, each)) > 1]


def _commas(lines: Sequence[str]) -> str:
    """The decimal signs that lines may have."""
    return ".," if any("," in line for line in lines) else "."


def _is_binary(beginning: bytes) -> bool:
    return not _is_wide(beginning) and CONTROL.search(beginning) is not None


def _is_wide(beginning: bytes) -> bool:
    """Whether a letter takes more than one byte, also in ASCII."""
    return beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or bool(_of_zeros(beginning))


def _is_table(lines: Sequence[str], delimiter: str, decimal: str) -> bool:
    """Whether most lines have as many fields as the last but one, which are numbers, perhaps below names."""
    number, rows = Dialect(delimiter=delimiter, decimal=decimal).number, [split(line, delimiter) for line in lines]
    width = len(rows[-2])
    body = [row for row in rows if len(row) == width]
    if not body or len(body) < MOSTLY * len(rows) or any(_is_json(row) for row in rows[:2]):
        return False
    names = rows[0]
    if (
        len(names) != width
        or len(set(names)) < width
        or not all(map(str.strip, names))
        or any(is_number(number(name)) for name in names)
    ):
        return all(is_number(number(field)) for row in body for field in row)
    least = MOSTLY if width > 1 else 1
    return any(_holds_numbers(list(map(number, column)), least) for column in zip(*body[1:], strict=True))


def _holds_numbers(fields: Sequence[str], least: float) -> bool:
    """Whether at least this share of the fields are numbers."""
    others = 0
    for field in fields:
        others += not is_number(field)
        if len(fields) - others < least * len(fields):
            return False
    return True


def _is_json(row: list[str]) -> bool:
    return bool(row) and row[0].lstrip()[:1] in ("{", "[")
