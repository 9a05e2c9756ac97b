"""Picks the runs of an arm, and those of the same seeds that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

CELL = ("network", "optimizer")
NETWORKS = {"resnet": "ResNet", "transformer": "transformer"}
TITLES = {"sgd": "SGD", "momentum": "momentum 0.9", "adamw": "AdamW(0.9, 0.99)", "muon": "Muon"}
OPTIMIZERS = tuple(TITLES)
COLUMNS = ("arm", "network", "optimizer", "seed", "labels", "learned", "loss", "accuracy", "mean_alpha", "p", "alpha", "progress")
COLUMNS_TOO = ("cosine", "rate_sharpness", "rate", "batch")


def of_arm(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The runs of an arm; every column is there, even if no run has it."""
    columns = list(dict.fromkeys([*runs.columns, *COLUMNS, *COLUMNS_TOO]))
    return runs[runs["arm"] == arm].reindex(columns=columns)


def cells(runs: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The runs of each network and optimizer."""
    for network in NETWORKS:
        for optimizer in OPTIMIZERS:
            cell = runs[(runs["network"] == network) & (runs["optimizer"] == optimizer)]
            if len(cell):
                yield (network, optimizer), cell


def title(cell: tuple[str, str]) -> str:
    """A network and its optimizer, as people write them."""
    return f"{TITLES[cell[1]]} on {NETWORKS[cell[0]]}"


def fewest(runs: pd.DataFrame, optimizers: Sequence[str] = OPTIMIZERS) -> int:
    """How many seeds the combination of network and optimizer with the fewest has: 0 if one has no run."""
    found = [int(cell["seed"].nunique()) for (_, optimizer), cell in cells(runs) if optimizer in optimizers]
    return min(found) if len(found) == len(NETWORKS) * len(optimizers) else 0


def seeds(runs: pd.DataFrame) -> int:
    """How many seeds the combination of network and optimizer with the fewest has, of those that are in."""
    return min((int(cell["seed"].nunique()) for _, cell in cells(runs)), default=0)


def balanced(runs: pd.DataFrame, cell: Sequence[str] = ("arm", *CELL)) -> pd.DataFrame:
    """The runs with an α, of the seeds that every cell among them has."""
    runs = runs[np.isfinite(runs["mean_alpha"].astype(float))]
    names = runs.groupby(list(cell)).ngroup()
    return runs[names.groupby(runs["seed"]).transform("nunique") == names.nunique()]


def beside_main(runs: pd.DataFrame, *arms: str) -> pd.DataFrame:
    """Some arms, and the main runs of the same networks, optimizers and seeds."""
    key = [*CELL, "seed"]
    others = [of_arm(runs, arm) for arm in arms]
    main = of_arm(runs, "main")
    for other in others:
        main = main.merge(other[key].drop_duplicates(), on=key)
    kept = [other.merge(main[key], on=key) for other in others]
    return pd.concat([main, *kept], ignore_index=True)


def with_labels(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that learn, and those with nothing to learn."""
    return beside_main(runs, "nothing to learn")
