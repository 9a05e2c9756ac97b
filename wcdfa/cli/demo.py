"""``wcdfa demo``."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wcdfa.analysis.series import Settings, analyze
from wcdfa.cli.console import PlainConsole
from wcdfa.cli.demo_training import BETAS, DECAY, RATE, accuracy, train
from wcdfa.cli.door import door
from wcdfa.cli.locating import check_writable
from wcdfa.cli.printing import noted, print_analysis, written
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.plotting import place as picture_place
from wcdfa.plotting import save
from wcdfa.plotting.runs import plot_analysis
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading
from wcdfa.report import place as report_place
from wcdfa.report import section_of, write
from wcdfa.verdicts.diagnosis import Diagnosis, diagnose

Numbers = npt.NDArray[np.floating]

FULL, QUICK = 5000, 2000  # optimizer steps
PICTURE = Path("wcdfa-demo.png")
TITLE = "wcdfa demo: addition modulo 59 with AdamW"


def demo(
    *,
    quick: bool = False,
    output: Path = PICTURE,
    report: Annotated[Path | None, Parameter(negative="")] = None,
    details: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 0,
) -> None:
    """Train a small network with NumPy alone, and watch α.

    The network learns addition modulo 59 from half of all sums, with AdamW. It memorises them first and then, under weight decay,
    finds the rule: the accuracy on all sums rises from one half to one. α of each window is compared with that of AdamW alone, and a
    diagnosis says whether the weight changes are those of AdamW and whether something changed.

    Parameters
    ----------
    quick
        2,000 steps instead of 5,000: a few seconds.
    output
        Write the picture to this file.
    report
        Also write a page for a browser to this file, as ``wcdfa report`` does.
    details
        Also print α at higher orders, and the figures behind the words of the verdict.
    seed
        Seed of the initial weights, the split and the batches.
    """
    console = PlainConsole()
    with door():  # what cannot be written fails before the training
        picture_place(output)
        if report is not None:
            report_place(report)
    if output != PICTURE:
        check_writable("picture", output)
    if report is not None:
        check_writable("report", report)
    watched = _watch_training(QUICK if quick else FULL, seed, console)
    optimizer: dict[str, object] = {"betas": BETAS, "weight_decay": DECAY}
    series = {
        name: RecordedSeries(Path("demo"), "", name, np.array(values), None, None, np.array(watched.losses), 0, ())
        for name, values in watched.norms.items()
    }
    settings = Settings(window=watched.window, optimizer="adamw", lr=RATE, hyperparameters=optimizer, diagnosis=False)
    main = series.pop(ALL)
    analysis = analyze(main, settings)
    console.print(f"α of ‖ΔW‖, {len(main.values):,} steps of {analysis.criteria.optimizer} on addition modulo 59", highlight=False)
    print_analysis(analysis, console, details=details)
    diagnosis = watched.diagnosis()
    console.print(f"diagnosis: {diagnosis}", highlight=False, markup=False)
    with noted(console) if output == PICTURE else nullcontext():
        written("picture", save(plot_analysis(analysis, title=TITLE), output), console)
    if report is not None:
        section = section_of(analysis, series, name="addition modulo 59 with AdamW", diagnosis=diagnosis)
        written("report", write(report, [section], title=TITLE), console)


@dataclass
class Watched:
    """What was recorded of the training: a number, or a row, for each step."""

    window: int
    norms: dict[str, list[float]] = field(default_factory=lambda: {ALL: []})
    cosines: dict[str, list[float]] = field(default_factory=dict)
    weight_norm: list[float] = field(default_factory=list)
    sketch: list[Numbers] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def take(self, reading: Reading, loss: float) -> None:
        """Keep what belongs to the last step."""
        for name, values in {ALL: reading.norms, **reading.groups}.items():
            self.norms.setdefault(name, []).append(float(values[-1]))
        if reading.cosine is not None and reading.weight_norm is not None and reading.sketch is not None:
            for name, values in {ALL: reading.cosine, **reading.cosines}.items():
                self.cosines.setdefault(name, []).append(float(values[-1]))
            self.weight_norm.append(float(reading.weight_norm[-1]))
            self.sketch.append(np.array(reading.sketch[-1]))
        self.losses.append(loss)

    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the whole training."""
        groups, cosines = ({name: values for name, values in each.items() if name != ALL} for each in (self.norms, self.cosines))
        return diagnose(
            self.norms[ALL],
            cosine=self.cosines[ALL],
            weight_norm=self.weight_norm,
            sketch=np.stack(self.sketch),
            groups=groups,
            cosines=cosines,
            lr=RATE,
            optimizer="adamw",
            betas=BETAS,
            weight_decay=DECAY,
            start=0,
        )


def _watch_training(steps: int, seed: int, console: PlainConsole) -> Watched:
    """Train, and record every step of all parameters and of each group."""
    monitor = WeightChangeDFA(groups=1)
    watched = Watched(monitor.window)
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
                watched.take(monitor.reading(), step.loss)
            if number % 100 == 0:
                right = accuracy(step.parameters)
            alpha = "–" if monitor.alpha is None else f"{monitor.alpha:.2f}"
            norm = watched.norms[ALL][-1] if watched.norms[ALL] else math.nan
            progress.update(task, completed=number, loss=step.loss, right=right, norm=norm, alpha=alpha)
    console.print(f"loss {step.loss:.4f}, right on {right:.1%} of all sums, half of which it has never seen")
    return watched
