"""The rules of the study of the therapeutic window, on made-up cells and on a few real runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studies.common.study import NOT, REPLICATES, UNDECIDED, check_verdict
from studies.hebbian import network, trend
from studies.hebbian.cells import network_cells, settings, trend_cells
from studies.hebbian.network import FRACTIONS, KINDS, Cell
from studies.hebbian.run import STUDY
from studies.hebbian.summary import TARGETS, cells_of, outcomes, verdict_on_fall, verdict_on_figure
from studies.hebbian.trend import Trend

TREND = "artefact of a trend with impulses"
SHARES = [round(100 * each) for each in FRACTIONS]
CELL = Cell(size=20, kind="state", amplitude=1.0, rate=0.01, gain=0.8, leak=0.2, drive=0.0, decay=0.2, noise=0.01)


def made_up(arm, cell, seed, curve, clean, order_2, kind="state"):
    """A run whose α are given at each share of perturbed steps."""
    measured = {f"old_{share}": value for share, value in zip(SHARES, curve, strict=True)}
    measured |= {f"clean_{share}": value for share, value in zip(SHARES, clean, strict=True)}
    for name in ("order_1", "order_2", "order_3", "vector"):
        measured |= {f"{name}_{share}": value for share, value in zip(SHARES, order_2, strict=True)}
    return {"arm": arm, "cell": cell, "seed": seed, "kind": kind, **measured}


def study_of(share, retention, spread=0.0, cells=30, order_2=(0.5,) * 5):
    """Runs in both arms; the network's figures spread around the given ones, those without a network likewise."""
    rng = np.random.default_rng(0)
    rows = []
    for arm in ("network", "trend"):
        for cell in range(cells):
            own, kept = share + spread * rng.uniform(-1, 1), retention + spread * rng.uniform(-1, 1)
            curve = [1.84, 1.84 - own, 1.3, 1.04, 0.84]  # the whole effect is 1, that at 40 % is 0.8
            clean = [1.84, 1.7, 1.5, 1.84 - 0.8 * kept, 1.0]
            rows += [made_up(arm, cell, seed, curve, clean, order_2) for seed in range(10)]
    return pd.DataFrame(rows)


def verdicts(runs):
    return [each.verdict for each in outcomes(runs)]


def test_figures_that_the_network_pins_down_replicate():
    runs = study_of(0.27, 0.955, spread=0.02, order_2=(1.9, 1.5, 1.3, 1.0, 0.8))
    assert verdicts(runs) == [REPLICATES] * 3
    first, second, third = outcomes(runs)
    assert "claimed: 27 %" in first.line
    assert first.seeds == 10
    assert "30 settings" in second.effect
    assert "0.70" in third.line


def test_figures_that_a_trend_with_impulses_has_too_are_artefacts():
    assert verdicts(study_of(0.45, 0.7, spread=0.4)) == [TREND, TREND, "artefact of the trend that order 1 leaves in"]


def test_figures_that_are_elsewhere_do_not_replicate():
    flat = study_of(0.9, 0.2, spread=0.05)
    assert verdicts(flat)[:2] == [NOT, NOT]
    assert verdict_on_fall(pd.Series([0.1] * 30), pd.Series([0.0] * 30)) == NOT
    elsewhere = pd.Series(np.linspace(0.0, 0.9, 30)), pd.Series(np.linspace(0.5, 0.8, 30))
    assert verdict_on_figure(*elsewhere, TARGETS["first_two_percent"]) == NOT


def test_a_range_says_what_it_is_the_range_of():
    first, second, _ = outcomes(study_of(12.0, -0.004, spread=0.001))
    assert "is 1,200 % to 1,200 % in the middle 90 % of 30 settings of a Hebbian network (claimed: 27 %)" in first.line
    assert "median 0 % (0 % to 0 %), middle 90 % of settings" in second.effect
    assert any("640 runs of a first set" in each for each in STUDY.not_done(study_of(0.3, 0.3)))


def test_the_kinds_of_perturbation_are_told_apart():
    runs = study_of(0.3, 0.5)
    assert "by kind" not in outcomes(runs)[1].effect
    runs.loc[runs["cell"] % 2 == 1, "kind"] = "weights"
    runs.loc[(runs["cell"] % 2 == 1), "clean_40"] = 1.84
    assert outcomes(runs)[1].effect.endswith("; median by kind: state 50 %, weights 0 %")
    assert "; 15" in STUDY.tables(runs)[0][1].query("settings == 'network, weights'")["kept at 40 %"].item()


def test_alpha_that_is_undefined_is_counted():
    runs = study_of(0.3, 0.5)
    assert not any("undefined" in each for each in STUDY.not_done(runs))
    runs.loc[(runs["arm"] == "network") & (runs["seed"] == 0), "order_2_0"] = None
    (found,) = [each for each in STUDY.not_done(runs) if "undefined" in each]
    assert found.startswith("α at order 2 is undefined in some of the 300 runs of the network: 30 at 0 % of perturbed steps.")


