"""What is measured of a run: over all of its measured part, and in windows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from studies.captured.coupling import SIZES, Coupling, coupling, phases, power_laws
from studies.captured.memory import mean_interval
from studies.common.measures import alphas, old_alpha, vector_alphas

if TYPE_CHECKING:
    import numpy.typing as npt

    from studies.captured.training import Record

    Floats: TypeAlias = npt.NDArray[np.float64]
    Numbers: TypeAlias = dict[str, float | list[float]]

POINTS = 60  # of each curve
REPLICATES, WINDOW_REPLICATES = 199, 99
EXPONENTS = ("alpha_1", "alpha_2", "old_alpha", "vector_short", "vector_long", "cosine")


def measured(record: Record, start: int, window: int) -> Numbers:
    """All measures, of the steps from `start` on."""
    norm, gain = (np.asarray(each, dtype=float) for each in (record.norm, record.gain))
    each_window = [slice(at, at + window) for at in range(start, len(norm), window)]
    whole = slice(start, None)
    return {
        **_coupled(np.log(norm[whole]), gain[whole]),
        **_mean("gain", gain[whole]),
        **_mean("alignment", np.asarray(record.alignment[whole], dtype=float)),
        **_held_out(record, start // window),
        **_exponents(record, each_window),
        **_in_windows(np.log(norm), gain, each_window),
        "train_loss": float(record.train[each_window[-1]].mean()),
        "norm": float(norm[whole].mean()),
        "norm_curve": _curve(norm),
        "train_curve": _curve(record.train),
        "intended_curve": [float(each) for each in record.intended.mean(axis=1)],
    }


def _coupled(logs: Floats, gain: Floats) -> Numbers:
    by_phases = coupling(logs, gain, phases, REPLICATES, 1)
    by_laws = coupling(logs, gain, power_laws, REPLICATES, 2)
    found: Numbers = {f"rho_{size}": float(each) for size, each in zip(SIZES, by_phases.rho, strict=True)}
    return found | _ps("p", by_phases) | _ps("law_p", by_laws)


def _ps(name: str, found: Coupling) -> Numbers:
    return {f"{name}_either": found.either, f"{name}_negative": found.negative, f"{name}_positive": found.positive}


def _mean(name: str, values: Floats) -> Numbers:
    mean, low, high = mean_interval(values)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _held_out(record: Record, first: int) -> Numbers:
    """Loss and share right on the whole held-out set, and by how many standard errors of held-out samples the loss rose."""
    rise = (record.intended[-1] - record.intended[first]).astype(float)
    return {
        "held_before": float(record.intended[first].mean()),
        "held_after": float(record.intended[-1].mean()),
        "held_rise": float(rise.mean()),
        "held_z": float(rise.mean() / (rise.std(ddof=1) / np.sqrt(len(rise)) + 1e-30)),
        "right_before": float(record.right[first]),
        "right_after": float(record.right[-1]),
    }


def _exponents(record: Record, windows: list[slice]) -> Numbers:
    """Exponents and cosine in each window, and their means over windows."""
    rows = [_of_window(record, each) for each in windows]
    each = {name: [row[name] for row in rows] for name in EXPONENTS}
    return {**{f"{name}_windows": values for name, values in each.items()}, **{k: float(np.mean(v)) for k, v in each.items()}}


def _of_window(record: Record, window: slice) -> dict[str, float]:
    norm = np.asarray(record.norm[window], dtype=float)
    short, long = vector_alphas(record.sketch[window])
    others = {"vector_short": short, "vector_long": long, "cosine": float(np.nanmean(record.cosine[window]))}
    return alphas(norm, (1, 2), method="robust") | {"old_alpha": old_alpha(norm)} | others


def _in_windows(logs: Floats, gain: Floats, windows: list[slice]) -> Numbers:
    coupled = [coupling(logs[each], gain[each], phases, WINDOW_REPLICATES, 3 + at) for at, each in enumerate(windows)]
    means = [mean_interval(gain[each]) for each in windows]
    return {
        "p_either_windows": [each.either for each in coupled],
        "p_negative_windows": [each.negative for each in coupled],
        "p_positive_windows": [each.positive for each in coupled],
        "gain_windows": [mean for mean, _, _ in means],
        "gain_high_windows": [high for _, _, high in means],
    }


def _curve(values: npt.ArrayLike) -> list[float]:
    """Means over stretches of the run."""
    return [float(each.mean()) for each in np.array_split(np.asarray(values, dtype=float), POINTS)]
