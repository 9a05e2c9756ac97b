"""``wcdfa demo``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wcdfa.analysis.series import Settings, analyze
from wcdfa.cli.demo_training import BETAS, DECAY, RATE, accuracy, train
from wcdfa.cli.door import door
from wcdfa.cli.printing import print_analysis, written
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.plotting import place as picture_place
from wcdfa.plotting import save
from wcdfa.plotting.runs import plot_analysis
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.groups import ALL
from wcdfa.report import place as report_place
from wcdfa.report import section_of, write

FULL, QUICK = 5000, 2000  # optimizer steps
TITLE = "wcdfa demo: addition modulo 59 with AdamW"


def demo(
    *,
    quick: bool = False,
    output: Path = Path("wcdfa-demo.png"),
    report: Annotated[Path | None, Parameter(negative="")] = None,
    seed: int = 0,
) -> None:
    """Train a small network with NumPy alone, and watch α.

    The network learns addition modulo 59 from half of all sums, with AdamW. It memorises them first and then, under weight decay,
    finds the rule: the accuracy on all sums rises from one half to one. α of each window is compared with that of AdamW alone.

    Parameters
    ----------
    quick
        2,000 steps instead of 5,000: a few seconds.
    output
        Write the picture to this file.
    report
        Also write a page for a browser to this file, as ``wcdfa report`` does.
    seed
        Seed of the initial weights, the split and the batches.
    """
    console = Console()
    with door():  # what cannot be written fails before the training
        picture_place(output)
        if report is not None:
            report_place(report)
    monitor, norms, losses = _watch_training(QUICK if quick else FULL, seed, console)
    optimizer: dict[str, object] = {"betas": BETAS, "weight_decay": DECAY}
    series = {
        name: RecordedSeries(Path("demo"), "", name, np.array(values), None, None, np.array(losses), 0, ())
        for name, values in norms.items()
    }
    settings = Settings(window=monitor.window, optimizer="adamw", lr=RATE, hyperparameters=optimizer)
    main = series.pop(ALL)
    analysis = analyze(main, settings)
    console.print(f"α of ‖ΔW‖, {len(main.values):,} steps of {analysis.criteria.optimizer} on addition modulo 59", highlight=False)
    print_analysis(analysis, console)
    written("picture", save(plot_analysis(analysis, title=TITLE), output), console)
    if report is not None:
        written("report", write(report, [section_of(analysis, series, name="addition modulo 59 with AdamW")], title=TITLE), console)


def _watch_training(steps: int, seed: int, console: Console) -> tuple[WeightChangeDFA, dict[str, list[float]], list[float]]:
    """The monitor, the norms of all parameters and of each group, and the losses."""
    monitor = WeightChangeDFA(groups=1)
    norms: dict[str, list[float]] = {ALL: []}
    losses: list[float] = []
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
                reading = monitor.reading()
                for name, values in {ALL: reading.norms, **reading.groups}.items():
                    norms.setdefault(name, []).append(float(values[-1]))
                losses.append(step.loss)
            if number % 100 == 0:
                right = accuracy(step.parameters)
            alpha = "–" if monitor.alpha is None else f"{monitor.alpha:.2f}"
            progress.update(
                task, completed=number, loss=step.loss, right=right, norm=norms[ALL][-1] if norms[ALL] else math.nan, alpha=alpha
            )
    console.print(f"loss {step.loss:.4f}, right on {right:.1%} of all sums, half of which it has never seen")
    return monitor, norms, losses
