"""The recording that callbacks share, when another process is gone."""

from __future__ import annotations

import logging

import pytest

from tests.helpers.torch_runs import batches, network, trained


@pytest.mark.parametrize("way", ["read", "news", "state_dict", "end"])
def test_a_process_that_is_gone_ends_the_recording_and_not_the_training(torch, monkeypatch, caplog, way):
    """Nothing is tried again, since each try may wait for long."""
    from wcdfa.backends.torch.handle import Handle
    from wcdfa.backends.torch.settings import Settings
    from wcdfa.backends.torch.training import Recording

    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    recording = Recording(None, Settings(window=60, every=5), "log", {})
    recording.begin([optimizer], model, step=0, aloud=True)
    trained(model, optimizer, batches(torch, 12))
    assert recording.read(12) == 12
    tried = []

    def gone(handle):
        tried.append(handle)
        raise RuntimeError(
            "the norms of sharded parameters could not be summed over the processes; one of them may be gone: closed"
        )

    monkeypatch.setattr(Handle, "read", gone)
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        getattr(recording, way)(*([20] if way in ("read", "news") else []))
        trained(model, optimizer, batches(torch, 30))
        assert not recording.due(50)
        assert recording.news(50) == {}
        assert recording.state_dict() == {}
        recording.end()
    assert len(tried) == 1
    assert not tried[0].attached
    assert recording.monitor.n_samples == 12
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "no more norms are recorded, and checkpoints hold none from now on"
    ]


def test_a_handle_whose_last_read_fails_is_detached_all_the_same(torch, attach, monkeypatch):
    from wcdfa.backends.torch.device_ring import DeviceRing

    def gone(*_, **__):
        raise RuntimeError("one of them may be gone")

    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    handle = attach(optimizer)
    trained(model, optimizer, batches(torch, 3))
    monkeypatch.setattr(DeviceRing, "send", gone)
    with pytest.raises(RuntimeError, match="may be gone"):
        handle.detach()
    assert not handle.attached
    assert attach(optimizer).attached
