"""The command line: arguments and printing, nothing else."""

from __future__ import annotations

import json
import math
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from wcdfa import __version__
from wcdfa.demo import BETAS, DECAY, RATE, accuracy, train
from wcdfa.findings import Verdict, describe
from wcdfa.monitor import WeightChangeDFA
from wcdfa.preprocess import with_usable_rates
from wcdfa.regime import Alarm
from wcdfa.windows import Judged, drifts, judge

try:
    from cyclopts import App, Parameter, validators
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table

    from wcdfa.plotting import plot_run, save
    from wcdfa.readers import read_series
except ModuleNotFoundError as error:  # the core installs without the command line's libraries
    sys.exit(f"wcdfa: the command line needs {error.name}; install it with: pip install 'wcdfa[cli]'")

app = App(
    name="wcdfa",
    help="DFA exponent α of the norms ‖ΔW‖ of a training run.",
    version=__version__,
    help_on_error=False,
)
FULL, QUICK = 5000, 2000  # optimizer steps of the demo
ROWS = 40  # of a table on the terminal; --json gives every window

AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Order = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=4))]
Method = Literal["robust", "gls", "ols"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]


@app.command
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
    judged = judge(norms, window=monitor.window, optimizer="adamw", lr=RATE, **optimizer)
    console.print(f"α of ‖ΔW‖, {len(norms):,} steps of {describe('adamw', optimizer)} on addition modulo 59", highlight=False)
    _report(judged, drifts(norms, window=monitor.window), console)
    _save_picture(norms, judged, "wcdfa demo: addition modulo 59 with AdamW", output, console)


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


@app.command
def analyze(
    file: Path,
    /,
    *,
    column: str | None = None,
    window: AtLeastOne = 500,
    stride: AtLeastOne | None = None,
    order: Order = 1,
    method: Method = "robust",
    optimizer: Optimizer | None = None,
    betas: tuple[float, float] | None = None,
    momentum: float | None = None,
    nesterov: bool | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    lr: float | None = None,
    epoch_length: int | None = None,
    log: bool | None = None,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    output: Path | None = None,
) -> None:
    """α of a recorded series, window by window, with its interval and what else could explain it.

    Parameters
    ----------
    file
        csv, tsv, jsonl, npy, npz or parquet.
    column
        Which series of the file; may be left out where it is clear.
    window
        Samples (optimizer steps) in a window.
    stride
        Samples from one window to the next. Default: the window, so that windows are independent.
    order
        Degree of the detrending polynomial, 1 to 4. A smooth trend reads as α near 2 at order 1: compare with 2.
    method
        How α is found: "robust" to short memory, "gls" (narrower, if there is none), "ols" (the textbook slope).
    optimizer
        The optimizer of the run: it is replayed on gradients without memory, and α compared with what it gives alone.
    betas
        Of adam and adamw.
    momentum
        Of sgd and rmsprop.
    nesterov
        Of sgd.
    weight_decay
        Of the optimizer.
    clip_norm
        Norm that gradients are clipped to, in units of their typical norm.
    lr
        Learning rate. Default: the column lr or learning_rate of the file. If it varies, the schedule is taken out.
    epoch_length
        Optimizer steps in an epoch: the pattern that repeats with it is taken out.
    log
        Take the logarithm of the series first. Default: where nothing in it is negative.
    json_output
        Print one JSON object instead of a table, and write no picture unless --output names one.
    output
        Where the picture goes. Default: beside you, named after the file.
    """
    series = read_series(file, column)
    negative = int(np.sum(series.values < 0))
    if log is None:
        log = not negative
    given = {"betas": betas, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay, "clip_norm": clip_norm}
    hyperparameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if hyperparameters and optimizer is None:
        msg = f"{', '.join(hyperparameters)} only mean something for an optimizer: name it with --optimizer"
        raise ValueError(msg)
    values, rate = series.values, series.lr
    if lr is not None:
        rate = lr
    elif rate is not None:
        values, rate = with_usable_rates(values, rate)
    preparation: dict[str, Any] = {"lr": rate, "log": log, "epoch_length": epoch_length}
    console = Console(stderr=json_output)
    columns = TextColumn("judging window {task.completed} of {task.total}"), BarColumn()
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("windows", total=None)
    with bar if console.is_terminal else nullcontext():  # elsewhere a bar would leave an empty line
        judged = judge(
            values,
            window=window,
            stride=stride,
            order=order,
            method=method,
            optimizer=optimizer,
            each=lambda done, total: bar.update(task, completed=done, total=total),
            **preparation,
            **hyperparameters,
        )
    alarms = drifts(values, window=window, **preparation)
    title = f"{file.name}: {series.column}"
    if json_output:
        sys.stdout.write(json.dumps(_as_json(series, judged, alarms, order), allow_nan=False) + "\n")
        if output is not None:
            save(plot_run(series.values, judged, title=title), output)
        return
    console.print(f"α of {series.column} in {file}, {len(series.values):,} samples, order {order}", markup=False, highlight=False)
    _report(judged, alarms, console)
    if optimizer is None:
        console.print("not compared with the optimizer, which alone may give this: name it with --optimizer", highlight=False)
    else:
        console.print(f"null: {describe(optimizer, hyperparameters)} on gradients without memory", highlight=False)
    if negative and not log:
        console.print(f"{negative:,} values are negative, so no logarithm was taken; --log insists on one")
    if series.empty:
        console.print(f"{series.empty:,} rows have no {series.column} and were left out", markup=False)
    if len(series.values) < window:
        console.print(f"the series is shorter than the window of {window:,}: it was taken whole")
    _save_picture(series.values, judged, title, output or Path(f"{file.stem}-wcdfa.png"), console)


