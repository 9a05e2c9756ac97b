"""Numbers that programs write in other ways than float does: as a printed tensor, as Fortran does, with signs between thousands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wcdfa.support.text import shown

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|nan|Infinity|NaN)"
CALLED = r"(?:[A-Za-z_]+\.)?(?:[Tt]ensor|Array|DeviceArray|array|Parameter|b?float[0-9_]*|u?int[0-9]+)\("
INSIDE = r"\s*\[?\s*"
PRINTED = rf"^(?:{CALLED}|<tf\.Tensor: shape=\(1?,?\), dtype=[a-z0-9]+, numpy=(?:array\()?){INSIDE}({NUMBER})\s*\]?\s*(?:,\s*[a-z_]+=.*)?[)>]+$"
LISTED = rf"^\[\s*({NUMBER})\s*\]$"
FORTRAN = r"^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))[dD]([+-]?[0-9]+)$"
REWRITTEN = ((PRINTED, r"\1"), (LISTED, r"\1"), (FORTRAN, r"\1e\2"))
"""Patterns that need no other number to be understood, also by the library RE2, and the plain number of each."""

ENGLISH = r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]*$"  # 1,109.36
GERMAN = r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*$"  # 1.109,36
POINTS = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$"  # 1.109 between whole numbers
COMMAS = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+$"
DECIMAL_COMMA = r"^[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?$"
LONGEST = 200  # most characters in a number
EXAMPLE = 60  # of them in a note
IN_A_LINE = re.compile(rf"(?<![\w.]){CALLED}{INSIDE}({NUMBER})\s*\]?(?:, *[a-z_]+=(?:\(\)|'[^']*'|<[^<>]*>|[\w.]+))*\)")
OBJECT = re.compile(
    rf"(?m)(?:^|[,;\t |]) *({CALLED}{INSIDE}(?:{NUMBER})\s*\]?), *[a-z_]+="
)  # in a row, with a comma, and not in quotes
EXPONENT = re.compile(r"(?<![\w.])([+-]?[0-9]+\.[0-9]*)[dD]([+-][0-9]+)(?![\w.])")
SIGNED = ("D-", "D+", "d-", "d+")  # looked for first, because most lines have none
BEGINS, ENDS = (*"+-.0123456789",), (")", ">", "]")
ONES = tuple(map(re.compile, (PRINTED, LISTED, FORTRAN, ENGLISH, GERMAN)))


def is_spelled(text: str) -> bool:
    """Whether a text is one number in a spelling that needs no other one to be understood.

    >>> [is_spelled(text) for text in ("tensor(1.5, device='cuda:0')", "1.0D-03", "1,109.36", "1.109,36", "12.3%", "1.5", "1,109")]
    [True, True, True, True, False, False, False]
    """
    return len(text) <= LONGEST and any(each.match(text.strip()) for each in ONES)


def plain_line(line: str) -> str:
    """A line in which printed tensors and the exponents of Fortran are plain numbers.

    >>> plain_line("step 3 loss: 1.5D-03, grad_norm=tensor(1.5, device='cuda:0')")
    'step 3 loss: 1.5e-03, grad_norm=1.5'
    """
    if "(" in line:
        line = IN_A_LINE.sub(r"\1", line)
    return EXPONENT.sub(r"\1e\2", line) if any(sign in line for sign in SIGNED) else line


def said_of(name: str, text: str, number: float) -> str:
    """The note on the first number of a column that is in another spelling.

    >>> said_of("norm", "1,109", 1109.0)
    "numbers of norm are written in another way: '1,109' is read as 1109"
    """
    return f"numbers of {shown(name)} are written in another way: '{shown(text.strip(), EXAMPLE)}' is read as {number:.10g}"


def spelled_number(text: str) -> float | None:
    """The number in a text in such a spelling; None if there is none.

    >>> spelled_number("np.float64(1.5)"), spelled_number("1.5D-03"), spelled_number("1.109,36"), spelled_number("[1.5, 2.5]")
    (1.5, 0.0015, 1109.36, None)
    """
    if len(text) > LONGEST or not (
        text[-1:] in ENDS or (text[:1] in BEGINS and ("," in text or "D" in text or "d" in text))
    ):  # most text, quickly
        return None
    plain = text.strip()
    for pattern, number in REWRITTEN:
        if found := re.match(pattern, plain):
            return float(found.expand(number))
    if re.match(ENGLISH, plain):
        return float(plain.replace(",", ""))
    return float(plain.replace(".", "").replace(",", ".")) if re.match(GERMAN, plain) else None


def may_be_thousands(texts: Sequence[str]) -> str:
    """The first of some numbers in which a point may stand between thousands, as in 1.109 beside 812; empty if there is none.

    >>> may_be_thousands(["812", "1.109"]), may_be_thousands(["812.5", "1.109"]), may_be_thousands(["12", "1.109"])
    ('1.109', '', '')
    """
    pointed = [text for text in texts if not text.lstrip("+-").isdecimal()]
    whole = any(text.isdecimal() and len(text) == len("812") for text in texts)
    return pointed[0] if pointed and whole and all(re.match(POINTS, text) for text in pointed) else ""
