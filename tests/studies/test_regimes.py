"""The study of regimes: its rules give each verdict, one run comes out the same twice, and the quick trial goes through."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from studies.common.data import digits
from studies.common.results import judged
from studies.common.study import load
from studies.regimes import gpu, rules
from studies.regimes.arms import OPTIMIZERS, balanced, fewest
from studies.regimes.not_done import PLANNED, not_done
from studies.regimes.optimizers import KNOWN
from studies.regimes.picture import picture
from studies.regimes.shares import share
from studies.regimes.tables import larger, tables
from studies.regimes.tasks import Task
from studies.regimes.training import train_task
from studies.regimes.windows import measured

CENTRES = {"sgd": 0.5, "momentum": 1.0, "adamw": 1.0, "muon": 0.6}


def made(alphas=CENTRES, nothing=CENTRES, p=0.5, loss=lambda alpha, rng: rng.normal(), seeds=10):
    """A table of runs with α around these centres."""
    rng = np.random.default_rng(0)
    rows = [
        row(arm, network, optimizer, seed, centre[optimizer] + 0.03 * rng.normal(), p, loss, rng)
        for arm, centre, n in [
            ("main", alphas, seeds),
            ("nothing to learn", nothing, min(seeds, 3)),
            ("cosine", alphas, min(seeds, 3)),
        ]
        for network in ("resnet", "transformer")
        for optimizer in OPTIMIZERS
        for seed in range(n)
    ]
    return pd.DataFrame(rows)


def row(arm, network, optimizer, seed, alpha, p, loss, rng):
    measures = ("alpha", "alpha_2", "alpha_old", "vector_short", "vector_long", "cosine", "null")
    return {
        "arm": arm,
        "network": network,
        "optimizer": optimizer,
        "seed": seed,
        "labels": "random" if arm == "nothing to learn" else "true",
        "learned": float(arm != "nothing to learn"),
        "loss": loss(alpha, rng),
        "accuracy": 0.95,
        "p": [p, p, p],
        "regime": ["critical", "undecided", "critical"],
        **{f"mean_{each}": alpha for each in measures},
    }


def descents(alpha=1.9, learned=1.0, cosine=-0.99, sharpness=2.0, n=10):
    return pd.DataFrame(
        {
            "arm": "full batch",
            "network": "tanh",
            "optimizer": None,
            "seed": seed,
            "rate": 0.4,
            "learned": learned,
            "accuracy": 0.97 * learned,
            "loss": 0.1,
            "mean_alpha": alpha,
            "mean_cosine": cosine,
            "alpha": [alpha] * 3,
            "cosine": [cosine + 0.001 * seed] * 3,
            "progress": [0.1] * 3,
            "rate_sharpness": [sharpness] * 3,
        }
        for seed in range(n)
    )


ALIKE = dict.fromkeys(OPTIMIZERS, 1.0)


@pytest.mark.parametrize(
    ("rule", "runs", "verdict"),
    [
        (rules.healthy_band, made(), "does not replicate"),
        (rules.healthy_band, made(ALIKE), "replicates"),
        (rules.healthy_band, made(ALIKE, seeds=4), "undecided"),
        (rules.describes_network, made(), "artefact of the optimizer"),
        (rules.describes_network, made(ALIKE, dict.fromkeys(OPTIMIZERS, 0.5)), "replicates"),
        (rules.describes_network, made(seeds=2), "undecided"),
        (rules.describes_network, made().query("network == 'resnet'"), "undecided"),
        (rules.beyond_null, made(p=0.001), "replicates"),
        (rules.beyond_null, made(p=0.5), "does not replicate"),
        (rules.beyond_null, made(p=math.nan), "undecided"),
        (rules.beyond_null, made(p=0.001).query("network == 'resnet'"), "undecided"),
        (rules.performance, made(loss=lambda alpha, rng: abs(alpha - 1) + 0.001 * rng.normal()), "replicates"),
        (rules.performance, made(), "does not replicate"),
        (rules.performance, made(seeds=3), "undecided"),
        (rules.ordered, pd.concat([made(seeds=1), descents()]), "artefact of smooth full-batch training"),
        (rules.ordered, pd.concat([descents(1.0, n=12), descents(1.9, learned=0.0, n=12)]), "replicates"),
        (rules.ordered, descents(1.0), "does not replicate"),
        (rules.ordered, descents(1.9, learned=0.0, n=12), "replicates"),
        (rules.ordered, descents(n=4), "undecided"),
        (rules.edge, descents(), "replicates"),
        (rules.edge, descents(cosine=0.9), "does not replicate"),
        (rules.edge, descents(sharpness=1.0), "undecided"),
    ],
)
def test_each_rule_gives_each_of_its_verdicts(rule, runs, verdict):
    found = rule(runs)
    assert found.verdict == verdict
    assert_readable(found)


def assert_readable(found):
    assert found.line[0].isupper() or found.line[0].isdigit()
    assert found.line.endswith(".")
    for text in (found.line, found.effect, found.null):
        assert text
        assert not re.search(r"\bnan\b|unknown|no interval|\b0 runs|–", text)


@pytest.mark.parametrize("arms", [("main",), ("main", "nothing to learn"), ("full batch",), ("cosine",)])
def test_a_study_that_was_stopped_early_says_what_is_missing(arms):
    runs = pd.concat([made(), descents()])
    runs = runs[runs["arm"].isin(arms)]
    found = {each.claim: each for each in rules.outcomes(runs)}
    for each in found.values():
        assert_readable(each)
    assert ("without anything to learn are in to compare" in found["describes_network"].line) == (arms == ("main",))
    assert (found["edge"].line == "No run of the arm full batch is in.") == ("full batch" not in arms)
    assert not any(
        text in cell for _, table in tables(runs) for cell in table.astype(str).to_numpy().ravel() for text in ("nan", "unk")
    )


def test_only_seeds_that_all_cells_have_are_compared():
    runs = made().query("arm == 'main' and not (network == 'resnet' and optimizer == 'sgd' and seed > 6)")
    runs.loc[(runs["optimizer"] == "muon") & (runs["seed"] == 0), "mean_alpha"] = math.nan
    assert set(balanced(runs)["seed"]) == {1, 2, 3, 4, 5, 6}
    assert fewest(runs) == 7
    assert fewest(runs.query("network == 'resnet'")) == 0


def test_larger_networks_are_judged_by_the_first_two_rules():
    shown = dict(larger(made().query("arm == 'main'").assign(arm="gpu main")))
    assert len(shown["Larger networks, on a GPU"]) == 8
    assert list(shown["Rules 1 and 2 on the larger networks"]["verdict"]) == ["does not replicate", "undecided"]


def test_outcomes_tables_and_picture_take_any_part_of_the_runs(tmp_path):
    study = load("regimes")
    for runs in (pd.concat([made(), descents()]), made(seeds=1), descents(n=1)):
        assert all(len(table.columns) for _, table in tables(runs) if len(table))
        assert [each.claim for each in judged(study, runs)] == [claim.key for claim in study.claims]
        picture(runs, tmp_path / "regimes.png")
        assert 5_000 < (tmp_path / "regimes.png").stat().st_size < 80_000
    assert any("main: 1 of 10 seeds" in line for line in not_done(made(seeds=1)))
    assert not any("main: " in line for line in not_done(made()))
    assert "Arm full batch: 10 of 15 runs are in." in not_done(descents())
    assert "Arm cosine: 0 of 3 seeds in the combination with the fewest, 0 of 24 runs are in." in not_done(descents())


def test_the_share_of_a_factor_is_known_where_it_is_all_or_nothing():
    rng = np.random.default_rng(1)
    runs = pd.DataFrame({"of": np.repeat(["a", "b"], 200), "chance": rng.normal(size=400)})
    runs["all"] = (runs["of"] == "a") * 1.0
    assert share(runs, "all", "of", ["of"]) == pytest.approx((1, 1, 1))
    estimate, low, high = share(runs, "chance", "of", ["of"])
    assert low <= estimate <= high < 0.05
    assert math.isnan(share(runs, "missing", "of", ["of"])[0])


def test_every_run_is_planned_once_and_the_main_arm_first():
    planned = load("regimes").settings(False)
    assert len({str(sorted(row.items(), key=str)) for row in planned}) == len(planned) == 220
    assert {row["arm"] for row in planned[:80]} == {"main"}
    assert Counter(row["arm"] for row in planned) == {arm: wanted for arm, (wanted, _) in PLANNED.items()}
    assert all(row["seed"] < 10_000 for row in planned)


def trained(**options):
    """The digits by one matrix: a network that takes no time to compile."""
    x, y, x_held_out, y_held_out = digits()

    def batch(rng, size):
        picked = rng.integers(len(x), size=size)
        return x[picked], y[picked]

    task = Task(
        lambda _: {"out": jnp.zeros((64, 10))}, lambda weights, x: x @ weights["out"], batch, y, (x_held_out, y_held_out), 2.3
    )
    return train_task(task, "momentum", 0.01, steps=256, batch=16, **options)


def test_training_follows_from_the_seed_and_learns_only_true_labels():
    first, second, other, random, cosine = (
        trained(seed=0),
        trained(seed=0),
        trained(seed=1),
        trained(seed=0, random=True),
        trained(seed=0, cosine=True),
    )
    assert np.array_equal(first.reading.norms, second.reading.norms)
    assert not np.array_equal(first.reading.norms, other.reading.norms)
    assert first.learned
    assert not random.learned
    assert cosine.reading.lr[[0, 128, 255]] == pytest.approx([0.01, 0.005, 0], abs=1e-6)
    found = measured(first.reading, window=128, skipped=128, rule=KNOWN["momentum"].rule)
    assert found["cosine"][0] == pytest.approx(np.mean(first.reading.cosine[128:]))
    assert set(found["regime"]) <= {"ordered", "critical", "disordered", "undecided"}
    assert found["low"][0] < found["alpha"][0] < found["high"][0]
    assert 0.8 < found["null"][0] < 1.4


def test_the_edge_of_stability_turns_the_cosine_and_not_alpha():
    study = load("regimes")
    below, at, again = (study.run("full batch", "tanh", 10_000, 1024, 256, 768, rate=rate, batch=None) for rate in (0.1, 0.4, 0.4))
    assert str(at) == str(again)
    assert below["mean_cosine"] > 0.99
    assert at["mean_cosine"] < -0.9
    assert min(below["mean_alpha"], at["mean_alpha"]) > 1.5
    assert below["rate_sharpness"][-1] < 1.9 < at["rate_sharpness"][-1] < 2.2


def test_larger_networks_are_refused_by_name_without_a_gpu(monkeypatch):
    if jax.devices()[0].platform == "gpu":
        pytest.skip("this machine has a GPU")
    monkeypatch.setattr(sys, "argv", ["gpu"])
    with pytest.raises(SystemExit, match=r"it needs a GPU, and JAX sees .* only; .*--rehearse"):
        gpu.main()
