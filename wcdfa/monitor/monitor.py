"""The monitor: keeps the last norms and recomputes α during training."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.prepared import Outcome
from wcdfa.monitor import state_file
from wcdfa.monitor.computing import Computation
from wcdfa.monitor.metrics import metrics_of
from wcdfa.monitor.state import restore, state_of
from wcdfa.monitor.state_fields import Fields
from wcdfa.preprocess.preparation import Spikes
from wcdfa.recording.cadence import Cadence, cadence, due
from wcdfa.recording.groups import ALL, Groups, checked
from wcdfa.recording.parameters import refuse
from wcdfa.recording.reading import Norms, Reading
from wcdfa.recording.recorder import Recorder
from wcdfa.recording.sample import COORDINATES
from wcdfa.recording.shortage import too_few
from wcdfa.support.failures import Failures
from wcdfa.support.numbers import is_number, whole
from wcdfa.support.shortest import LEAST
from wcdfa.support.unlogged import UNLOGGED
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.regime import THRESHOLDS, Regime, label
from wcdfa.verdicts.single_window import Verdict

if TYPE_CHECKING:
    from wcdfa.verdicts.norm_coupling import NormCoupling

SMALLEST_WINDOW = 50
WINDOW = "a whole number of norms (500 is the default; α of fewer is noise)"
WIDER = f"; choose window >= {SMALLEST_WINDOW} (500 is the default), because α of fewer norms is noise"

Logger = Callable[[int, dict[str, float]], object]


class WeightChangeDFA:
    """Measures α of the norms ‖ΔW‖ in a rolling window, during training.

    >>> import numpy as np
    >>> import wcdfa
    >>> monitor = wcdfa.WeightChangeDFA(window=256)
    >>> for noise in wcdfa.synthetic.white_noise(500, seed=0):
    ...     _ = monitor.update(np.exp(0.1 * noise))
    >>> monitor
    WeightChangeDFA(α=0.442, regime='disordered', samples=256/256)

    You can give parameters instead of norms. The first call sets the reference and records nothing; each later call records how far
    they have moved since the call before:

    >>> parameters = {"weight": np.zeros((2, 2)), "bias": np.zeros(2)}
    >>> monitor = wcdfa.WeightChangeDFA(groups=1).update(parameters)
    >>> parameters["weight"][0, 0] = 3.0
    >>> parameters["bias"][0] = 4.0
    >>> monitor.update(parameters).get_signal(), monitor.get_signal("bias")
    (array([5.]), array([4.]))

    `wcdfa.prepare` prepares the norms before α is computed: it takes their logarithm, replaces spikes, and splits boxes where the level
    shifts. `get_signal` gives the norms unchanged.

    Parameters
    ----------
    window : int
        Norms (training steps) that α is computed from, at least 50. 500 resolves about ± 0.13. The package has calibrations for 128,
        256, 500, 512, 1000, 1024 and all lengths above; another length takes a few seconds the first time.
    stride : int or callable, optional
        Recompute α after this many norms. A callable takes the number of norms so far and returns whether α is due. It may be called
        more than once with the same number, so it must depend on nothing else. Default: a fifth of the window.
    thresholds : (float, float)
        A run is ordered if the whole interval of α is above the first, and disordered if it is below the second.
    order : 1, 2, 3 or 4
        Degree of the detrending polynomial; 2 ignores a smooth trend that order 1 reads as high α.
    method, confidence
        As in `dfa`.
    log, epoch_length, spikes
        As in `wcdfa.prepare`.
    groups : int, dict, list of str or callable, optional
        Compute α of each group of parameters too. An int groups by the first parts of the paths ("layers/0/weight"), a dict or list by
        regular expressions, and a callable returns the group of a path: see `wcdfa.recording.groups.members_of`.
    record_every : int or callable
        Record a norm at every k-th call of `update`, or whenever a callable, given the number of the call, returns True. Each norm is
        still that of one step. The series of every k-th norm has another α, so keep 1 unless the norms cost too much.
    log_every : int or callable, optional
        Call the logger after this many norms. Default: when α is recomputed; a sink of `wcdfa.sinks` gets each norm, so that α can be
        computed again from the log, and the numbers of α once. Norms that are on a device are logged when α is recomputed, when the
        monitor is read, and when the sink is closed.
    logger : callable, optional
        Called with the training step and `metrics()`: see `wcdfa.sinks`. If it raises an error, the error is logged once and training
        goes on. It may read the monitor, and sees it as it is at that step. Norms that it adds are recorded after those that wait, and it
        is not called for them. If it calls `reset` or loads a state, all norms that were given before are forgotten. It must not wait
        for another thread that uses the monitor.
    direction : bool
        Record the direction of each change too, of parameters and readings: its cosine with the last change, ‖W‖, and some of its
        numbers. If there are more than 65,536 parameters, cosines and ‖W‖ are those of a sample of about 1/64 of them.
    coordinates : int
        How many numbers of each change of parameters are kept.

    Raises
    ------
    ValueError
        If the window is below 50, a cadence below 1, the thresholds are in the wrong order, or another setting has an unknown value.
    TypeError
        If groups or a cadence are of another type.
    """

    _coordinates = 0  # of a pickle of an earlier release
    ORDERED, CRITICAL, DISORDERED = "ordered", "critical", "disordered"

    def __init__(
        self,
        window: int = 500,
        stride: Cadence | None = None,
        thresholds: tuple[float, float] = THRESHOLDS,
        *,
        order: int = 1,
        method: Method = "robust",
        confidence: float = 0.95,
        log: bool = True,
        epoch_length: int | None = None,
        spikes: Spikes = "hampel",
        groups: Groups = None,
        record_every: Cadence = 1,
        log_every: Cadence | None = None,
        logger: Logger | None = None,
        direction: bool = True,
        coordinates: int = COORDINATES,
    ) -> None:
        self.window = whole("window", window, WINDOW, SMALLEST_WINDOW, WIDER)
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
        if not isinstance(direction, bool):
            msg = f"direction must be True or False, got {direction!r}"
            raise TypeError(msg)
        self._coordinates = whole("coordinates", coordinates) if direction else 0
        self._lock, self._failures = threading.RLock(), Failures()
        self._computing = False  # whether norms are being recorded: a logger that reads the monitor does not begin again
        self.reset()
        self._rehearse()

    def reset(self) -> None:
        """Forget all norms, all α, and the parameters that the next ones are compared with."""
        with self._lock:
            self._run = self._new_run()

    def _new_run(self) -> Computation:
        return Computation(Recorder(self.window, self._groups, self.record_every, self._coordinates), self._criteria)

    def _rehearse(self) -> None:
        """Find out now, not at the first α, if the window is too short for the settings. This also prepares its calibration."""
        trial = self._criteria.preparation.of(1.0 + np.arange(self.window) % 7.0)
        self._criteria.measurement.of(trial.values)

    def __repr__(self) -> str:
        """α and its regime, and how full the window is."""
        said = "not ready" if self.alpha is None else f"α={self.alpha:.3f}, regime={self.regime!r}"
        return f"{type(self).__name__}({said}, samples={self.n_samples}/{self.window})"

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the last α, and every α so far."""
        from wcdfa.monitor.monitor_card import monitor_card  # noqa: PLC0415 - only notebooks need it

        return monitor_card(self)

    def update(
        self,
        given: object,
        /,
        *,
        lr: object = None,
        gradient_norm: object = None,
        cosine: object = None,
        weight_norm: object = None,
        beside: Mapping[str, object] | None = None,
    ) -> Self:
        """Record a norm, or how far parameters have moved since the last call. Returns the monitor, so calls can be chained.

        A norm of 0 means that no step was taken (gradient accumulation, a skipped AMP step): it is counted in `skipped` and not recorded.
        A norm that is NaN or infinite is recorded as a gap, and boxes are split there.

        With `lr`, the effect of the learning-rate schedule is removed before α is computed. A norm without a learning rate, or with one
        that is not positive, then counts as missing.

        With `gradient_norm`, the verdict tells memory in the size of the gradients from memory that the optimizer adds.

        With `beside`, `coupling` tells whether the norms move together with the loss, a reward, or any other series.

        Parameters
        ----------
        given : number, array of size 1, parameters, or Reading
            A number may be an array of any library. It stays on its device until α is due or asked for. Parameters may be a dict, list
            or tuple of NumPy arrays, a pytree of JAX arrays, an equinox or flax nnx module, a torch module, a Keras model, or TensorFlow
            variables: call `update` once per optimizer step. From a `Reading`, the norms that are new since the last reading are
            recorded; if it comes from another recorder, all of them.
        lr : number or array of size 1, optional
            Learning rate of the step.
        gradient_norm : number or array of size 1, optional
            ‖g‖, the norm of the gradient that the optimizer used for the step, after clipping. It stays on its device too.
        cosine, weight_norm : number or array of size 1, optional
            Beside a norm: the cosine of the change with the change of the step before, and ‖W‖ after the step. Of parameters they are
            computed.
        beside : dict of numbers or arrays of size 1, optional
            Other series at this step by name, such as ``{"loss": loss}``. They stay on their device too. Leave out a name, or give None,
            where there is no value. At most 16 names are kept.

        Raises
        ------
        TypeError
            If an argument is anything else; nothing is recorded then.
        ValueError
            If the parameters differ in structure from those of the last call, or the groups of a reading from those of the monitor;
            nothing is recorded then.
        """
        with self._lock:
            self._run.take(given, lr, gradient_norm, cosine, weight_norm, beside)
            if self._may_be_due():
                self._compute()
        return self

    def update_from_norm(self, norm: object) -> Self:
        """`update` for numbers only, under its name in wcdfa 0.1.0. Raises a TypeError for anything else."""
        if not is_number(norm):
            raise refuse(norm)
        return self.update(norm)

    @property
    def alpha(self) -> float | None:
        """The last α. None until α is first computed: the window must be full and α due."""
        result = self.result
        return None if result is None else float(result.alpha)

    @property
    def alphas(self) -> dict[str, float]:
        """The last α of all parameters ("all") and of each group; empty until the first α."""
        return {name: float(result.alpha) for name, result in self.results.items()}

    @property
    def regime(self) -> Regime | None:
        """The regime of the last α: "ordered", "critical" or "disordered" if its whole interval is inside that band, else "undecided".

        None before the first α, and when the last α is NaN.
        """
        result = self.result
        return None if result is None else label(float(result.low), float(result.high), thresholds=self.thresholds)

    @property
    def result(self) -> DFAResult | None:
        """The last α with its interval and F(s); None before the first α."""
        return self.results.get(ALL)

    @property
    def method(self) -> Method:
        """The method that α is measured with."""
        return self._criteria.measurement.method

    def result_by(self, method: Method) -> DFAResult | None:
        """`result` by another method; None before the first α, and until the next one after `load_state_dict`."""
        with self._lock:
            self._compute()
            return self._run.by(method)

    @property
    def results(self) -> dict[str, DFAResult]:
        """The last result of all parameters ("all") and of each group; empty before the first α."""
        return {name: outcome.result for name, outcome in self._now().items()}

    @property
    def reason(self) -> str | None:
        """Why the last α is NaN; None if it is a number."""
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
        """Every α computed so far of all parameters ("all") and of each group, oldest first."""
        with self._lock:
            self._compute()
            return self._run.history.alphas()

    @property
    def step(self) -> int:
        """Training step of the last norm; 0 before the first norm."""
        with self._lock:
            self._compute()
            return self._run.recorder.step

    @property
    def n_samples(self) -> int:
        """How many norms are in the window, at most `window`."""
        return len(self.reading().norms)

    @property
    def skipped(self) -> int:
        """How many norms of 0 were not recorded."""
        return int(self.reading().skipped)

    @property
    def drained(self) -> int:
        """How many norms the recorder had recorded when the last `Reading` was made; 0 before the first reading."""
        return self._run.recorder.drained

    @property
    def groups(self) -> Groups:
        """The groups that the monitor was made with."""
        return self._groups

    def continues(self, reading: Reading) -> bool:
        """Whether a reading continues the last one. If its recorder was reset, or is another one, `update` starts over with it."""
        return self._run.recorder.continues(reading)

    def reading(self) -> Reading:
        """The norms in the window, with their steps and learning rates, and the optimizer if it is known."""
        with self._lock:
            self._compute()
            return self._run.recorder.reading()

    def get_signal(self, group: str = ALL) -> Norms:
        """The norms in the window as a NumPy array of shape (n_samples,), oldest first. A norm that was not finite is NaN.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        return self.reading().of(group)

    def verdict(
        self,
        group: str = ALL,
        *,
        lr: npt.ArrayLike | None = None,
        steps: npt.ArrayLike | None = None,
        null: npt.ArrayLike | None = None,
        **options: object,
    ) -> Verdict:
        """`wcdfa.verdict` on the norms in the window, with the settings of the monitor.

        Parameters
        ----------
        group : str
            The group of parameters to judge. Default: all parameters.
        lr, steps, null, **options
            As in `wcdfa.verdict`. Name the optimizer if the monitor does not know it.

        Raises
        ------
        ValueError
            If there is no such group; and as `wcdfa.verdict`. Too few norms are no error: the verdict then has no α, and its `reason`
            says so.
        """
        reading = self.reading()
        criteria = self._criteria.changed(**reading.naming(options))
        return self._run.without_alpha(group) or reading.judged(group, criteria, lr=lr, steps=steps, null=null)

    def coupling(self, name: str, group: str = ALL, *, whole: bool = False, replicates: int = 999) -> NormCoupling:
        """Tell whether the norms move together with a series that was given beside them, such as the loss.

        >>> import wcdfa
        >>> monitor = wcdfa.WeightChangeDFA(window=256)
        >>> x, noise = wcdfa.synthetic.arfima(500, d=0.3, batch=(2,), seed=0)
        >>> for norm, loss in zip(np.exp(0.1 * x), 2 + x + noise):
        ...     _ = monitor.update(norm, beside={"loss": loss})
        >>> print(monitor.coupling("loss"))
        loss and log ‖ΔW‖: coupled (p = 0.001): ρ = 0.73 (0.66 to 0.80) at boxes of 3 samples

        Both are detrended in boxes, as for α, and set against pairs without coupling that have the same memories: `wcdfa.coupling`.
        The first call takes a second or more, because such pairs are simulated; they are kept.

        Parameters
        ----------
        name : str
            The name under which the series was given to `update`.
        group : str
            The group of parameters whose norms are compared. Default: all parameters.
        whole : bool
            Compare the run from the first step at which a series was given, at most the last 16,384 steps, instead of the window.
        replicates : int
            How many pairs without coupling are simulated.

        Returns
        -------
        NormCoupling
            Its ``str`` is a sentence. Series that cannot be compared are no error: its `reason` says why. A series that has a value at
            every k-th step is compared at those steps.

        Raises
        ------
        ValueError
            If there is no such series or group, or the whole run is asked for a group: a monitor keeps that of all parameters.
        """
        reading = self.reading()
        if whole:
            if group != ALL:
                msg = f"the norms of {group!r} are kept for the window only; leave out whole=True, or read the log of the run"
                raise ValueError(msg)
            with self._lock:
                kept = self._run.recorder.whole
                reading = reading if kept is None else kept.reading()
        criteria = self._criteria
        return reading.coupling(
            name, group, preparation=criteria.preparation, order=criteria.measurement.order, replicates=replicates
        )

    def report(
        self, path: str | os.PathLike[str], *, title: str = "wcdfa", lr: npt.ArrayLike | None = None, **options: object
    ) -> None:
        """Write a page for any browser: every α so far with its F(s), the groups, drifts, and the verdict on the window.

        Parameters
        ----------
        path : path
            For example "report.html".
        title : str
            Heading of the page.
        lr, **options
            The learning rate, the optimizer and its hyperparameters, as in `verdict`. The page shows all groups.

        Raises
        ------
        TypeError
            If an option would measure the last window differently from the windows before it.
        ValueError
            If the window does not hold enough norms yet, the path is a folder or does not end in .html or .htm, or plotly is not
            installed (``pip install 'wcdfa[cli]'``).
        """
        from wcdfa.report import write  # noqa: PLC0415 - json and hashlib, which only a report needs
        from wcdfa.report.from_monitor import MonitoredRun, check_options, section_of_monitor  # noqa: PLC0415

        check_options(options)
        with self._lock:
            reading = self.reading()
            if (short := too_few(reading.norms)) is not None:
                msg = f"{short}: at least {LEAST} are needed; record more steps"
                raise ValueError(msg)
            criteria = self._criteria.changed(**reading.naming(options))
            verdict, rate = self._run.without_alpha(ALL) or reading.judged(ALL, criteria, lr=lr), reading.lr if lr is None else lr
            run = MonitoredRun(reading, self._run.history_until_now(), verdict, criteria, self.window, self.stride, rate)
        write(path, [section_of_monitor(title, run)], title=title)

    def metrics(self) -> dict[str, float]:
        """The current α and ‖ΔW‖ under the keys that trackers receive: "wcdfa/alpha", "wcdfa/alpha_low", "wcdfa/update_norm" and so on.

        "wcdfa/regime" is 2 for ordered, 1 for critical, 0 for disordered, NaN for undecided. Before the first α, its keys are missing.
        α is that of the steps from "wcdfa/window_first_step" to "wcdfa/window_last_step", which may lie before "wcdfa/step": it is not
        computed at every step.

        With α come "wcdfa/expected_low" and "wcdfa/expected_high", between which the optimizer alone puts it, and "wcdfa/p", if the
        optimizer is known and its replays are shipped or cached: nothing is replayed during a run. `wcdfa.sinks.keys` lists all keys.

        For each series that is given beside the norms, "wcdfa/coupling/NAME/p", "…/rho" and "…/size" come with α, which takes a second
        now and then.

        If they are known, "wcdfa/lr" and "wcdfa/gradient_norm" of the last step are there too; and from the first change on that was
        seen, "wcdfa/momentum", or "wcdfa/beta1" and "wcdfa/beta2".
        """
        with self._lock:
            self._compute()
            return metrics_of(self._run, self.thresholds)

    def state_dict(self) -> dict[str, object]:
        """Everything recorded and computed, as numbers, strings and lists: ready for JSON, `numpy.savez` or a checkpoint.

        It does not hold the parameters that the next ones are compared with. So that no norm is lost after a restart, call `update` with
        the restored model once before the first step. It does hold the sample of the last change, so the direction goes on too.
        """
        with self._lock:
            self._compute()
            return state_of(self._run)

    def load_state_dict(self, state: Mapping[str, object], /) -> None:
        """Go on from a `state_dict`. It may have been through JSON or npz.

        Raises
        ------
        ValueError
            If the state has another version, window, groups or settings of α, or is incomplete. The monitor is then left unchanged.
        """
        with self._lock:
            run = self._new_run()
            restore(Fields(state), run)
            self._run = run

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to an npz file. If the process is killed meanwhile, an earlier file is still intact."""
        state_file.write(path, self.state_dict())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file that `save` wrote; raises as `load_state_dict`, and a FileNotFoundError if there is no such file."""
        self.load_state_dict(state_file.load(path))

    def __getstate__(self) -> dict[str, object]:
        """All attributes but the lock, which cannot be copied. A copy that the logger makes has what is recorded, as a state does."""
        with self._lock:
            run = self._run.without_pending() if self._computing else self._run
            return {name: value for name, value in vars(self).items() if name not in ("_lock", "_computing")} | {"_run": run}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the attributes, with a new lock."""
        vars(self).update(state, _lock=threading.RLock(), _computing=False)

    def _may_be_due(self) -> bool:
        """Whether α or the logger may be due once the pending norms are known. Zeros among them can only delay this.

        At most a window of norms is kept pending. For a logger of each norm, those on the host are due at once; those on a device
        wait for α, because copying them together is faster, or until the sink is closed.
        """
        recorder = self._run.recorder
        count, waiting = recorder.count, len(recorder.pending)
        if waiting >= self.window or _may_fall_due(self.stride, count, waiting):
            return True
        if self._logs_each_norm() and waiting:
            if recorder.pending[-1].on_host:
                return True
            UNLOGGED.add(self)
        return self.log_every is not None and self.logger is not None and _may_fall_due(self.log_every, count, waiting)

    def _now(self) -> dict[str, Outcome]:
        with self._lock:
            self._compute()
            return self._run.outcomes

    def _compute(self) -> None:
        """Record the pending norms; after each, compute α and call the logger if due.

        If the logger, or a cadence that is a function, reads the monitor, it is called from in here. What it reads is then the state at
        the norm that is being logged: the norms that are still pending are recorded after it returns.
        """
        if self._computing:
            return
        self._computing = True
        try:
            self._record(logged=True)
            self._record(logged=False)  # what the logger has added: if it were told of these, it might go on for ever
        finally:
            self._computing = False

    def _record(self, *, logged: bool) -> None:
        run = self._run
        logged = logged and self.logger is not None
        stop = (lambda count: self._alpha_due(count) or self._log_due(count)) if logged else self._alpha_due
        for count in run.recorder.flush(stop):
            if self._alpha_due(count):
                run.compute()
            if logged and self.logger is not None and self._log_due(count):
                self._log(self.logger, alpha=self.log_every is not None or self._alpha_due(count))
            if self._run is not run:  # the logger has reset the monitor, or loaded a state
                return

    def _log(self, logger: Logger, *, alpha: bool) -> None:
        try:
            logger(self._run.recorder.step, metrics_of(self._run, self.thresholds, alpha=alpha))
        except Exception as error:  # noqa: BLE001 - no error here may end the training run
            self._failures.log("the logger of a monitor", error)

    def _alpha_due(self, count: int) -> bool:
        return count >= self.window and due(self.stride, count)

    def _log_due(self, count: int) -> bool:
        if self.logger is None:
            return False
        if self.log_every is not None:
            return due(self.log_every, count)
        return self._logs_each_norm() or self._alpha_due(count)

    def _logs_each_norm(self) -> bool:
        return self.log_every is None and getattr(self.logger, "every_norm", False) is True


def _may_fall_due(every: Cadence, count: int, waiting: int) -> bool:
    """Whether something falls due at one of the norms that wait after so many."""
    if not callable(every):
        return count % every + waiting >= every
    try:
        return due(every, count + waiting)
    except Exception:  # noqa: BLE001 - a callable of the user raised it; it is called again, and raises, once the norms are recorded
        return True
