"""Norms that vary by rounding only, take few values, or were held by a logger: no α, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.preprocess.preparation import prepare
from wcdfa.recording.reading import Reading


def rounded(spread, size=0.00127, n=500, seed=0):
    return size * (1 + spread * np.random.default_rng(seed).standard_normal(n))


def bfloat16(x):
    bits = np.float32(x).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


THROUGH = {
    "float32": np.float32,
    "as float64": lambda x: np.float64(np.float32(x)),
    "a list": lambda x: np.float32(x).tolist(),
    "JSON": lambda x: json.loads(json.dumps(np.float32(x).tolist())),
    "shortest text": lambda x: [float(str(each)) for each in np.float32(x)],
    "nine digits": lambda x: [float(f"{each:.9g}") for each in np.float32(x)],
    "masked": lambda x: np.ma.masked_array(np.float32(x), mask=np.arange(len(x)) == 40),
}


@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
@pytest.mark.parametrize(("spread", "size"), [(3e-6, 0.00127), (4e-7, 42.0), (8e-6, 1e-9)])
def test_constant_up_to_float32_has_no_alpha(through, spread, size):
    prepared = prepare(through(rounded(spread, size)))
    assert prepared.reason.startswith("the norms are constant up to the rounding of float32 (relative spread ")
    assert 0.7 * spread < float(prepared.reason.rpartition(" ")[2].rstrip(")")) < 1.4 * spread
    found = wcdfa.verdict(through(rounded(spread, size)))
    assert np.isnan(found.alpha)
    assert str(found) == f"no α: {prepared.reason}"


@pytest.mark.parametrize(("store", "name", "spread"), [(bfloat16, "bfloat16", 0.002), (np.float16, "float16", 0.0004)])
def test_constant_up_to_a_half_precision(store, name, spread):
    """Only two or three values are there, and the format says why."""
    reason = prepare(store(rounded(spread, size=0.73))).reason
    assert reason.startswith(f"the norms are constant up to the rounding of {name} ")


@pytest.mark.parametrize(
    ("store", "spread"), [(np.float32, 1e-4), (np.float64, 3e-6), (np.float64, 1e-9), (bfloat16, 0.2), (np.float16, 0.02)]
)
def test_what_fluctuates_beyond_its_format_keeps_its_alpha(store, spread):
    """White norms of huge models spread by 1e-4; float64 holds far less."""
    found = wcdfa.verdict(store(rounded(spread, size=0.73)))
    assert found.reason is None
    assert found.low < 0.5 < found.high


def test_constant_updates_under_a_schedule_or_with_an_exception():
    lr = np.where(np.arange(500) < 200, 1.0, 0.1)
    assert "rounding of float32" in prepare(np.float32(rounded(3e-6) * lr), lr=lr).reason
    assert "rounding of float32" in prepare(np.float32(rounded(3e-6) * lr)).reason  # a step that no schedule explains
    spiked = rounded(3e-6)
    spiked[77] *= 3
    assert "rounding of float32" in prepare(np.float32(spiked)).reason
    clipped_at_times = np.where(np.random.default_rng(1).random(500) < 0.5, rounded(3e-6), rounded(0.1))
    assert prepare(np.float32(clipped_at_times)).reason is None


def test_everyone_who_measures_heeds_the_reason():
    norms = np.float32(rounded(3e-6))
    monitor = wcdfa.WeightChangeDFA()
    for norm in norms:
        monitor.update(norm)
    assert np.isnan(monitor.alpha)
    assert "constant up to the rounding of float32" in monitor.reason
    assert monitor.regime is None
    reading = Reading(norms.astype(np.float64), 500, 0, groups={"head": np.exp(0.1 * synthetic.white_noise(500, seed=0))})
    assert "rounding of float32" in reading.verdict().reason
    assert reading.verdict("head").reason is None
    both = wcdfa.WeightChangeDFA(groups={"head": "head"}).update(reading)
    assert np.isnan(both.alphas["all"])
    assert np.isfinite(both.alphas["head"])
    whole = np.float32(rounded(3e-6, n=3000))
    assert wcdfa.verdicts.drifts(whole) == ()
    assert all("rounding of float32" in each.reason for each in wcdfa.verdicts.judge(whole).verdicts)


@pytest.mark.parametrize("times", [2, 3, 8])
def test_held_norms_have_no_alpha(times):
    norms = np.repeat(np.exp(0.3 * synthetic.white_noise(500 // times + 1, seed=times)), times)[:500]
    reason = wcdfa.verdict(norms).reason
    assert reason.startswith(f"{times - 1} of {times} norms repeat")
    assert "the logger held it" in reason


def test_a_few_repeats_are_counted_and_said():
    norms = np.exp(0.3 * synthetic.white_noise(480, seed=1))
    norms = np.repeat(norms, np.where(np.arange(480) % 24 == 5, 2, 1))
    prepared = prepare(norms)
    assert prepared.reason is None
    assert "20 of 500 norms repeat the one before" in prepared.findings
    assert prepare(np.exp(0.3 * synthetic.white_noise(500, seed=2))).findings == ()


@pytest.mark.parametrize(("size", "alpha", "different"), [(0.00015, 1.0, False), (0.002, 1.0, True), (0.0015, 0.5, True)])
def test_norms_rounded_to_four_decimals(size, alpha, different):
    """From 17 values on they give the right α, however often a value comes back."""
    norms = np.round(size * np.exp(0.25 * synthetic.arfima(500, d=alpha - 0.5, seed=3)), 4)
    found = wcdfa.verdict(norms[norms > 0])
    values = len(np.unique(norms[norms > 0]))
    assert (values >= 17) == different
    if different:
        assert found.low < alpha < found.high
        assert f"the norms are rounded: 500 take {values} different values" in [each.text for each in found.findings]
    else:
        assert found.reason == f"the norms take only {values} different values, and α needs at least 17; log more digits"


def test_a_constant_keeps_its_own_reason():
    assert wcdfa.verdict(np.full(500, 0.25)).reason == "the series is constant, so it does not fluctuate at any scale"