def test_too_few_cells_or_seeds_decide_nothing():
    assert verdicts(study_of(0.27, 0.955, cells=19)) == [UNDECIDED] * 3
    runs = study_of(0.27, 0.955)
    assert verdicts(runs[runs["seed"] < 9]) == [UNDECIDED] * 3
    assert verdicts(runs[runs["arm"] == "trend"]) == [UNDECIDED] * 3
    assert verdict_on_fall(pd.Series([0.5] * 30), pd.Series([0.25] * 30)) == UNDECIDED


def test_a_cell_without_an_effect_has_no_share_of_it():
    runs = pd.DataFrame([made_up("network", 0, seed, [2.0, 1.5, 1.5, 1.9, 1.9], [2.0] * 5, [1.0] * 5) for seed in range(10)])
    (cell,) = cells_of(runs).to_dict("records")
    assert not cell["effect"]
    assert np.isnan(cell["share"])
    assert np.isnan(cell["retention"])
    assert cell["retention_2"] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_changes_by_its_rule(kind):
    """The norms and the sketch are those of the weights' change, and without perturbed steps all kinds are the same network."""
    recorded = network.simulate(3, CELL._replace(kind=kind), steps=260)
    again = network.simulate(3, CELL._replace(kind=kind), steps=260)
    assert (recorded.norms == again.norms).all()
    assert recorded.norms.shape == (5, 60)
    assert np.isfinite(recorded.norms).all()
    assert not recorded.perturbed[0].any()
    assert recorded.perturbed[4].mean() > 0.8
    plain = network.simulate(3, CELL._replace(kind=kind, amplitude=0.0), steps=260)
    assert np.allclose(plain.norms[0], recorded.norms[0])
    if kind in {"state", "weights"}:  # noise of no size is no perturbation; a reset and silence are one without noise, too
        assert np.allclose(plain.norms, plain.norms[0])
    assert not np.allclose(recorded.norms[4], recorded.norms[0])
    size = np.sqrt((recorded.sketch[0] ** 2).mean(axis=-1)) * CELL.size
    assert np.corrcoef(np.log(size), np.log(recorded.norms[0]))[0, 1] > 0.5


def test_a_series_without_a_network_is_a_trend_with_impulses():
    recorded = trend.simulate(0, Trend(amplitude=0.1, decay_time=500, aftermath=0.0, spread=0.0, floor=0.0))
    smooth = np.exp(-np.arange(2000) / 500)
    assert np.allclose(recorded.norms, smooth + 0.1 * recorded.perturbed)
    lasting = trend.simulate(0, Trend(amplitude=0.1, decay_time=500, aftermath=0.5, spread=0.0, floor=0.0)).norms[1] - smooth
    after = np.flatnonzero(recorded.perturbed[1])[0] + 1
    assert lasting[after] >= 0.049


def test_cells_cover_the_range_and_each_run_is_listed_once():
    listed = settings(False)
    assert len(listed) == len({tuple(each.items()) for each in listed}) == 1120
    assert listed[:10] == [listed[0] | {"seed": seed} for seed in range(10)]
    cells = pd.DataFrame(network_cells(64))
    assert set(cells["kind"]) == set(KINDS)
    assert set(cells["size"]) == {100, 150}
    assert cells["amplitude"].min() < 0.05
    assert cells["amplitude"].max() > 2
    assert (cells["noise"] == 0).mean() == 0.5
    for _, group in cells.groupby("kind"):  # none has only a part of the range of amplitudes to itself
        assert np.histogram(np.log(group["amplitude"]), 4, np.log([0.03, 3.0]))[0].min() >= 3
    for choice in (cells["drive"] > 0, cells["noise"] > 0, cells["size"] > 100):
        assert abs(np.corrcoef(choice, np.log(cells["amplitude"]))[0, 1]) < 0.2
    assert pd.DataFrame(trend_cells(48))["aftermath"].between(0, 0.98).all()


def test_quick_runs_go_through_to_the_page(tmp_path):
    quick = STUDY.settings(True)
    few = [next(each for each in quick if each["arm"] == arm) for arm in ("network", "trend")]
    few = [few[0] | {"size": 30}, few[1]]
    found = [STUDY.run(**each) for each in few]
    assert found[1] == STUDY.run(**few[1])
    runs = pd.DataFrame([each | own for each, own in zip(few, found, strict=True)])
    for each in STUDY.outcomes(runs):
        check_verdict(each.verdict)
        assert each.verdict == UNDECIDED
        assert not {"nan", "unknown"} & set(" ".join(each[2:5]).replace("(", " ").split())
    assert all(len(table) for _, table in STUDY.tables(runs))
    assert STUDY.not_done(runs)[0].startswith("0 of 64")
    STUDY.picture(runs, tmp_path / "hebbian.png")
    STUDY.picture(study_of(0.45, 0.7, spread=0.4), tmp_path / "full.png")
    assert 5_000 < (tmp_path / "full.png").stat().st_size < 80_000
