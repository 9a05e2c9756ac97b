"""``wcdfa demo``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wcdfa.analysis import Settings, analyze
from wcdfa.commands.printing import report
from wcdfa.demo import BETAS, DECAY, RATE, accuracy, train
from wcdfa.findings import describe
from wcdfa.monitor import WeightChangeDFA
from wcdfa.plotting import save
from wcdfa.plotting.runs import plot_analysis
from wcdfa.readers import RecordedSeries

FULL, QUICK = 5000, 2000  # optimizer steps


def demo(*, quick: bool = False, output: Path = Path("wcdfa-demo.png"), seed: int = 0) -> None:
    """Train a small network here and now, with NumPy alone, and watch α.

    The network learns addition modulo 59 from half of all sums, with AdamW. It memorises them first and then, under weight decay,
    finds the rule: the accuracy on all sums passes from one half to one. Each window's α is set against what AdamW alone would give.

    Parameters
    ----------
    quick
        2,000 steps instead of 5,000: a few seconds.
    output
        Where the picture goes.
    seed
        Of the initial weights, the split and the batches.
    """
    console = Console()
    norms, monitor = _watch_training(QUICK if quick else FULL, seed, console)
    optimizer: dict[str, Any] = {"betas": BETAS, "weight_decay": DECAY}
    series = RecordedSeries(Path("demo"), "", "norms", norms, None, None, None, 0, ())
    settings = Settings(window=monitor.window, optimizer="adamw", lr=RATE, hyperparameters=optimizer)
    analysis = analyze(series, settings)
    console.print(f"α of ‖ΔW‖, {len(norms):,} steps of {describe('adamw', optimizer)} on addition modulo 59", highlight=False)
    report(analysis, console)
    path = save(plot_analysis(analysis, title="wcdfa demo: addition modulo 59 with AdamW"), output)
    console.print(f"picture: {path}", soft_wrap=True, markup=False, highlight=False)


def _watch_training(steps: int, seed: int, console: Console) -> tuple[Any, WeightChangeDFA]:
    monitor = WeightChangeDFA()
    norms: list[float] = []
    columns = [
        TextColumn("step {task.completed:>5,.0f}"),
        BarColumn(bar_width=24),
        TextColumn(
            "loss {task.fields[loss]:.4f}  right {task.fields[right]:4.0%}  ‖ΔW‖ {task.fields[norm]:.4f}  α {task.fields[alpha]}"
        ),
        TimeRemainingColumn(compact=True),
    ]
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps, loss=math.nan, right=0.0, norm=math.nan, alpha="–")
        right = 0.0
        for number, step in enumerate(train(steps, seed=seed)):
            monitor.update(step.parameters)
            if monitor.n_samples:
                norms.append(monitor.get_signal()[-1])
            if number % 100 == 0:
                right = accuracy(step.parameters)
            alpha = "–" if monitor.alpha is None else f"{monitor.alpha:.2f}"
            progress.update(task, completed=number, loss=step.loss, right=right, norm=norms[-1] if norms else math.nan, alpha=alpha)
    console.print(f"loss {step.loss:.4f}, right on {right:.1%} of all sums, half of which it has never seen")
    return np.array(norms), monitor
