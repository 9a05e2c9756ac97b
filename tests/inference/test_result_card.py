"""What a notebook shows of the result of `dfa`: true, for one series and for many, with and without α, of every library."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.cards import shown, text_of
from wcdfa import synthetic
from wcdfa.inference.exponent import measure

NOISE = wcdfa.synthetic.white_noise(256, seed=0)


def test_one_series():
    result = wcdfa.dfa(NOISE)
    tree, text = shown(result)
    assert f"α = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f})" in text
    assert f"F(s) of {len(result.scales)} box sizes, {min(result.scales)} to {max(result.scales)} samples." in text
    assert "Next: For norms ‖ΔW‖, call wcdfa.verdict(norms)" in text
    assert len(list(tree.iter("circle"))) == len(result.scales)


def test_a_trend_and_a_bend_are_named():
    assert "Next: Measure with a higher order" in text_of(wcdfa.dfa(np.arange(256.0) ** 2 + NOISE))
    bent = NOISE.copy()
    bent[::2] += 40.0  # a period of two samples, which only the smallest boxes see
    assert wcdfa.dfa(bent).adequacy < 0.05
    assert "F(s) is no straight line (p " in text_of(wcdfa.dfa(bent))


def test_many_series():
    result = measure(np.stack([NOISE, np.ones(256), np.cumsum(NOISE)]).reshape(3, 1, 256))
    text = text_of(result)
    assert "α of 3 series, shape (3, 1)" in text
    assert f"from {np.nanmin(result.alpha):.2f} to {np.nanmax(result.alpha):.2f}." in text
    assert "1 series has no α." in text
    assert "The series is constant" in text_of(measure(np.ones((2, 256))))
    assert "α of 0 series" in text_of(wcdfa.dfa(np.zeros((0, 256))))


def test_no_alpha():
    tree, text = shown(measure(np.ones(256)))
    assert text.startswith("no α The series is constant")
    assert tree.find(".//svg") is None
    assert "α is not a number" in text_of(wcdfa.dfa(NOISE)._replace(alpha=np.float64("nan")))


def test_what_somebody_has_put_in_its_place_does_not_end_a_cell():
    formatter = require("IPython.core.formatters").HTMLFormatter()
    assert formatter(wcdfa.dfa(NOISE)._replace(scales="boxes")) is None


def test_torch():
    torch = require("torch")
    x = torch.from_numpy(NOISE).requires_grad_()
    assert text_of(wcdfa.dfa(x)) == text_of(wcdfa.dfa(NOISE))


def test_jax_and_its_tracers():
    jax = require("jax")
    seen = []

    def show(result):
        seen.append(text_of(result))
        return result

    result = wcdfa.dfa(NOISE)
    jax.make_jaxpr(show)(result)
    jax.make_jaxpr(jax.vmap(show))(wcdfa.dfa(np.stack([NOISE, NOISE]))._replace(scales=np.stack([result.scales] * 2)))
    assert all(text.startswith("α is not known here The numbers cannot be read: a compiler is tracing,") for text in seen)
    assert len(seen) == 2
    assert text_of(jax.tree.map(jax.numpy.asarray, result)) == text_of(result)


@pytest.mark.parametrize("method", ["ols", "gls"])
def test_other_methods(method):
    assert "α = " in text_of(wcdfa.dfa(NOISE, method=method))


def test_a_printed_result_says_what_was_found_in_a_line():
    walk, noise = synthetic.random_walk(500, seed=0), synthetic.white_noise(500, seed=0)
    assert re.fullmatch(r"α = 1\.\d\d \(1\.\d\d to 1\.\d\d\)", str(wcdfa.dfa(walk)))
    bent = str(wcdfa.dfa(noise + 3 * np.sin(np.arange(500) / 3)))
    assert "does not look like that of one exponent (p" in bent
    with pytest.warns(wcdfa.DFAWarning):
        several = wcdfa.dfa(np.stack([walk, noise, np.ones(500)]))
    with pytest.warns(wcdfa.DFAWarning):
        nothing = wcdfa.dfa(np.ones(500))
    assert "; 1 has no α, one because the series is constant" in str(several)
    assert str(nothing) == "no α: the series is constant, so it does not fluctuate at any scale"
    assert jax.jit(lambda x: len(str(wcdfa.dfa(x))) + x[0])(noise.astype(np.float32)) > 0  # no error while a compiler traces
