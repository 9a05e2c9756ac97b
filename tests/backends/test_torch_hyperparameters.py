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
]


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize(("name", "options"), KNOWN)
def test_the_null_replays_what_torch_does(torch, name, options, scheduled):
    """Its own norms, on the same gradients, at the learning rates and with the hyperparameters of the reading."""
    from wcdfa.backends.torch.hooks import attach

    rng = np.random.default_rng(0)
    gradients, start = rng.standard_normal((40, 64)), rng.standard_normal(64)
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
    changes = replay(rule, gradients, found.lr.astype(np.float64), start, rule.fresh(np.zeros(64)))
    np.testing.assert_allclose(found.norms, [np.linalg.norm(change) for change in changes], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"maximize": True}),
        ("SGD", {"maximize": True}),
        ("RMSprop", {"centered": True}),
        *((name, {}) for name in ("Adadelta", "Adagrad", "Adamax", "ASGD", "NAdam", "RAdam", "Rprop", "LBFGS")),
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
