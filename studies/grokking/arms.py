"""The arms, and which runs there are."""

from __future__ import annotations

from collections import Counter

Row = dict[str, str | float | bool | None]
ARMS: dict[str, Row] = {
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


def settings(quick: bool) -> list[Row]:
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


def planned() -> Counter[tuple[str, int]]:
    """How many runs each arm has in the plan, by its name and p."""
    return Counter((str(each["arm"]), int(each["p"] or 0)) for each in settings(False))


def _of(arm: str, p: int, seed: int) -> Row:
    return {"arm": arm, "p": p, "seed": seed, **ARMS[arm]}
