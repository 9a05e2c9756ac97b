"""What a notebook shows of a handle: what is on the host, without a copy from the device."""

from __future__ import annotations

import pytest

from tests.conftest import require
from tests.helpers.cards import shown, text_of


@pytest.fixture
def torch():
    return require("torch")


@pytest.fixture
def attach(torch):
    from wcdfa.backends.torch import attach

    return attach


def trained(torch, handle_of, steps):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
    optimizer = torch.optim.AdamW(model.parameters())
    handle = handle_of(optimizer, model)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    return handle, optimizer


def test_it_shows_what_has_arrived_and_fetches_nothing(monkeypatch, torch, attach):
    handle, optimizer = trained(torch, lambda optimizer, _: attach(optimizer, every=40), 100)
    monkeypatch.setattr(handle, "_drain", None)
    monkeypatch.setattr(handle, "_arrive", None)
    tree, text = shown(handle)
    assert text.startswith("80 norms ‖ΔW‖, steps 1–80 Attached to AdamW. 20 steps are still on the device.")
    assert "Next: handle.read().verdict() says" in text
    assert tree.find(".//svg") is not None
    monkeypatch.undo()
    handle.read()
    assert text_of(handle).startswith("100 norms ‖ΔW‖, steps 1–100 Attached to AdamW. Next:")
    handle.detach()
    assert "Detached. " in text_of(handle)
    assert optimizer


def test_before_the_first_copy(torch, attach):
    handle, optimizer = trained(torch, lambda optimizer, model: attach(optimizer, model=model, groups=1), 0)
    assert text_of(handle).startswith(
        "0 norms ‖ΔW‖ Attached to AdamW, with 2 groups of parameters. Next: Train on: too few steps yet (0 of 28)."
    )
    handle, optimizer = trained(torch, lambda optimizer, _: attach(optimizer), 5)
    assert text_of(handle).endswith(
        "5 steps are still on the device. Next: handle.read() fetches the steps that are on the device."
    )
    assert optimizer
    del optimizer
    assert "Detached" in text_of(handle)
