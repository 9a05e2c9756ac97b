"""The norms that a recorder returns, with the verdict on them and α of every group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.measurement import Measurement
from wcdfa.inference.prepared import Outcome, measured
from wcdfa.inference.sketch_exponents import VectorExponents, vector_exponents
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared, with_usable_rates
from wcdfa.recording.groups import ALL
from wcdfa.recording.shortage import too_few, with_skipped
from wcdfa.recording.side_series import changes
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import first_few, several
from wcdfa.verdicts.across import together
from wcdfa.verdicts.alongside import Alongside, checked, parted
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.diagnosis import Diagnosis, diagnose
from wcdfa.verdicts.evidence import Evidence, of_norms
from wcdfa.verdicts.single_window import Verdict, weighed

if TYPE_CHECKING:
    from wcdfa.verdicts.norm_coupling import NormCoupling

Norms = npt.NDArray[np.floating]
Steps = npt.NDArray[np.integer]
Count = int | npt.NDArray[np.integer]
PLAIN = Preparation()


class Reading(NamedTuple):
    """The norms of a recorder as NumPy arrays, oldest first, and what is known about them.

    In a reading of an ensemble, arrays and counts have the axes of the ensemble in front. A member that recorded fewer norms than another
    begins with NaN.
    """

    norms: Norms
    """‖ΔW‖ of each recorded step, shape (n,), n at most the window."""
    count: Count  # type: ignore[assignment]  # not the method of a tuple
    """How many norms were recorded in all."""
    skipped: Count
    """How many norms were 0: they are counted but not recorded."""
    lr: Norms | None = None
    """Learning rate of each norm, shape (n,), NaN where unknown; None if all are."""
    steps: Steps | None = None
    """Training step of each norm, from 1 on, shape (n,); None where unknown."""
    groups: Mapping[str, Norms] = {}  # nothing changes it
    """‖ΔW‖ of each group of parameters, shape (n,)."""
    optimizer: str | None = None
    """Name of the optimizer, as `wcdfa.nulls.replay.optimizer_norms` takes it; None where unknown."""
    hyperparameters: Mapping[str, object] = {}
    """Hyperparameters of the optimizer, under the names of `wcdfa.nulls.replay.optimizer_norms`."""
    stderr: Norms | None = None
    """Standard error of each norm, relative to it, shape (n,), if a sample of the coordinates was measured; None if all were."""
    gradients: Norms | None = None
    """‖g‖, the norm of the gradient of each step, shape (n,), NaN where unknown; None if it was not recorded."""
    varying: Mapping[str, Norms] = {}
    """Value at each norm of every hyperparameter that changed meanwhile, shape (n,), or (n, 2) for betas; NaN where unknown."""
    unknown: str | None = None
    """Why `optimizer` is None, as a sentence without its full stop; None if the optimizer is known, or nothing could be found out."""
    taken: Count | None = None
    """Steps that the optimizer had taken before the first of these norms: 0 for a run from its start; None where unknown."""

    cosine: Norms | None = None
    """Cosine of each weight change with that of the step before, shape (n,), NaN where there is none; None if it was not recorded.

    If the parameters have many numbers, it is that of a sample of them (`wcdfa.recording.sample.sample_of`)."""
    weight_norm: Norms | None = None
    """‖W‖ after each step, shape (n,); None if it was not recorded."""
    sketch: Norms | None = None
    """Some coordinates of each weight change, spread over all parameters, shape (n, K) and in float32; None if they were not recorded."""
    cosines: Mapping[str, Norms] = {}
    """`cosine` of each group of parameters, shape (n,)."""
    beside: Mapping[str, Norms] = {}
    """What was given beside each norm, such as the loss, by name, shape (n,); NaN where nothing was."""

    def __repr__(self) -> str:
        """How many norms there are of how many steps, and what is known about them."""
        kept, shape = np.shape(self.norms)[-1], np.shape(self.norms)[:-1]
        what = [f"{several(kept, 'norm', 'norms')}" + (f" of each of {' × '.join(map(str, shape))} runs" if shape else "")]
        if not shape:
            what[0] += f" of {self.count:,}" if int(self.count) > kept else ""
            what += [f"{int(self.skipped):,} skipped"] if int(self.skipped) else []
        what += [f"groups {first_few(list(self.groups))}"] if self.groups else []
        what += [] if self.optimizer is None else [self.optimizer]
        return f"Reading({', '.join(what)})"

    def verdict(
        self,
        group: str = ALL,
        *,
        lr: npt.ArrayLike | None = None,
        steps: npt.ArrayLike | None = None,
        null: npt.ArrayLike | None = None,
        **options: object,
    ) -> Verdict:
        """Judge these norms with `wcdfa.verdict`, and compare α with the optimizer that made them if it is known.

        >>> from wcdfa.nulls.replay import optimizer_norms
        >>> norms = optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
        >>> print(Reading(norms, 500, 0, optimizer="sgd", hyperparameters={"momentum": 0.9}).verdict().explained_by)
        ('optimizer', 'short memory')

        Parameters
        ----------
        group : str
            The group of parameters to judge. Default: all parameters.
        lr, steps, null, **options
            As in `wcdfa.verdict`. They override the reading's own values.

        Raises
        ------
        ValueError
            If there is no such group, or the reading belongs to an ensemble; and as `wcdfa.verdict`. Too few norms are no error: the
            verdict then has no α, and its `reason` says so.
        """
        self._check_single()
        criteria, beside = self._asked(options, lr, steps)
        return weighed(self._evidence(group, criteria, beside, null))

    def judged(
        self,
        group: str,
        criteria: Criteria,
        *,
        lr: npt.ArrayLike | None = None,
        steps: npt.ArrayLike | None = None,
        null: npt.ArrayLike | None = None,
    ) -> Verdict:
        """`verdict` with given criteria. Raises the same errors."""
        self._check_single()
        return weighed(self._evidence(group, criteria, Alongside(lr=lr, steps=steps), null))

    def _evidence(self, group: str, criteria: Criteria, given: Alongside, null: npt.ArrayLike | None) -> Evidence:
        """What is known of a group; what a user gives beside the norms overrides the reading's own."""
        norms, own = with_usable_rates(self.of(group), rates(self))
        beside = Alongside(
            lr=own if given.lr is None else given.lr,
            steps=self.steps if given.steps is None else given.steps,
            counted=given.steps is not None or self.taken is not None or self.optimizer is None,
            gradient_norm=given.gradient_norm if given.gradient_norm is not None else self.gradients if group == ALL else None,
            varying={**self.varying, **given.varying},
        )
        given_start = criteria.simulation.start
        if criteria.optimizer is not None and given_start is None and self.taken is not None:
            criteria = criteria.changed(start=int(self.taken))
        late = self._before(group)
        if late:  # its parameters were trained from there on
            norms, beside = norms[late:], beside.part(slice(late, None))
            if criteria.optimizer is not None and given_start is None:
                criteria = criteria.changed(start=0)
        short = too_few(norms, zeros=criteria.preparation.zeros == "keep")
        if short is not None:
            checked(beside, len(norms))
            return Evidence(criteria=criteria, reason=with_skipped(short, self.norms, int(self.skipped)))
        try:
            return of_norms(norms, criteria, beside, null=null)
        except ValueError as error:
            reason = with_skipped(str(error), self.norms, int(self.skipped))
            if not _measurable(norms, criteria, beside):
                return Evidence(criteria=criteria, reason=reason)
            raise ValueError(reason) from None

    def _before(self, group: str) -> int:
        """How many norms there are from before a group appeared."""
        known = np.isfinite(self.of(group))
        first = int(np.argmax(known)) if known.any() else 0
        return first if np.isfinite(self.norms[:first]).any() else 0

    def verdicts(
        self, *, lr: npt.ArrayLike | None = None, steps: npt.ArrayLike | None = None, **options: object
    ) -> dict[str, Verdict]:
        """Judge all parameters together and each group; `wcdfa.verdicts.across_groups` says what they show together.

        >>> import wcdfa
        >>> norms = np.exp(wcdfa.synthetic.white_noise(500, batch=(2,), seed=0))
        >>> verdicts = Reading(norms[0], 500, 0, groups={"a": norms[0], "b": norms[1]}).verdicts(optimizer="sgd")
        >>> print(list(verdicts), "|", wcdfa.verdicts.across_groups(verdicts))
        ['all', 'a', 'b'] | no difference from the optimizer over all 2 groups (p = 1 for the run)

        Takes the options of `verdict`, except the group and null. Raises the same errors.
        """
        self._check_single()
        criteria, beside = self._asked(options, lr, steps)
        evidence = {group: self._evidence(group, criteria, beside, None) for group in (ALL, *self.groups)}
        whole = weighed(evidence.pop(ALL))
        return {ALL: whole, **dict(zip(evidence, together(list(evidence.values()), dependent=True), strict=True))}

    def coupling(
        self,
        name: str,
        group: str = ALL,
        *,
        preparation: Preparation = PLAIN,
        order: int = 1,
        replicates: int = 999,
    ) -> NormCoupling:
        """Tell whether the norms move together with a series that was given beside them, by `wcdfa.coupling`.

        >>> import wcdfa
        >>> x, noise = wcdfa.synthetic.arfima(500, d=0.3, batch=(2,), seed=0)
        >>> print(Reading(np.exp(x), 500, 0, beside={"loss": x + noise}).coupling("loss"))
        loss and log ‖ΔW‖: coupled (p = 0.001): ρ = 0.70 (0.65 to 0.75) at boxes of 3 samples

        Parameters
        ----------
        name : str
            The name under which the series was given.
        group : str
            The group of parameters whose norms are compared. Default: all parameters.
        preparation : Preparation
            What is done to the norms first. Default: as in `wcdfa.prepare`.
        order, replicates
            As in `wcdfa.coupling`.

        Raises
        ------
        ValueError
            If there is no such series or group, or the reading belongs to an ensemble. Two series that cannot be compared are no
            error: the result then has the reason.
        """
        from wcdfa.verdicts.norm_coupling import norm_coupling  # noqa: PLC0415 - only who asks for it needs it

        self._check_single()
        if name not in self.beside:
            there = f"the series are {', '.join(map(repr, self.beside))}" if self.beside else "none was given"
            msg = f'no series {name!r} was given beside the norms ({there}); give it as update(norm, beside={{"{name}": value}})'
            raise ValueError(msg)
        norms, lr = with_usable_rates(self.of(group), rates(self))
        return norm_coupling(
            norms, self.beside[name], name, preparation, lr=lr, steps=self.steps, order=order, replicates=replicates
        )

    def vector_alpha(self, *, order: int = 1, method: Method = "robust", confidence: float = 0.95) -> VectorExponents:
        """Measure α of the weight change as a vector, from the sketch, with `wcdfa.inference.sketch_exponents.vector_exponents`.

        >>> import wcdfa
        >>> sketch = wcdfa.synthetic.ar1(500, phi=0.9, batch=(64,), seed=0).T
        >>> found = Reading(np.linalg.norm(sketch, axis=1), 500, 0, sketch=sketch).vector_alpha()
        >>> print([round(exponent, 2) for exponent in found.exponents])
        [1.37, 1.08]

        Each row is divided by the learning rate if that is known. α is NaN, with a reason, if the sketch was not recorded or allows none.

        Raises
        ------
        ValueError
            If the reading belongs to an ensemble.
        """
        self._check_single()
        if self.sketch is None:
            nothing = vector_exponents(np.empty((len(self.norms), 0)))
            return nothing._replace(reason="the sketch of the weight change was not recorded")
        rate = np.ones(len(self.norms)) if self.lr is None else self.lr
        if not (np.isfinite(rate) & (rate > 0)).all():
            rate = np.ones(len(self.norms))
        scaled = np.asarray(self.sketch, dtype=np.float64) / rate[:, np.newaxis]
        return vector_exponents(scaled, order=order, method=method, confidence=confidence)

    def diagnosis(self, *, baseline: int | None = None, alarms: float = 0.05, **options: object) -> Diagnosis:
        """Ask whether the run is what it is said to be, and whether something changed, with `wcdfa.diagnose`.

        >>> from wcdfa.nulls.replay import optimizer_norms
        >>> norms = optimizer_norms(1000, optimizer="sgd", momentum=0.9, replicates=1)[0]
        >>> lr = np.full(1000, 0.01)
        >>> found = Reading(norms, 1000, 0, lr, optimizer="sgd", hyperparameters={"momentum": 0.9}).diagnosis()
        >>> found.found, found.not_compared
        (False, ('what needs the cosine and the sketch of the weight change, which was not recorded',))

        Parameters
        ----------
        baseline : int, optional
            How many of these norms, from the first on, show what is usual. Default: half of them.
        alarms : float
            Probability of any false alarm, for each of the two questions.
        **options
            Another optimizer and its hyperparameters, as in `wcdfa.diagnose`.

        Raises
        ------
        ValueError
            If the reading belongs to an ensemble; and as `wcdfa.diagnose`.
        """
        self._check_single()
        asked = self.naming({**self.varying, **options})
        return diagnose(
            self.norms,
            cosine=self.cosine,
            weight_norm=self.weight_norm,
            sketch=self.sketch,
            groups=self.groups,
            cosines=self.cosines,
            lr=self.lr,
            steps=self.steps,
            gradient_norm=self.gradients,
            start=None if self.taken is None else int(self.taken),
            baseline=baseline,
            alarms=alarms,
            **asked,  # type: ignore[arg-type]  # they are checked
        )

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the norms, and what is known beside them."""
        from wcdfa.recording.reading_card import reading_card  # noqa: PLC0415 - only notebooks need it

        return reading_card(self)

    def _asked(
        self, options: Mapping[str, object], lr: npt.ArrayLike | None, steps: npt.ArrayLike | None
    ) -> tuple[Criteria, Alongside]:
        """What a user asks for: the options, and what belongs to each norm."""
        constant, varying = parted(options)
        gradient_norm = constant.pop("gradient_norm", None)
        beside = Alongside(lr=lr, steps=steps, gradient_norm=gradient_norm, varying=varying)  # type: ignore[arg-type]  # it is checked
        return Criteria().changed(**self.naming(constant)), beside

    def _check_single(self) -> None:
        """Raise a ValueError if the norms belong to an ensemble, whose members may have different hyperparameters."""
        if np.ndim(self.norms) != 1:
            msg = f"norms of shape {np.shape(self.norms)} belong to an ensemble; judge its members, reading.member(i).verdict()"
            raise ValueError(msg)

    def naming(self, options: Mapping[str, object]) -> dict[str, object]:
        """The options of a verdict, with the optimizer of this reading unless they name another one or None."""
        asked = options.get("optimizer", self.optimizer)
        if asked is None and self.unknown is not None:
            return {"unknown": self.unknown, **options}
        if asked is None or isinstance(asked, Optimizer) or asked != self.optimizer:
            return dict(options)
        return {**self.hyperparameters, **options, "optimizer": asked}

    def of(self, group: str) -> Norms:
        """The norms of a group, or of all parameters; raises a ValueError if there is no such group."""
        if group != ALL and group not in self.groups:
            msg = f"group must be one of {', '.join(map(repr, (ALL, *self.groups)))}, got {group!r}"
            raise ValueError(msg)
        return self.norms if group == ALL else self.groups[group]

    def member(self, *index: int) -> Reading:
        """The reading of one member of an ensemble.

        >>> Reading(np.ones((3, 5)), np.array([5, 5, 5]), np.array([0, 1, 0])).member(1).skipped
        1
        """
        count = int(np.asarray(self.count)[index])
        kept = slice(max(0, np.shape(self.norms)[-1] - count), None)
        return Reading(
            norms=self.norms[index][kept],
            count=count,
            skipped=int(np.asarray(self.skipped)[index]),
            lr=None if self.lr is None else self.lr[index][kept],
            steps=None if self.steps is None else self.steps[index][kept],
            groups={name: norms[index][kept] for name, norms in self.groups.items()},
            optimizer=self.optimizer,
            hyperparameters={name: _of_member(value, index) for name, value in self.hyperparameters.items()},
            stderr=None if self.stderr is None else self.stderr[index][kept],
            gradients=None if self.gradients is None else self.gradients[index][kept],
            varying={name: own for name, values in self.varying.items() if changes((own := values[index][kept]).T)},
            unknown=self.unknown,
            taken=None if self.taken is None else int(np.asarray(self.taken)[index]),
            cosine=None if self.cosine is None else self.cosine[index][kept],
            weight_norm=None if self.weight_norm is None else self.weight_norm[index][kept],
            sketch=None if self.sketch is None else self.sketch[index][kept],
            cosines={name: cosines[index][kept] for name, cosines in self.cosines.items()},
            beside={name: values[index][kept] for name, values in self.beside.items()},
        )


def _of_member(value: object, index: tuple[int, ...]) -> object:
    """A hyperparameter of one member, if each member has its own."""
    each = np.asarray(value)
    return each[index] if each.ndim else value


def _measurable(norms: Norms, criteria: Criteria, beside: Alongside) -> bool:
    """Whether enough norms are left, in stretches that are long enough, for an α."""
    if np.count_nonzero(np.isfinite(norms)) < LEAST:
        return False
    try:
        prepared = criteria.preparation.of(norms, lr=beside.lr, steps=beside.steps)
    except ValueError:  # of what was given beside the norms
        return True
    try:
        criteria.measurement.of(prepared.values, prepared.cuts)
    except ValueError:
        return False
    return True


def rates(reading: Reading) -> Norms:
    """The learning rate of each norm, NaN where unknown."""
    return np.full(np.shape(reading.norms), math.nan) if reading.lr is None else reading.lr


def numbered(reading: Reading) -> Steps:
    """The training step of each norm; 1, 2, 3 … if they are unknown."""
    return np.arange(1, 1 + np.shape(reading.norms)[-1]) if reading.steps is None else reading.steps


def outcomes(reading: Reading, preparation: Preparation, measurement: Measurement) -> dict[str, Outcome]:
    """Compute α of all parameters and of each group. If there is no α, it is NaN and the outcome has the reason.

    >>> from wcdfa import synthetic
    >>> norms = synthetic.white_noise(200, seed=0)
    >>> found = outcomes(Reading(norms, 200, 0, groups={"head": norms}), Preparation(log=False), Measurement(method="ols"))
    >>> print(found["head"].result.alpha == found["all"].result.alpha)
    True
    """
    return measured(prepared(reading, preparation), np.shape(reading.norms)[-1], measurement)


def prepared(reading: Reading, preparation: Preparation) -> dict[str, Prepared | str]:
    """The norms of all parameters and of each group, prepared, or the reason why they cannot be."""
    return {name: _prepared(norms, reading, preparation) for name, norms in {ALL: reading.norms, **reading.groups}.items()}


def _prepared(norms: Norms, reading: Reading, preparation: Preparation) -> Prepared | str:
    """The norms prepared, or the reason why they cannot be."""
    usable, lr = with_usable_rates(norms, rates(reading))
    try:
        with np.errstate(all="ignore"):
            return preparation.of(usable, lr=lr, steps=reading.steps)
    except (ValueError, ArithmeticError) as error:
        return with_skipped(str(error), np.asarray(reading.norms), int(np.max(reading.skipped)))
