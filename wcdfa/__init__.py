"""Detrended fluctuation analysis of how a network changes its own weights."""

from wcdfa import moved as _moved
from wcdfa.version import __version__ as __version__

TYPE_CHECKING = False  # as typing has it, which takes 5 ms to import
if TYPE_CHECKING:
    from wcdfa import nulls as nulls
    from wcdfa import scales as scales
    from wcdfa import synthetic as synthetic
    from wcdfa.cross.coupling import Coupling as Coupling
    from wcdfa.cross.coupling import coupling as coupling
    from wcdfa.cross.fluctuation import cross_fluctuations as cross_fluctuations
    from wcdfa.cross.matrix import CouplingMatrix as CouplingMatrix
    from wcdfa.cross.matrix import coupling_matrix as coupling_matrix
    from wcdfa.inference.crossover_result import Crossovers as Crossovers
    from wcdfa.inference.crossovers import crossovers as crossovers
    from wcdfa.inference.exponent import DFAResult as DFAResult
    from wcdfa.inference.exponent import DFAWarning as DFAWarning
    from wcdfa.inference.exponent import dfa as dfa
    from wcdfa.inference.legacy import compute_dfa as compute_dfa
    from wcdfa.inference.local_slopes import LocalSlopes as LocalSlopes
    from wcdfa.inference.local_slopes import local_slopes as local_slopes
    from wcdfa.inference.mean import MeanWithMemory as MeanWithMemory
    from wcdfa.inference.mean import mean_with_memory as mean_with_memory
    from wcdfa.inference.measured_ranges import RangeExponents as RangeExponents
    from wcdfa.inference.measured_ranges import range_exponents as range_exponents
    from wcdfa.inference.rolling import Rolling as Rolling
    from wcdfa.inference.rolling import rolling_dfa as rolling_dfa
    from wcdfa.kernel.fluctuation import fluctuations as fluctuations
    from wcdfa.monitor.epochs import RollingWeightChangeDFA as RollingWeightChangeDFA
    from wcdfa.monitor.monitor import WeightChangeDFA as WeightChangeDFA
    from wcdfa.multifractal.mfdfa import mfdfa as mfdfa
    from wcdfa.multifractal.result import Multifractal as Multifractal
    from wcdfa.preprocess.preparation import Prepared as Prepared
    from wcdfa.preprocess.preparation import prepare as prepare
    from wcdfa.recording.reading import Reading as Reading
    from wcdfa.streaming.stream import Stream as Stream
    from wcdfa.verdicts.diagnosis import Diagnosis as Diagnosis
    from wcdfa.verdicts.diagnosis import diagnose as diagnose
    from wcdfa.verdicts.drift import Alarm as Alarm
    from wcdfa.verdicts.drift import drift_alarms as drift_alarms
    from wcdfa.verdicts.findings import Finding as Finding
    from wcdfa.verdicts.run_alpha import RunAlpha as RunAlpha
    from wcdfa.verdicts.run_alpha import run_alpha as run_alpha
    from wcdfa.verdicts.single_window import Verdict as Verdict
    from wcdfa.verdicts.single_window import verdict as verdict

_HOMES = {  # imported when they are first asked for, so that importing wcdfa costs little; the list above is for type checkers
    "Alarm": "verdicts.drift",
    "Coupling": "cross.coupling",
    "Crossovers": "inference.crossover_result",
    "CouplingMatrix": "cross.matrix",
    "DFAResult": "inference.exponent",
    "DFAWarning": "inference.exponent",
    "Diagnosis": "verdicts.diagnosis",
    "Finding": "verdicts.findings",
    "LocalSlopes": "inference.local_slopes",
    "MeanWithMemory": "inference.mean",
    "Prepared": "preprocess.preparation",
    "Multifractal": "multifractal.result",
    "RangeExponents": "inference.measured_ranges",
    "Reading": "recording.reading",
    "Rolling": "inference.rolling",
    "RollingWeightChangeDFA": "monitor.epochs",
    "RunAlpha": "verdicts.run_alpha",
    "Stream": "streaming.stream",
    "Verdict": "verdicts.single_window",
    "WeightChangeDFA": "monitor.monitor",
    "compute_dfa": "inference.legacy",
    "coupling": "cross.coupling",
    "coupling_matrix": "cross.matrix",
    "cross_fluctuations": "cross.fluctuation",
    "crossovers": "inference.crossovers",
    "dfa": "inference.exponent",
    "diagnose": "verdicts.diagnosis",
    "drift_alarms": "verdicts.drift",
    "fluctuations": "kernel.fluctuation",
    "mfdfa": "multifractal.mfdfa",
    "local_slopes": "inference.local_slopes",
    "mean_with_memory": "inference.mean",
    "prepare": "preprocess.preparation",
    "range_exponents": "inference.measured_ranges",
    "rolling_dfa": "inference.rolling",
    "run_alpha": "verdicts.run_alpha",
    "verdict": "verdicts.single_window",
}
_PACKAGES = {
    *("analysis", "backends", "cli", "cross", "heart", "inference", "kernel", "monitor", "multifractal", "nulls", "plotting"),
    *(
        "preprocess",
        "readers",
        "recording",
        "report",
        "scales",
        "sinks",
        "streaming",
        "support",
        "surrogates",
        "synthetic",
        "verdicts",
    ),
}

__all__ = [
    "Alarm",
    "Coupling",
    "CouplingMatrix",
    "Crossovers",
    "DFAResult",
    "DFAWarning",
    "Diagnosis",
    "Finding",
    "LocalSlopes",
    "MeanWithMemory",
    "Multifractal",
    "Prepared",
    "RangeExponents",
    "Reading",
    "Rolling",
    "RollingWeightChangeDFA",
    "RunAlpha",
    "Stream",
    "Verdict",
    "WeightChangeDFA",
    "compute_dfa",
    "coupling",
    "coupling_matrix",
    "cross_fluctuations",
    "crossovers",
    "dfa",
    "diagnose",
    "drift_alarms",
    "fluctuations",
    "local_slopes",
    "mean_with_memory",
    "mfdfa",
    "nulls",
    "prepare",
    "range_exponents",
    "rolling_dfa",
    "run_alpha",
    "scales",
    "synthetic",
    "verdict",
]

_moved.install()


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(__import__(f"wcdfa.{_HOMES[name]}", fromlist=[name]), name)
        globals()[name] = value
        return value
    if name in _PACKAGES:
        return __import__(f"wcdfa.{name}", fromlist=["_"])
    if name in _moved.MOVED:  # kept, because "from wcdfa import windows" asks twice
        globals()[name] = module = _moved.imported(name, stacklevel=4)
        return module
    msg = f"module 'wcdfa' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    special = {name for name in globals() if name.startswith("__")}
    return sorted({*special, *__all__, *_PACKAGES} - {"support"})  # which is for the package itself
