"""The monitor of wcdfa 0.1.0: it keeps α by epoch, summarizes a run, draws it and logs to Weights & Biases."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.state_fields import Fields, with_gaps
from wcdfa.sinks.wandb import NO_RUN, WandbSink, active
from wcdfa.support.numbers import is_number, number
from wcdfa.verdicts.regime import label


class Epoch(NamedTuple):
    """α at the end of an epoch, with its interval; NaN before the window is full."""

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

    def end_epoch(self, epoch: float | npt.ArrayLike | None = None) -> None:
        """Record the current α as the α of the epoch that ends.

        Parameters
        ----------
        epoch : number, optional
            Number of the epoch. Default: the number of epochs that ended before.

        Raises
        ------
        ValueError
            If the epoch is not a finite number.
        """
        if epoch is not None and not (is_number(epoch) and math.isfinite(number(epoch))):
            msg = f"epoch must be a finite number, got {epoch!r}; leave it out to count"
            raise ValueError(msg)
        with self._lock:
            result = self.result
            now = (math.nan,) * 3 if result is None else (float(result.alpha), float(result.low), float(result.high))
            value = len(self._epochs) if epoch is None else number(epoch)
            self._epochs.append(Epoch(int(value) if value == int(value) else value, self.step, *now))

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The record of each epoch, oldest first."""
        return tuple(self._epochs)

    @property
    def epoch_history(self) -> tuple[npt.NDArray[np.int64 | np.float64], npt.NDArray[np.float64]]:
        """The epochs and their α as NumPy arrays of shape (epochs,). α is NaN where the window was not full."""
        epochs = self.epochs
        return np.array([each.epoch for each in epochs]), np.array([each.alpha for each in epochs], dtype=np.float64)

    def summary(self) -> dict[str, float | str | None]:
        """Summarize the run: the current α with its interval, mean and range of α over the epochs, and how many epochs had each regime.

        An epoch has the regime of a band if its whole interval lies in it; otherwise it is undecided. A value that is not known yet is None.
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
        """Draw α with its interval by epoch, over the bands. If no epoch has ended, draw every α in the order computed.

        Parameters
        ----------
        title : str
        save_path : path, optional
            Write the figure to this file. Folders that do not exist are made.
        show : bool
            Show the figure, if matplotlib has a window or a notebook to show it in. With False, pyplot does not know the figure.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from wcdfa import plotting  # noqa: PLC0415 - needs matplotlib, and says so

        with self._lock:
            history, result, epochs = self.history, self.result, self.epochs
        drawn = np.array([each[2:] for each in epochs], dtype=np.float64)
        places, what = np.array([each.epoch for each in epochs]), "epoch"
        if not epochs and result is not None:
            drawn = np.full((len(history), 3), math.nan)  # only the last one has an interval
            drawn[:, 0], drawn[-1, 1:] = history, (result.low, result.high)
            places, what = np.arange(1, 1 + len(history)), "α in the order computed"
        figure = plotting.blank(shown=show)
        ax = plotting.plot_history(places, drawn.reshape(-1, 3).T, self.thresholds, ax=figure.subplots())
        ax.set(xlabel=what, title=title)
        if save_path is not None:
            plotting.save(figure, save_path)
        if show:
            plotting.show(figure)
        return figure

    def log_wandb(self, step: float | None = None) -> None:
        """Log `metrics()` to the active run of Weights & Biases, against "wcdfa/step". An error in wandb does not end training.

        The numbers join the current row of the run, so the steps of your own ``wandb.log`` do not change. They are sent with that
        row, at the next call of this method, or when the run ends.

        Parameters
        ----------
        step : number, optional
            Default: the last training step.
        """
        try:
            run = active()
        except ImportError as error:
            warnings.warn(f"wandb cannot be imported, and nothing is logged ({error})", stacklevel=2)
            return
        if run is None:
            warnings.warn(NO_RUN, stacklevel=2)
            return
        metrics = self.metrics()
        try:
            WandbSink(run)(metrics["wcdfa/step"] if step is None else step, metrics)
        except Exception:  # no error here may end the training run
            logging.getLogger("wcdfa").exception("wandb failed to log; training goes on")

    def state_dict(self) -> dict[str, object]:
        """The state of `WeightChangeDFA`, and the epochs. Each of the two classes can load a state of the other."""
        with self._lock:
            state = super().state_dict()
            state |= {"epochs": [each.epoch for each in self._epochs], "epoch_steps": [each.step for each in self._epochs]}
            return state | with_gaps("epoch_alphas", [number for each in self._epochs for number in each[2:]])

    def load_state_dict(self, state: Mapping[str, object], /) -> None:
        """Go on from a state of this class or of `WeightChangeDFA`; raises as `WeightChangeDFA.load_state_dict`."""
        epochs = _epochs(Fields(state)) if "epochs" in state else []
        with self._lock:
            super().load_state_dict(state)
            self._epochs = epochs


def _epochs(state: Fields) -> list[Epoch]:
    numbered = np.asarray(state["epochs"]).tolist()
    known = state.numbers("epoch_alphas").reshape(-1, 3).tolist()
    return [Epoch(epoch, step, *now) for epoch, step, now in zip(numbered, state.integers("epoch_steps"), known, strict=True)]
