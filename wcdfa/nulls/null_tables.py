"""Finds the null of a setting: shipped with the package, read from a cache on disk, or replayed once.

Shipped tables are for usual optimizers at usual lengths (``tables/``, made by ``python -m wcdfa.nulls.make_tables``). Others are kept in the
user's cache folder, as calibrations are.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult, measure
from wcdfa.nulls.comparison import PROBABILITIES, MemberTable, NullTable, quantiles_of
from wcdfa.nulls.curves import LEVELS, CurveTest, curve_test, curves_of, with_long_memory
from wcdfa.nulls.families import Member, Setting, members, replays, transient
from wcdfa.nulls.schedule_shape import Shape, without_shape
from wcdfa.nulls.update_rules import Adam, AdamW
from wcdfa.preprocess.outliers import THRESHOLDS, many_without_spikes
from wcdfa.preprocess.preparation import Spikes
from wcdfa.support.files import cache_folder, write_arrays
from wcdfa.support.progress import Progress
from wcdfa.support.shipped import shipped

Floats = npt.NDArray[np.float64]

VERSION = 1  # of the numbers: tables of another version are replayed again
FOLDER = Path(__file__).with_name("tables")
ROUNDING = 1e-3  # norms that spread less are constant, for example because every gradient is clipped: torch adds 1e-6 to its norm
NEGLIGIBLE = 0.002  # lr · weight_decay, per share of the momentum that is lost, below which decay moves no figure of a null
DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    BadZipFile,
    zlib.error,
)  # what reading such a file may raise
FIELDS = ("mean", "whitener", "direction", "distances", "components", "both", "least_spread", "rises")


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """How a window was prepared and measured, and its replays are too."""

    order: int = 1
    method: Method = "robust"
    log: bool = True
    spikes: Spikes = "hampel"
    breaks: tuple[int, ...] = ()
    schedule: Shape | None = None


def null_table(setting: Setting, treatment: Treatment) -> NullTable:
    """The null of a setting, for windows that were treated like this.

    >>> from wcdfa.nulls.update_rules import named
    >>> table = null_table(Setting(rule=named("sgd", {"momentum": 0.9}), n=500), Treatment())
    >>> [member.name for member in table.members][:3]
    ['white gradients', 'white gradients of one coordinate', 'white gradients of 4 coordinates']
    """
    return _null_table(without_slight_decay(setting), treatment)


def known_table(setting: Setting, treatment: Treatment) -> NullTable | None:
    """The null of a setting if it is shipped or in the cache on disk; None if it would have to be replayed, which takes seconds.

    >>> from wcdfa.nulls.update_rules import named
    >>> known_table(Setting(rule=named("sgd", {"momentum": 0.9}), n=500), Treatment()) is not None
    True
    """
    with suppress(LookupError):
        return _known_table(without_slight_decay(setting), treatment)
    return None


@lru_cache(maxsize=128)
def _known_table(setting: Setting, treatment: Treatment) -> NullTable:
    """The table on disk. A LookupError, which the cache does not keep, says that there is none yet."""
    found = _stored(setting, treatment)
    if found is None:
        raise LookupError
    return found


@lru_cache(maxsize=128)
def _null_table(setting: Setting, treatment: Treatment) -> NullTable:
    known = _stored(setting, treatment)
    if known is not None:
        return known
    table, place = computed(setting, treatment), _cached_at(setting, treatment)
    if place is not None and table.members:
        with suppress(OSError):  # a full or read-only disk costs time, not the verdict
            write_arrays(place, packed(table))
    return table


def _stored(setting: Setting, treatment: Treatment) -> NullTable | None:
    name = path_of(setting, treatment)
    return _read(shipped("wcdfa.nulls", FOLDER / name)) or _read(_cached_at(setting, treatment))


def _cached_at(setting: Setting, treatment: Treatment) -> Path | None:
    """The file in the user's cache folder; None if there is no such folder, or the optimizer is not one of this package."""
    ours = type(setting.rule).__module__.startswith("wcdfa.")  # the code of another class may change under the same name
    folder = cache_folder() if ours else None
    return None if folder is None else folder / path_of(setting, treatment)


def without_slight_decay(setting: Setting) -> Setting:
    """The same setting without a weight decay that is too small to matter; the learning rate then does not matter either."""
    rule = setting.rule
    rate = rule.default_lr if setting.lr is None else setting.lr
    if rate * rule.weight_decay > NEGLIGIBLE * (1 - rule._decays()[0]):
        return replace(setting, lr=rate)
    rule = replace(rule, weight_decay=0.0)
    if type(rule) is AdamW:
        rule = Adam(**{name: getattr(rule, name) for name in vars(rule)})
    return replace(setting, rule=rule, lr=None)


def computed(setting: Setting, treatment: Treatment) -> NullTable:
    """Replay the members of a null and keep what the comparison needs."""
    filtered = _filtered(setting, treatment.log, treatment.spikes)
    varying = [(member, logs) for member, logs in filtered if np.median(np.ptp(logs, axis=-1)) > ROUNDING]
    tables = [member_table(member, logs.astype(np.float64), treatment) for member, logs in varying]
    if all(table.few for table in tables):  # all that most gradients give is constant, and so is the null
        tables = []
    return NullTable(tuple(tables), transient(setting))


