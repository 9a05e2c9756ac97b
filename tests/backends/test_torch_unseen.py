"""`attach` on optimizers whose step torch never hooks, or that do not move the weights: recorded, or said once."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from tests.helpers.torch_runs import Seen, batches, loss_of, network, require_direction, require_norms, trained


def lookahead(torch, base, every=3, alpha=0.5):
    """As in timm: the base class is never told, so torch gives its step no hooks."""

    class Lookahead(torch.optim.Optimizer):
        def __init__(self):
            self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks = OrderedDict(), OrderedDict()
            self._base_optimizer, self.param_groups, self.defaults = base, base.param_groups, base.defaults
            self.state, self.steps = defaultdict(dict), 0

        @torch.no_grad()
        def step(self, closure=None):
            loss = self._base_optimizer.step(closure)
            self.steps += 1
            if self.steps % every == 0:
                for group in self.param_groups:
                    for part in group["params"]:
                        slow = self.state[part].setdefault("slow", part.clone())
                        part.copy_(slow.lerp_(part, alpha))
            return loss

    return Lookahead()


def sam(torch, parameters, rho=0.05, **options):
    """Sharpness-aware: the loop calls `first_step` and `second_step`, and only the optimizer inside takes a step."""

    class SAM(torch.optim.Optimizer):
        def __init__(self):
            super().__init__(parameters, options)
            self.base_optimizer = torch.optim.SGD(self.param_groups, **options)
            self.param_groups = self.base_optimizer.param_groups

        def parts(self):
            return [part for group in self.param_groups for part in group["params"]]

        @torch.no_grad()
        def first_step(self):
            norm = torch.stack([part.grad.norm() for part in self.parts()]).norm()
            for part in self.parts():
                self.state[part]["old"] = part.clone()
                part.add_(part.grad * rho / norm)

        @torch.no_grad()
        def second_step(self):
            for part in self.parts():
                part.copy_(self.state[part]["old"])
            self.base_optimizer.step()

    return SAM()


def sharpened(model, optimizer, given):
    seen = Seen(model.parameters())
    for x in given:
        for step in (optimizer.first_step, optimizer.second_step):
            model.zero_grad()
            loss_of(model, x).backward()
            step()
        seen.look()
    return seen


class Combined:
    """Optimizers in a row, as one; it is no optimizer of torch."""

    def __init__(self, *optimizers):
        self.optimizers = optimizers

    @property
    def param_groups(self):
        return [group for each in self.optimizers for group in each.param_groups]

    def step(self):
        for each in self.optimizers:
            each.step()

    def zero_grad(self):
        for each in self.optimizers:
            each.zero_grad()


class Shrinking(Combined):
    """Calls the step of its parent, and shrinks the weights after it."""

    def step(self):
        super().step()
        for group in self.param_groups:
            for part in group["params"]:
                part.detach().mul_(0.99)


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "wcdfa"]


@pytest.mark.parametrize(
    ("kind", "options", "every", "recording"),
    [
        ("AdamW", {"lr": 1e-3}, 6, {}),
        ("SGD", {"lr": 0.1, "momentum": 0.9}, 2, {"groups": 1, "gradients": True}),
        ("RMSprop", {"lr": 0.003}, 5, {"mode": "sample", "direction": False}),
    ],
)
@pytest.mark.parametrize("scheduled", [False, True])
def test_a_step_without_hooks_gets_them(torch, attach, caplog, kind, options, every, recording, scheduled):
    model = network(torch)
    optimizer = lookahead(torch, getattr(torch.optim, kind)(model.named_parameters(), **options), every)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999) if scheduled else None
    handle = attach(optimizer, window=60, every=7, **recording)
    seen = Seen(model.parameters())
    for x in batches(torch, 40):
        trained(model, optimizer, [x], seen)
        if schedule is not None:
            schedule.step()
    require_norms(handle, seen.norms())
    require_direction(handle.read(), seen, options=recording)
    assert not said(caplog)
    assert handle.read().unknown == "Lookahead is not an optimizer that wcdfa can replay"


@pytest.mark.parametrize(("rho", "options"), [(0.05, {"lr": 0.05, "momentum": 0.9}), (0.5, {"lr": 0.01})])
def test_an_optimizer_inside_that_is_called_alone(torch, attach, caplog, rho, options):
    """It is named, and attached it gives what the step has moved, without the way there and back."""
    model = network(torch)
    optimizer = sam(torch, model.parameters(), rho, **options)
    handle = attach(optimizer, window=20, every=4)
    sharpened(model, optimizer, batches(torch, 50))
    assert handle.read().count == 0
    (message,) = said(caplog)
    assert message.startswith(
        "optimizer.base_optimizer has taken 20 steps, and no call of SAM.step was seen, so nothing is recorded: "
    )
    assert message.endswith("attach(optimizer.base_optimizer), or call handle.record() after each step")
    handle.detach()
    caplog.clear()
    handle = attach(optimizer.base_optimizer, window=60, every=4)
    seen = sharpened(model, optimizer, batches(torch, 30))
    require_norms(handle, seen.norms(), rtol=1e-5)
    require_direction(handle.read(), seen)
    assert not said(caplog)


def test_records_by_hand_and_outer_steps_are_not_warned_of(torch, attach, caplog):
    model = network(torch)
    optimizer = sam(torch, model.parameters(), lr=0.05)
    handle, seen = attach(optimizer, window=10), Seen(model.parameters())
    for x in batches(torch, 30):
        sharpened(model, optimizer, [x])
        handle.record()
        seen.look()
    np.testing.assert_allclose(handle.read().norms, seen.norms()[-10:], rtol=1e-5)
    assert not said(caplog)


def test_weights_that_move_without_any_step(torch, attach, caplog):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer)
    assert handle.read().count == 0
    for _ in range(3):
        with torch.no_grad():
            model[0].bias.add_(1)
        handle.read()
    (message,) = said(caplog)
    assert message.startswith(
        "the weights have moved by 3.46 since attach, but no call of SGD.step was seen, so nothing is recorded"
    )


def test_an_optimizer_of_another_copy_of_the_model(torch, attach, caplog):
    optimizer, model = torch.optim.SGD(network(torch).parameters(), lr=0.1), network(torch)
    attach(optimizer, model=model).detach()
    assert "none of the parameters that are optimized is one of the model's" in said(caplog).pop()
    caplog.clear()
    handle = attach(optimizer, window=30)
    trained(model, optimizer, batches(torch, 70))
    (message,) = said(caplog)
    assert message.startswith(
        "SGD: 30 steps since attach moved no weight that is measured: none of the parameters has a gradient after the last step."
    )
    assert handle.read().skipped == 70
    reason = "too few steps yet (0 of 28); 70 steps were skipped, because their norm is 0: nothing moved"
    assert str(handle.read().verdict().reason).startswith(reason)


@pytest.mark.parametrize(
    ("lr", "scale", "dtype", "why"),
    [(0.1, 0.0, "float32", "every gradient of the last step is 0"), (1e-6, 1.0, "bfloat16", "too small")],
)
def test_steps_that_move_nothing_say_what_was_seen(torch, attach, caplog, lr, scale, dtype, why):
    dtype = getattr(torch, dtype)
    weight = torch.nn.Parameter(torch.ones(30, dtype=dtype))
    optimizer = torch.optim.SGD([weight], lr=lr)
    attach(optimizer, window=25, every=5)
    for _ in range(40):
        weight.grad = scale * torch.ones_like(weight)
        optimizer.step()
    (message,) = said(caplog)
    assert message.startswith("SGD: 25 steps since attach moved no weight that is measured: ")
    assert why in message


@pytest.mark.parametrize("case", ["rate 0", "frozen", "refused", "accumulated", "few"])
def test_healthy_runs_are_not_warned_of(torch, attach, caplog, case):
    model = network(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0 if case == "rate 0" else 0.01, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126, enabled=case == "refused", backoff_factor=0.9)
    handle = attach(optimizer, window=10, every=2)
    model.requires_grad_(case != "frozen")
    for i, x in enumerate(batches(torch, 60)):
        loss = 1e5 * loss_of(model, x)
        if case != "frozen":
            scaler.scale(loss).backward()
        if case != "accumulated" or i % 20 == 19:
            if case == "few" and i < 9:
                optimizer.zero_grad()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        handle.read()
    assert not said(caplog)


@pytest.mark.parametrize("kind", [Combined, Shrinking])
@pytest.mark.parametrize("recording", [{}, {"mode": "sample"}, {"groups": 1, "gradients": True}])
def test_optimizers_of_another_kind(torch, attach, caplog, kind, recording):
    """Of two objects of a class, and of a class and its child, each has a handle of its own; a detached one records nothing."""
    models = [network(torch), network(torch), network(torch)]
    optimizers = [
        (kind if i < 2 else Combined)(*(torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[2])))
        for i, model in enumerate(models)
    ]
    handles = [attach(each, model=model, **recording) for each, model in zip(optimizers, models, strict=True)]
    with pytest.raises(ValueError, match=f"this {kind.__name__} is attached already"):
        attach(optimizers[0], window=50)
    for model, optimizer, handle in zip(models, optimizers, handles, strict=True):
        seen = trained(model, optimizer, batches(torch, 9))
        require_norms(handle, seen.norms())
        require_direction(handle.read(), seen)
        assert handle.read().unknown == f"{type(optimizer).__name__} is not an optimizer that wcdfa can replay"
    handles[0].detach()
    trained(models[0], optimizers[0], batches(torch, 2))
    assert handles[0].read().count == 9
    assert not said(caplog)
    del optimizer, optimizers[1]
    assert not handles[1].attached


@pytest.mark.parametrize("name", ["optimizer", "base_optimizer", "_base_optimizer", "_optimizer"])
def test_a_wrapper_without_groups_gives_the_optimizer_inside(torch, attach, name):
    class Wrapper:
        def __init__(self, inner):
            setattr(self, name, inner)
            self.step_and_schedule = inner.step

    model = network(torch)
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(Wrapper(inner))
    require_norms(handle, trained(model, inner, batches(torch, 4)).norms())


def test_optimizers_of_layers_behind_a_dummy(torch, attach, caplog):
    """As transformers trains with layerwise GaLore: each parameter has an optimizer that steps in the backward pass."""
    model = network(torch)
    layers = {part: torch.optim.AdamW([part], lr=0.01) for part in model.parameters()}

    def step(part):
        layers[part].step()
        layers[part].zero_grad()

    class Dummy(torch.optim.Optimizer):
        def __init__(self):
            self.optimizer_dict = layers
            super().__init__([torch.randn(1, 1)], {"lr": 0.1})

        def step(self, closure=None):
            pass

    for part in layers:
        part.register_post_accumulate_grad_hook(step)
    optimizer = Dummy()
    handle = attach(optimizer, model=model, groups=1)
    seen = trained(model, optimizer, batches(torch, 12))
    require_norms(handle, seen.norms())
    assert handle.read().optimizer == "adamw"
    assert not said(caplog)


def test_what_has_no_step_is_refused(attach):
    with pytest.raises(TypeError, match=r"got Combined, which has no step\(\) and param_groups as they do"):
        attach(Combined())


@pytest.mark.parametrize("options", [{}, {"mode": "sample", "gradients": True}, {"direction": False}], ids=str)
@pytest.mark.parametrize("warm", [0, 3])
def test_a_step_that_is_captured(torch, attach, caplog, monkeypatch, warm, options):
    """Nothing is computed while it is captured, and replays call no hooks: it is said, and steps recorded by hand are right."""
    model = network(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    handle = attach(optimizer, model=model, groups=1, **options)
    given = batches(torch, 12)
    seen = trained(model, optimizer, given[:warm])
    assert not said(caplog)
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_initialized", lambda: True)
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
        optimizer.zero_grad()  # a step that is captured moves nothing
        for _ in range(2):
            optimizer.step()
    (message,) = said(caplog)
    assert message.startswith("a step of Adam is captured in a CUDA graph: a replay calls no hooks, so it is recorded only if")
    assert handle.steps == warm
    hooks = [*optimizer._optimizer_step_pre_hooks.items()], [*optimizer._optimizer_step_post_hooks.items()]
    optimizer._optimizer_step_pre_hooks.clear()
    optimizer._optimizer_step_post_hooks.clear()
    for x in given[warm:]:  # as replays do
        seen = trained(model, optimizer, [x], seen)
        handle.record()
    optimizer._optimizer_step_pre_hooks.update(hooks[0])
    optimizer._optimizer_step_post_hooks.update(hooks[1])
    require_norms(handle, seen.norms())
    assert len(said(caplog)) == 1
