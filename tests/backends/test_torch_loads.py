"""Weights that are loaded after `attach` are where training begins or goes on; no step is blamed for them."""

from __future__ import annotations

import copy
import io
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.torch_runs import Seen, batches, loss_of, network


def through_hook(torch, model, state):
    """A layer that puts its weights there itself, which torch's counters do not show."""

    class Own(torch.nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *others):
            for name, part in self.named_parameters(recurse=False):
                part.data.copy_(state_dict[prefix + name])

    for place in (0, 2):
        model[place].__class__ = Own
    model.load_state_dict(state)


def in_parts(torch, model, state):
    for place in ("0", "2"):
        model[int(place)].load_state_dict({name[2:]: part for name, part in state.items() if name[0] == place})


def through_data(torch, model, state):
    for name, part in model.named_parameters():
        part.data.copy_(state[name])


def new_content(torch, model, state):
    torch.nn.utils.vector_to_parameters(
        torch.cat([state[name].flatten() for name, _ in model.named_parameters()]), model.parameters()
    )


def in_inference_mode(torch, model, state):
    with torch.inference_mode():
        model.load_state_dict(state)


def whole(torch, model, state):
    model.load_state_dict(state)


WAYS = [(load, when) for load in (whole, in_parts, in_inference_mode, new_content, through_hook) for when in (0, 1, 8)]
WAYS += [(through_data, 0)]  # later it cannot be seen


@pytest.mark.parametrize("options", [{}, {"mode": "sample", "sample": 0.5}, {"snapshot": "cpu", "gradients": True}], ids=str)
@pytest.mark.parametrize(("load", "when"), WAYS)
def test_the_step_is_measured_from_the_loaded_weights(torch, attach, caplog, load, when, options):
    model = network(torch)
    state = {name: 30 * torch.randn_like(part) for name, part in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    handle = attach(optimizer, model=model, groups=1, every=4, **options)
    exact = attach(torch.optim.SGD(network(torch).parameters(), lr=0.1))  # another one does not mind
    expected = []
    for number, x in enumerate(batches(torch, 12)):
        if number == when:
            load(torch, model, state)
        seen = Seen(model.parameters())
        optimizer.zero_grad()
        loss_of(model, x).backward()
        optimizer.step()
        seen.look()
        expected += seen.norms().tolist()
    reading = handle.read()
    np.testing.assert_allclose(reading.norms, expected, rtol=2e-2)  # steps are near the rounding of such weights
    assert exact.read().count == 0
    if load in (through_hook, through_data) or not when:
        assert [record for record in caplog.records if "between two steps" in record.getMessage()] == []


def test_new_parameters_that_the_optimizer_does_not_have(torch, attach, caplog):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, model=model)
    for _ in range(2):
        model.load_state_dict(copy.deepcopy(model.state_dict()), assign=True)
        loss_of(model, batches(torch, 1)[0]).backward()
        optimizer.step()
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "loading has put new parameters into the model (Linear), as load_state_dict(assign=True) does"
    )
    assert "make the optimizer after loading" in record.getMessage()


def test_a_model_is_copied_and_saved_without_its_handle(torch, attach, tmp_path):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, model=model)
    other = copy.deepcopy(model)
    other.load_state_dict(model.state_dict())
    assert not handle._loads.seen
    path = tmp_path / "model.pt"
    torch.save(model, path)
    program = (
        "import sys, torch\nsys.modules['wcdfa'] = None\n"
        f"model = torch.load({str(path)!r}, weights_only=False)\nmodel.load_state_dict(model.state_dict())\nprint(model(torch.ones(1, 6)).shape)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.strip() == "torch.Size([1, 1])"
    torch.save(model.state_dict(), io.BytesIO())
    handle.detach()
    assert all(not part._load_state_dict_post_hooks for part in model.modules())
    model.load_state_dict(other.state_dict())


def test_a_layer_that_comes_later_is_watched_too(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    handle = attach(optimizer, model=model, groups=1)
    model.append(torch.nn.Linear(1, 1))
    optimizer.add_param_group({"params": model[3].parameters()})

    def step():
        loss_of(model, batches(torch, 1)[0]).backward()
        optimizer.step()

    step()
    through_hook(torch, model, {name: part + 5 for name, part in model.state_dict().items()})
    model[3].load_state_dict({name: part + 7 for name, part in model[3].state_dict().items()})
    step()
    assert np.all(handle.read().norms < 1)
