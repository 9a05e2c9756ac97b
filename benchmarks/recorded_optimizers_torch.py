"""How each optimizer of torch, pytorch_optimizer, schedulefree and timm is recorded: right, or with a word why not.

Usage: python benchmarks/recorded_optimizers_torch.py [--only NAME]
A small network, the default settings of each optimizer, and the loop that its documentation shows: with a closure, with two steps, or
with a backward pass that moves the weights. A norm is right if it agrees to 1e-5 with that of full copies in float64 before and after
the step. timm is loaded without torchvision, of which its optimizers need nothing. It needs
``pip install --no-deps pytorch_optimizer schedulefree timm einops``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import inspect
import logging
import sys
import tempfile
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from wcdfa.backends.torch import attach

STEPS, CLOSE = 200, 1e-5
SECOND_ORDER = {"adahessian", "sophiah"}
CLOSURES = {"lbfgs", "bsam"}
NEEDED = {"lr": 1e-3, "num_iterations": STEPS, "num_data": 8}
Model = torch.nn.Module


class Case(NamedTuple):
    """An optimizer, and the loop that is written for it."""

    name: str
    make: Callable[[Model], Any]
    step: Callable[[Model, Any, torch.Tensor], None]
    record: Callable[[Any], Any] = lambda optimizer: optimizer


class Outcome(NamedTuple):
    """What came of a case: right, warned, wrong, or not run."""

    kind: str
    said: str


class Messages(logging.Handler):
    """Collects what the package logs."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def network() -> Model:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(16, 32), torch.nn.Tanh(), torch.nn.Linear(32, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4)
    )


def loss_of(model: Model, x: torch.Tensor) -> torch.Tensor:
    return (model(x) - x[:, :4].sin()).square().mean()


