"""How each fault gets into a running training: functions that take the loop and change what torch would have been told otherwise."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import tasks
from .loop import Loop

Injection = Callable[[Loop], None]
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ACTIVATIONS = (nn.ReLU, nn.GELU)


def attribute(**values: object) -> Injection:
    """Other attributes of the loop."""

    def inject(loop: Loop) -> None:
        for name, value in values.items():
            setattr(loop, name, value)

    return inject


def batches(**values: object) -> Injection:
    """Other attributes of the sampler, from a new epoch on."""

    def inject(loop: Loop) -> None:
        for name, value in values.items():
            setattr(loop.batches, name, value)
        loop.batches.restart()

    return inject


def batch_size(factor: float) -> Injection:
    return lambda loop: setattr(loop.batches, "size", round(loop.batches.size * factor))


def repeated(times: int) -> Injection:
    return lambda loop: setattr(loop.batches, "repeats", times)


def share_of_data(share: float) -> Injection:
    return lambda loop: batches(samples=round(share * loop.batches.samples))(loop)


def sorted_by_label(loop: Loop) -> None:
    batches(sort_by=loop.task.targets.numpy())(loop)


def hyperparameter(name: str, value: float | None = None, factor: float = 1.0) -> Injection:
    """Another value in each group of parameters that has one of this name."""

    def inject(loop: Loop) -> None:
        for group in loop.groups:
            if name in group:
                group[name] = group[name] * factor if value is None else value

    return inject


def beta(index: int, value: float) -> Injection:
    """Another β₁ (index 0) or β₂ (index 1)."""

    def inject(loop: Loop) -> None:
        for group in loop.groups:
            if "betas" in group:
                group["betas"] = tuple(value if each == index else old for each, old in enumerate(group["betas"]))

    return inject


def momentum(value: float) -> Injection:
    """Another momentum of SGD or Muon, and β₁ of AdamW."""

    def inject(loop: Loop) -> None:
        hyperparameter("momentum", value)(loop)
        if all("momentum" not in group for group in loop.groups):
            beta(0, value)(loop)

    return inject


def decay_everywhere(loop: Loop) -> None:
    """The weight decay of the matrices on norms and biases too."""
    largest = max(group["weight_decay"] for group in loop.groups)
    hyperparameter("weight_decay", largest)(loop)


def ramp(loop: Loop) -> None:
    """The learning rate rises by a thousandth at each step."""
    loop.schedulers += [torch.optim.lr_scheduler.ExponentialLR(each, 1.001) for each in loop.optimizers]


def scheduled_twice(loop: Loop) -> None:
    loop.schedulers = loop.schedulers * 2


def times_gradient(factor: float) -> Injection:
    def scale(loop: Loop) -> None:
        for each in loop.parameters.values():
            if each.grad is not None:
                each.grad.mul_(factor)

    return lambda loop: loop.gradients.append(scale)


def clipped_at(share: float) -> Injection:
    """At a share of the median gradient norm of the last steps."""
    return lambda loop: setattr(loop, "clip", share * float(np.median(loop.recent)))


def frozen(layer: str) -> Injection:
    def inject(loop: Loop) -> None:
        loop.model.get_submodule(layer).requires_grad_(False)

    return inject


def evaluating(*kinds: type[nn.Module]) -> Injection:
    """Layers of these kinds behave as they do in evaluation."""

    def inject(loop: Loop) -> None:
        for module in loop.model.modules():
            if isinstance(module, kinds):
                module.eval()

    return inject


def dropout(share: float) -> Injection:
    """Dropout after each activation."""

    def inject(loop: Loop) -> None:
        for module in loop.model.modules():
            if isinstance(module, ACTIVATIONS):
                module.register_forward_hook(lambda module, _, output: functional.dropout(output, share, module.training))

    return inject


def label_noise(share: float) -> Injection:
    return lambda loop: setattr(loop, "task", tasks.with_wrong_labels(loop.task, seed=1000, share=share))


def other_data(loop: Loop) -> None:
    """Permuted pixels, or other text in place of the text."""
    task = loop.task
    if not task.inputs.is_floating_point():
        inputs, targets = tasks.other_text(len(task.targets))
        loop.task = replace(task, inputs=inputs, targets=targets)
        return
    pixels = torch.from_numpy(np.random.default_rng(7).permutation(task.inputs[0].numel()))
    loop.task = replace(task, inputs=task.inputs.flatten(1)[:, pixels].reshape(task.inputs.shape))


def no_noise(loop: Loop) -> None:
    loop.task = replace(loop.task, noise=0.0)


def inputs(function: Callable[[torch.Tensor], torch.Tensor]) -> Injection:
    return attribute(transform=function)


def reset_every(steps: int) -> Injection:
    """The state of the optimizer is lost every so many steps."""

    def reset(loop: Loop) -> None:
        if loop.steps % steps == 0:
            for optimizer in loop.optimizers:
                optimizer.state.clear()

    return lambda loop: loop.before.append(reset)


def stale(steps: int) -> Injection:
    """Gradients are those of the weights that many steps ago: a pass before the step puts these in, one after it takes them out."""

    def inject(loop: Loop) -> None:
        kept: deque[list[torch.Tensor]] = deque(maxlen=steps + 1)
        now: list[torch.Tensor] = []

        def into_the_past(loop: Loop) -> None:
            now[:] = [each.detach().clone() for each in loop.parameters.values()]
            kept.append(list(now))
            put(loop, kept[0])

        loop.before.append(into_the_past)
        loop.gradients.append(lambda loop: put(loop, now))

    return inject


@torch.no_grad()
def put(loop: Loop, weights: list[torch.Tensor]) -> None:
    """Give the model these weights."""
    for parameter, value in zip(loop.parameters.values(), weights, strict=True):
        parameter.copy_(value)


def rounded_weights(kind: torch.dtype) -> Injection:
    """The weights are kept in half precision between steps, the state of the optimizer is not."""

    @torch.no_grad()
    def rounding(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.copy_(parameter.to(kind))

    def inject(loop: Loop) -> None:
        for optimizer in loop.optimizers:
            optimizer.register_step_post_hook(rounding)

    return inject


def whole_model(kind: torch.dtype) -> Injection:
    """Weights, gradients and the state of the optimizer in half precision."""

    def inject(loop: Loop) -> None:
        loop.model.to(kind)
        loop.average.to(kind)
        for optimizer in loop.optimizers:
            optimizer.load_state_dict(optimizer.state_dict())  # which gives the state the type of the weights

    return inject


def averaged(every: int | None = None) -> Injection:
    """The moving average of the weights takes their place, once or every so many steps."""

    def swap(loop: Loop) -> None:
        put(loop, [each.detach() for each in loop.average.module.parameters()])

    def now_and_then(loop: Loop) -> None:
        if loop.steps % every == 0:
            swap(loop)

    return swap if every is None else lambda loop: loop.before.append(now_and_then)


def lost_gradients(loop: Loop) -> None:
    """The scale of the loss is stuck so low that half of the gradient's numbers are less than float16 holds."""
    scale: list[float] = []

    def underflow(loop: Loop) -> None:
        gradients = [each.grad for each in loop.parameters.values() if each.grad is not None]
        if not scale:
            sizes = torch.cat([each.flatten() for each in gradients]).abs()
            scale.append(float(torch.finfo(torch.float16).smallest_normal / 2**10 / 2 / sizes.median().clamp(min=1e-12)))
        for each in gradients:
            each.copy_((each * scale[0]).half().float() / scale[0])

    loop.gradients.append(underflow)
