"""The types of results: plain numbers and strings, for JSON, tables and other processes."""

from __future__ import annotations

from typing import NotRequired, TypedDict, final

from wcdfa.analysis.fingerprints import Fingerprint
from wcdfa.support.quantity import Quantity
from wcdfa.verdicts.regime import Regime


class FindingResult(TypedDict):
    """One finding of a window."""

    kind: str
    text: str
    figure: float | None


class WindowNumbers(TypedDict):
    """α of a window with its verdict; missing numbers are None."""

    alpha: float | None
    stderr: float | None
    low: float | None
    high: float | None
    r_squared: float | None
    adequacy: float | None
    regime: Regime | None
    orders: dict[str, float | None]
    """α at each detrending order."""
    null: dict[str, float | None] | None
    """α compared with the optimizer alone, as in `wcdfa.nulls.NullResult`; None if no optimizer was named."""
    p_value: float | None
    """p of the window against everything that the optimizer gives on gradients without memory; None if it was not compared."""
    compared: str | None
    """What the window was compared with."""
    explained_by: list[str]
    explanation: str
    """What explains α; if there is no α, the reason."""
    findings: list[FindingResult]


class WindowResult(WindowNumbers):
    """A window: samples [start, stop), from 0, and its first and last training step."""

    start: int
    stop: int
    first_step: int
    last_step: int


class AlarmResult(TypedDict):
    """A drift, in training steps, as in `wcdfa.Alarm`."""

    start: int
    end: int | None
    onset: int
    direction: str
    alpha: float
    threshold: float


class RunResult(TypedDict):
    """One α for the whole series, as in `wcdfa.RunAlpha`; missing numbers are None."""

    alpha: float | None
    low: float | None
    high: float | None
    regime: Regime | None
    probabilities: dict[str, float | None]
    """Probability of each band."""
    reason: str | None
    """Why there is no α."""


class CauseResult(TypedDict):
    """A likely cause."""

    name: str
    text: str
    check: str
    """What to look at."""
    weight: float
    """How likely it is among all causes of the catalogue, from 0 to 1."""


class DiagnosisResult(TypedDict):
    """What may be wrong with a run, as in `wcdfa.diagnose`."""

    found: bool
    since: int | None
    """The first step from which on something was found."""
    evidence: list[str]
    clear: bool
    """Whether the first cause is much likelier than the others."""
    causes: list[CauseResult]
    """The likeliest causes, at most three."""
    compared: list[str]
    not_compared: list[str]


class OptimizerTest(TypedDict):
    """All windows of a series against the optimizer, at a rate of false findings of 5 % for the run."""

    windows: int
    """How many were compared."""
    p_value: float | None
    differing: list[int]
    """Numbers, from 0, of the windows that differ."""
    line: str


@final
class CouplingResult(TypedDict):
    """Whether a series moves together with another column of its log; missing numbers are None."""

    column: str
    p_value: float | None
    """Over all box sizes."""
    size: int | None
    """The box size in samples at which ρ is clearest."""
    rho: float | None
    low: float | None
    high: float | None
    n: int
    """Samples that were compared."""
    spacing: int
    """Optimizer steps from one of them to the next."""
    reason: str | None
    """Why the two were not compared; None if they were."""
    line: str


@final
class SeriesResult(TypedDict):
    """A judged series; α, low, high, regime and so on are those of its last window."""

    path: str
    run: str
    series: str
    quantity: Quantity
    n: int
    thinned: int
    """Optimizer steps from one value to the next."""
    order: int
    alpha: float | None
    stderr: float | None
    low: float | None
    high: float | None
    regime: Regime | None
    null: dict[str, float | None] | None
    against_optimizer: OptimizerTest
    explanation: str
    log: bool
    negative: int
    empty: int
    notes: list[str]
    alarms: list[AlarmResult]
    run_alpha: RunResult
    diagnosis: DiagnosisResult | None
    """None if the series is not ‖ΔW‖, or it was not asked for."""
    windows: list[WindowResult]
    couplings: NotRequired[list[CouplingResult]]
    """Whether it moves together with the columns that were asked for."""
    fingerprint: NotRequired[Fingerprint]
    """What tells whether another log holds the same run; it is not printed."""
    known_as: NotRequired[str]
    """The shortest name that a log of this run gives the series."""
    group: NotRequired[str | None]
    """The group of runs that it belongs to, from the command line."""


@final
class FailedResult(TypedDict):
    """A series, run or log that could not be read or judged."""

    path: str
    run: str
    series: str | None
    error: str
    none: bool
    """Whether the log can be read, but has no series with the wanted name."""
    advice: NotRequired[str]
    """How ‖ΔW‖ is logged with the tool that wrote the log, if it holds no norm; else empty."""
    empty: NotRequired[bool]
    """Whether nothing was logged: the run has not begun, or the log holds only its hyperparameters."""
    group: NotRequired[str | None]


Result = SeriesResult | FailedResult