def plain(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss_of(model, x).backward()
    optimizer.step()


def second_order(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss_of(model, x).backward(create_graph=True)
    optimizer.step()


def with_closure(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        return loss

    optimizer.step(closure)


def with_loss(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss = loss_of(model, x)
    loss.backward()
    optimizer.step(lambda: float(loss))


def in_two_steps(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    loss_of(model, x).backward()
    optimizer.first_step(zero_grad=True)
    loss_of(model, x).backward()
    optimizer.second_step(zero_grad=True)


def in_the_backward_pass(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.fused_backward(loss_of(model, x), 1e-3)


def copies(model: Model) -> list[np.ndarray]:
    return [part.detach().double().numpy().copy() for part in model.parameters()]


def norms_of(history: list[tuple[list[np.ndarray], list[np.ndarray]]]) -> np.ndarray:
    return np.array([np.sqrt(sum(np.sum((b - a) ** 2) for a, b in zip(old, new, strict=True))) for old, new in history])


def run(case: Case) -> Outcome:
    """Train 200 steps and compare."""
    heard = Messages()
    logger = logging.getLogger("wcdfa")
    logger.addHandler(heard)
    try:
        model = network()
        optimizer = case.make(model)
        handle = attach(case.record(optimizer), window=STEPS, every=25)
        if hasattr(optimizer, "train"):
            optimizer.train()
        history = []
        for x in torch.randn(STEPS, 8, 16, generator=torch.Generator().manual_seed(1)):
            before = copies(model)
            case.step(model, optimizer, x)
            history.append((before, copies(model)))
        reading = handle.read()
    finally:
        logger.removeHandler(heard)
    return judged(norms_of(history), reading, heard.messages)


def judged(norms: np.ndarray, reading: Any, said: list[str]) -> Outcome:
    real = norms[norms != 0]
    counted = (reading.count, reading.skipped) == (len(real), len(norms) - len(real))
    if counted and np.allclose(reading.norms, real, rtol=CLOSE, atol=0, equal_nan=True):
        return Outcome("right" if len(real) else "right, none moved", said[0] if said else "")
    if said:
        return Outcome("warned", said[0])
    ratio = np.nanmax(np.abs(reading.norms / real - 1)) if len(reading.norms) == len(real) else float("nan")
    return Outcome("wrong", f"recorded {reading.count}, skipped {reading.skipped}; true {len(real)}; off by {ratio:.2g}")


def of_torch() -> Iterator[Case]:
    for name, kind in inspect.getmembers(torch.optim, inspect.isclass):
        if issubclass(kind, torch.optim.Optimizer) and kind not in (torch.optim.Optimizer, torch.optim.SparseAdam):
            yield Case(f"torch {name}", made(kind), with_closure if name == "LBFGS" else plain)


def of_pytorch_optimizer() -> Iterator[Case]:
    import pytorch_optimizer as package

    for name in package.get_supported_optimizers():
        kind = package.load_optimizer(name)
        step = second_order if name in SECOND_ORDER else with_closure if name in CLOSURES else plain
        step = with_loss if name == "alig" else step
        step = in_the_backward_pass if hasattr(kind, "fused_backward") else step
        yield Case(f"pytorch_optimizer {name}", made(kind), step)
    yield from wrappers(package)


def wrappers(package: Any) -> Iterator[Case]:
    """Optimizers that hold another one."""
    for name in ("Lookahead", "OrthoGrad", "ScheduleFreeWrapper", "TRAC"):
        yield Case(f"pytorch_optimizer {name}", lambda model, name=name: getattr(package, name)(adamw(model)), plain)
    yield Case("pytorch_optimizer PCGrad", lambda model: package.PCGrad(adamw(model)), in_parts)
    yield Case("pytorch_optimizer CPUOffloadOptimizer", lambda model: package.CPUOffloadOptimizer(model.parameters()), plain)
    for name in ("SAM", "FriendlySAM", "LookSAM"):
        make = sharpening(getattr(package, name))
        yield Case(f"pytorch_optimizer {name}, first and second step", make, in_two_steps)
        yield Case(f"pytorch_optimizer {name}.base_optimizer", make, in_two_steps, lambda optimizer: optimizer.base_optimizer)
        yield Case(f"pytorch_optimizer {name}, step(closure)", make, sharpened)
    yield Case(
        "pytorch_optimizer WSAM, step(closure)",
        lambda model: package.WSAM(model, model.parameters(), torch.optim.SGD, lr=0.01),
        sharpened,
    )


def sharpening(kind: Any) -> Callable[[Model], Any]:
    return lambda model: kind(model.parameters(), torch.optim.SGD, lr=0.01, momentum=0.9)


def sharpened(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    def closure() -> torch.Tensor:
        loss = loss_of(model, x)
        loss.backward()
        return loss

    loss_of(model, x).backward()
    optimizer.step(closure)
    optimizer.zero_grad()


def in_parts(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    optimizer.pc_backward([loss_of(model, x), model(x).square().mean()])
    optimizer.step()


def of_schedulefree() -> Iterator[Case]:
    import schedulefree as package

    for name, kind in inspect.getmembers(package, inspect.isclass):
        if "Wrapper" in name:
            yield Case(
                f"schedulefree {name}",
                lambda model, kind=kind: kind(torch.optim.SGD(model.parameters(), lr=0.01), momentum=0.9),
                plain,
            )
        elif "Closure" in name:
            yield Case(f"schedulefree {name}", made(kind), with_closure)
        else:
            yield Case(f"schedulefree {name}", made(kind), swapped)


def swapped(model: Model, optimizer: Any, x: torch.Tensor) -> None:
    """The weights are swapped for their average and back before each step, as an evaluation does."""
    optimizer.eval()
    optimizer.train()
    plain(model, optimizer, x)


def of_timm() -> Iterator[Case]:
    optim = timm_optim()
    for name in optim.list_optimizers():
        step = second_order if name in SECOND_ORDER else plain
        yield Case(f"timm {name}", lambda model, name=name: optim.create_optimizer_v2(model, name, lr=1e-3), step)
    for name in ("adamw", "sgd"):
        yield Case(
            f"timm lookahead_{name}", lambda model, name=name: optim.create_optimizer_v2(model, f"lookahead_{name}", lr=1e-3), plain
        )


def timm_optim() -> Any:
    """`timm.optim`, without the models, which need a torchvision that fits torch."""
    spec = importlib.util.find_spec("timm")
    if spec is None:
        msg = "timm is not installed"
        raise ImportError(msg)
    package, models = types.ModuleType("timm"), types.ModuleType("timm.models")
    package.__path__ = list(spec.submodule_search_locations or ())
    models.group_parameters = None  # type: ignore[attr-defined]  # for layer decay, which is not asked for
    sys.modules.update({"timm": package, "timm.models": models})
    return importlib.import_module("timm.optim")


def adamw(model: Model) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters())


def made(kind: Any) -> Callable[[Model], Any]:
    """Made of what it needs beside its default settings: those of matrices get no others, or a group of their own."""

    def make(model: Model) -> Any:
        needed = inspect.signature(kind).parameters
        given = {
            name: value for name, value in NEEDED.items() if name in needed and needed[name].default is inspect.Parameter.empty
        }
        return kind(model if next(iter(needed)) == "model" else parts_for(kind, model), **given)

    return make


def parts_for(kind: Any, model: Model) -> Any:
    matrices = [part for part in model.parameters() if part.ndim == 2]
    others = [part for part in model.parameters() if part.ndim != 2]
    if kind in (getattr(torch.optim, "Muon", None),) or kind.__name__ == "SpectralSphere":
        return matrices
    if "Muon" in kind.__name__ or kind.__name__ == "AdaGO":
        return [{"params": matrices, "use_muon": True}, {"params": others, "use_muon": False}]
    return model.parameters()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cases whose names contain this")
    only = parser.parse_args().only
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        torch.distributed.init_process_group("gloo", init_method=Path(folder, "store").as_uri(), rank=0, world_size=1)
        try:
            tell(only)
        finally:
            torch.distributed.destroy_process_group()


def tell(only: str) -> None:
    counts: Counter[str] = Counter()
    for package, cases in {
        "torch": of_torch,
        "pytorch_optimizer": of_pytorch_optimizer,
        "schedulefree": of_schedulefree,
        "timm": of_timm,
    }.items():
        print(f"{package} {metadata.version(package)}")
        with contextlib.redirect_stdout(sys.stderr):  # some print as they train
            found = {case.name: outcome_of(case) for case in cases() if only in case.name}
        for name, outcome in found.items():
            counts[outcome.kind] += 1
            if outcome.kind != "right" or outcome.said:
                print(f"  {name.partition(' ')[2]:<28} {outcome.kind:<8} {outcome.said}")
        print(f"  right without a word: {sum(outcome == ('right', '') for outcome in found.values())} of {len(found)}\n")
    print(", ".join(f"{kind}: {count}" for kind, count in counts.most_common()))
    if counts["wrong"]:
        sys.exit("norms are wrong and nothing was said")


def outcome_of(case: Case) -> Outcome:
    try:
        return run(case)
    except Exception as error:  # noqa: BLE001 - an optimizer that does not run here is listed
        return Outcome("not run", f"{type(error).__name__}: {error}".partition("\n")[0][:160])


if __name__ == "__main__":
    main()
