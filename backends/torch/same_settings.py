"""Compares the settings of `attach` on all processes that share parameters, without waiting for one that does not attach."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

import torch

from wcdfa.backends.torch.norms import is_sharded, summed_over
from wcdfa.backends.torch.settings import Settings
from wcdfa.support.text import several

SECONDS = 30.0  # how long to wait for the others: they have made the same sharded model just now
_attachments = itertools.count()  # each process counts its own, and all attach in the same order

Told = dict[str, str]
"""The settings by name, as text."""


def require_same_settings(optimizers: Sequence[torch.optim.Optimizer], settings: Settings, seed: int, names: Sequence[str]) -> None:
    """Raise an error, on each process, if the settings differ between processes that share parameters of these optimizers.

    Parameters
    ----------
    optimizers : list of Optimizer
        If none of their parameters is sharded, nothing is compared.
    settings, seed
        Those of this process.
    names : list of str
        The names of the groups that were found.

    Raises
    ------
    ValueError
        If a setting differs: the message gives its values and the ranks of the processes. A process that does not attach within 30
        seconds is not compared, and a warning says so.
    """
    sharded = [
        part
        for each in optimizers
        for group in each.param_groups
        for part in group["params"]
        if is_sharded(part) and summed_over(part)
    ]
    ranks = sorted({int(rank) for part in sharded for rank in part.device_mesh.mesh.flatten().tolist()})
    if len(ranks) < 2 or torch.distributed.get_rank() not in ranks:
        return
    numbers = sum(part.numel() for part in sharded)
    own = _told(settings, seed, names) | {
        "the sharded part": f"{several(len(sharded), 'tensor', 'tensors')} of {several(numbers, 'number', 'numbers')}"
    }
    try:
        found = _exchanged(own, ranks)
    except RuntimeError as error:
        logging.getLogger("wcdfa").warning("the settings of the processes that share parameters could not be compared: %s", error)
        return
    _require_same(found)


def _told(settings: Settings, seed: int, names: Sequence[str]) -> Told:
    groups = settings.groups
    given = f"{getattr(groups, '__qualname__', type(groups).__name__)}()" if callable(groups) else repr(groups)
    values = {name: getattr(settings, name) for name in ("window", "mode", "sample", "gradients", "direction", "coordinates")}
    told = {name: repr(value) for name, value in values.items()} | {
        "every": repr(settings.steps_between_copies),
        "seed": repr(seed),
    }
    return told | {"groups": given if groups is None else f"{given} ({', '.join(names)})"}


def _exchanged(own: Told, ranks: Sequence[int]) -> dict[int, Told]:
    """The settings of all processes that have attached in time, through the store by which the processes met."""
    store = torch.distributed.distributed_c10d._get_default_store()  # there is no public way
    number = next(_attachments)
    keys = {rank: f"wcdfa/attach/{number}/{rank}" for rank in ranks}
    store.set(keys[torch.distributed.get_rank()], json.dumps(own))
    try:
        store.wait(list(keys.values()), timedelta(seconds=SECONDS))
    except RuntimeError:
        late = [rank for rank, key in keys.items() if not store.check([key])]
        logging.getLogger("wcdfa").warning(
            "%s did not attach within %g s, so the settings there were not compared: attach on all processes that share parameters, "
            "because read() waits for them",
            _named(late),
            SECONDS,
        )
        keys = {rank: key for rank, key in keys.items() if rank not in late}
    return {rank: json.loads(store.get(key)) for rank, key in keys.items()}


def _require_same(found: Mapping[int, Told]) -> None:
    """Raise an error that names the settings which differ.

    >>> _require_same({0: {"window": "500"}, 1: {"window": "200"}, 2: {"window": "500"}})
    Traceback (most recent call last):
        ...
    ValueError: attach needs the same settings on all processes that share parameters, but window is 500 on processes 0, 2, and 200 on process 1
    """
    said = []
    for name in dict.fromkeys(name for told in found.values() for name in told):
        ranks: dict[str, list[int]] = {}
        for rank, told in found.items():
            ranks.setdefault(told.get(name, "unknown"), []).append(rank)
        if len(ranks) > 1:
            said.append(f"{name} is " + ", and ".join(f"{value} on {_named(those)}" for value, those in ranks.items()))
    if said:
        msg = f"attach needs the same settings on all processes that share parameters, but {'; '.join(said)}"
        raise ValueError(msg)


def _named(ranks: Sequence[int]) -> str:
    """The processes, the first eight by their ranks."""
    more = f" and {len(ranks) - 8:,} more" if len(ranks) > 8 else ""
    return ("process " if len(ranks) == 1 else "processes ") + ", ".join(map(str, ranks[:8])) + more
