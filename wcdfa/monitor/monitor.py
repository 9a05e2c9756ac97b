"""α of the last norms, recomputed as training goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.prepared import Outcome
from wcdfa.monitor import state as saved
from wcdfa.monitor.metrics import metrics_of
from wcdfa.recording.cadence import Cadence, cadence, due
from wcdfa.recording.groups import ALL, Groups, checked
from wcdfa.recording.history import History
from wcdfa.recording.parameters import refuse
from wcdfa.recording.reading import Reading, outcomes
from wcdfa.recording.recorder import Recorder
from wcdfa.support.failures import Failures
from wcdfa.support.numbers import is_number, whole
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.regime import THRESHOLDS, label
from wcdfa.verdicts.single_window import Verdict, without_alpha

SMALLEST_WINDOW = 50

Logger = Callable[[int, dict[str, float]], Any]


class WeightChangeDFA:
    """DFA exponent of the norms ‖ΔW‖ in a rolling window.

    >>> import numpy as np
    >>> import wcdfa
    >>> monitor = wcdfa.WeightChangeDFA(window=256)
    >>> for noise in wcdfa.synthetic.white_noise(500, seed=0):
    ...     _ = monitor.update(np.exp(0.1 * noise))
    >>> monitor
    WeightChangeDFA(α=0.442, regime='disordered', samples=256/256)

    With parameters instead of norms, the first call sets the reference and records nothing; each later one records how far they
    have moved since the last:

    >>> parameters = {"weight": np.zeros((2, 2)), "bias": np.zeros(2)}
    >>> monitor = wcdfa.WeightChangeDFA(groups=1).update(parameters)
    >>> parameters["weight"][0, 0] = 3.0
    >>> parameters["bias"][0] = 4.0
    >>> monitor.update(parameters).get_signal(), monitor.get_signal("bias")
    (array([5.]), array([4.]))

    The norms are prepared before α is computed, as `wcdfa.preprocess.preparation.prepare` does it: their logarithm is taken, spikes are
    replaced, boxes end where the level shifts. `get_signal` gives them as they came.

    Parameters
    ----------
    window : int
        Norms (training steps) that α is computed from, at least 50. 500 resolves about ± 0.13. A length that the package has no
        calibration for (it has 128, 256, 500, 512, 1000, 1024 and all above) takes a second or a few the first time.
    stride : int or callable, optional
        Recompute α every so many norms, or where the callable says so of their number, and of nothing else: it is asked more than
        once. Default: a fifth of the window.
    thresholds : (float, float)
        α above which a run is called ordered, and below which disordered, where the interval of α allows it.
    order : 1, 2, 3 or 4
        Degree of the detrending polynomial; 2 ignores a smooth trend that order 1 reads as high α.
    method, confidence
        As in `dfa`.
    log, epoch_length, spikes
        As in `wcdfa.preprocess.preparation.prepare`.
    groups : int, dict, list of str or callable, optional
        Have an α of each group of parameters too: by the first so many parts of their paths ("layers/0/weight"), by regular
        expressions, or as the callable names them; see `wcdfa.recording.groups.members_of`.
    record_every : int or callable
        Record a norm at every so many calls of `update`, or where the callable says so of their number. Norms are of one step even
        so. α of every k-th norm is that of another series: 1 unless the norms cost too much.
    log_every : int or callable, optional
        Call the logger every so many norms. Default: when α is recomputed.
    logger : callable, optional
        Called with the training step and `metrics()`: see `wcdfa.sinks`. What it raises is logged once, and training goes on.

    Raises
    ------
    ValueError
        If the window is below 50, a cadence below 1, the thresholds are in the wrong order, or another setting has an unknown value.
    TypeError
        If groups or a cadence are of another type.
    """

    ORDERED, CRITICAL, DISORDERED = "ordered", "critical", "disordered"

    def __init__(
        self,
        window: int = 500,
        stride: Cadence | None = None,
        thresholds: tuple[float, float] = THRESHOLDS,
        *,
        order: int = 1,
        method: str = "robust",
        confidence: float = 0.95,
        log: bool = True,
        epoch_length: int | None = None,
        spikes: str | None = "hampel",
        groups: Groups = None,
        record_every: Cadence = 1,
        log_every: Cadence | None = None,
        logger: Logger | None = None,
    ) -> None:
        self.window = whole("window", window, "a whole number of norms (500 is the default; α of fewer is noise)", SMALLEST_WINDOW)
        self.stride = max(1, self.window // 5) if stride is None else cadence("stride", stride)
        self._criteria = Criteria.given(
            order=order,
            method=method,
            confidence=confidence,
            log=log,
            epoch_length=epoch_length,
            spikes=spikes,
            thresholds=thresholds,
        )
        self.thresholds = self.ordered_threshold, self.disordered_threshold = self._criteria.thresholds
        if logger is not None and not callable(logger):
            msg = f"logger must be a callable that takes the step and the metrics, got {type(logger).__name__}"
            raise TypeError(msg)
        self.record_every = cadence("record_every", record_every)
        self.log_every = None if log_every is None else cadence("log_every", log_every)
        self.logger = logger
        self.order = order
        self._groups = checked(groups)
        self._lock, self._failures = threading.RLock(), Failures()
        self.reset()
        # wrong settings, or a window too short for them, are misuse: say so now, and have the calibration ready
        trial = self._criteria.preparation.of(1.0 + np.arange(self.window) % 7.0)
        self._criteria.measurement.of(trial.values)

    def reset(self) -> None:
        """Forget all norms, results and the reference."""
        with self._lock:
            self._recorder = Recorder(self.window, self._groups, self.record_every)
            self._outcomes: dict[str, Outcome] = {}
            self._history = History()

    def __repr__(self) -> str:
        """α and its regime, and how full the window is."""
        said = "not ready" if self.alpha is None else f"α={self.alpha:.3f}, regime={self.regime!r}"
        return f"{type(self).__name__}({said}, samples={self.n_samples}/{self.window})"

    def update(self, given: Any, /, *, lr: Any = None) -> WeightChangeDFA:
        """Record a norm, or how far parameters have moved since the last call; returns the monitor, for chaining.

        A norm of 0 was no step (gradient accumulation, a skipped AMP step): it is counted in `skipped` and not recorded. One that is
        NaN or infinite is recorded as a gap, at which boxes are split. With `lr`, the learning rate of each step, a schedule that
        varies is taken out before α is computed; a norm without one, or with one that is not positive, then counts as missing.

        Parameters
        ----------
        given : number, array of size 1, parameters, or Reading
            An array of any library, which stays on its device until α is due or asked for. Parameters in a dict, list or tuple of
            NumPy arrays, a pytree of JAX arrays, an equinox or flax nnx module, a torch module, a Keras model, TensorFlow variables:
            call it once per optimizer step. A `Reading` of a recorder: what is new in it is recorded, or all, where it is of another recorder.
        lr : number or array of size 1, optional

        Raises
        ------
        TypeError
            If it is anything else; nothing is recorded then.
        ValueError
            If the parameters differ in structure from those of the last call, or the groups of a reading from those of the monitor;
            nothing is recorded then.
        """
        with self._lock:
            begun = self._recorder.begun
            self._recorder.take(given, lr)
            if self._recorder.begun != begun:
                self._outcomes = {}  # α of other norms
            if self._may_be_due():
                self._compute()
        return self

    def update_from_norm(self, norm: Any) -> WeightChangeDFA:
        """`update` with a number, as wcdfa 0.1.0 has it."""
        if not is_number(norm):
            raise refuse(norm)
        return self.update(norm)

    @property
    def alpha(self) -> float | None:
        """The last α; None until it is computed, at the first stride with a full window."""
        result = self.result
        return None if result is None else float(result.alpha)

    @property
    def alphas(self) -> dict[str, float]:
        """The last α of each group, and of all; empty until the window is full."""
        return {name: float(result.alpha) for name, result in self.results.items()}

    @property
    def regime(self) -> str | None:
        """Name of the band that the interval of the last α lies in: "ordered", "critical" or "disordered"; else "undecided".

        None until the window is full, and where α is NaN.
        """
        result = self.result
        return None if result is None else label(float(result.low), float(result.high), thresholds=self.thresholds)

    @property
    def result(self) -> DFAResult | None:
        """The whole of the last result; None until the window is full."""
        return self.results.get(ALL)

    @property
    def results(self) -> dict[str, DFAResult]:
        """The last result of each group, and of all; empty until the window is full."""
        return {name: outcome.result for name, outcome in self._now().items()}

    @property
    def reason(self) -> str | None:
        """Why the last α is NaN; None where it is a number."""
        outcome = self._now().get(ALL)
        return None if outcome is None else outcome.reason

    @property
    def ready(self) -> bool:
        """Whether α has been computed."""
        return bool(self._now())

    @property
    def history(self) -> list[float]:
        """Every α computed so far, oldest first."""
        return self.histories[ALL]

    @property
    def histories(self) -> dict[str, list[float]]:
        """Every α computed so far of each group, and of all, oldest first."""
        with self._lock:
            self._compute()
            return self._history.alphas()

    @property
    def n_samples(self) -> int:
        """Norms in the window, `window` at most."""
        return len(self.reading().norms)

    @property
    def skipped(self) -> int:
        """How many norms of 0 were not recorded."""
        return int(self.reading().skipped)

    @property
    def drained(self) -> int:
        """Norms that the recorder had recorded at the last `Reading` that was given; 0 if there was none."""
        return self._recorder.drained

    @property
    def groups(self) -> Groups:
        """The groups that it was made with."""
        return self._groups

    def continues(self, reading: Reading) -> bool:
        """Whether a reading goes on from the last one; else `update` begins anew with it: its recorder was set back, or is another."""
        return self._recorder.continues(reading)

    def reading(self) -> Reading:
        """The norms in the window with their steps and learning rates, and what is known of the optimizer."""
        with self._lock:
            self._compute()
            return self._recorder.reading()

    def get_signal(self, group: str = ALL) -> Any:
        """The norms in the window as a NumPy array, oldest first, NaN where one was not finite.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        return self.reading().of(group)

    def verdict(self, group: str = ALL, *, lr: Any = None, steps: Any = None, null: Any = None, **options: Any) -> Verdict:
        """`wcdfa.verdict` on the norms in the window, with the settings of the monitor.

        Parameters
        ----------
        group : str
            Of which group of parameters; by default of all.
        lr, steps, null, **options
            As in `wcdfa.verdict`: first of all the optimizer, where the monitor does not know it.

        Raises
        ------
        ValueError
            If there is no such group, or the window holds too few norms yet; and as `wcdfa.verdict`.
        """
        reading, outcome = self.reading(), self._outcomes.get(group)
        if outcome is not None and outcome.reason is not None:
            return without_alpha(outcome.reason, self._criteria)
        criteria = self._criteria.changed(**reading.naming(options))
        return reading.judged(group, criteria, lr=lr, steps=steps, null=null)

    def report(self, path: str | os.PathLike[str], *, title: str = "wcdfa", lr: Any = None, **options: Any) -> None:
        """Write a page for any browser: every α so far with its F(s), groups, drifts, and the verdict on the window.

        Parameters
        ----------
        path : path
            Such as "report.html".
        title : str
        lr, **options
            Of those of `verdict`, the learning rate, the optimizer and its hyperparameters. All groups are shown.

        Raises
        ------
        TypeError
            If an option would have the last window measured otherwise than those before it.
        ValueError
            If the window holds too few norms yet, the path is a folder, or plotly is not installed (``pip install 'wcdfa[cli]'``).
        """
        from wcdfa.report import write  # noqa: PLC0415 - json and hashlib, which only a report needs
        from wcdfa.report.from_monitor import MonitoredRun, check_options, section_of_monitor  # noqa: PLC0415

        check_options(options)
        with self._lock:
            reading, history = self.reading(), self._history.copy()
            criteria = self._criteria.changed(**reading.naming(options))
            verdict = self.verdict(lr=lr, **options)
            if not history.curves or history.curves[-1].last_step != int(reading.steps[-1]):
                history.add(outcomes(reading, criteria.preparation, criteria.measurement), reading.steps)
            run = MonitoredRun(reading, history, verdict, criteria, self.window, self.stride, reading.lr if lr is None else lr)
        write(path, [section_of_monitor(title, run)], title=title)

    def metrics(self) -> dict[str, float]:
        """The current numbers under the keys that trackers are given: "wcdfa/alpha", "wcdfa/alpha_low" and so on, and ‖ΔW‖.

        "wcdfa/regime" is 2 for ordered, 1 for critical, 0 for disordered, NaN for undecided. Those of α are missing until there is
        one.
        """
        with self._lock:
            self._compute()
            return metrics_of(self._recorder, self._outcomes, self.thresholds)

    def state_dict(self) -> dict[str, Any]:
        """All that was recorded and computed, as numbers, strings and lists: for JSON, for `numpy.savez`, for a checkpoint.

        The parameters that the next ones are compared with are not in it: after a restart call `update` with the restored model
        once, before the first step, and no norm is lost.
        """
        with self._lock:
            self._compute()
            return saved.packed(self._recorder, self._outcomes, self._history)

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Go on from a `state_dict`, as it was or back from JSON or npz.

        Raises
        ------
        ValueError
            If it is of another version, window or groups, or is no such state; the monitor is as before then.
        """
        with self._lock, saved.whole():
            recorder = Recorder(self.window, self._groups, self.record_every)
            self._outcomes, self._history = saved.unpacked(state, recorder)
            self._recorder = recorder

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to an npz file. If the process is killed meanwhile, the file that was there is still whole."""
        saved.write(path, self.state_dict())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file that `save` wrote; raises as `load_state_dict`."""
        self.load_state_dict(saved.load(path))

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock, which cannot be copied."""
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With a lock of its own."""
        vars(self).update(state, _lock=threading.RLock())

    def _may_be_due(self) -> bool:
        """Whether α or the log may be due once the pending norms are known; zeros among them could only delay it.

        More than a window of them is never kept waiting.
        """
        every = [self.stride, self.window, *([] if self.log_every is None or self.logger is None else [self.log_every])]
        waiting = len(self._recorder.pending)
        count = self._recorder.count
        try:
            return any(due(each, count + waiting) if callable(each) else count % each + waiting >= each for each in every)
        except Exception:  # noqa: BLE001 - of a callable: it is asked again, and raises, when the norms have been recorded
            return True

    def _now(self) -> dict[str, Outcome]:
        with self._lock:
            self._compute()
            return self._outcomes

    def _compute(self) -> None:
        """Record what is pending, and at each norm do what is due."""
        for count in self._recorder.flush(lambda count: self._alpha_due(count) or self._log_due(count)):
            if self._alpha_due(count):
                reading = self._recorder.reading()
                self._outcomes = outcomes(reading, self._criteria.preparation, self._criteria.measurement)
                self._history.add(self._outcomes, reading.steps)
            if self.logger is not None and self._log_due(count):
                try:
                    self.logger(self._recorder.step, metrics_of(self._recorder, self._outcomes, self.thresholds))
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the training run
                    self._failures.log("the logger of a monitor", error)

    def _alpha_due(self, count: int) -> bool:
        return count >= self.window and due(self.stride, count)

    def _log_due(self, count: int) -> bool:
        if self.logger is None:
            return False
        return self._alpha_due(count) if self.log_every is None else due(self.log_every, count)
