"""`attach`: every step of any optimizer is recorded, once, as the parameters are stored, and nothing takes training down."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest

from tests.helpers.torch_runs import Seen, batches, loss_of, network, require_norms, trained

CLOSE = 1e-6


OPTIMIZERS = [
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "foreach": True}),
    ("Adam", {"lr": 0.01, "fused": True}),
    ("AdamW", {"lr": 0.01, "foreach": False}),
    ("AdamW", {"lr": 1e-6}),
    ("RMSprop", {"lr": 0.01}),
    ("Adagrad", {"lr": 0.01}),
    ("Rprop", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_norms_are_those_of_the_parameters(torch, attach, name, options, dtype):
    dtype = getattr(torch, dtype)
    model = network(torch, dtype)
    optimizer = getattr(torch.optim, name)(model.named_parameters(), **options)
    handle = attach(optimizer, groups={"first": "^0/", "last": "^2/"}, window=25, every=7)
    seen = trained(model, optimizer, batches(torch, 30, dtype))
    require_norms(handle, seen.norms())
    real = seen.norms() != 0
    np.testing.assert_allclose(handle.read().groups["first"], seen.norms([0, 1])[real][-25:], rtol=CLOSE)
    np.testing.assert_allclose(handle.read().groups["last"], seen.norms([2, 3])[real][-25:], rtol=CLOSE)
    if real.any():  # 1e-6 is too little for bfloat16
        np.testing.assert_allclose(handle.read().lr, options["lr"], rtol=1e-6)


def test_it_trains_as_without(torch, attach):
    models = [network(torch) for _ in range(2)]
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.01) for model in models]
    attach(optimizers[0])
    for model, optimizer in zip(models, optimizers, strict=True):
        trained(model, optimizer, batches(torch, 20))
    for a, b in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(a, b)


def test_optimizers_of_ones_own(torch, attach):
    """One that takes signs, and one without a schedule: it trains a point between its average and its iterate, and evaluates the
    average, which it puts in place for as long."""

    class Signs(torch.optim.Optimizer):
        def step(self, closure=None):
            for part in self.param_groups[0]["params"]:
                part.data.add_(part.grad.sign(), alpha=-0.01)

    class ScheduleFree(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.1})
            self.count = 0

        def evaluate(self, averaged):
            for part in self.param_groups[0]["params"]:
                own = self.state[part]
                if own:
                    part.data.copy_(own["average"] if averaged else 0.9 * own["average"] + 0.1 * own["iterate"])

        def step(self, closure=None):
            self.count += 1
            for part in self.param_groups[0]["params"]:
                own = self.state[part] or {"iterate": part.data.clone(), "average": part.data.clone()}
                own["iterate"].add_(part.grad, alpha=-0.1)
                own["average"].lerp_(own["iterate"], 1 / self.count)
                self.state[part] = own
            self.evaluate(False)

    for make in (lambda parameters: Signs(parameters, {}), ScheduleFree):
        model = network(torch)
        optimizer = make(model.parameters())
        handle, seen = attach(optimizer), Seen(model.parameters())
        for _ in range(3):
            trained(model, optimizer, batches(torch, 4), seen)
            if isinstance(optimizer, ScheduleFree):
                optimizer.evaluate(True)
                optimizer.evaluate(False)
        require_norms(handle, seen.norms(), rtol=1e-5)
        assert handle.read().optimizer is None


def test_gradient_accumulation_and_closures(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle, seen = attach(optimizer), Seen(model.parameters())
    for i, x in enumerate(batches(torch, 21)):
        loss_of(model, x).backward()
        if i % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
            seen.look()
    require_norms(handle, seen.norms())
    assert handle.read().count == 7
    model = network(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    handle, seen = attach(optimizer), Seen(model.parameters())
    for x in batches(torch, 5):

        def closure(x=x):
            optimizer.zero_grad()
            loss = loss_of(model, x)
            loss.backward()
            return loss

        optimizer.step(closure)
        seen.look()
    require_norms(handle, seen.norms())
    assert handle.read().optimizer is None


@pytest.mark.parametrize("fused", [False, True])
def test_a_grad_scaler_that_refuses_steps(torch, attach, fused):
    model = network(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    handle, seen = attach(optimizer), Seen(model.parameters())
    for x in batches(torch, 20):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = 1000 * loss_of(model, x)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        seen.look()
    norms = seen.norms()
    refused = int(np.sum(norms == 0))
    assert 0 < refused < 20
    np.testing.assert_allclose(handle.read().norms, norms[norms != 0], rtol=CLOSE)
    assert handle.read().skipped == (refused if fused else 0)  # which calls step, and changes nothing


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")  # torch's own, as it compiles
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_steps(torch, attach, backend):
    model = network(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    handle, seen = attach(optimizer), Seen(model.parameters())
    compiled = torch.compile(model, backend=backend)
    step = torch.compile(lambda: optimizer.step(), backend=backend)
    for x in batches(torch, 6):
        optimizer.zero_grad()
        loss_of(compiled, x).backward()
        step()
        seen.look()
    require_norms(handle, seen.norms())


def test_several_optimizers_together_and_apart(torch, attach):
    for together in (True, False):
        model = network(torch)
        optimizers = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[2])]
        handles = [attach(*optimizers)] if together else [attach(optimizer) for optimizer in optimizers]
        seen = Seen(model.parameters())
        for x in batches(torch, 9):
            model.zero_grad()
            loss_of(model, x).backward()
            for optimizer in optimizers:
                optimizer.step()
            seen.look()
        for handle, places in zip(handles, [None] if together else [[0, 1], [2, 3]], strict=True):
            require_norms(handle, seen.norms(places))
            assert handle.read().optimizer == "sgd"


def test_one_of_several_steps_more_often(torch, attach):
    """A round ends before an optimizer steps again: no norm is of two of its steps."""
    model = network(torch)
    often, rarely = (torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[2]))
    handle, seen = attach(often, rarely), Seen(model.parameters())
    for i, x in enumerate(batches(torch, 9)):
        model.zero_grad()
        loss_of(model, x).backward()
        often.step()
        if i % 3 == 2:
            rarely.step()
        seen.look()
    require_norms(handle, seen.norms())


def test_an_optimizer_for_each_parameter_in_the_backward_pass(torch, attach):
    model = network(torch)
    unused = torch.nn.Parameter(torch.zeros(3))
    optimizers = {part: torch.optim.SGD([part], lr=0.1) for part in [*model.parameters(), unused]}

    def step(part):
        optimizers[part].step()
        optimizers[part].zero_grad()

    for part in optimizers:
        part.register_post_accumulate_grad_hook(step)
    handle, seen = attach(*optimizers.values()), Seen(model.parameters())
    for x in batches(torch, 9):
        loss_of(model, x).backward()
        seen.look()
    handle.record()  # the last round: one of the optimizers never steps
    require_norms(handle, seen.norms())


def test_tied_frozen_and_unused_parameters(torch, attach):
    model = network(torch)
    model.tied = torch.nn.Linear(6, 12)
    model.tied.weight = model[0].weight
    model.unused = torch.nn.Parameter(torch.ones(4))
    model[2].bias.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, groups=1, model=model)

    def forward(x):
        return model[2](torch.tanh(model[0](x)))

    seen = Seen([model[0].weight, model[0].bias, model[2].weight])
    for x in batches(torch, 8):
        optimizer.zero_grad()
        forward(x).square().mean().backward()
        optimizer.step()
        seen.look()
    require_norms(handle, seen.norms())
    assert set(handle.read().groups) == {"0", "2", "tied", "unused"}
    assert handle.read().groups["unused"].tolist() == [0] * 8


def test_parameters_that_come_and_go(torch, attach):
    """Measured from where they were before their first step; those of another kind start over, and no norm is wrong."""
    model = network(torch)
    late = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle, seen = attach(optimizer), Seen([*model.parameters(), *late.parameters()])

    def steps(count):
        for x in batches(torch, count, seed=len(seen.history)):
            optimizer.zero_grad()
            late.zero_grad()
            (late(model(x))[:, 0] - 1).square().mean().backward()
            optimizer.step()
            seen.look()

    steps(4)
    optimizer.add_param_group({"params": late.parameters(), "lr": 0.01})
    steps(4)
    del optimizer.param_groups[0]
    steps(4)
    require_norms(handle, seen.norms())


def test_parameters_resized_moved_or_of_another_type(torch, attach):
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    handle, expected = attach(optimizer), []
    for change in (None, "wider", "half", None):
        if change == "wider":
            weight.grad, weight.data = None, torch.ones(9)
        if change == "half":
            weight.grad, weight.data = None, torch.full((9,), 2.0, dtype=torch.float16)
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        expected.append(0.5 * math.sqrt(weight.numel()))
    np.testing.assert_allclose(handle.read().norms, expected, rtol=1e-6)


def test_a_step_that_resizes_is_a_gap(torch, attach):
    class Growing(torch.optim.Optimizer):
        def step(self, closure=None):
            part = self.param_groups[0]["params"][0]
            part.data = torch.ones(len(part) + 1)

    optimizer = Growing([torch.nn.Parameter(torch.ones(4))], {})
    handle = attach(optimizer)
    for _ in range(3):
        optimizer.step()
    assert np.isnan(handle.read().norms).tolist() == [True, True, True]


def test_the_outermost_step_counts_and_the_outermost_optimizer(torch, attach):
    """A subclass that calls the step of its parent, on which torch has hooks too; and an optimizer that holds another."""

    class Decayed(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            for part in self.param_groups[0]["params"]:
                part.data.mul_(0.9)

    class Lookahead(torch.optim.Optimizer):
        def __init__(self, inner):
            self.optimizer = inner
            super().__init__(inner.param_groups, {"lr": 0.1})
            self.slow, self.count = [part.detach().clone() for part in inner.param_groups[0]["params"]], 0

        def step(self, closure=None):
            self.optimizer.step()
            self.count += 1
            if self.count % 2 == 0:
                for slow, part in zip(self.slow, self.param_groups[0]["params"], strict=True):
                    part.data.copy_(slow.lerp_(part.data, 0.5))

    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)  # now torch has hooks on the step of the parent
    for make in (lambda own: Decayed(own, lr=0.1), lambda own: Lookahead(torch.optim.SGD(own, lr=0.1))):
        model = network(torch)
        optimizer = make(model.parameters())
        handle = attach(optimizer)
        require_norms(handle, trained(model, optimizer, batches(torch, 6)).norms())
        assert handle.read().optimizer is None


def test_a_model_may_be_converted(torch, attach):
    """By swapping what is in the parameters, which torch does with FSDP2 and may do with any; references would forbid it."""
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer)
    seen = trained(model, optimizer, batches(torch, 3))
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        model.to(torch.float64)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)
    more = trained(model, optimizer, batches(torch, 3, torch.float64))
    require_norms(handle, np.concatenate([seen.norms(), more.norms()]))


def test_a_step_that_raises_is_forgotten(torch, attach):
    """torch calls no hook at its end: of an optimizer of torch, of one that calls its parent, and of one that does not."""

    class Fails(torch.optim.SGD):
        fail, calls_parent = False, True

        def step(self, closure=None):
            if self.calls_parent:
                super().step(closure)
            else:
                for part in self.param_groups[0]["params"]:
                    part.data.add_(part.grad, alpha=-0.1)
            if self.fail:
                raise RuntimeError("out of memory")

    class Replaces(Fails):
        calls_parent = False

        def step(self, closure=None):
            super().step(closure)

    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)  # now torch has hooks on the step of the parent
    for kind in (Fails, Replaces):
        model = network(torch)
        optimizer = kind(model.parameters(), lr=0.1)
        handle, seen = attach(optimizer), Seen(model.parameters())
        trained(model, optimizer, batches(torch, 3), seen)
        optimizer.fail = True
        with pytest.raises(RuntimeError, match="out of memory"):
            optimizer.step()
        optimizer.fail = False
        handle.rebase()
        seen.look()
        trained(model, optimizer, batches(torch, 3, seed=2), seen)
        require_norms(handle, np.delete(seen.norms(), 3))
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle, seen = attach(optimizer), Seen(model.parameters())

    def out_of_memory():
        raise RuntimeError("out of memory")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            optimizer.step(out_of_memory)
    require_norms(handle, trained(model, optimizer, batches(torch, 3), seen).norms())


@pytest.mark.parametrize("calls_parent", [True, False])
def test_steps_after_one_that_raised_are_recorded_though_nobody_tells_the_handle(torch, attach, calls_parent):
    class Fails(torch.optim.SGD):
        fail = False

        def step(self, closure=None):
            if calls_parent:
                super().step(closure)
            if self.fail:
                raise RuntimeError("out of memory")
            if not calls_parent:
                for part in self.param_groups[0]["params"]:
                    part.data.add_(part.grad, alpha=-0.1)

    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)  # now torch has hooks on the step of the parent
    weight = torch.nn.Parameter(torch.zeros(4))
    weight.grad = torch.ones(4)
    optimizer = Fails([weight], lr=0.1)
    handle = attach(optimizer, window=50)
    for optimizer.fail in [False] * 3 + [True] + [False] * 20:
        with contextlib.suppress(RuntimeError):
            optimizer.step()
    np.testing.assert_allclose(handle.read().norms, [0.2] * 3 + [0.4 if calls_parent else 0.2] + [0.2] * 19, rtol=1e-5)