def _report(judged: Judged, alarms: tuple[Alarm, ...], console: Console) -> None:
    """The table of windows, the last verdict with its reasons, and where α drifted."""
    console.print(_table(judged))
    last = judged.verdicts[-1]
    console.print(f"last window: {last}", markup=False, highlight=False)
    for finding in last.findings:
        console.print(f"  {finding.text}", markup=False, highlight=False)
    for mode in last.failure_modes:
        unseen = "" if mode.visible else " is not visible in α"
        console.print(f"  {mode.name}{unseen}: needs {mode.needs}", markup=False, highlight=False)
    for alarm in alarms:
        text = (
            f"drift: α went {alarm.direction} from about step {alarm.onset:,}, to {alarm.alpha:.2f} (alarm at step {alarm.start:,})"
        )
        console.print(text, highlight=False)


def _table(judged: Judged) -> Table:
    orders = list(next((v.orders for v in judged.verdicts if len(v.orders) > 1), judged.verdicts[0].orders))[1:]
    compared = any(v.null is not None for v in judged.verdicts)
    table = Table()
    names = ["steps", "α", "95 %"] + ([f"order {', '.join(map(str, orders))}"] if orders else [])
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if compared:
        table.add_column("optimizer", justify="right", no_wrap=True)
    table.add_column("regime: explained by")
    rows = len(judged.starts)
    shown = range(rows) if rows <= ROWS else [*range(ROWS // 2), *range(rows - ROWS // 2, rows)]
    for i in shown:
        if rows > ROWS and i == shown[ROWS // 2]:
            table.add_row(f"… {rows - ROWS} more, with --json")
        verdict = judged.verdicts[i]
        span = f"{int(judged.starts[i]) + 1:,}–{int(judged.stops[i]):,}"
        null = [] if not compared else [f"{verdict.null.low:.2f}–{verdict.null.high:.2f}" if verdict.null is not None else ""]
        if verdict.label is None:
            table.add_row(span, "none", "", *([""] if orders else []), *null, verdict.findings[-1].text)
            continue
        others = [", ".join(f"{verdict.orders[order]:.2f}" for order in orders if order in verdict.orders)] if orders else []
        interval = f"{verdict.low:.2f}–{verdict.high:.2f}"
        table.add_row(
            span,
            f"{verdict.alpha:.3f}",
            interval,
            *others,
            *null,
            ": ".join(filter(None, [verdict.label, verdict.explanation.removeprefix("explained by ")])),
        )
    return table


def _save_picture(norms: Any, judged: Judged, title: str, output: Path, console: Console) -> None:
    path = save(plot_run(norms, judged, title=title), output)
    console.print(f"picture: {path}", soft_wrap=True, markup=False, highlight=False)


def _as_json(series: Any, judged: Judged, alarms: tuple[Alarm, ...], order: int) -> dict[str, Any]:
    """One object for the series; α, low, high and regime are those of its last window."""
    windows = [
        {"start": int(start), "stop": int(stop), **_verdict_as_json(verdict)}
        for start, stop, verdict in zip(judged.starts, judged.stops, judged.verdicts, strict=True)
    ]
    last = windows[-1]
    return {
        "path": str(series.path),
        "series": series.column,
        "n": len(series.values),
        "order": order,
        **{name: last[name] for name in ("alpha", "low", "high", "regime")},
        "alarms": [alarm._asdict() for alarm in alarms],
        "windows": windows,
    }


def _verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    result = verdict.result
    return {
        "alpha": _number(verdict.alpha),
        "low": _number(verdict.low),
        "high": _number(verdict.high),
        "r_squared": None if result is None else _number(result.r_squared),
        "adequacy": None if result is None else _number(result.adequacy),
        "regime": verdict.label,
        "orders": {str(order): _number(alpha) for order, alpha in verdict.orders.items()},
        "null": None if verdict.null is None else {name: _number(value) for name, value in verdict.null._asdict().items()},
        "explained_by": list(verdict.explained_by),
        "findings": [{"kind": f.kind, "text": f.text, "figure": _number(f.figure)} for f in verdict.findings],
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def main() -> None:
    """Entry point: what is wrong with the input is one line, and exit status 1; a wrong call is exit status 2."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        Console(stderr=True).print(f"wcdfa: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
