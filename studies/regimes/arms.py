"""Picks the runs of an arm, and those of the same seeds that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

CELL = ("network", "optimizer")
OPTIMIZERS = ("sgd", "momentum", "adamw", "muon")
COLUMNS = ("arm", "network", "optimizer", "seed", "labels", "learned", "loss", "accuracy", "mean_alpha", "p", "alpha", "progress")
COLUMNS_TOO = ("cosine", "rate_sharpness", "rate", "batch")


def of_arm(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The runs of an arm; every column is there, even if no run has it."""
    columns = list(dict.fromkeys([*runs.columns, *COLUMNS, *COLUMNS_TOO]))
    return runs[runs["arm"] == arm].reindex(columns=columns)


def cells(runs: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The runs of each network and optimizer."""
    for network in ("resnet", "transformer"):
        for optimizer in OPTIMIZERS:
            cell = runs[(runs["network"] == network) & (runs["optimizer"] == optimizer)]
            if len(cell):
                yield (network, optimizer), cell


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
