"""Makes names from files and frameworks safe to print, and numbers readable."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

LONGEST = 200
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
WRITTEN_OUT = math.log(1e6)  # larger factors are given as a power of 10
SMALLEST = 1e-4  # smaller p-values are those of a tail that was continued beyond what was simulated


def shown(name: object, longest: int = LONGEST) -> str:
    r"""Return the name with control and invisible characters escaped, and with its middle left out if it is long.

    >>> print(shown("\x1b[31mred\n"), shown("x" * 50, 20))
    \x1b[31mred\n xxxxxxxxxx…xxxxxxxxx
    """
    text = str(name)
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[longest // 2 + 1 - longest :]}"
    return "".join(each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode() for each in text)


def ordinal(number: int) -> str:
    """Return a number with its ending.

    >>> ordinal(2), ordinal(13), ordinal(1001)
    ('2nd', '13th', '1,001st')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def several(number: int, one: str, many: str) -> str:
    """A number of things.

    >>> several(1, "value is", "values are"), several(1200, "value is", "values are")
    ('1 value is', '1,200 values are')
    """
    return f"{number:,} {one if number == 1 else many}"


def first_few(names: Sequence[str], most: int = 4) -> str:
    """The names, the first few if there are many.

    >>> first_few(["a", "b"]), first_few("abcdef", 2)
    ('a, b', 'a, b and 4 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def often(number: int) -> str:
    """How many times something is there.

    >>> often(1), often(2), often(1200)
    ('once', 'twice', '1,200 times')
    """
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def without_numbers(text: str) -> str:
    """The text with a mark for each number, to find out whether something was said before, with other numbers.

    >>> without_numbers("1,200 records were left out, from step 15 on")
    '# records were left out, from step # on'
    """
    return NUMBER.sub("#", text)


def probability(p: float) -> str:
    """A p-value in words; one that is too small to be known exactly is given as a limit.

    >>> probability(0.0123), probability(1e-12)
    ('p = 0.012', 'p < 0.0001')
    """
    return "p < 0.0001" if p < SMALLEST else f"p = {p:.2g}"


def factor(log: float, digits: int = 3) -> str:
    """A factor in words, from its natural logarithm, which may be that of a number too large for a float.

    >>> factor(math.log(20)), factor(1200 * math.log(10)), factor(-30)
    ('a factor of 20', 'a factor of 10^1200', 'a factor of 10^-13')
    """
    if abs(log) < WRITTEN_OUT:
        return f"a factor of {math.exp(log):.{digits}g}"
    return f"a factor of 10^{log / math.log(10):.0f}" if math.isfinite(log) else "a factor too large to be given"
