"""What a run says that is too short for an exponent: in every backend, and nothing is raised."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.recording.reading import Reading

NORMS = np.exp(0.1 * wcdfa.synthetic.white_noise(64, seed=0))
FULL = {"lr": 0.1, "cosine": 0.5, "weight_norm": 1.0, "gradients": 2.0}


def reading(n, *, full=False, **more):
    beside = {name: np.full(n, value) for name, value in FULL.items()} if full else {}
    named = {"optimizer": "sgd", "hyperparameters": {"momentum": 0.9}, "taken": 0} if full else {}
    return Reading(NORMS[:n], n, 0, groups={"head": NORMS[:n]}, **beside, **named)._replace(**more)


def everything(found):
    """All that a reading answers."""
    yield str(found.verdict(replicates=20))
    for order in (2, 4):
        yield str(found.verdict(order=order, replicates=20))
    yield str(found.verdict("head", spikes=None, method="gls", replicates=20))
    yield from (str(each) for each in found.verdicts(replicates=20).values())
    yield str(wcdfa.verdicts.across_groups(found.verdicts(replicates=20)))
    yield str(found.diagnosis())
    yield str(found.vector_alpha())
    yield repr(found)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 20, 27])
def test_a_short_run_says_how_many_steps_it_has(n, full):
    found = reading(n, full=full)
    assert all(everything(found))
    for verdict in (found.verdict(), found.verdict("head"), *found.verdicts().values()):
        assert str(verdict) == f"no α: too few steps yet ({n} of 28)"
        assert (verdict.regime, verdict.explained_by, verdict.result) == (None, (), None)
    assert "nothing compared" in str(found.diagnosis())


@pytest.mark.parametrize("n", [28, 29, 40, 64])
def test_the_28th_step_gives_an_exponent(n):
    assert np.isfinite(reading(n).verdict().alpha)
    assert all(everything(reading(n)))


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        (np.where(np.arange(30) % 3, NORMS[:30], np.nan), "too few steps yet (20 of 28); 9 norms are 0 or not finite"),
        (np.where(np.arange(40) < 20, np.nan, NORMS[:40]), "too few steps yet (20 of 28)"),  # a group that came later
        (np.full(30, np.nan), "too few steps yet (0 of 28); 30 norms are 0 or not finite; a norm is not finite if a change is not"),
        (np.where(np.arange(60) < 57, np.nan, 1.0), "too few steps yet (3 of 28)"),
        (
            np.where(np.arange(64) % 3 == 0, NORMS, np.nan),
            "22 of 64 norms ",
        ),
        (np.where(np.arange(64) % 3, NORMS, np.nan), "no box crosses a break, and breaks cut the series into 21 stretches"),
    ],
)
def test_norms_that_are_missing(norms, said):
    found = Reading(norms, len(norms), 0, groups={"head": norms})
    assert all(everything(found))
    assert str(found.verdict("head").reason).startswith(said)


def test_what_a_user_gives_wrong_is_an_error_all_the_same():
    for options, error in (
        ({"lr": -1.0}, "positive"),
        ({"epoch_length": 300}, "at least 3 are needed"),
        ({"gradient_norm": np.ones(3), "optimizer": "sgd"}, "one"),
        ({"steps": np.zeros(64)}, "increase"),
    ):
        with pytest.raises(ValueError, match=error):
            reading(64).verdict(**options)
    with pytest.raises(ValueError, match="group must be one of 'all', 'head', got 'tail'"):
        reading(3).verdict("tail")


def test_a_monitor():
    monitor = wcdfa.WeightChangeDFA()
    for n, norm in enumerate(NORMS[:27]):
        assert str(monitor.verdict()) == f"no α: too few steps yet ({n} of 28)"
        monitor.update(norm)
    assert np.isfinite(monitor.update(NORMS[27]).verdict().alpha)


def test_torch():
    torch = require("torch")
    from wcdfa.backends.torch import attach

    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    handle = attach(optimizer, groups=1, model=model)
    for x in torch.randn(20, 10, 8, generator=torch.Generator().manual_seed(0)):
        (model(x)[:, 0] - x[:, 0]).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    found = handle.read()
    assert str(found.verdict()) == "no α: too few steps yet (20 of 28)"
    assert set(map(str, found.verdicts().values())) == {"no α: too few steps yet (20 of 28)"}
    assert all(map(str, (found.diagnosis(), found.vector_alpha())))


def test_optax():
    jax, optax = require("jax"), require("optax")
    from wcdfa.backends.optax import monitor, read

    tx = monitor(optax.adam(1e-2))
    parameters = {"w": jax.numpy.ones(4)}
    state = tx.init(parameters)
    for i in range(20):
        updates, state = tx.update({"w": jax.numpy.arange(4.0) + i}, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    assert str(read(state).verdict()) == "no α: too few steps yet (20 of 28)"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (reading(20), "Reading(20 norms, groups head)"),
        (reading(1)._replace(count=1200, skipped=3, optimizer="adamw"), "Reading(1 norm of 1,200, 3 skipped, groups head, adamw)"),
        (reading(2)._replace(groups=dict.fromkeys("abcdef", NORMS[:2])), "Reading(2 norms, groups a, b, c, d and 2 more)"),
        (Reading(np.ones((3, 2, 5)), np.full((3, 2), 5), np.zeros((3, 2), int)), "Reading(5 norms of each of 3 × 2 runs)"),
        (Reading(np.empty(0), 0, 7), "Reading(0 norms, 7 skipped)"),
    ],
)
def test_a_reading_is_shown_in_one_line(given, said):
    assert repr(given) == said
