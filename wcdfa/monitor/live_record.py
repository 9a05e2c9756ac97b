"""The last steps of a run, for a diagnosis while it goes on."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import resolved
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.alongside import WITHOUT_MEMORY, parted, varying_memory
from wcdfa.verdicts.diagnosis import WINDOW
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import SERIES, Record, record_of

Floats = npt.NDArray[np.float64]

KEPT = WINDOW
"""Steps that are kept: a window that is compared with the optimizer."""


class Saved(TypedDict):
    """The steps as JSON takes them."""

    count: int
    named: str
    named_since: int
    rated: bool
    before: int | None
    names: list[str]
    numbers: str
    """The series, one after the other, as float64 in base64."""
    coordinates: int
    sketch: str
    """The sketch as float32 in base64; empty if there is none."""


class Recent:
    """The last steps of a run, which come in as readings.

    >>> recent = Recent()
    >>> [len(recent.last(40)) for _ in recent.take(Reading(np.ones(60), 60, 0, steps=np.arange(1, 61)))], recent.count
    ([25, 40], 60)
    """

    def __init__(self) -> None:
        self.count = 0
        """Norms so far, with those that were overwritten before they could be read."""
        self.named_since = 0
        """The count at which the optimizer, or a hyperparameter that its memory depends on, changed last."""
        self.rated = True
        """Whether the learning rate of every step is known."""
        self._steps = Series({}, None)
        self._record = record_of([])  # the source of everything that is not a series
        self._named = ""
        self._before: int | None = None  # steps that the optimizer took before the one with number 1
        self._later = 0  # steps that were read, and belong to the next blocks

    @property
    def length(self) -> int:
        """How many steps are kept."""
        return len(self._steps) - self._later

    def continues(self, reading: Reading) -> bool:
        """Whether a reading goes on with the same steps."""
        if int(reading.count) < self.count:
            return False
        if not len(self._steps) or reading.steps is None or not len(reading.steps):
            return True
        return bool(reading.steps[-1] >= self._steps.numbers["steps"][-1])

    def take(self, reading: Reading) -> Iterator[None]:
        """Add the steps that are new, and pause after each whole block."""
        fresh = min(int(reading.count) - self.count, len(reading.norms))
        if not fresh:
            return
        part = record_from(reading, fresh)
        self._name(reading, fresh)
        self.rated = self.rated and part.rates_known
        self._before = None if part.taken is None else part.taken + 1 - int(part.numbered[0])
        self._record = replace(part.part(slice(0, 0)), **dict.fromkeys(SERIES))  # type: ignore[arg-type]  # they are None
        self._steps = joined(self._steps, series_of(part))
        for stop in range(int(reading.count) - fresh + 1, int(reading.count) + 1):
            self.count, self._later = stop, int(reading.count) - stop
            if stop % BLOCK == 0 and self.length >= BLOCK:
                yield
        self._steps = self._steps.part(slice(-KEPT, None))

    def last(self, steps: int) -> Record:
        """The last steps, with the optimizer if it was the same in all of them."""
        stop = self.length
        kept = self._steps.part(slice(max(0, stop - steps), stop))
        changed = self.named_since > self.count - len(kept)
        fields, groups, cosines = kept.parted()
        if not self.rated:
            fields.pop("lr", None)
        taken = None if self._before is None else self._before + int(fields["steps"][0]) - 1
        varying = ("memory",) if changed else ()
        return replace(
            self._record,
            **fields,  # type: ignore[arg-type]  # they are series
            groups=groups,
            cosines=cosines,
            sketch=kept.sketch,
            taken=taken,
            varying=varying,
        )

    def _name(self, reading: Reading, fresh: int) -> None:
        """Find out whether the optimizer is still the same."""
        values = {name: np.asarray(each)[len(each) - fresh :] for name, each in reading.varying.items()}
        options = {name: value for name, value in reading.hyperparameters.items() if name not in WITHOUT_MEMORY}
        last = [each[-1].tolist() for name, each in values.items() if name not in WITHOUT_MEMORY]
        named = repr((reading.optimizer, sorted(options.items()), last))
        if self._named not in ("", named) or varying_memory(values):
            self.named_since = int(reading.count)
        self._named = named

    def state(self) -> Saved:
        """Everything, without the optimizer, which the next reading names again."""
        numbers, sketch = self._steps.numbers, self._steps.sketch
        return {
            "count": self.count,
            "named": self._named,
            "named_since": self.named_since,
            "rated": self.rated,
            "before": self._before,
            "names": list(numbers),
            "numbers": _encoded(np.concatenate([*numbers.values()]) if numbers else np.zeros(0), "<f8"),
            "coordinates": 0 if sketch is None else sketch.shape[1],
            "sketch": "" if sketch is None else _encoded(sketch, "<f4"),
        }

    def load(self, saved: Saved) -> None:
        """Go on from what `state` gave."""
        names, numbers = saved["names"], _decoded(saved["numbers"], "<f8")
        rows = list(numbers.reshape(len(names), -1)) if names else []
        sketch = _decoded(saved["sketch"], "<f4").reshape(-1, saved["coordinates"]) if saved["coordinates"] else None
        self._steps = Series(dict(zip(names, rows, strict=True)), sketch)
        self.count, self._named, self.named_since = saved["count"], saved["named"], saved["named_since"]
        self.rated, self._before = saved["rated"], saved["before"]


class Series(NamedTuple):
    """Series of the same steps."""

    numbers: dict[str, Floats]
    """One number for each step, by the field of a record, or by kind and group."""
    sketch: Floats | None

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.numbers["norms"]) if self.numbers else 0

    def part(self, span: slice) -> Series:
        """Some of the steps."""
        return Series(
            {name: values[span] for name, values in self.numbers.items()}, None if self.sketch is None else self.sketch[span]
        )

    def parted(self) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
        """The fields of a record, the norms of groups, and their cosines."""
        found: dict[str, dict[str, Floats]] = {"": {}, "group": {}, "cosine": {}}
        for name, values in self.numbers.items():
            kind, _, group = name.rpartition(KIND)
            found[kind][group] = values
        return found[""], found["group"], found["cosine"]


KIND = "\0"
"""Between the kind of a series of a group and the name of the group."""


def series_of(record: Record) -> Series:
    """All series of a record."""
    fields = {name: values for name in ("norms", *SERIES) if (values := getattr(record, name)) is not None}
    groups = {f"group{KIND}{name}": values for name, values in record.groups.items()}
    return Series(fields | groups | {f"cosine{KIND}{name}": values for name, values in record.cosines.items()}, record.sketch)


def joined(before: Series, after: Series) -> Series:
    """The steps of both; a series that only one of them has is NaN in the other.

    >>> joined(Series({"norms": np.ones(2)}, None), Series({"norms": np.ones(1), "cosine": np.array([0.9])}, None)).numbers["cosine"]
    array([nan, nan, 0.9])
    """
    gaps, later = np.full(len(before), np.nan), np.full(len(after), np.nan)
    names = dict.fromkeys((*before.numbers, *after.numbers))
    numbers = {name: np.concatenate([before.numbers.get(name, gaps), after.numbers.get(name, later)]) for name in names}
    if before.sketch is None and after.sketch is None:
        return Series(numbers, None)
    k = (before.sketch if after.sketch is None else after.sketch).shape[1]  # type: ignore[union-attr]  # one of them is known
    return Series(numbers, np.concatenate([_sketch(before, k), _sketch(after, k)]))


def _sketch(series: Series, k: int) -> Floats:
    known = series.sketch
    return known if known is not None and known.shape[1] == k else np.full((len(series), k), np.nan)


def record_from(reading: Reading, last: int) -> Record:
    """The last steps of a reading as a record; an optimizer that cannot be replayed is not known.

    >>> reading = Reading(np.ones(2), 2, 0, optimizer="sgd", varying={"momentum": np.array([0.8, 0.9])})
    >>> record_from(reading, 2).varying, record_from(reading, 1).varying
    (('momentum',), ())
    """
    start = len(reading.norms) - last

    def cut(values: npt.ArrayLike | None) -> Floats | None:
        return None if values is None else np.asarray(values)[start:].astype(np.float64)

    rule, unknown = _optimizer(reading)
    first = 0 if reading.steps is None or not last else int(reading.steps[start] - reading.steps[0])
    return record_of(
        np.asarray(reading.norms)[start:],
        cosine=cut(reading.cosine),
        weight_norm=cut(reading.weight_norm),
        sketch=cut(reading.sketch),
        groups={name: np.asarray(values)[start:] for name, values in reading.groups.items()},
        cosines={name: np.asarray(values)[start:] for name, values in reading.cosines.items()},
        lr=cut(reading.lr),
        steps=np.arange(int(reading.count) - last, int(reading.count)) + 1 if reading.steps is None else cut(reading.steps),
        gradient_norm=cut(reading.gradients),
        optimizer=rule,
        unknown=unknown,
        varying=varying_memory({name: np.asarray(values)[start:] for name, values in reading.varying.items()}),
        taken=None if reading.taken is None else int(reading.taken) + first,
    )


def _optimizer(reading: Reading) -> tuple[Optimizer | None, str | None]:
    """The optimizer that a reading names, or why it is not known."""
    options, _ = parted(reading.naming(dict(reading.varying)))
    name, unknown = options.pop("optimizer", None), options.pop("unknown", None)
    if name is None:
        return None, None if unknown is None else str(unknown)
    try:
        return resolved(name, options), None  # type: ignore[arg-type]  # it is checked
    except (ValueError, TypeError) as error:
        return None, str(error)


def _encoded(values: Floats, kind: str) -> str:
    return b64encode(values.astype(kind).tobytes()).decode()


def _decoded(text: str, kind: str) -> Floats:
    return np.frombuffer(b64decode(text), dtype=kind).astype(np.float64)
