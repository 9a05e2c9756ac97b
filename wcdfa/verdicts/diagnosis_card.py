"""What a notebook shows of a `Diagnosis`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.verdicts.explanations import of_diagnosis

if TYPE_CHECKING:
    from wcdfa.verdicts.diagnosis import Diagnosis


@or_text
def diagnosis_card(diagnosis: Diagnosis) -> Markup:
    """The lines that are printed, the first in bold, and what to do.

    >>> import wcdfa
    >>> norms = 1 + 0.1 * wcdfa.synthetic.white_noise(3000, seed=0)
    >>> "<strong>nothing found" in diagnosis_card(wcdfa.diagnose(norms))
    True
    """
    first = of_diagnosis(diagnosis)
    head, *lines = str(diagnosis).splitlines()
    return card(head, *lines, todo=f"{first.next_step} (More: wcdfa explain {first.key})")
