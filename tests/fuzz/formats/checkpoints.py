"""A run of checkpoints with known weights: how far they moved from each to the next is known as well."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.plan import Plan
from tests.fuzz.reading import Read
from tests.fuzz.rows import Row

Weights = Mapping[str, npt.NDArray[np.generic]]
SAME = 1e-9  # relative difference of two sums of squares in another order
UNEVEN, ACROSS = "at steps between", "across skipped checkpoints"  # in notes on displacements that are not used
APART = "no parameter in common"


@dataclass
class Checkpoints(Case):
    """Checkpoints, some of which are damaged."""

    compared: ClassVar[bool] = False
    weights: list[Weights] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Which are damaged."""

    def silent(self, found: Read, whole: Read | None) -> str | None:
        """What is wrong with what was read: untouched checkpoints must be there, with the right distances; a named error where too few are whole."""
        series = found.longest()
        if series is None:
            enough = len(self.steps) - len(self.touched) >= 2 and not any(APART in error for error in found.errors)
            return f"refused, although enough checkpoints are whole: {found.errors}" if enough else None
        skips = [set(each) for n in range(len(self.touched) + 1) for each in itertools.combinations(sorted(self.touched), n)]
        read_at = [] if series.steps is None else series.steps.tolist()
        fitting = [each for each in skips if set(read_at) <= {self.steps[i] for i in self._used(each)[1:]}]
        values = dict(zip(read_at, series.values.tolist(), strict=True))
        wrong = [self._wrong(values, skipped, series.notes) for skipped in fitting]
        if not fitting or all(wrong):
            told = f"steps {read_at} are read of {self.steps}, of which {sorted(self.touched)} are damaged"
            return f"{told}; {'; or '.join(filter(None, wrong))}"
        return None

    def _used(self, skipped: set[int]) -> list[int]:
        return [i for i in range(len(self.steps)) if i not in skipped]

    def _wrong(self, values: dict[int, float], skipped: set[int], notes: Sequence[str]) -> str | None:
        """What is wrong with the displacements by their steps, if these checkpoints were left out."""
        if skipped and not any("skipped" in note for note in notes):
            return "a checkpoint is left out, and nothing says so"
        for old, new in itertools.pairwise(self._used(skipped)):
            value = values.get(self.steps[new])
            if value is None:
                if not any(UNEVEN in note or (skipped and ACROSS in note) for note in notes):
                    return f"nothing is read at step {self.steps[new]}, and nothing says so"
                continue
            right = distance(self.weights[new], self.weights[old])
            if not {old, new} & self.touched and abs(value - right) > SAME * right:
                return f"{value} from checkpoint {old} to {new}, and {right} is right"
        return None


def distance(new: Weights, old: Weights) -> float:
    """Of all weights, in float64."""
    squares = [float(np.sum(np.abs(new[name].astype(np.complex128) - old[name].astype(np.complex128)) ** 2)) for name in new]
    return float(np.sqrt(sum(squares)))


def draw(
    rng: np.random.Generator, folder: Path, *, kinds: tuple[str, ...] = ("<f4", "<f4", "<f8", "<f2"), most: int = 5
) -> Checkpoints:
    """Draw the weights of a few checkpoints, and make a folder for them."""
    count, kind = int(rng.integers(2, most + 1)), str(rng.choice(kinds))
    apart = int(rng.choice([1, 10, 500]))
    steps = [apart * (i + 1) for i in range(count)]
    shapes: dict[str, tuple[int, ...]] = {
        f"layer.{i}.weight": (int(rng.integers(1, 9)), int(rng.integers(1, 9))) for i in range(rng.integers(1, 4))
    }
    shapes |= {"bias": (int(rng.integers(1, 40)),), "scale": ()}
    if rng.random() < 0.05:
        shapes["large"] = (int(rng.integers(1, 60_000)),)
    weights = [{name: np.asarray(rng.standard_normal(shape), kind) for name, shape in shapes.items()} for _ in steps]
    case = Checkpoints(folder / "run", "displacement", [Row(1.0, step) for step in steps], weights=weights, steps=steps)
    case.path.mkdir()
    return case


def places(case: Checkpoints, plan: Plan) -> Iterator[tuple[int, np.random.Generator, bool]]:
    """For each change a checkpoint, which is mostly the same; whether it is one of structure."""
    at = int(plan.log.integers(len(case.steps)))
    for structural, each in [*((True, each) for each in plan.structure), *((False, each) for each in plan.bytes)]:
        yield (at if each.random() < 0.8 else int(each.integers(len(case.steps)))), each, structural


def damage_bytes(case: Checkpoints, at: int, path: Path, rng: np.random.Generator) -> None:
    """Damage the bytes of a file of a checkpoint."""
    file = File(path.read_bytes())
    case.damage(f"{path.name}: {file.mutate(rng)}")
    path.write_bytes(bytes(file))
    case.touched.add(at)
