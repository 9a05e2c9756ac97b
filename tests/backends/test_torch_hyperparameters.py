"""What a torch optimizer is to the null: recognised where the replay does the same, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa.nulls.replay import replay
from wcdfa.nulls.update_rules import named


@pytest.fixture
def described(torch):
    from wcdfa.backends.torch.hyperparameters import described

    return described


KNOWN = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {"betas": (0.8, 0.99), "weight_decay": 0.1}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("AdamW", {"betas": (0.9, 0.95), "eps": 1e-3}),
    ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"amsgrad": True, "betas": (0.8, 0.9)}),
    ("NAdam", {"weight_decay": 0.1}),
    ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("Adafactor", {"weight_decay": 0.1, "eps": (1e-5, 1e-2)}),
    ("Muon", {"momentum": 0.9, "adjust_lr_fn": "match_rms_adamw"}),
    ("Muon", {"nesterov": False, "weight_decay": 0.5}),
]


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize(("name", "options"), KNOWN)
def test_the_null_replays_what_torch_does(torch, name, options, scheduled):
    """Its own norms, on the same gradients, at the learning rates and with the hyperparameters of the reading."""
    from wcdfa.backends.torch.hooks import attach

    rng = np.random.default_rng(0)
    shape = (16, 4) if name in ("Muon", "Adafactor") else (64,)
    gradients, start = rng.standard_normal((40, *shape)), rng.standard_normal(shape)
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = getattr(torch.optim, name)([weight], lr=0.02, **options)
    handle = attach(optimizer)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.97) if scheduled else None
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        if schedule:
            schedule.step()
    found = handle.read()
    np.testing.assert_allclose(found.lr, 0.02 * (0.97 ** np.arange(40) if scheduled else np.ones(40)), rtol=1e-6)
    rule = named(found.optimizer, found.hyperparameters)
    weights = start[..., None]  # one replicate
    changes = replay(rule, gradients[..., None], found.lr.astype(np.float64), weights, rule.fresh(weights))
    bfloat16 = 3e-2 if name == "Muon" else 1e-5
    np.testing.assert_allclose(found.norms, [np.linalg.norm(change) for change in changes], rtol=bfloat16)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("AdamW", {"maximize": True}),
        ("NAdam", {"maximize": True}),
        ("Adafactor", {"maximize": True}),
        ("SGD", {"maximize": True}),
        ("RMSprop", {"centered": True}),
        *((name, {}) for name in ("Adadelta", "Adagrad", "Adamax", "ASGD", "RAdam", "Rprop", "LBFGS")),
    ],
)
def test_no_other_is_taken_for_one(torch, described, name, options):
    assert described(getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(2))], **options)) == (None, {})


def test_groups_of_parameters_and_subclasses(torch, described):
    large, small = torch.nn.Parameter(torch.zeros(9)), torch.nn.Parameter(torch.zeros(2))

    def of(first, second):
        return described(torch.optim.AdamW([{"params": [small], **first}, {"params": [large], **second}]))

    assert of({"weight_decay": 0.0, "lr": 0.1}, {"weight_decay": 0.3})[1]["weight_decay"] == 0.3
    assert of({"betas": (0.5, 0.9)}, {}) == (None, {})

    class Mine(torch.optim.SGD):
        pass

    assert described(Mine([large], lr=0.1)) == (None, {})
    tensors = torch.optim.Adam([large], lr=torch.tensor(0.1), betas=(torch.tensor(0.9), torch.tensor(0.99)), foreach=False)
    assert described(tensors)[1]["betas"] == (pytest.approx(0.9), pytest.approx(0.99))


def test_schedule_free_adamw_is_known_by_its_class(torch, described):
    """A stand-in for the package, which writes its param groups like this."""

    class AdamWScheduleFree(torch.optim.Optimizer):
        pass

    AdamWScheduleFree.__module__, AdamWScheduleFree.__qualname__ = "schedulefree.adamw_schedulefree", "AdamWScheduleFree"
    group = {"lr": 0.0025, "betas": (0.95, 0.999), "eps": 1e-8, "r": 0.0, "k": 0, "warmup_steps": 10, "train_mode": True}
    optimizer = AdamWScheduleFree([torch.nn.Parameter(torch.zeros(3))], {**group, "weight_lr_power": 2.0, "weight_decay": 0.1})
    name, hyperparameters = described(optimizer)
    assert name == "schedule_free_adamw"
    expected = {"betas": (0.95, 0.999), "eps": 1e-8, "weight_decay": 0.1, "warmup_steps": 10, "r": 0.0, "weight_lr_power": 2.0}
    assert hyperparameters == expected