@lru_cache(maxsize=1)
def _filtered(setting: Setting, log: bool, spikes: Spikes) -> list[tuple[Member, npt.NDArray[np.float32]]]:
    """Norms of all members, prepared up to what depends on a window."""
    found: list[tuple[Member, npt.NDArray[np.float32]]] = []
    with Progress(f"replaying the optimizer for windows of {setting.n:,}", len(members(setting))) as progress:
        for member, norms in replays(setting):
            found.append((member, prepared_replays(norms, log=log, spikes=spikes).astype(np.float32)))
            progress.advance()
    return found


def prepared_replays(norms: Floats, *, log: bool, spikes: Spikes) -> Floats:
    """Norms of replays, shape (replicates, n), prepared as a window is."""
    if log:  # a step of one coordinate may be 0 in single precision
        norms = np.log(np.maximum(norms, np.finfo(np.float32).tiny))
    x = norms
    if spikes is None:
        return x
    return many_without_spikes(x, (), THRESHOLDS[spikes])


def member_table(member: Member, logs: Floats, treatment: Treatment) -> MemberTable:
    """What is kept of the prepared replays of one member."""
    gradients = member.gradients
    few = gradients.coordinates is not None and member.times[1] <= 1
    return table_of(str(gradients), few, without_shape(logs, treatment.schedule), treatment)


def table_of(name: str, few: bool, x: Floats, treatment: Treatment) -> MemberTable:
    """What is kept of prepared replays, shape (replicates, n)."""
    found, noisy = _measured(x, "gls", treatment), _measured(with_long_memory(x), "gls", treatment)
    methods: set[Method] = {"robust", treatment.method}
    others = {method: _measured(x, method, treatment) for method in methods - {"gls"}}
    alphas: dict[str, Floats] = {method: quantiles_of(np.asarray(each.alpha)) for method, each in {"gls": found, **others}.items()}
    sizes = [int(size) for size in found.scales]
    return MemberTable(name, curve_test(x, curves_of(found.fluctuations), curves_of(noisy.fluctuations), sizes), alphas, few)


def _measured(x: Floats, method: Method, treatment: Treatment) -> DFAResult:
    return measure(x, order=treatment.order, method=method, breaks=treatment.breaks)


def path_of(setting: Setting, treatment: Treatment) -> str:
    """The name of the file of a null, from all that it depends on."""
    own = replace(treatment, method="ols" if treatment.method == "ols" else "robust")
    parts = (VERSION, setting, setting.rules, own)
    return f"null-{sha256(repr(parts).encode()).hexdigest()[:20]}.npz"


def packed(table: NullTable) -> dict[str, npt.NDArray[np.generic]]:
    """A table as arrays in single precision, the members one below the other."""
    tests = [member.test for member in table.members]
    arrays: dict[str, npt.NDArray[np.generic]] = {
        name: np.array([getattr(test, name) for test in tests], dtype=np.float32) for name in FIELDS
    }
    for method in table.members[0].alphas:
        arrays[f"alpha.{method}"] = np.array([member.alphas[method] for member in table.members], dtype=np.float32)
    return arrays | {
        "version": np.array(VERSION),
        "moves": np.array(table.moves),
        "few": np.array([member.few for member in table.members]),
        "names": np.array([member.name for member in table.members]),
    }


def unpacked(arrays: Mapping[str, npt.NDArray[np.generic]]) -> NullTable:
    """Undo `packed`; raises a ValueError or KeyError if it is damaged."""
    wide = {name: np.asarray(arrays[name], dtype=np.float64) for name in FIELDS}
    methods = [name.removeprefix("alpha.") for name in arrays if name.startswith("alpha.")]
    found: list[MemberTable] = []
    for i, (name, few) in enumerate(zip(arrays["names"], arrays["few"], strict=True)):
        one = {field: wide[field][i] for field in FIELDS}
        test = CurveTest(
            **{**one, "both": float(one["both"]), "least_spread": float(one["least_spread"]), "rises": tuple(one["rises"].tolist())}
        )
        alphas = {method: np.asarray(arrays[f"alpha.{method}"][i], dtype=np.float64) for method in methods}
        found.append(MemberTable(str(name), test, alphas, bool(few)))
    whole = wide["distances"].shape[1:] == LEVELS.shape and all(
        len(arrays[f"alpha.{each}"][0]) == len(PROBABILITIES) for each in methods
    )
    if not found or not methods or not whole or not all(np.isfinite(wide[name]).all() for name in FIELDS):
        msg = "a damaged table"
        raise ValueError(msg)
    return NullTable(tuple(found), bool(arrays["moves"]))


def _read(place: Path | BytesIO | None) -> NullTable | None:
    if place is None or (isinstance(place, Path) and not place.exists()):
        return None
    with suppress(*DAMAGED), place.open("rb") if isinstance(place, Path) else place as file:
        stored = np.load(file, allow_pickle=False)
        if int(stored["version"]) == VERSION:
            return unpacked({name: stored[name] for name in stored.files})
    return None
