"""The faults: names, how each gets into a training, and where it can occur."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from . import injections as inject
from .injections import Injection
from .trainings import TRAININGS

HEALTHY = "healthy"
IMAGES = ("mlp", "conv")
PLAIN = ("mlp", "conv", "transformer")
ADAM = ("adamw_99", "adamw_95")
EVERY = ("sgd", *ADAM, "muon")


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, in these trainings and with these optimizers; `from_start` if it is also tried from the first step on."""

    name: str
    inject: Injection
    trainings: tuple[str, ...] = PLAIN
    optimizers: tuple[str, ...] = EVERY
    from_start: bool = False

    def applies(self, training: str, optimizer: str) -> bool:
        return training in self.trainings and optimizer in self.optimizers


def freezing(training: str) -> Fault:
    return Fault("layer frozen", inject.frozen(TRAININGS[training].frozen), (training,))


def momenta() -> list[Fault]:
    """Another momentum, or β₁, than the optimizer is named with: .9, or .95 of Muon."""
    named = {0.0: EVERY, 0.5: EVERY, 0.8: EVERY, 0.9: ("muon",), 0.95: ("sgd", *ADAM), 0.99: EVERY}
    return [
        Fault(f"momentum {value:g}", inject.momentum(value), optimizers=optimizers, from_start=value in (0.8, 0.95, 0.99))
        for value, optimizers in named.items()
    ]


DATA = [
    Fault("batch twice", inject.repeated(2), from_start=True),
    Fault("batch 10 times", inject.repeated(10), from_start=True),
    Fault("shuffling off", inject.batches(shuffled=False)),
    Fault("sorted by label", inject.sorted_by_label, IMAGES),
    Fault("with replacement", inject.batches(replacement=True)),
    Fault("10 % of the data", inject.share_of_data(0.1)),
    Fault("label noise 20 %", inject.label_noise(0.2)),
    Fault("label noise 50 %", inject.label_noise(0.5)),
    Fault("other data", inject.other_data),
    Fault("inputs times 2", inject.inputs(lambda x: 2 * x), IMAGES),
    Fault("inputs plus 1", inject.inputs(lambda x: x + 1), IMAGES),
    Fault("augmentation off", inject.no_noise, IMAGES),
    Fault("batch quarter", inject.batch_size(0.25)),
    Fault("batch times 4", inject.batch_size(4)),
]
GRADIENTS = [
    Fault("zero_grad every 2nd", inject.attribute(zero_every=2)),
    Fault("zero_grad every 4th", inject.attribute(zero_every=4), from_start=True),
    Fault("stale by 4", inject.stale(4), from_start=True),
    Fault("stale by 16", inject.stale(16), from_start=True),
    Fault("accumulation divided by 3 of 4", inject.attribute(micro=4, divisor=3)),
    Fault("accumulation drops 1 of 4", inject.attribute(micro=4, used=3)),
    Fault("clipped at half", inject.clipped_at(0.5)),
    Fault("loss scale stuck", inject.lost_gradients),
    Fault("gradient times 4", inject.times_gradient(4.0)),
]
OPTIMIZER = [
    *momenta(),
    Fault("beta2 0.9", inject.beta(1, 0.9), optimizers=ADAM),
    Fault("beta2 0.9999", inject.beta(1, 0.9999), optimizers=ADAM),
    Fault("eps 1e-3", inject.hyperparameter("eps", 1e-3), optimizers=ADAM),
    Fault("lr times 3", inject.hyperparameter("lr", factor=3)),
    Fault("lr times 10", inject.hyperparameter("lr", factor=10)),
    Fault("lr tenth", inject.hyperparameter("lr", factor=0.1)),
    Fault("lr ramp", inject.ramp),
    Fault("scheduler twice", inject.scheduled_twice, ("mlp with schedule",)),
    Fault("weight decay times 100", inject.hyperparameter("weight_decay", factor=100)),
    Fault("weight decay everywhere", inject.decay_everywhere, optimizers=("sgd", *ADAM)),
    Fault("state reset every 100", inject.reset_every(100), from_start=True),
]
MODEL = [
    *map(freezing, PLAIN),
    Fault("norms evaluating", inject.evaluating(*inject.NORMS), ("mlp with norms", "conv")),
    Fault("dropout off", inject.evaluating(nn.Dropout), ("mlp with dropout", "conv", "transformer")),
    Fault("dropout one half", inject.dropout(0.5)),
    Fault("weights in bf16", inject.rounded_weights(torch.bfloat16), from_start=True),
    Fault("model in bf16", inject.whole_model(torch.bfloat16), optimizers=("sgd", *ADAM)),
    Fault("model in half", inject.whole_model(torch.half), optimizers=("sgd", *ADAM)),
    Fault("average swapped in once", inject.averaged()),
    Fault("average swapped in every 100", inject.averaged(100)),
]
FAULTS = [*DATA, *GRADIENTS, *OPTIMIZER, *MODEL]


def applying(training: str, optimizer: str, *, from_start: bool = False) -> dict[str, Fault]:
    """The faults of this training with this optimizer, by name."""
    return {each.name: each for each in FAULTS if each.applies(training, optimizer) and (each.from_start or not from_start)}
