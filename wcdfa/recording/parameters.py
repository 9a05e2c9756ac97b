"""What `update` may be given: a norm, or the parameters of any framework that is loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import numpy as np

from wcdfa.recording.groups import Groups, Members, members_of
from wcdfa.recording.protocols import BACKENDS, Backend
from wcdfa.support.numbers import number

ACCEPTED = f"a number, an array of size 1, a Reading, or the parameters of a model: {'; '.join(BACKENDS.values())}"


def kept(given: Any) -> Any:
    """The number as it is now, on its device: a buffer that is written again must not change what was recorded."""
    if isinstance(given, (int, float, np.number, np.ndarray)):
        return number(given)
    if hasattr(given, "detach"):  # torch; without the graph that it may be part of
        return given.detach().clone()
    if hasattr(given, "read_value"):  # TensorFlow's variables
        return given.read_value()
    return kept(given.value) if hasattr(given, "assign") and hasattr(given, "value") else given  # Keras' variables


def is_traced(given: Any) -> bool:
    """Whether it is no value yet, inside a function that JAX or TensorFlow compiles."""
    jax = sys.modules.get("jax")
    return (jax is not None and isinstance(given, jax.core.Tracer)) or _is_symbolic(given)


def _is_symbolic(given: Any) -> bool:
    tf = sys.modules.get("tensorflow")
    if tf is None or not hasattr(tf, "is_symbolic_tensor"):  # about to be imported
        return False
    return bool(tf.is_symbolic_tensor(given) or (isinstance(given, tf.Variable) and not tf.executing_eagerly()))


def refuse(given: Any) -> TypeError:
    """The error about something that `update` does not take."""
    if _is_symbolic(given):
        way_out = "record inside with wcdfa.backends.tensorflow.recorder.NormRecorder, or return the norm from the function and give it here"
        return TypeError(f"update was called with a symbolic tensor, inside a tf.function: {way_out}")
    if is_traced(given):
        way_out = "record inside with wcdfa.backends.optax.recorder.monitor, or return the norm from the compiled function and give it here"
        return TypeError(f"update was called with a traced value, inside a function that JAX compiles: {way_out}")
    return TypeError(f"update takes {ACCEPTED}; got {type(given).__name__}. Of anything else, give ‖ΔW‖ itself")


class Displacement:
    """How far parameters have moved since they were last seen."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self._backend = ""  # its name: a module could not be copied with the monitor
        self._members: Members = {}
        self._reference: dict[str, Any] | None = None

    def parameters_of(self, given: Any) -> dict[str, Any]:
        """Parameters by path, as the first backend that knows them gives them.

        Raises
        ------
        TypeError
            If none does, or if they are traced.
        """
        for name in BACKENDS:
            if name in sys.modules:
                parameters = _backend(name).parameters_of(given)
                if parameters is not None:
                    for part in parameters.values():
                        if is_traced(part):
                            raise refuse(part)
                    self._backend = name
                    return parameters
        raise refuse(given)

    def moved(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """‖ΔW‖ of each group since `remember`, on the device of the parameters.

        Raises
        ------
        ValueError
            If other parameters are remembered: the message names them.
        """
        assert self._reference is not None
        require_same(parameters, self._reference)
        return dict(_backend(self._backend).group_norms(parameters, self._reference, self._members))

    def remember(self, parameters: dict[str, Any]) -> None:
        """Copy the parameters, to measure from; the first ones decide which groups there are."""
        if not self._members:
            self._members = members_of(list(parameters), self.groups)
        self._reference = _backend(self._backend).copied(parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The groups, once there are parameters."""
        return tuple(self._members)

    @property
    def seen(self) -> bool:
        """Whether there is something to measure from."""
        return self._reference is not None

    def forget(self) -> None:
        """Measure from the next parameters on."""
        self._reference = None


def _backend(name: str) -> Backend[Any]:
    return cast(Backend[Any], import_module(f"wcdfa.backends.{name}"))


def require_same(new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    """Raise a ValueError that names the first parameter which only one of them has, or which has another shape."""
    if new.keys() != old.keys():
        odd = sorted(new.keys() ^ old.keys())
        where = "new" if odd[0] in new else "gone"
        msg = f"parameter {odd[0]!r} is {where} since the last update ({len(odd)} differ in all); {WAY_OUT}"
        raise ValueError(msg)
    for path, value in new.items():
        if tuple(value.shape) != tuple(old[path].shape):
            msg = (
                f"parameter {path!r} has shape {tuple(value.shape)}, and had {tuple(old[path].shape)} at the last update; {WAY_OUT}"
            )
            raise ValueError(msg)


WAY_OUT = "give the same model at every step, or call reset() to begin anew"
