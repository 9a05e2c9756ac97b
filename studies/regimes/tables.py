"""The tables of the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from studies.common.study import Outcome
from studies.regimes.arms import CELL, NETWORKS, TITLES, balanced, beside_main, cells, of_arm
from studies.regimes.optimizer_rule import describes_network
from studies.regimes.rules import beyond, healthy_band
from studies.regimes.shares import share
from studies.regimes.words import UNKNOWN, mean_spread, spread
from wcdfa.nulls.expectation import expectation

MEASURES = {
    "mean_alpha": "α, order 1",
    "mean_alpha_2": "α, order 2",
    "mean_alpha_old": "α of 0.1.0",
    "mean_vector_short": "vector α, 4–16",
    "mean_vector_long": "vector α, 16–125",
    "mean_cosine": "cosine",
}
DESIGNS = (
    ("main", (), ("optimizer", "network")),
    ("batch", ("small batch",), ("optimizer", "network", "arm")),
    ("schedule", ("cosine",), ("optimizer", "network", "arm")),
    ("labels", ("nothing to learn",), ("optimizer", "network", "arm")),
    ("rate", ("rate / 10", "rate × 5"), ("optimizer", "network", "arm")),
)
ARMS = ("main", "small batch", "cosine", "rate / 10", "rate × 5", "nothing to learn")
GPU = Path(__file__).with_name("results") / "gpu.parquet"


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Title and table, for the page."""
    found = [
        ("Where the main runs lie (means over windows of 500, with 95 % intervals over seeds)", lie(of_arm(runs, "main"))),
        ("Regimes of the main runs, and how well they do", do(of_arm(runs, "main"))),
        ("What white gradients give through each optimizer (windows of 500; here α is by GLS, which momentum raises)", white()),
        ("Share of the variance that each factor explains (η², with 95 % intervals)", shares(runs)),
        ("α at order 1 by arm", by_arm(runs, "mean_alpha")),
        ("Mean cosine of consecutive changes by arm", by_arm(runs, "mean_cosine")),
        ("Full batch and minibatch on the tanh network", of_tanh(runs)),
        *(larger(pd.read_parquet(GPU)) if GPU.exists() else []),
    ]
    return [(title, table) for title, table in found if len(table)]


def larger(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The networks on a GPU: where they lie, and what the two rules that they use make of them."""
    main = of_arm(runs.assign(arm=runs["arm"].replace("gpu main", "main")), "main")
    judged = [{"claim": each.claim.replace("_", " "), "verdict": each.verdict, "in words": each.line} for each in _judged(main)]
    return [("Larger networks, on a GPU", lie(main)), ("Rules 1 and 2 on the larger networks", pd.DataFrame(judged))]


def _judged(main: pd.DataFrame) -> list[Outcome]:
    return [healthy_band(main), describes_network(main)]


def lie(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each network and optimizer: every measure, and the median α of its null."""
    null = {"mean_null": "α of the null"}
    return pd.DataFrame(
        [_name(*name) | {title: _spread(cell, each) for each, title in {**MEASURES, **null}.items()} for name, cell in cells(runs)]
    )


def do(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each network and optimizer: regimes, p-values, accuracy and loss."""
    return pd.DataFrame([_name(*name) | _done(cell) for name, cell in cells(runs)])


def _name(network: str, optimizer: str) -> dict[str, str]:
    return {"network": NETWORKS[network], "optimizer": TITLES[optimizer]}


def _done(runs: pd.DataFrame) -> dict[str, str]:
    regimes = pd.Series([each for row in runs["regime"] for each in row]).value_counts()
    far = [beyond(row) for row in runs["p"]]
    return {
        "runs (learned)": f"{len(runs)} ({int((runs['learned'] == 1).sum())})",
        "regimes of windows": ", ".join(f"{name} {count}" for name, count in sorted(regimes.items())),
        "windows with p < 0.05": f"{np.nanmean(far):.2f}" if np.isfinite(far).any() else UNKNOWN,
        "accuracy": _spread(runs, "accuracy"),
        "loss": _spread(runs, "loss"),
    }


def _spread(runs: pd.DataFrame, measure: str) -> str:
    return mean_spread(runs[measure].astype(float)) if measure in runs else UNKNOWN


def white() -> pd.DataFrame:
    """The expectation for each optimizer; Muon on a matrix of 8 by 8."""
    from studies.regimes.optimizers import KNOWN  # it imports JAX, which the rules do without

    rows = []
    for known in KNOWN.values():
        found = expectation(known.rule)
        values = {"α, order 1 (GLS)": found.alpha, "vector α, 4–16": found.small_boxes, "vector α, 16–125": found.large_boxes}
        values |= {"cosine": found.cosine}
        rows.append(
            {"optimizer": known.title}
            | {name: f"{round(each.mean, 2) + 0:.2f} ± {each.spread:.2f}" for name, each in values.items()}
        )
    return pd.DataFrame(rows)


def shares(runs: pd.DataFrame) -> pd.DataFrame:
    """η² of each factor, in the main runs and in each arm beside the main runs of the same seeds."""
    rows = []
    for title, arms, factors in DESIGNS:
        part = balanced(beside_main(runs, *arms) if arms else of_arm(runs, "main"))
        for factor in factors if part["seed"].nunique() > 1 else ():
            of_each = {name: spread(share(part, measure, factor, ["arm", *CELL])) for measure, name in MEASURES.items()}
            if set(of_each.values()) != {UNKNOWN}:
                rows.append({"runs": f"{title} ({len(part)})", "factor": title if factor == "arm" else factor} | of_each)
    return pd.DataFrame(rows)


def by_arm(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows are arms, columns optimizers."""
    rows = []
    for network, name in NETWORKS.items():
        for arm in ARMS:
            part = of_arm(runs, arm)
            part = part[part["network"] == network]
            if len(part):
                values = {title: _spread(part[part["optimizer"] == each], measure) for each, title in TITLES.items()}
                rows.append({"network": name, "arm": arm, **values})
    return pd.DataFrame(rows)


def of_tanh(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each rate, by full batch and by minibatch."""
    rows = []
    for arm in ("full batch", "minibatch"):
        for rate, part in of_arm(runs, arm).groupby("rate"):
            columns = {name: _spread(part, measure) for measure, name in MEASURES.items()}
            last = [row[-1] for row in part["rate_sharpness"]]
            edge = {"rate × sharpness at the end": mean_spread(last), "accuracy": _spread(part, "accuracy")}
            rows.append({"arm": arm, "rate": f"{rate:g}", "runs": f"{len(part)}", **columns, **edge})
    return pd.DataFrame(rows)
