"""Replays an optimizer on gradients of the sizes that were recorded: what then is left is not in the size of the gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.comparison import NullTable
from wcdfa.nulls.families import Setting, transient
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.null_tables import Treatment, prepared_replays, table_of
from wcdfa.nulls.optimizer import axes_of
from wcdfa.nulls.replay import begin, plan
from wcdfa.nulls.schedule_shape import without_shape

Floats = npt.NDArray[np.float64]

REPLICATES = 300  # they are replayed anew for each window
KINDS = (Gradients(), Gradients(coordinates=12), Gradients(mean=0.1), Gradients(mean=1.0))


def driven_by(gradient_norm: Floats, setting: Setting, treatment: Treatment) -> NullTable:
    """The null of a window whose gradient norms are known, shape (n,)."""
    setting = replace(setting, n=len(gradient_norm), replicates=min(setting.replicates, REPLICATES))
    tables = []
    for place, gradients in enumerate(KINDS if setting.dimension is None else KINDS[::2]):
        norms = _norms(gradient_norm, setting, gradients, [setting.seed, place])
        logs = prepared_replays(norms, log=treatment.log, spikes=treatment.spikes)
        tables.append(table_of(str(gradients), False, without_shape(logs, treatment.schedule), treatment))
    return NullTable(tuple(tables), transient(setting))


def _norms(gradient_norm: Floats, setting: Setting, gradients: Gradients, seed: list[int]) -> Floats:
    """Norms ‖ΔW‖ on gradients of given norms, in directions without memory, shape (replicates, n)."""
    dimension = gradients.coordinates or setting.dimension
    run = plan(setting.n, setting.rule, setting.lr, gradient_norm, setting.start, dimension)
    usual = float(np.sqrt(np.mean(gradient_norm**2)))  # the first norm alone may be an odd one
    run = run._replace(scales=np.concatenate([np.full(run.before, usual), gradient_norm]))
    rng = np.random.default_rng(seed)
    shape = (*run.shape, setting.replicates)
    weights, memory = begin(run._replace(scales=np.array([usual])), rng, shape)
    drawn = gradients.drawn(rng, shape, 1 / math.sqrt(math.prod(run.shape)))
    norms, count = np.empty((setting.n, setting.replicates)), run.taken
    for step, (rate, size) in enumerate(zip(run.rates.tolist(), run.scales.tolist(), strict=True), -run.before):
        direction = next(drawn).noise
        now = setting.rules[max(step, 0)] if setting.rules else setting.rule
        count += 1
        lengths = np.sqrt((direction * direction).sum(axis=axes_of(direction)))
        change, memory = now.step(memory, weights, direction * (np.float32(size) / lengths), rate, count)
        weights = weights + change
        if step >= 0:
            norms[step] = np.sqrt(np.square(np.asarray(change), dtype=np.float64).sum(axis=axes_of(change)))
    return np.ascontiguousarray(norms.T)
