"""Study 4: regimes of real training. Which runs there are, and what one run brings."""

from __future__ import annotations

import math

import numpy as np

from studies.common.precision import in_float32
from studies.common.study import Claim, Study, Value
from studies.regimes.about import ABOUT
from studies.regimes.full_batch import descend
from studies.regimes.not_done import not_done
from studies.regimes.optimizers import KNOWN, SHAPES
from studies.regimes.picture import picture
from studies.regimes.rules import outcomes
from studies.regimes.tables import tables
from studies.regimes.training import train
from studies.regimes.windows import measured
from wcdfa.nulls.update_rules import named

Row = dict[str, str | float | bool | None]
SIZES: dict[str, Row] = {
    "resnet": {"width": 4, "depth": 3, "batch": 32},
    "transformer": {"width": 32, "depth": 2, "batch": 16},
}
QUICK: dict[str, Row] = {"resnet": {"width": 2, "depth": 1, "batch": 8}, "transformer": {"width": 8, "depth": 1, "batch": 4}}
FULL_BATCH = ((0.1, None), (0.2, None), (0.4, None), (0.1, 32))
SOURCE = "doi:10.5281/zenodo.19389821, the table of regimes"
CLAIMS = (
    Claim(
        "healthy_band",
        "A network that learns well has α from 0.8 to 1.2, the critical band.",
        SOURCE,
        "a healthy run lies in the band",
    ),
    Claim("describes_network", "The band of α tells how the network learns.", SOURCE, "the band tells how a network learns"),
    Claim("beyond_null", "α shows memory that the optimizer alone does not give.", SOURCE, "α shows memory beyond the optimizer"),
    Claim("performance", "The nearer α is to 1, the better the run does.", SOURCE, "runs with α nearer to 1 do better"),
    Claim(
        "ordered",
        "α above 1.2 is a rigid regime: what is new no longer changes the course.",
        SOURCE,
        "α above 1.2 is a rigid regime",
    ),
    Claim(
        "edge",
        "At the edge of stability consecutive changes oppose each other.",
        "our own; Cohen 2021, arXiv:2103.00065",
        "changes oppose each other at the edge",
    ),
)


def settings(quick: bool) -> list[Row]:
    """Main runs first, then what the verdicts need, then the other arms."""
    if quick:
        cells = (("sgd", "resnet"), ("sgd", "transformer"), ("momentum", "transformer"))
        arms = [_cell("main", *cell, 0, QUICK) for cell in cells]
        arms.append(_cell("nothing to learn", "sgd", "transformer", 0, QUICK) | {"labels": "random"})
        small = [each | {"steps": 384, "window": 128, "skipped": 128} for each in arms]
        return [*small, _full_batch(0, 0.4, None) | {"steps": 768, "window": 256, "skipped": 256}]
    few = range(3)
    return [
        *(_cell("main", *cell, seed) for cell in _cells() for seed in range(10)),
        *(_cell("nothing to learn", *cell, seed) | {"labels": "random"} for cell in _cells() for seed in few),
        *(_full_batch(seed, rate, batch) for rate, batch in FULL_BATCH for seed in range(5)),
        *(_smaller(_cell("small batch", *cell, seed)) for cell in _cells() for seed in few),
        *(_cell("cosine", *cell, seed) | {"schedule": "cosine"} for cell in _cells() for seed in few),
        *(_cell("rate / 10", *cell, seed) | {"factor": 0.1} for cell in _cells() for seed in few),
        *(_cell("rate × 5", *cell, seed) | {"factor": 5.0} for cell in _cells() for seed in few),
    ]


@in_float32
def run(arm: str, network: str, seed: int, steps: int, window: int, skipped: int, **more: object) -> dict[str, Value]:
    """One run: measures of each window, and how well it does."""
    if network == "tanh":
        return _run_full_batch(seed, steps, window, skipped, **more)  # type: ignore[arg-type]
    optimizer = str(more.pop("optimizer"))
    trained = train(network, optimizer, seed=seed, steps=steps, **more)  # type: ignore[arg-type]
    rule = KNOWN[optimizer].rule if more["schedule"] == "constant" else None
    found = measured(trained.reading, window=window, skipped=skipped, rule=rule, dimension=SHAPES[network])
    return found | {"loss": trained.loss, "accuracy": trained.accuracy, "learned": float(trained.learned)} | means(found)  # type: ignore[return-value]


def means(found: dict[str, list[float] | list[str]]) -> dict[str, float]:
    """Of each measure over the windows that have one, as `mean_alpha` and so on."""
    return {f"mean_{name}": _mean(values) for name, values in found.items() if name != "regime"}  # type: ignore[arg-type]


def _mean(values: list[float]) -> float:
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else math.nan


def _run_full_batch(
    seed: int, steps: int, window: int, skipped: int, rate: float, batch: int | None, **_: object
) -> dict[str, Value]:
    run = descend(seed=seed, rate=rate, batch=batch, steps=steps, block=window)
    found = measured(run.reading, window=window, skipped=skipped, rule=None if batch is None else named("sgd", {}))
    skip = skipped // window
    progress = (1 - run.losses[1:] / run.losses[:-1])[skip:]
    further = {"progress": progress.tolist(), "rate_sharpness": (rate * run.sharpness)[skip:].tolist()}
    held_out = {"loss": run.loss, "accuracy": run.accuracy, "learned": float(run.accuracy >= 0.9)}
    return found | further | held_out | means(found)  # type: ignore[return-value]


def _cells() -> list[tuple[str, str]]:
    return [(optimizer, network) for network in SIZES for optimizer in KNOWN]


def _cell(arm: str, optimizer: str, network: str, seed: int, sizes: dict[str, Row] = SIZES) -> Row:
    usual: Row = {"schedule": "constant", "factor": 1.0, "labels": "true", "steps": 2000, "window": 500, "skipped": 500}
    return {"arm": arm, "network": network, "optimizer": optimizer, "seed": seed, **sizes[network], **usual}


def _smaller(row: Row) -> Row:
    return row | {"batch": int(row["batch"]) // 4}  # type: ignore[arg-type]


def _full_batch(seed: int, rate: float, batch: int | None) -> Row:
    arm = "full batch" if batch is None else "minibatch"
    return {"arm": arm, "network": "tanh", "rate": rate, "batch": batch, "seed": seed, "steps": 2000, "window": 500, "skipped": 500}


STUDY = Study("regimes", "Regimes of real training", ABOUT, CLAIMS, settings, run, outcomes, tables, picture, not_done)
