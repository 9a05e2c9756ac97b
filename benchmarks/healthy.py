"""False alarms of the diagnosis on healthy trainings of many settings, with other seeds than its bands were made with.

    python benchmarks/healthy.py [--seeds 3] [--first-seed 100] [--steps 1500]

Networks of several kinds learn scikit-learn's digits, without augmentation, so that some of them come to know all examples by heart; batches
from 8 to the whole set, learning rates over a factor of 30, many optimizers. Small networks learn what people first try: a straight line, a
sine, two moons. Each run is recorded with `wcdfa.backends.torch.attach` and
diagnosed as a user would: windows against the optimizer that was recognised, and the second half against the first.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from fault_runs.diagnosing import by_window
from sklearn.datasets import load_digits, make_moons
from torch import nn, optim

from wcdfa import Reading
from wcdfa.backends.torch import attach
from wcdfa.verdicts.diagnosis import deviating

Make = Callable[[Iterator[nn.Parameter]], optim.Optimizer]
Data = tuple[torch.Tensor, torch.Tensor]


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def normed() -> nn.Module:
    hidden = (nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(96, 10))


def dropped() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))


def convolving() -> nn.Module:
    layers = (nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten())
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *layers, nn.Linear(256, 10))


def of_sine() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))


def wide_of_sine() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1))


def of_moons() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))


def digits() -> Data:
    held = load_digits()
    return torch.tensor(held.data / 16, dtype=torch.float32), torch.tensor(held.target)


def line() -> Data:
    inputs = torch.randn(4000, 6)
    return inputs, inputs.sum(1, keepdim=True) + 0.1 * torch.randn(4000, 1)


def sine() -> Data:
    inputs = torch.randn(4000, 6)
    return inputs, inputs[:, :1].sin() + 0.1 * torch.randn(4000, 1)


def moons() -> Data:
    inputs, targets = make_moons(4000, noise=0.15, random_state=0)
    return torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets)


def sgd(lr: float, momentum: float = 0.9, **options: float | bool) -> Make:
    return lambda parameters: optim.SGD(parameters, lr=lr, momentum=momentum, **options)


def adam(lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> Make:
    return lambda parameters: optim.Adam(parameters, lr=lr, betas=betas)


def adamw(lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> Make:
    return lambda parameters: optim.AdamW(parameters, lr=lr, betas=betas)


def warm_up_and_cosine(optimizer: optim.Optimizer, steps: int) -> optim.lr_scheduler.LRScheduler:
    warm = optim.lr_scheduler.LinearLR(optimizer, 0.01, 1, 100)
    return optim.lr_scheduler.SequentialLR(optimizer, [warm, optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - 100)], [100])


SETTINGS: dict[str, tuple[Callable[[], nn.Module], Make, dict[str, object]]] = {
    **{f"SGD .9, lr {lr}": (plain, sgd(lr), {}) for lr in (0.003, 0.01, 0.03, 0.1)},
    **{f"SGD .9, batch {batch}": (plain, sgd(0.03), {"batch": batch}) for batch in (8, 200, 1797)},
    **{f"SGD, lr {lr}": (plain, sgd(lr, 0.0), {}) for lr in (0.03, 0.1, 0.5)},
    "SGD .9, weight decay": (plain, sgd(0.03, weight_decay=5e-3), {}),
    "SGD .9, small, batch 32": (small, sgd(0.05), {"batch": 32}),
    "the same, clipped": (small, sgd(0.05), {"batch": 32, "clip": 1.0}),
    "the same, Nesterov": (small, sgd(0.05, nesterov=True), {"batch": 32}),
    "SGD .99": (plain, sgd(0.003, 0.99), {}),
    "SGD Nesterov": (plain, sgd(0.03, nesterov=True), {}),
    **{f"Adam, lr {lr}": (plain, adam(lr), {}) for lr in (3e-4, 1e-3, 3e-3, 1e-2)},
    **{f"Adam, batch {batch}": (plain, adam(1e-3), {"batch": batch}) for batch in (8, 200, 1797)},
    "Adam (.8, .999)": (plain, adam(1e-3, (0.8, 0.999)), {}),
    "AdamW (.9, .95)": (plain, adamw(1e-3, (0.9, 0.95)), {}),
    "AdamW, batch norm": (normed, adamw(1e-3), {}),
    "SGD .9, batch norm": (normed, sgd(0.03), {}),
    "AdamW, dropout": (dropped, adamw(1e-3), {}),
    "AdamW, convolutions": (convolving, adamw(3e-3), {}),
    "SGD .9, convolutions": (convolving, sgd(0.03), {}),
    "AdamW, warm-up and cosine": (plain, adamw(1e-3), {"schedule": warm_up_and_cosine}),
    "SGD .9, clipped": (plain, sgd(0.03), {"clip": 0.5}),
    "AdamW, clipped": (plain, adamw(1e-3), {"clip": 0.5}),
    "RMSprop": (plain, lambda parameters: optim.RMSprop(parameters, lr=1e-3), {}),
    "NAdam": (plain, lambda parameters: optim.NAdam(parameters, lr=1e-3), {}),
    **{f"a line, SGD .9, lr {lr}": (lambda: nn.Linear(6, 1), sgd(lr), {"batch": 16, "data": line}) for lr in (0.01, 0.05)},
    **{f"a sine, SGD .9, lr {lr}": (of_sine, sgd(lr), {"batch": 16, "data": sine}) for lr in (0.01, 0.05)},
    **{f"a sine, AdamW, lr {lr}": (of_sine, adamw(lr), {"batch": 16, "data": sine}) for lr in (1e-3, 1e-2)},
    "a sine, wide, AdamW": (wide_of_sine, adamw(3e-3), {"batch": 16, "data": sine}),
    "two moons, SGD .9": (of_moons, sgd(0.05), {"batch": 16, "data": moons}),
    "two moons, AdamW": (of_moons, adamw(3e-3), {"batch": 16, "data": moons}),
}


def trained(
    seed: int,
    make: Callable[[], nn.Module],
    optimizer_of: Make,
    steps: int,
    *,
    batch: int = 50,
    clip: float | None = None,
    schedule: Callable[[optim.Optimizer, int], optim.lr_scheduler.LRScheduler] | None = None,
    data: Callable[[], Data] = digits,
) -> Reading:
    """One training, as it was recorded."""
    torch.manual_seed(seed)
    inputs, targets = data()
    loss = nn.functional.mse_loss if targets.is_floating_point() else nn.functional.cross_entropy
    net = make()
    optimizer = optimizer_of(net.parameters())
    handle = attach(optimizer, window=steps, gradients=True, groups=1, model=net)
    scheduler = None if schedule is None else schedule(optimizer, steps)
    batches: list[torch.Tensor] = []
    for _ in range(steps):
        batches = batches or list(torch.randperm(len(inputs)).split(batch))
        chosen = batches.pop()
        optimizer.zero_grad()
        loss(net(inputs[chosen]), targets[chosen]).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return handle.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=100, help="the bands were made with seeds 0 to 2")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    windows = wrong = runs = changed = 0
    print(f"{'healthy training':28}{'windows':>9}{'deviate':>9}{'runs':>6}{'changed':>9}  what was found")
    for name, (make, optimizer, extra) in SETTINGS.items():
        found: Counter[str] = Counter()
        counts = [0, 0, 0, 0]
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            diagnosis = trained(seed, make, optimizer, options.steps, **extra).diagnosis()  # type: ignore[arg-type]
            judged = [deviating(checks, diagnosis.alarms) for checks in by_window(diagnosis)]
            counts = [a + b for a, b in zip(counts, (len(judged), sum(map(bool, judged)), 1, bool(diagnosis.changes)), strict=True)]
            found.update(check.statistic for checks in judged for check in checks)
            found.update(f"{change.statistic} ({change.group})" for change in diagnosis.changes)
        print(f"{name:28}{counts[0]:>9}{counts[1]:>9}{counts[2]:>6}{counts[3]:>9}  {', '.join(found)}", flush=True)
        windows, wrong, runs, changed = windows + counts[0], wrong + counts[1], runs + counts[2], changed + counts[3]
    for what, some, of in (("windows that deviate", wrong, windows), ("runs with a change", changed, runs)):
        share = some / of
        print(f"{what}: {some} of {of}, {100 * share:.1f} ± {100 * (share * (1 - share) / of) ** 0.5:.1f} % (bar: 7 %)")


if __name__ == "__main__":
    main()
