"""The command line: arguments and printing, nothing else."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from wcdfa import __version__
from wcdfa.demo import accuracy, train
from wcdfa.monitor import WeightChangeDFA
from wcdfa.rolling import Rolling, rolling_dfa

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


@app.command
def demo(*, quick: bool = False, output: Path = Path("wcdfa-demo.png"), seed: int = 0) -> None:
    """Train a small network here and now, with NumPy alone, and watch α.

    The network learns addition modulo 59 from half of all sums, with AdamW. It memorises them first and then, under weight decay,
    finds the rule: the accuracy on all sums passes from one half to one.

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
    rolling = rolling_dfa(norms, window=monitor.window)
    console.print(f"α of ‖ΔW‖, {len(norms):,} steps of AdamW on addition modulo 59", highlight=False)
    console.print(_table(rolling))
    _save_picture(norms, rolling, "wcdfa demo: addition modulo 59 with AdamW", output, console)


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
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    output: Path | None = None,
) -> None:
    """α of a recorded series, window by window.

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
    json_output
        Print one JSON object instead of a table, and write no picture unless --output names one.
    output
        Where the picture goes. Default: beside you, named after the file.
    """
    series = read_series(file, column)
    rolling = rolling_dfa(series.values, window=window, stride=stride, order=order)
    if json_output:
        sys.stdout.write(json.dumps(_as_json(series, rolling, order), allow_nan=False) + "\n")
        if output is not None:
            save(plot_run(series.values, rolling, title=f"{file.name}: {series.column}"), output)
        return
    console = Console()
    console.print(f"α of {series.column} in {file}, {len(series.values):,} samples, order {order}", markup=False, highlight=False)
    console.print(_table(rolling))
    if series.empty:
        console.print(f"{series.empty:,} rows have no {series.column} and were left out", markup=False)
    if len(series.values) < window:
        console.print(f"the series is shorter than the window of {window:,}: it was taken whole")
    _save_picture(series.values, rolling, f"{file.name}: {series.column}", output or Path(f"{file.stem}-wcdfa.png"), console)


def _table(rolling: Rolling) -> Table:
    table = Table()
    for name in ("steps", "α", "R²"):
        table.add_column(name, justify="right")
    rows = len(rolling.starts)
    shown = range(rows) if rows <= ROWS else [*range(ROWS // 2), *range(rows - ROWS // 2, rows)]
    for i in shown:
        if rows > ROWS and i == shown[ROWS // 2]:
            table.add_row(f"… {rows - ROWS} more, with --json", "", "")
        alpha, r_squared = float(rolling.result.alpha[i]), float(rolling.result.r_squared[i])
        span = f"{int(rolling.starts[i]) + 1:,}–{int(rolling.stops[i]):,}"
        table.add_row(span, "none" if math.isnan(alpha) else f"{alpha:.3f}", "" if math.isnan(r_squared) else f"{r_squared:.3f}")
    return table


def _save_picture(norms: Any, rolling: Rolling, title: str, output: Path, console: Console) -> None:
    path = save(plot_run(norms, rolling, title=title), output)
    console.print(f"picture: {path}", soft_wrap=True, markup=False, highlight=False)


def _as_json(series: Any, rolling: Rolling, order: int) -> dict[str, Any]:
    """One object for the series; α, low, high and regime are those of its last window."""
    windows: list[dict[str, Any]] = []
    for i, (start, stop) in enumerate(zip(rolling.starts, rolling.stops, strict=True)):
        result = rolling.window(i)
        numbers = {name: _number(getattr(result, name)) for name in ("alpha", "low", "high", "r_squared")}
        windows.append({"start": int(start), "stop": int(stop), **numbers})
    last = windows[-1]
    return {
        "path": str(series.path),
        "series": series.column,
        "n": len(series.values),
        "order": order,
        "alpha": last["alpha"],
        "low": last["low"],
        "high": last["high"],
        "regime": None,
        "windows": windows,
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
