"""Recognises the tables that logging tools write: who wrote one, and which run each of its columns belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.name_tokens import tells_nothing

TENSORBOARD = ["Wall time", "Step", "Value"]
COPY = re.compile(r" ?\(\d+\)$")
TAG = re.compile(r"run-.+?-tag-(?P<tag>.+?)(?: ?\(\d+\))?$")
BOUNDS = ("__MIN", "__MAX")  # of the values that one value of an export of Weights & Biases stands for
BETWEEN = " - "  # the run and the metric in its names
SAMPLED = (
    "this export of Weights & Biases is sampled: its __MIN and __MAX differ from the values, so each of these is an average of several steps; "
    'export every step with wandb.Api().run("entity/project/run").scan_history()'
)


def tool_of(path: Path, names: Sequence[str], above: str) -> str:
    """The tool that surely wrote a table, as in `wcdfa.readers.tools`; empty if it is not sure.

    >>> tool_of(Path("progress.csv"), ["rollout/ep_rew_mean", "time/total_timesteps"], "")
    'sb3'

    Parameters
    ----------
    path : path
    names : sequence of str
        The names of the columns.
    above : str
        The comment above the header.
    """
    held = set(names)
    if list(names) == TENSORBOARD:
        return "tensorboard"
    if _is_wandb(names):
        return "wandb"
    if above.startswith('#{"t_start"') or {"time/total_timesteps"} <= held or {"time/iterations", "time/fps"} <= held:
        return "sb3"
    if path.name == "metrics.csv" and {"step", "epoch"} <= held and _is_lightning(path.absolute().parent):
        return "lightning"
    return "keras" if _is_keras(names) else ""


def _is_lightning(folder: Path) -> bool:
    return folder.name.startswith("version_") or (folder / "hparams.yaml").exists()


def _is_keras(names: Sequence[str]) -> bool:
    """Whether these are the names of its CSVLogger: the epoch, and metrics in the order of the alphabet, each with a validation."""
    rest = [name for name in names[1:] if name not in ("lr", "learning_rate")]
    own = {name for name in rest if not name.startswith("val_")}
    return (
        list(names[:1]) == ["epoch"]
        and bool(own)
        and list(names[1:]) == sorted(names[1:])
        and {f"val_{name}" for name in own} == set(rest) - own
    )


def _is_wandb(names: Sequence[str]) -> bool:
    held = set(names)
    return any(name.endswith(BOUNDS[0]) and BETWEEN in name and name.removesuffix(BOUNDS[0]) in held for name in names)


def runs_of(run: Run) -> Iterator[Run]:
    """The runs in a table of a tool, with their columns named as the tool names them.

    >>> columns = {"Step": Column(np.arange(2.0)), "a - norm": Column(np.ones(2)), "b - norm": Column(np.zeros(2))}
    >>> [(each.name, list(each.columns)) for each in runs_of(Run(Path("x.csv"), "", columns, tool="wandb"))]
    [('a', ['Step', 'norm']), ('b', ['Step', 'norm'])]
    """
    if run.tool == "tensorboard":
        yield _renamed(run)
    elif run.tool == "wandb":
        yield from _by_run(run)
    else:
        yield run


def _renamed(run: Run) -> Run:
    """The export of one tag, whose name is only in that of the file, with "_" for "/"; the user may have renamed the file."""
    found = TAG.fullmatch(run.path.stem)
    tag = found["tag"] if found else COPY.sub("", run.path.stem)
    if found is None and tells_nothing(tag):
        return run
    places = {tag if name == "Value" else name: name for name in run.columns}
    return run._replace(columns=Lazy(places, lambda name: run.columns[places[name]]))


def _by_run(run: Run) -> Iterator[Run]:
    shared: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for name in run.columns:
        who, between, metric = name.rpartition(BETWEEN)
        if not between:
            shared[name] = name
        elif not name.endswith(BOUNDS):
            found.setdefault(who, {})[metric] = name
    for who, places in found.items():
        sampled = any(_is_sampled(run.columns, name) for name in places.values())
        columns = _chosen(run.columns, shared | places)
        yield run._replace(name=who if len(found) > 1 else "", columns=columns, notes=(*run.notes, *([SAMPLED] if sampled else [])))


def _chosen(columns: Mapping[str, Column], places: Mapping[str, str]) -> Mapping[str, Column]:
    return Lazy(places, lambda name: columns[places[name]])


def _is_sampled(columns: Mapping[str, Column], name: str) -> bool:
    """Whether the values differ from the smallest or the largest of those that they stand for."""
    others = [columns[f"{name}{bound}"].values for bound in BOUNDS if f"{name}{bound}" in columns]
    return any(not np.array_equal(columns[name].values, other, equal_nan=True) for other in others)
