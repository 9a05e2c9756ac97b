"""What each line that is printed about a run means, what its likely causes are, and what to do next.

The words stand in ``explanations.tsv`` beside this file. To add a line, add its row there; the tests find a line that has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from wcdfa.verdicts.causes import fits
from wcdfa.verdicts.signatures import CAUSES, STATISTICS

if TYPE_CHECKING:
    from wcdfa.verdicts.diagnosis import Diagnosis
    from wcdfa.verdicts.findings import Finding
    from wcdfa.verdicts.single_window import Verdict

ELLIPSIS = "…"
SINGULAR = {"were": "was", "are": "is", "have": "has", "do": "does"}
GREEK = {"α": "alpha", "φ": "phi"}


class Explanation(NamedTuple):
    """What there is to know about a line."""

    key: str
    """A short name, such as "short-memory": `explanation` and ``wcdfa explain`` take it."""
    line: str
    """The line as it is printed; … stands for what varies."""
    meaning: str
    causes: str
    """What it often comes from; may be empty."""
    next_step: str
    """What to do, in one sentence."""


@lru_cache(1)
def explanations() -> tuple[Explanation, ...]:
    """All lines, in the order of the page on them.

    >>> explanations()[1].key, explanations()[1].line
    ('critical', 'critical, α = …')
    """
    text = files("wcdfa.verdicts").joinpath("explanations.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(_whole(Explanation(*row)) for row in rows[1:])


def _whole(row: Explanation) -> Explanation:
    """The row with the words that stand in the catalogue of causes and statistics."""
    for name, cause in CAUSES.items():
        if row.key == key_of_cause(name):
            return row._replace(line=cause.text, next_step=f"{cause.check}.")
    for name, statistic in STATISTICS.items():
        for direction, line in ((1, statistic.up), (-1, statistic.down)):
            if row.key == key_of_sign(name, direction):
                return row._replace(line=line)
    return row


def explanation(key: str) -> Explanation:
    """The line with this key.

    >>> explanation("short-memory").line
    'explained by short memory'

    Raises
    ------
    ValueError
        If there is no such key; the message names the nearest ones.
    """
    known = _by_key()
    if key not in known:
        near = get_close_matches(key, known, 3, 0.4)
        hint = f"the nearest are {', '.join(near)}" if near else "wcdfa explain lists all keys"
        msg = f"there is no line with the key {key!r}: {hint}"
        raise ValueError(msg)
    return known[key]


@lru_cache(1)
def _by_key() -> dict[str, Explanation]:
    return {each.key: each for each in explanations()}


def of_line(text: str) -> Explanation | None:
    """The line to which a printed text belongs: of several that fit, the one with the most words in common. None if none fits.

    >>> of_line("explained by short memory: α = 0.93 (0.80–1.06)").key
    'short-memory'
    """
    plain = _plain(text)
    fitting = [(size, each) for size, pattern, each in _patterns() if pattern.search(plain)]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


@lru_cache(1)
def _patterns() -> tuple[tuple[int, re.Pattern[str], Explanation], ...]:
    return tuple((len(each.line), _pattern(each.line), each) for each in explanations())


def _pattern(line: str) -> re.Pattern[str]:
    parts = [re.escape(_plain(part)) for part in line.split(ELLIPSIS)]
    ahead, behind = (r"(?<!\w)" if line[0].isalnum() else ""), (r"(?!\w)" if line[-1].isalnum() else "")
    return re.compile(ahead + ".*?".join(parts) + behind, re.DOTALL)


def _plain(text: str) -> str:
    """The text without capitals and plurals, and with one space between words."""
    words = re.sub(r"\s+", " ", text.lower())
    return re.sub(r"[^\W\d_]+", lambda found: SINGULAR.get(found[0], re.sub(r"(?<=\w{3})s$", "", found[0])), words)


def of_verdict(verdict: Verdict) -> Explanation:
    """The line of a verdict to act on first.

    >>> import wcdfa
    >>> of_verdict(wcdfa.verdict(wcdfa.synthetic.white_noise(500, seed=0), log=False)).key
    'name-the-optimizer'
    """
    if verdict.regime is None:
        designed = next((of_line(each.text) for each in verdict.findings if each.kind == "optimizer"), None)
        return designed or of_line(verdict.reason or "") or explanation("no-alpha")
    texts = [verdict.explanation, *(each.text for each in verdict.findings if each.kind in ("misfit", "optimizer"))]
    return next(filter(None, map(of_line, filter(None, texts))), explanation("name-the-optimizer"))


def of_findings(findings: Iterable[Finding]) -> tuple[Explanation, ...]:
    """The lines of findings, in their order, each once."""
    found = (_of_finding(finding) for finding in findings)
    return tuple({each.key: each for each in found if each is not None}.values())


def _of_finding(finding: Finding) -> Explanation | None:
    said = f"explained by {finding.brief}" if finding.explains else finding.brief
    return (of_line(said) if said else None) or of_line(finding.text)


def of_diagnosis(diagnosis: Diagnosis) -> Explanation:
    """The line of a diagnosis to act on first: how the norms end, else its likely cause, else the first thing that was found.

    >>> import numpy as np
    >>> import wcdfa
    >>> of_diagnosis(wcdfa.diagnose(np.ones(10))).key
    'nothing-compared'
    """
    if diagnosis.ending is not None:
        return explanation(diagnosis.ending.key)
    if diagnosis.found and diagnosis.clear:
        return explanation(key_of_cause(diagnosis.causes[0].name))
    if diagnosis.causes:
        return explanation("several-causes" if fits(list(diagnosis.causes)) else "no-known-cause")
    if diagnosis.found:
        return of_line(diagnosis.evidence[0]) or explanation("found")
    return explanation("nothing-found" if diagnosis.compared else "nothing-compared")


def key_of_cause(name: str) -> str:
    """The key of a cause, by its name in `wcdfa.verdicts.signatures.CAUSES`.

    >>> key_of_cause("half precision")
    'cause-half-precision'
    """
    return f"cause-{_slug(name)}"


def key_of_sign(statistic: str, direction: int) -> str:
    """The key of what is said of a statistic that is higher (direction 1) or lower (−1) than expected, or than before.

    >>> key_of_sign("vector α, small boxes", 1)
    'sign-vector-alpha-small-boxes-up'
    """
    return f"sign-{_slug(statistic)}-{'up' if direction > 0 else 'down'}"


def _slug(name: str) -> str:
    for letter, spelled in GREEK.items():
        name = name.replace(letter, spelled)
    return re.sub(r"\W+", "-", name.lower()).strip("-")
