"""Which points of the free range are run: a Halton sequence for each arm, so that any number of first cells covers the range."""

from __future__ import annotations

from collections.abc import Iterator

from scipy.stats import qmc

from studies.common.study import Settings
from studies.hebbian.network import KINDS

NETWORK_CELLS, TREND_CELLS, SEEDS = 64, 48, 10
SKIPPED = 20  # first points of the sequence, which lie on a line


def network_cells(count: int) -> list[dict[str, str | float | bool | None]]:
    """Parameters of the first networks.

    The first coordinate of the sequence is left out: it is in base 2, and so goes in step with kinds that come in turn.

    >>> network_cells(2)[0]["kind"], network_cells(2)[1]["kind"]
    ('state', 'reset')
    """
    points = _points(8, count)
    return [
        {
            "size": 150 if index // len(KINDS) % 4 == 3 else 100,
            "kind": KINDS[index % len(KINDS)],
            "amplitude": _between(amplitude, 0.03, 3.0),
            "rate": _between(rate, 0.002, 0.03),
            "gain": round(0.6 + 0.9 * gain, 4),
            "leak": round(0.9 * leak, 4),
            "drive": round(0.3 * drive, 4) if index // len(KINDS) % 2 else 0.0,
            "decay": _between(decay, 0.05, 0.5),
            "noise": _between(noise, 1e-4, 0.1) if index // (2 * len(KINDS)) % 2 else 0.0,
        }
        for index, (_, amplitude, rate, gain, leak, drive, decay, noise) in enumerate(points)
    ]


def trend_cells(count: int) -> list[dict[str, str | float | bool | None]]:
    """Parameters of the first series without a network."""
    return [
        {
            "amplitude": _between(amplitude, 0.003, 0.3),
            "decay_time": _between(decay_time, 200, 2000),
            "aftermath": round(0.98 * aftermath, 4),
            "spread": round(spread, 4),
            "floor": _between(floor, 1e-5, 1e-3),
        }
        for amplitude, decay_time, aftermath, spread, floor in _points(5, count)
    ]


def settings(quick: bool) -> list[dict[str, str | float | bool | None]]:
    """Of each run: cell after cell, all seeds of one together, the arms in turn."""
    networks, trends, seeds = (2, 2, 2) if quick else (NETWORK_CELLS, TREND_CELLS, SEEDS)
    cells = list(
        _in_turn([("network", each) for each in network_cells(networks)], [("trend", each) for each in trend_cells(trends)])
    )
    return [{"arm": arm, "cell": cell, "seed": seed, **own} for arm, cell, own in cells for seed in range(seeds)]


def _in_turn(*arms: list[tuple[str, dict[str, str | float | bool | None]]]) -> Iterator[tuple[str, int, Settings]]:
    """The cells of the arms, numbered within each, one of each arm after the other as long as there are any."""
    for index in range(max(map(len, arms))):
        yield from ((name, index, own) for arm in arms if index < len(arm) for name, own in arm[index : index + 1])


def _points(dimensions: int, count: int) -> list[list[float]]:
    sequence = qmc.Halton(dimensions, scramble=False)
    sequence.fast_forward(SKIPPED)
    points: list[list[float]] = sequence.random(count).tolist()
    return points


def _between(share: float, low: float, high: float) -> float:
    """Evenly in the logarithm; four digits, so that the settings can be read."""
    return float(f"{low * (high / low) ** share:.4g}")
