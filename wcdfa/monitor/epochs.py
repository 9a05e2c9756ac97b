"""The monitor with a record of α by epoch, a summary, a picture and Weights & Biases, as wcdfa 0.1.0 has it."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wcdfa.monitor import state as saved
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.sinks.wandb import NO_RUN, WandbSink, active
from wcdfa.support.numbers import is_number, number
from wcdfa.verdicts.regime import label


class Epoch(NamedTuple):
    """What was known when an epoch ended; α and its interval are NaN before the window is full."""

    epoch: int | float
    step: int
    alpha: float
    low: float
    high: float


class RollingWeightChangeDFA(WeightChangeDFA):
    """`WeightChangeDFA` that keeps α by epoch.

    >>> import numpy as np
    >>> import wcdfa
    >>> monitor = RollingWeightChangeDFA(window=256)
    >>> for epoch, noise in enumerate(wcdfa.synthetic.white_noise(512, seed=0).reshape(4, 128)):
    ...     for norm in np.exp(0.1 * noise):
    ...         _ = monitor.update(norm)
    ...     monitor.end_epoch(epoch)
    >>> epochs, alphas = monitor.epoch_history
    >>> epochs, alphas.round(2)
    (array([0, 1, 2, 3]), array([ nan,  nan, 0.44, 0.45]))
    >>> {name: count for name, count in monitor.summary().items() if name.startswith("epochs")}
    {'epochs_ordered': 0, 'epochs_critical': 0, 'epochs_disordered': 2, 'epochs_undecided': 0}

    Parameters and errors are those of `WeightChangeDFA`.
    """

    def reset(self) -> None:
        """Forget all norms, results, epochs and the reference."""
        with self._lock:
            super().reset()
            self._epochs: list[Epoch] = []

    def end_epoch(self, epoch: Any = None) -> None:
        """Record the α of now as that of an epoch.

        Parameters
        ----------
        epoch : number, optional
            Default: how many epochs have ended before.

        Raises
        ------
        ValueError
            If it is no finite number.
        """
        if epoch is not None and not (is_number(epoch) and math.isfinite(number(epoch))):
            msg = f"epoch must be a finite number, got {epoch!r}; leave it out to count"
            raise ValueError(msg)
        with self._lock:
            result = self.result
            now = (math.nan,) * 3 if result is None else (float(result.alpha), float(result.low), float(result.high))
            value = len(self._epochs) if epoch is None else number(epoch)
            self._epochs.append(Epoch(int(value) if value == int(value) else value, self._recorder.step, *now))

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """All that was recorded at the end of each epoch."""
        return tuple(self._epochs)

    @property
    def epoch_history(self) -> tuple[Any, Any]:
        """The epochs and their α as NumPy arrays of shape (epochs,); α is NaN where there was none."""
        epochs = self.epochs
        return np.array([each.epoch for each in epochs]), np.array([each.alpha for each in epochs], dtype=np.float64)

    def summary(self) -> dict[str, Any]:
        """The run in numbers: α now with its interval, its mean and range over the epochs, and how many epochs were in each band.

        An epoch counts for a band where its whole interval lies inside, as in `regime`; else it is undecided. Numbers that there are
        not yet are None.
        """
        with self._lock:
            result, (epochs, alphas) = self.result, self.epoch_history
            known = alphas[np.isfinite(alphas)]
            names = [label(each.low, each.high, thresholds=self.thresholds) for each in self._epochs]
            return {
                "total_epochs": len(epochs),
                "current_alpha": self.alpha,
                "current_low": None if result is None else float(result.low),
                "current_high": None if result is None else float(result.high),
                "current_regime": self.regime,
                "reason": self.reason,
                "n_samples": self.n_samples,
                "skipped": self.skipped,
                "mean_alpha": float(known.mean()) if known.size else None,
                "min_alpha": float(known.min()) if known.size else None,
                "max_alpha": float(known.max()) if known.size else None,
                **{f"epochs_{name}": names.count(name) for name in ("ordered", "critical", "disordered", "undecided")},
            }

    def plot(self, title: str = "Weight-change DFA", save_path: str | os.PathLike[str] | None = None, show: bool = True) -> Any:
        """Draw α with its interval by epoch, over the bands; where no epoch was ended, every α in the order computed.

        Parameters
        ----------
        title : str
        save_path : path, optional
            Write the figure to this file, making the folders it lies in.
        show : bool
            Show it, where matplotlib has a window or notebook to show it in. Only then does pyplot know the figure.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        try:
            from wcdfa import plotting  # noqa: PLC0415 - needs matplotlib
        except ImportError as error:
            msg = "plot draws with matplotlib, which is not installed: pip install 'wcdfa[cli]'"
            raise ImportError(msg) from error
        with self._lock:
            history, result, epochs = self.history, self.result, self.epochs
        if not epochs and result is not None:  # the intervals of the earlier ones are not kept
            unknown = [(alpha, math.nan, math.nan) for alpha in history[:-1]]
            drawn = [*unknown, (result.alpha, result.low, result.high)]
            places, what = np.arange(1, 1 + len(drawn)), "α in the order computed"
        else:
            drawn, places, what = [each[2:] for each in epochs], self.epoch_history[0], "epoch"
        figure = plotting.blank(shown=show)
        ax = plotting.plot_history(places, np.reshape(drawn, (-1, 3)).T, self.thresholds, ax=figure.subplots())
        ax.set(xlabel=what, title=title)
        if save_path is not None:
            plotting.save(figure, save_path)
        if show:
            plotting.show()
        return figure

    def log_wandb(self, step: Any = None) -> None:
        """Log `metrics()` to the active run of Weights & Biases, over "wcdfa/step"; where that fails, training goes on.

        The numbers join the row that the run is at, so that the caller's own ``wandb.log`` keeps its steps, and are sent with it, or
        with the next call of this method, or when the run ends.

        Parameters
        ----------
        step : number, optional
            Default: the training step.
        """
        try:
            run = active()
        except ImportError as error:
            warnings.warn(f"wandb cannot be imported, and nothing is logged ({error}): pip install wandb", stacklevel=2)
            return
        if run is None:
            warnings.warn(NO_RUN, stacklevel=2)
            return
        metrics = self.metrics()
        try:
            WandbSink(run)(metrics["wcdfa/step"] if step is None else step, metrics)
        except Exception:  # whatever it is, it must not end the training run
            logging.getLogger("wcdfa").exception("wandb failed to log; training goes on")

    def state_dict(self) -> dict[str, Any]:
        """As that of `WeightChangeDFA`, and the epochs; each of the two loads the other's."""
        with self._lock:
            state = super().state_dict()
            state |= {"epochs": [each.epoch for each in self._epochs], "epoch_steps": [each.step for each in self._epochs]}
            return state | saved.with_nan("epoch_alphas", [number for each in self._epochs for number in each[2:]])

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """As that of `WeightChangeDFA`; raises as it does."""
        epochs: list[Epoch] = []
        if "epochs" in state:
            with saved.whole():
                numbered = zip(np.asarray(state["epochs"]).tolist(), np.asarray(state["epoch_steps"]).tolist(), strict=True)
                known = saved.numbers(state, "epoch_alphas").reshape(-1, 3).tolist()
            epochs = [Epoch(epoch, int(step), *now) for (epoch, step), now in zip(numbered, known, strict=True)]
        with self._lock:
            super().load_state_dict(state)
            self._epochs = epochs
