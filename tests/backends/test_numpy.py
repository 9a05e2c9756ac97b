"""‖ΔW‖ of NumPy parameter trees."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa.backends.numpy import copied, delta_norm, group_norms, parameters_of


def test_against_one_flat_vector():
    rng = np.random.default_rng(0)
    new, old = ([rng.standard_normal(shape) for shape in ((3, 4), (5,), ())] for _ in range(2))
    flat = np.concatenate([np.ravel(a - b) for a, b in zip(new, old, strict=True)])
    assert delta_norm(new, old) == pytest.approx(np.linalg.norm(flat), rel=1e-15)
    nested = [{"a": new[0], "b": (new[1], [new[2]])}, {"b": (old[1], [old[2]]), "a": old[0]}]
    assert delta_norm(*nested) == pytest.approx(np.linalg.norm(flat), rel=1e-15)


def test_low_precision_is_summed_in_float64():
    new, old = np.full(100_000, 1.0, dtype=np.float16), np.zeros(100_000, dtype=np.float16)
    assert delta_norm(new, old) == pytest.approx(np.sqrt(100_000), rel=1e-15)  # its square overflows float16
    new, old = np.full(10, 2.0**-24, dtype=np.float16), np.zeros(10, dtype=np.float16)
    assert delta_norm(new, old) == pytest.approx(2.0**-24 * np.sqrt(10), rel=1e-15)  # … and this one underflows
    assert delta_norm(np.array([250], dtype=np.uint8), np.array([255], dtype=np.uint8)) == 5.0


def test_empty_and_unchanged():
    assert delta_norm({}, {}) == 0.0
    assert delta_norm([], ()) == 0.0
    assert delta_norm(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
    assert delta_norm({"w": np.ones(3)}, {"w": np.ones(3)}) == 0.0


def test_a_copy_is_a_copy():
    tree = {"w": np.zeros(2), "more": [np.ones(1), (np.ones(1), 3.0)]}
    parameters = parameters_of(tree)
    copy = copied(parameters)
    members = {"all": tuple(parameters), "more": ("more/0", "more/1/0")}
    assert list(parameters) == ["w", "more/0", "more/1/0"]  # Python's numbers are settings
    assert group_norms(parameters, copy, members) == {"all": 0.0, "more": 0.0}
    tree["w"] += 1
    tree["more"][1][0][0] = 4
    assert group_norms(parameters, copy, members) == {"all": pytest.approx(np.sqrt(2 + 9)), "more": 3.0}


def test_paths_that_collide_are_two_parameters():
    tree = {"a/b": np.zeros(2), "a": {"b": np.ones(2)}, 1: np.zeros(1), "1": np.ones(1)}
    parameters = parameters_of(tree)
    assert len(parameters) == 4
    assert group_norms(parameters, copied({**parameters, "a/b": np.full(2, 3.0)}), {"all": tuple(parameters)}) == {"all": 18**0.5}


@pytest.mark.parametrize("given", [[0.1, 0.2], [], {}, {"w": "x"}, np.arange(3), [np.zeros(2), object()], np.array(["a", "b"])])
def test_what_is_no_tree_of_parameters(given):
    assert parameters_of(given) is None


def test_integers_are_not_trained():
    assert list(parameters_of({"w": np.zeros(2, dtype=np.float16), "steps": np.array(3), "mask": np.ones(2, dtype=bool)})) == ["w"]


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        ({"a": 1.0}, {"b": 1.0}, r"parameters: key\(s\) a, b in one tree only"),
        ([1.0, 2.0], [1.0], "parameters: 2 parts against 1"),
        ({"a": [np.zeros(2)]}, {"a": [np.zeros(3)]}, r"parameters\['a'\]\[0\]: shape \(2,\) against \(3,\)"),
        ({"a": 1.0}, [1.0], r"parameters: shape \(\) against \(1,\)|parameters: a dict against a list"),
    ],
)
def test_structures_that_differ(new, old, message):
    with pytest.raises((ValueError, TypeError), match=message):
        delta_norm(new, old)
