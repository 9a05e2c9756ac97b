"""Measures whether hearts are near α = 1, and whether one exponent describes them."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from studies.biology import evoked, recordings
from studies.biology.about import ABOUT
from studies.biology.exponents import MODELS, RANGES, STRETCH, WHOLE, Model, coverage, measured, misfits, stretches
from studies.biology.picture import draw
from studies.biology.summary import HEALTH, SEEDS, alpha_of, arm, corrected, covers, deciding, difference_of, outcomes
from studies.common.statistics import spread_text
from studies.common.study import Claim, Study, Value

AUTHOR = "doi:10.5281/zenodo.19389821, as an analogy"
CLAIMS = (
    Claim(
        "heart",
        "α near 1 is where living systems are: a healthy heart lies between 0.8 and 1.2",
        AUTHOR,
        "a healthy heart lies in the band",
    ),
    Claim(
        "one_exponent",
        "One number describes a living system: a single exponent holds from 4 to 64 beats",
        AUTHOR,
        "one exponent from 4 to 64 beats",
    ),
    Claim(
        "evoked",
        "Successive heartbeat-evoked potentials of the brain point in similar directions",
        "defined here; not spelled out by the author",
        "heartbeat-evoked potentials keep direction",
    ),
)
Row = dict[str, str | float | bool | None]


def settings(quick: bool) -> list[Row]:
    """Of each run: recordings first, then the series on which the intervals are tried, then made-up evoked potentials."""
    length, count, seeds = (256, 10, 1) if quick else (1024, 40, SEEDS)
    names = ["five_minutes"] if quick else recordings.available()
    rows: list[Row] = [{"arm": "recording", "recording": name, "seed": 0} for name in names]
    tried = {"length": length, "count": count}
    rows += [
        {"arm": "cover", "model": model.name, "parameter": model.parameter, **tried, "seed": seed}
        for seed, model in itertools.product(range(seeds), MODELS)
    ]
    return rows + [{"arm": "evoked", "strength": strength, "seed": seed} for seed in range(seeds) for strength in (0.3, 0.0)]


def run(arm: str, seed: int, **own: str | float) -> dict[str, Value]:
    """One recording, one group of synthetic series, or one made-up recording of evoked potentials."""
    if arm == "recording":
        return recorded(recordings.intervals(str(own["recording"])))
    if arm == "cover":
        model = Model(str(own["model"]), float(own["parameter"]))
        return dict(coverage(model, int(own["length"]), int(own["count"]), seed))
    found = evoked.directions(evoked.made_up(float(own["strength"]), seed), seed)
    return {"p": found.p, "cosine": found.cosine, "without_mean": found.without_mean, "vector_short": found.alpha[0]}


def recorded(intervals: np.ndarray) -> dict[str, Value]:
    """Both exponents of beat intervals, of the whole and of its stretches, and F(s)."""
    parts = stretches(intervals, STRETCH)
    found: dict[str, Value] = {"beats": len(intervals)}
    for name, sizes in RANGES.items():
        whole = measured(intervals, sizes)
        found |= {name: float(whole.alpha), f"{name}_low": float(whole.low), f"{name}_high": float(whole.high)}
        found[f"{name}_stretches"] = measured(parts, sizes).alpha.tolist() if len(parts) else []
    found["misfit"] = misfits(intervals).tolist()
    found["fluctuations"] = measured(intervals, WHOLE).fluctuations.tolist()
    return found


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The recordings, and how far the intervals can be trusted."""
    rows = covers(runs)
    shares = {"alpha1_covered": "α1 holds the truth", "alpha2_covered": "α2 holds the truth", "misfits": "misfit, p < 0.05"}
    trusted = pd.DataFrame(
        [
            {"series": f"{each.model.upper()}, {each.parameter:g}", "number": f"{each.series:,}"}
            | {title: f"{100 * getattr(each, name):.1f} %" for name, title in shares.items()}
            for each in rows.itertuples()
        ]
    )
    return [("Beat intervals", _recordings(runs)), ("Do the intervals hold the truth?", trusted)]


def _recordings(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for _, row in arm(runs, "recording").iterrows():
        found = {name: alpha_of(row, name) for name in RANGES}
        inside = [abs(each.value - HEALTH[name][0]) <= 2 * HEALTH[name][1] for name, each in found.items()]
        p, gap = corrected(row), difference_of(row)
        rows.append(
            {
                "recording": recordings.NAMES[row["recording"]],
                "beats": f"{row['beats']:,.0f}",
                "α1, 4 to 16 beats": spread_text(*found["alpha1"]),
                "α2, 16 to 64 beats": spread_text(*found["alpha2"]),
                "α1 − α2, mean over stretches of 512 beats": spread_text(*gap) if np.isfinite(gap.low) else "–",
                "single exponent, p: smallest of the stretches of 1,024 beats, times their number": f"{p:.2g}"
                if np.isfinite(p)
                else "–",
                "within 2 SD of healthy people": " and ".join("yes" if each else "no" for each in inside),
            }
        )
    return pd.DataFrame(rows)


def not_done(runs: pd.DataFrame) -> list[str]:
    """What this study leaves open."""
    here = set(arm(runs, "recording")["recording"]) if len(arm(runs, "recording")) else set()
    left = [f"Recording not run: {name}." for key, name in recordings.NAMES.items() if key not in here]
    return [
        *left,
        f"Recordings of healthy people long enough to decide: {len(deciding(runs))}. Nothing here speaks of people in general.",
        "No recording of a day, of an illness, of sleep or of effort: α1 changes with each of them.",
        "Evoked potentials were tested on made-up recordings only; no package that we know ships EEG with ECG.",
        "Beats that do not start at the sinus node were not looked for; intervals are taken as the packages give them.",
    ]


STUDY = Study("biology", "Is living near α = 1?", ABOUT, CLAIMS, settings, run, outcomes, tables, draw, not_done)
