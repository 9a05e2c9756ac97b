"""The arms of the study, and the settings of its runs."""

from __future__ import annotations

from typing import Any

COMMON: dict[str, Any] = {
    "steps": 6000,
    "start": 2000,  # of the measured part
    "window": 500,
    "samples": 600,  # of training
    "noise": 0.0,
    "wrong": 0.0,  # share of training labels
    "shortcut": 0.0,  # size of the input that names the label, in training only
    "radius": 0.0,
    "attack_steps": 0,
    "climbed": 0.0,  # share of training samples whose loss is climbed …
    "climb": 0.0,  # … with this weight
}
ARMS: dict[str, dict[str, Any]] = {
    "clean": {},
    "noise 1": {"noise": 1.0},
    "noise 2": {"noise": 2.0},
    "wrong 20 %": {"wrong": 0.2},
    "wrong 40 %": {"wrong": 0.4},
    "shortcut": {"shortcut": 3.0, "noise": 2.0},
    "FGSM": {"attack_steps": 1, "radius": 0.6},
    "PGD": {"attack_steps": 3, "radius": 0.6},
    "noise 0.6": {"noise": 0.6},
    "climbing": {"climbed": 0.1, "climb": 0.1},
}
HEALTHY, NOISY = ("clean", "noise 0.6", "noise 1", "noise 2"), ("noise 1", "noise 2")
MEMORISED, SHORTCUT, ADVERSARIAL = ("wrong 20 %", "wrong 40 %"), ("shortcut",), ("FGSM", "PGD")
SEEDS = 20
QUICK = {"steps": 1024, "start": 512, "window": 256, "samples": 200}


def settings(quick: bool) -> list[dict[str, Any]]:
    """Seed by seed, so that a study stopped early has as many runs in each arm."""
    seeds, common = (1, COMMON | QUICK) if quick else (SEEDS, COMMON)
    return [{"arm": arm, "seed": seed, **common, **special} for seed in range(seeds) for arm, special in ARMS.items()]
