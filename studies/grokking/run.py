"""Two transitions of grokking: what to run, and what a run is."""

from __future__ import annotations

from studies.common.study import Claim, Study, Value
from studies.grokking.picture import picture
from studies.grokking.summary import summary_of
from studies.grokking.tables import not_done, tables
from studies.grokking.verdicts import outcomes

ARMS: dict[str, dict[str, str | float | bool | None]] = {
    "float32": {},
    "float64 logits": {"loss": "cross-entropy float64"},
    "shuffled answers": {"shuffled": True, "steps": 10_000},
    "rounded 17": {"loss": "rounded 17"},
    "rounded 20": {"loss": "rounded 20"},
    "float64": {"dtype": "float64"},
    "stablemax": {"loss": "stablemax"},
    "decay 0.3": {"decay": 0.3},
    "decay 0.3 float64 logits": {"decay": 0.3, "loss": "cross-entropy float64"},
    "minibatch": {"batch": 256},
    "momentum": {"optimizer": "momentum 0.1", "decay": 0.01},
}
MAIN = ("float32", "float64 logits", "shuffled answers")
PAIR = MAIN[:2]
ROUNDED = ("rounded 17", "rounded 20")
OTHERS = tuple(arm for arm in ARMS if arm not in MAIN)
SEEDS = range(10)
AUTHOR = "doi:10.5281/zenodo.19389821"
CLAIMS = (
    Claim(
        "second_transition",
        "Some 10,000 epochs after grokking, α of ‖ΔW‖ falls to its critical band, 0.8–1.2.",
        AUTHOR,
        "α falls long after grokking",
    ),
    Claim(
        "of_learning",
        "This second transition belongs to what the network learns.",
        f"{AUTHOR}, in our words",
        "that fall is a transition of learning",
    ),
    Claim(
        "coarser_sooner",
        "The coarser the softmax is rounded, the sooner the loss spike (slingshot) that follows.",
        "our own, after arXiv:2501.04697",
        "coarser rounding brings the spike sooner",
    ),
    Claim(
        "stays_critical",
        "After the second transition the network stays in the critical state.",
        f"{AUTHOR}, in our words",
        "afterwards it stays critical",
    ),
    Claim(
        "leads",
        "α gives notice of grokking before the test accuracy rises.",
        f"{AUTHOR}, in our words",
        "α leads the test accuracy",
    ),
)


def settings(quick: bool) -> list[dict[str, str | float | bool | None]]:
    """The runs, those that the verdicts need first. The quick ones only show that everything works."""
    if quick:
        return [_of(arm, 11, 0) | {"steps": 1_000} for arm in (*MAIN, "rounded 17")]
    wanted = [_of(arm, 43, seed) for seed in SEEDS for arm in MAIN]
    wanted += [_of(arm, 43, seed) for seed in SEEDS[:5] for arm in ROUNDED]
    wanted += [_of(arm, 43, seed) for seed in SEEDS[:3] for arm in OTHERS]
    wanted += [_of(arm, p, seed) for p, seed in ((59, 0), (59, 1), (97, 0)) for arm in PAIR]
    wanted += [_of(arm, 43, seed) for seed in SEEDS[3:] for arm in OTHERS]
    wanted += [_of(arm, p, seed) for p in (59, 97) for seed in SEEDS for arm in PAIR]
    return [each for at, each in enumerate(wanted) if each not in wanted[:at]]


def _of(arm: str, p: int, seed: int) -> dict[str, str | float | bool | None]:
    return {"arm": arm, "p": p, "seed": seed, **ARMS[arm]}


def run(arm: str, **plan: float | str | bool) -> dict[str, Value]:
    """Train once and summarise. JAX is imported here, so that it starts with the threads that the runner gave it."""
    from studies.grokking.training import Plan, train

    return summary_of(train(Plan(**plan)))  # type: ignore[arg-type]


STUDY = Study("grokking", "Two transitions of grokking", CLAIMS, settings, run, outcomes, tables, picture, not_done)
