"""`attach` on what accelerate prepares: its real steps, and its checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.torch_runs import Seen, batches, loss_of, network, require_direction

BATCHES = 20  # of which three go into a step, and two into the last


@pytest.fixture
def begun(attach):
    accelerate = require("accelerate")

    def begun(recording=None, **options):
        import torch

        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)  # which is one of the process
        accelerate.state.GradientState._reset_state()
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=3, **options)
        model = network(torch)
        optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
        data = torch.utils.data.DataLoader(batches(torch, BATCHES), batch_size=None)
        model, optimizer, data, schedule = accelerator.prepare(model, optimizer, data, schedule)
        monitor = wcdfa.WeightChangeDFA(window=50, stride=10, method="gls")
        handle = attach(optimizer, monitor=monitor, groups=1, every=5, window=100, **(recording or {}))
        accelerator.register_for_checkpointing(handle, monitor)
        return accelerator, model, optimizer, data, schedule, handle

    yield begun
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def trained(run, epochs):
    """As accelerate's guide has it; returns what the parameters were after each real step."""
    accelerator, model, optimizer, data, schedule, _ = run
    seen = Seen(model.parameters())
    for _ in range(epochs):
        for x in data:
            with accelerator.accumulate(model):
                with accelerator.autocast():
                    loss = loss_of(model, x)
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            if accelerator.sync_gradients:
                seen.look()
    return seen


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_real_steps_alone_are_recorded(begun, precision):
    run = begun(mixed_precision=precision)
    norms, handle = trained(run, 3).norms(), run[-1]
    assert len(norms) == 21
    np.testing.assert_allclose(handle.read().norms, norms, rtol=1e-6)
    assert (handle.read().count, handle.read().skipped, handle.read().optimizer) == (21, 0, "adamw")
    assert set(handle.read().groups) == {"0", "2"}
    assert handle.read().lr[0] == pytest.approx(0.01, rel=1e-3)
    assert handle.read().lr[-1] < handle.read().lr[0]


@pytest.mark.parametrize("options", [{}, {"coordinates": 9, "mode": "sample"}, {"direction": False}], ids=["on", "few", "off"])
def test_the_direction_is_recorded_too(begun, options):
    run = begun(options)
    seen = trained(run, 2)
    require_direction(run[-1].read(), seen, {"0": [0, 1], "2": [2, 3]}, options)


def test_gone_on_with_from_a_checkpoint(begun, tmp_path):
    whole = begun()
    trained(whole, 5)
    whole[0].save_state(str(tmp_path))
    expected = trained(whole, 6)
    resumed = begun()
    resumed[0].load_state(str(tmp_path))
    found = trained(resumed, 6)
    np.testing.assert_array_equal(found.norms(), expected.norms())
    assert len(found.norms()) == 42
    for name in ("norms", "cosine", "weight_norm", "sketch"):
        np.testing.assert_array_equal(getattr(resumed[-1].read(), name), getattr(whole[-1].read(), name))
    assert resumed[-1].read().count == 77
    np.testing.assert_array_equal(resumed[-1].monitor.get_signal(), whole[-1].monitor.get_signal())
    assert resumed[-1].monitor.history == whole[-1].monitor.history
    assert len(resumed[-1].monitor.history) == 3
