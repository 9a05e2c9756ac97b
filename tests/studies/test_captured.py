"""Captured and against-self: the intervals hold, the rules give every verdict, and a run is the same when run again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytest.importorskip("jax", reason="the networks of this study are trained with JAX")
pytest.importorskip("optax", reason="the networks of this study are trained with optax")

from studies.captured.arms import ADVERSARIAL, ARMS, HEALTHY, MEMORISED, NOISY, SHORTCUT, settings
from studies.captured.coupling import coupling, phases, power_laws, rho
from studies.captured.exponents import MEASURES, alpha_outcome, unseen_outcome
from studies.captured.flags import flag_outcome
from studies.captured.memory import mean_interval
from studies.captured.run import STUDY
from studies.captured.separation import area, excess
from studies.common.study import NOT, REPLICATES, UNDECIDED, check_verdict
from wcdfa import synthetic

TINY = {"steps": 256, "start": 128, "window": 128, "samples": 100}


@pytest.fixture(scope="module")
def tiny():
    wanted = [setting | TINY for setting in settings(True) if setting["arm"] in {"clean", "wrong 40 %", "PGD"}]
    return pd.DataFrame([setting | STUDY.run(**setting) for setting in wanted])


def made_up(seeds, **columns):
    """A table of runs in which nothing differs between arms but what `columns` say: a function of arm and seed for each."""
    rng = np.random.default_rng(0)
    plain = {"p_either": 0.5, "p_negative": 0.5, "p_positive": 0.5, "gain_high": 1e-5, "law_p_either": 0.5} | {
        "alignment_high": 0.01,
        "held_z": 0.0,
    }
    rows = []
    for arm in ARMS:
        for seed in range(seeds):
            noise = {name: 1 + 0.02 * rng.standard_normal() for name in MEASURES}
            rows.append({"arm": arm, "seed": seed} | plain | noise | {name: f(arm, seed) for name, f in columns.items()})
    return pd.DataFrame(rows)


def verdicts(runs):
    found = STUDY.outcomes(runs)
    assert [each.claim for each in found] == [claim.key for claim in STUDY.claims]
    for each in found:
        check_verdict(each.verdict)
        assert each.line.endswith(".")
    return {each.claim: each.verdict for each in found}


def flagged(of, kind, seeds=20, **columns):
    return flag_outcome(made_up(seeds, **columns), of, kind).verdict


@pytest.mark.parametrize(
    ("least", "series"),
    [
        (0.92, synthetic.white_noise(500, batch=(400,), seed=0)),
        (0.92, synthetic.ar1(500, phi=0.9, batch=(400,), seed=1)),
        (0.92, synthetic.ar1(4000, phi=0.9, batch=(200,), seed=2)),
        (0.82, synthetic.arfima(500, d=0.1, batch=(400,), seed=3)),
        (0.82, synthetic.arfima(500, d=0.3, batch=(400,), seed=4)),
    ],
)
def test_the_interval_of_a_mean_knows_memory(least, series):
    intervals = np.array([mean_interval(each) for each in series])
    held = np.mean((intervals[:, 1] < 0) & (intervals[:, 2] > 0))
    assert least <= held <= 0.99
    if least == 0.82:  # what knows no memory fails
        assert np.mean(np.abs(series.mean(axis=1)) < 1.96 * series.std(axis=1) / np.sqrt(500)) < 0.8


def test_the_interval_of_a_mean_is_about_the_textbook_one_without_memory():
    series = synthetic.white_noise(500, batch=(200,), seed=5)
    widths = [high - low for _, low, high in map(mean_interval, series)]
    assert np.median(widths) == pytest.approx(2 * 1.96 / np.sqrt(500), rel=0.35)


def test_rho_is_that_of_another_package():
    fathon = pytest.importorskip("fathon", reason="it has no wheel for this system")
    utils = pytest.importorskip("fathon.fathonUtils")
    x, y = synthetic.arfima(600, d=0.3, batch=(2,), seed=6)
    y = y + 0.5 * x
    sizes = np.array([8, 16, 32, 64], dtype=np.int64)
    _, expected = fathon.DCCA(utils.toAggregated(x), utils.toAggregated(y)).computeRho(sizes, polOrd=1)
    assert rho(x, y, sizes.tolist(), overlap=0.0) == pytest.approx(expected, rel=1e-9)


def test_rho_is_one_for_multiples():
    x = synthetic.arfima(500, d=0.3, seed=6)
    assert rho(x, 3 * x + 1) == pytest.approx(1)
    assert rho(x, -2 * x) == pytest.approx(-1)


@pytest.mark.parametrize("surrogates", [phases, power_laws])
def test_unrelated_series_are_seldom_coupled_and_related_ones_always(surrogates):
    pairs = synthetic.arfima(500, d=0.5, batch=(40, 2), seed=7)
    unrelated = [coupling(x, y, surrogates, 39, at).either for at, (x, y) in enumerate(pairs)]
    assert np.mean(np.array(unrelated) <= 0.05) <= 0.15
    related = [coupling(x, y - x, surrogates, 39, at) for at, (x, y) in enumerate(pairs[:10])]
    assert all(each.either <= 0.05 and each.negative <= 0.05 < each.positive for each in related)


def test_intervals_of_separation_do_not_vanish_where_it_is_complete():
    assert excess(20, 20, 0, 20)[1:] == pytest.approx((0.77, 1.0), abs=0.01)
    assert excess(56, 70, 48, 80)[1:] == pytest.approx((0.0524, 0.3339), abs=1e-4)  # Newcombe 1998, method 10
    assert excess(9, 10, 3, 10)[1:] == pytest.approx((0.1705, 0.8090), abs=1e-4)
    estimate, low, high = area(np.arange(20) + 100, np.arange(20), 0.99)
    assert estimate == 1
    assert 0.75 < low < 0.95
    assert high == 1
    assert area([1, 2], [1, 2])[0] == 0.5


@pytest.mark.parametrize(("truth", "least"), [(0.5, 0.92), (0.9, 0.9)])
def test_the_interval_of_an_area_holds(truth, least):
    from scipy import stats

    rng = np.random.default_rng(8)
    shift = float(stats.norm.ppf(truth)) * np.sqrt(2)
    intervals = [area(rng.standard_normal(20) + shift, rng.standard_normal(20)) for _ in range(300)]
    assert np.mean([low <= truth <= high for _, low, high in intervals]) >= least


def captured(kind):
    arms = MEMORISED if kind == "memorised" else SHORTCUT
    return lambda arm, _: 0.001 if arm in arms else 0.6


@pytest.mark.parametrize("kind", ["memorised", "shortcut"])
@pytest.mark.parametrize("name", ["p_either", "p_negative", "p_positive"])
def test_a_coupling_that_flags_only_captured_runs_tells_them(name, kind):
    assert flagged("coupling", kind, **{name: captured(kind)}) == REPLICATES


@pytest.mark.parametrize("kind", ["memorised", "shortcut"])
def test_a_coupling_that_is_everywhere_or_nowhere_does_not(kind):
    assert flagged("coupling", kind) == NOT
    assert flagged("coupling", kind, p_either=lambda *_: 0.01, p_negative=lambda *_: 0.01) == NOT
    also_noisy = flagged("coupling", kind, p_negative=lambda arm, _: 0.6 if arm in (*HEALTHY[:3], *ADVERSARIAL) else 0.001)
    assert also_noisy == NOT  # false alarms in one of the noisy arms are enough


def test_a_coupling_in_some_runs_is_undecided():
    some = flagged("coupling", "memorised", p_negative=lambda arm, seed: 0.001 if arm in MEMORISED and seed < 12 else 0.6)
    assert some == UNDECIDED


def test_the_mean_gain_has_one_rule():
    below = {"gain_high": lambda arm, _: -1e-5 if arm in MEMORISED else 1e-5}
    assert flagged("gain", "memorised", **below) == REPLICATES
    assert flagged("gain", "shortcut", **below) == NOT
    assert flagged("gain", "shortcut", gain_high=lambda arm, seed: -1e-5 if arm in SHORTCUT and seed % 2 else 1e-5) == UNDECIDED


@pytest.mark.parametrize("claim", ["captured_alpha", "against_self_alpha"])
def test_alpha_within_a_tenth_of_that_of_a_healthy_arm_is_the_same(claim):
    def verdict(alpha):
        return alpha_outcome(made_up(20, alpha_1=alpha), claim).verdict

    assert verdict(lambda arm, seed: 1 + 0.001 * seed) == REPLICATES
    assert verdict(lambda arm, seed: (1.3 if arm in HEALTHY else 1.0) + 0.001 * seed) == NOT
    assert verdict(lambda arm, seed: (1.3 if arm in {"clean", *NOISY} else 1.0) + 0.001 * seed) == REPLICATES
    assert verdict(lambda arm, seed: 1.1 + 0.02 * (seed % 3) if arm in HEALTHY else 1.02) == UNDECIDED


def test_a_measure_tells_if_it_does_for_every_pair_in_one_direction():
    def verdict(vector_long):
        return unseen_outcome(made_up(20, vector_long=vector_long)).verdict

    assert verdict(lambda arm, seed: 0.01 * seed + (arm in ADVERSARIAL)) == NOT
    assert verdict(lambda arm, seed: 0.01 * seed - (arm in ADVERSARIAL)) == NOT
    assert verdict(lambda arm, seed: 0.01 * seed) == REPLICATES
    assert verdict(lambda arm, seed: 0.01 * seed + (arm in {*ADVERSARIAL, "noise 2"})) == REPLICATES  # it sees a hard task
    assert verdict(lambda arm, seed: 0.1 * seed + (arm in ADVERSARIAL)) == UNDECIDED


def test_nine_seeds_decide_nothing():
    assert set(verdicts(made_up(9, gain_high=captured("memorised"))).values()) == {UNDECIDED}


def test_a_run_is_the_same_when_run_again(tiny):
    setting = next(each for each in settings(True) if each["arm"] == "PGD") | TINY
    again, before = STUDY.run(**setting), tiny[tiny["arm"] == "PGD"].iloc[0]
    assert all(again[name] == before[name] for name in again)


def test_few_runs_and_missing_arms_make_a_page(tiny, tmp_path):
    assert set(verdicts(tiny).values()) == {UNDECIDED}
    assert all(len(table) for _, table in STUDY.tables(tiny))
    assert "noise 1: 0 of 20 seeds." in STUDY.not_done(tiny)
    STUDY.picture(tiny, tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size <= 80_000
    with Image.open(tmp_path / "page.png") as image:
        assert len(image.getcolors(1000)) > 10


def test_what_arms_do_is_done():
    from studies.captured.task import task

    by_arm = {each["arm"]: task(each) for each in settings(False)[: len(ARMS)]}
    clean, wrong = by_arm["clean"], by_arm["wrong 40 %"]
    assert 0.3 < np.mean(np.asarray(clean.label) != np.asarray(wrong.label)) < 0.5
    assert (np.asarray(clean.held_label) == np.asarray(wrong.held_label)).all()
    hints = np.asarray(by_arm["shortcut"].x)[:, -10:]
    assert (hints.argmax(axis=1) == np.asarray(clean.label)).all()
    assert not np.asarray(by_arm["shortcut"].held_x)[:, -10:].any()
    assert not np.asarray(clean.x)[:, -10:].any()


def test_an_attack_raises_the_loss_within_its_radius():
    import jax
    import jax.numpy as jnp

    from studies.captured.network import attacked, initial, losses
    from studies.captured.task import task

    of = task(next(each for each in settings(False) if each["arm"] == "PGD"))
    weights, x, label = initial(jax.random.key(0)), of.x[:64], of.label[:64]
    attack = jax.jit(attacked)
    moved = attack(weights, x, label, of)
    assert jnp.abs(moved - x).max() <= of.radius + 1e-5
    assert (moved[:, 64:] == x[:, 64:]).all()
    assert (losses(weights, moved, label) > losses(weights, x, label)).mean() > 0.95
    assert (attack(weights, x, label, of._replace(attack_steps=jnp.int32(0))) == x).all()


def test_recorded_coordinates_are_of_weights_that_every_arm_trains():
    import jax
    from jax.flatten_util import ravel_pytree

    from studies.captured.network import initial, trained_everywhere
    from studies.captured.task import task

    of = task(settings(False)[0])
    weights = initial(jax.random.key(0))
    places = np.asarray(trained_everywhere(weights, of))
    flat, _ = ravel_pytree(jax.tree.map(lambda each: 0 * each, weights) | {"in": weights["in"].at[of.lit].set(0)})
    assert len(set(places.tolist())) == len(places) == len(flat) - (74 - len(of.lit)) * 96
    assert not np.asarray(flat)[places].any()  # none belongs to an input that was not set to 0
