"""What belongs to a window goes with it, and is checked."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa.verdicts import judge
from wcdfa.verdicts.alongside import Alongside, checked, parted
from wcdfa.verdicts.single_window import verdict

N = 12
WHOLE = Alongside(
    lr=np.linspace(1, 2, N),
    steps=100 + np.arange(N),
    gradient_norm=np.linspace(5, 6, N),
    varying={"momentum": np.linspace(0.8, 0.9, N), "betas": np.stack([np.linspace(0.8, 0.9, N), np.full(N, 0.99)], axis=1)},
)


@pytest.mark.parametrize("which", [slice(3, 7), slice(0, N), np.array([0, 2, 11])])
def test_a_part_holds_what_belongs_to_its_norms(which):
    part = WHOLE.part(which)
    for name in ("lr", "steps", "gradient_norm"):
        np.testing.assert_array_equal(getattr(part, name), getattr(WHOLE, name)[which])
    for name, values in WHOLE.varying.items():
        np.testing.assert_array_equal(part.varying[name], values[which])


def test_parts_of_parts():
    np.testing.assert_array_equal(WHOLE.part(slice(4, 10)).part(np.array([1, 3])).steps, [105, 107])


def test_one_number_is_that_of_every_part():
    part = Alongside(lr=0.1).part(slice(2, 3))
    assert (part.lr, part.steps, part.gradient_norm, part.varying) == (0.1, None, None, {})


def test_lists_are_parted_too():
    part = Alongside(lr=[1, 2, 3], steps=[7, 8, 9], varying={"momentum": [0.1, 0.2, 0.3]}).part(slice(1, 3))
    assert [list(np.asarray(each)) for each in (part.lr, part.steps, part.varying["momentum"])] == [[2, 3], [8, 9], [0.2, 0.3]]


def test_hyperparameters_that_vary_are_told_from_others():
    momenta, betas = np.array([0.8, 0.9]), np.array([[0.9, 0.99], [0.8, 0.95]])
    given = {
        "momentum": momenta,
        "betas": betas,
        "dampening": np.float64(0.1),
        "weight_decay": 0.1,
        "clip_norm": np.array(2.0),  # one number, though an array
        "null": np.array([1.0, 2.0]),
        "thresholds": np.array([1.2, 0.8]),
        "dimension": np.array([8, 8]),
        "lr": np.ones(2),
        "steps": np.arange(2),
        "gradient_norm": np.ones(2),
    }
    options, varying = parted(given)
    assert set(varying) == {"momentum", "betas"}
    assert options["momentum"] == 0.9
    assert type(options["momentum"]) is float
    assert options["betas"] == (0.8, 0.95)
    for name in set(given) - set(varying):
        assert options[name] is given[name]
    assert given["momentum"] is momenta  # nothing was changed in place


@pytest.mark.parametrize("values", [np.ones(N - 1), np.ones((1, N)), np.float64(1), 3.0, np.ones(0)])
@pytest.mark.parametrize("name", ["gradient_norm", "momentum"])
def test_a_value_for_each_norm_is_needed(name, values):
    beside = Alongside(gradient_norm=values) if name == "gradient_norm" else Alongside(varying={name: values})
    with pytest.raises(ValueError, match=rf"{name} must hold one value for each of the {N} norms, got shape \("):
        checked(beside, N)


def test_what_fits_is_returned():
    assert checked(WHOLE, N) is WHOLE
    empty = Alongside()
    assert checked(empty, N) is empty


@pytest.mark.parametrize("judges", [verdict, judge])
def test_a_verdict_says_what_does_not_fit(judges):
    norms = np.exp(0.1 * np.random.default_rng(0).standard_normal(128))
    with pytest.raises(ValueError, match=r"gradient_norm must hold one value for each of the 128 norms, got shape \(127,\); leave"):
        judges(norms, optimizer="sgd", gradient_norm=np.ones(127))
    with pytest.raises(ValueError, match="momentum must hold one value for each of the 128 norms"):
        judges(norms, optimizer="sgd", momentum=np.full(64, 0.9))
