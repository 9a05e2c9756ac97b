"""Handles the arguments of `WeightChangeDFA.update`: a norm, or the parameters of any framework that has been imported."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import Array
from wcdfa.recording.direction import Layout
from wcdfa.recording.groups import ALL, Groups, Members, members_of
from wcdfa.recording.protocols import BACKENDS, Backend, Shaped
from wcdfa.support.numbers import number, on_host

ACCEPTED = f"a number, an array of size 1, a Reading, or the parameters of a model: {'; '.join(BACKENDS.values())}"
PLAIN = frozenset((float, int, np.float64, np.float32, type(None)))
WAY_OUT = "give the same model at every step, or call reset() to start over"  # when parameters differ from the last


def kept(given: object) -> object:
    """Copy the current number, on its device, so that it stays the same if its buffer is overwritten."""
    if isinstance(given, (int, float, np.number, np.ndarray)):
        return number(given)
    if hasattr(given, "detach"):  # torch: it may be part of a graph, which must not be kept alive
        return given.detach().clone()
    if hasattr(given, "read_value"):  # a TensorFlow variable
        return given.read_value()
    return kept(given.value) if hasattr(given, "assign") and hasattr(given, "value") else given  # a Keras variable


def is_traced(given: object) -> bool:
    """Whether the object has no value yet, as inside a function that JAX or TensorFlow compiles."""
    if type(given) in PLAIN:
        return False
    jax = sys.modules.get("jax")
    return (jax is not None and isinstance(given, jax.core.Tracer)) or _is_symbolic(given)


def _is_symbolic(given: object) -> bool:
    tf = sys.modules.get("tensorflow")
    if tf is None or not hasattr(tf, "is_symbolic_tensor"):  # not imported, or only partly
        return False
    return bool(tf.is_symbolic_tensor(given) or (isinstance(given, tf.Variable) and not tf.executing_eagerly()))


def refuse(given: object) -> TypeError:
    """Make the error for an argument that `update` does not take."""
    if _is_symbolic(given):
        way_out = "record inside with wcdfa.backends.tensorflow.recorder.NormRecorder, or return the norm from the function and give it here"
        return TypeError(f"update was called with a symbolic tensor, inside a tf.function: {way_out}")
    if is_traced(given):
        way_out = "record inside with wcdfa.backends.optax.recorder.monitor, or return the norm from the compiled function and give it here"
        return TypeError(f"update was called with a traced value, inside a function that JAX compiles: {way_out}")
    return TypeError(f"update takes {ACCEPTED}; got {type(given).__name__}. For anything else, give ‖ΔW‖ itself")


class SavedDirection(NamedTuple):
    """The change that the next one is compared with, and the parameters that it led to."""

    last: npt.NDArray[np.floating]
    weights: str
    """A digest of the sample of the parameters."""


class Displacement:
    """Measures how far parameters have moved since they were last remembered, and in which direction."""

    coordinates = 0  # these are on the class for pickles of earlier releases
    _layout: Layout | None = None
    _last: Array | None = None
    _saved: SavedDirection | None = None

    def __init__(self, groups: Groups, coordinates: int = 0) -> None:
        self.groups, self.coordinates = groups, coordinates  # no coordinates: without the direction
        self._backend = ""  # the name and not the module, which could not be copied with the monitor
        self._members: Members = {}
        self._reference: dict[str, Shaped] | None = None

    def parameters_of(self, given: object) -> dict[str, Shaped]:
        """Parameters by path, from the first backend that recognises the argument.

        Raises
        ------
        TypeError
            If no backend recognises it, or a compiler is tracing it.
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

    def moved(self, parameters: dict[str, Shaped]) -> dict[str, object]:
        """‖ΔW‖ of each group since `remember`, on the device of the parameters.

        Raises
        ------
        ValueError
            If the remembered parameters are different; the message names the first difference.
        """
        assert self._reference is not None
        require_same(parameters, self._reference)
        backend = _backend(self._backend)
        norms = dict(backend.group_norms(parameters, self._reference, self._members))
        if self._layout is not None:
            series, self._last = backend.direction_of(
                parameters, self._reference, self._last, cast(Shaped, norms[ALL]), self._layout
            )
            norms |= series
        return norms

    def remember(self, parameters: dict[str, Shaped]) -> None:
        """Copy the parameters, to measure from them. The first parameters determine the groups."""
        if not self._members:
            self._members = members_of(list(parameters), self.groups)
            if self.coordinates:
                sizes = {path: _numbers_in(value) for path, value in parameters.items()}
                self._layout = Layout(sizes, self._members, self.coordinates)
        self._reference = _backend(self._backend).copied(parameters)
        if self._saved is not None:
            self._last = self._saved.last if self._saved.weights == self._digest() else None
            self._saved = None

    def saved(self) -> SavedDirection | None:
        """What another process needs to go on with the direction; None if the next change does not follow a known one."""
        digest = None if self._last is None else self._digest()
        return self._saved if self._last is None or digest is None else SavedDirection(on_host(self._last), digest)

    def restore(self, saved: SavedDirection) -> None:
        """Compare the next change with a saved one, if the next parameters are those that it led to."""
        self._saved = saved

    def _digest(self) -> str | None:
        """A number that tells the remembered parameters from others."""
        if self._reference is None or self._layout is None:
            return None
        row = _backend(self._backend).sampled(self._reference, self._layout.sample)
        return hashlib.sha256(on_host(row).tobytes()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """The groups; none before the first parameters."""
        return tuple(self._members)

    @property
    def seen(self) -> bool:
        """Whether there are parameters to measure from."""
        return self._reference is not None

    def forget(self) -> None:
        """Drop the parameters to measure from: the next change does not follow the last one."""
        self._reference = self._last = None


def _numbers_in(value: Shaped) -> int:
    """How many real numbers an array of any library holds."""
    return math.prod(int(n) for n in value.shape) * (2 if "complex" in str(getattr(value, "dtype", "")) else 1)


def _backend(name: str) -> Backend[Shaped]:
    return cast(Backend[Shaped], import_module(f"wcdfa.backends.{name}"))


def require_same(new: Mapping[str, Shaped], old: Mapping[str, Shaped]) -> None:
    """Raise a ValueError that names the first parameter that only one of them has, or that has another shape."""
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
