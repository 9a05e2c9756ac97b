"""What a notebook shows of a verdict: the line, its meaning, and what to do, from the table of lines."""

from __future__ import annotations

import numpy as np

import wcdfa
from tests.helpers.cards import shown
from wcdfa.verdicts.explanations import of_verdict


def checked(verdict):
    tree, text = shown(verdict)
    first = of_verdict(verdict)
    assert text.startswith(f"{verdict} {first.meaning}")
    assert f"Next: {first.next_step} (More: wcdfa explain {first.key})" in text
    return tree


def test_compared_with_the_optimizer():
    norms = np.exp(wcdfa.synthetic.white_noise(128, seed=0))
    verdict = wcdfa.verdict(norms, optimizer="sgd", replicates=50)
    tree = checked(verdict)
    assert len(list(tree.iter("rect"))) == 1
    said = tree.find(".//svg").get("aria-label")
    assert f"the shaded part is what {verdict.compared} gives, {verdict.null.low:.2f} to {verdict.null.high:.2f}" in said
    given = wcdfa.verdict(norms, null=np.linspace(0.4, 0.6, 50))
    assert "the shaded part" in checked(given).find(".//svg").get("aria-label")


def test_not_compared():
    tree = checked(wcdfa.verdict(np.exp(wcdfa.synthetic.ar1(256, phi=0.9, seed=0))))
    assert len(list(tree.iter("circle"))) == 1
    assert not list(tree.iter("rect"))


def test_no_alpha():
    verdict = wcdfa.verdict(np.ones(128))
    assert verdict.regime is None
    assert checked(verdict).find(".//svg") is None
