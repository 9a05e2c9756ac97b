"""What a notebook shows of a `Verdict`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.support.vignettes import ruler
from wcdfa.verdicts.explanations import of_verdict

if TYPE_CHECKING:
    from wcdfa.verdicts.single_window import Verdict


@or_text
def verdict_card(verdict: Verdict) -> Markup:
    """The line that is printed, what it means, and what to do; α beside what the optimizer alone gives.

    >>> import wcdfa
    >>> "Next:" in verdict_card(wcdfa.verdict(wcdfa.synthetic.white_noise(500, seed=0), log=False))
    True
    """
    first = of_verdict(verdict)
    said = f"More: wcdfa explain {first.key}"
    return card(str(verdict), first.meaning, picture=_picture(verdict), todo=f"{first.next_step} ({said})")


def _picture(verdict: Verdict) -> Markup | None:
    if verdict.regime is None:
        return None
    said, null = f"α = {verdict.alpha:.2f}, between {verdict.low:.2f} and {verdict.high:.2f}", verdict.null
    if null is None:
        return ruler(verdict.alpha, verdict.low, verdict.high, said=said)
    alone = f"the shaded part is what {verdict.compared or 'the null'} gives, {null.low:.2f} to {null.high:.2f}"
    return ruler(verdict.alpha, verdict.low, verdict.high, said=f"{said}; {alone}", expected=(null.low, null.high))
