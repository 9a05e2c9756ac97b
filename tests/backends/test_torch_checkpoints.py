"""Runs that are stopped and gone on with: the series is that of the run that went on."""

from __future__ import annotations

import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start
from tests.helpers.torch_runs import batches, network, trained


@pytest.fixture(autouse=True)
def torch():
    return require("torch")


def test_gone_on_with_in_a_new_process(tmp_path):
    whole = printed(start("torch_checkpoints.py", "save", tmp_path))
    assert printed(start("torch_checkpoints.py", "resume", tmp_path)) == whole
    for mode in ("exact", "sample"):
        assert (whole[mode]["count"], len(set(whole[mode]["norms"]))) == (30, 10)
    assert whole["exact"]["stderr"] is None
    assert len(whole["sample"]["stderr"]) == 10


def test_a_state_that_does_not_fit(torch):
    from wcdfa.backends.torch.hooks import attach

    def attached(**options):
        model = network(torch)
        optimizer = torch.optim.SGD(model.named_parameters(), lr=0.1)
        return model, optimizer, attach(optimizer, **options)

    model, optimizer, handle = attached(window=10, groups=1)
    trained(model, optimizer, batches(torch, 4))
    state = handle.state_dict()
    for options, said in (
        ({"window": 7, "groups": 1}, "the state holds all, 0, 2 with window=10, and this handle all, 0, 2 with window=7"),
        ({"window": 10}, "the state holds all, 0, 2 with window=10, and this handle all with window=10: attach with the same"),
        ({"window": 10, "groups": 1, "mode": "sample"}, "attach with the same window, groups and mode to go on"),
    ):
        other = attached(**options)[2]
        with pytest.raises(ValueError, match=said):
            other.load_state_dict(state)
        assert other.read().count == 0
    other = attached(window=10, groups=1)[2]
    with pytest.raises(ValueError, match="the state lacks lr, norms; it is not the state_dict of a handle"):
        other.load_state_dict({name: part for name, part in state.items() if name not in ("lr", "norms")})
    with pytest.raises(ValueError, match="the state is of version 9, and this release reads 1"):
        other.load_state_dict({**state, "version": 9})
    for name, value in (("norms", torch.zeros(10)), ("lr", torch.zeros(3)), ("counts", torch.zeros(3))):
        with pytest.raises(ValueError, match="the state holds"):
            other.load_state_dict({**state, name: value})
    other.load_state_dict(state)
    assert other.read().norms.tolist() == handle.read().norms.tolist()
