"""What a framework must bring: the protocols of a backend and of a recorder, and the one table of backends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from wcdfa.recording.reading import Reading

BACKENDS = {
    "keras": "a Keras model, layer or variables",
    "flax": "a flax nnx module",
    "jax": "a pytree of JAX arrays, such as an equinox module",
    "tensorflow": "a nest of TensorFlow tensors and variables, a tf.Module",
    "torch": "a torch module, or a dict, list or tuple of torch tensors",
    "numpy": "a dict, list or tuple of NumPy arrays, nested at will",
}
"""The module of each backend in `wcdfa.backends`, and what it takes. It has the name by which its framework is imported: one that is not
imported has made nothing. They are asked in this order, a framework before those that it is built on."""


class Shaped(Protocol):
    """An array of any library."""

    @property
    def shape(self) -> Iterable[int]:
        """Its lengths."""


Tensor = TypeVar("Tensor", bound=Shaped)


class Backend(Protocol[Tensor]):
    """A module that finds the parameters of one framework and measures how far they move, for `wcdfa.WeightChangeDFA.update`.

    To add a framework:

    1. Write these three functions in ``wcdfa/backends/NAME.py``, or in a folder that exports them. NAME is what users import.
       `wcdfa.backends.numpy` is the shortest example.
    2. Add NAME and what it takes to `BACKENDS`.
    3. Add it to the type check in ``wcdfa/backends/__init__.py``, and one example to ``tests/backends/test_protocols.py``, which then
       tests all that is said here.

    To record every step without a call in the user's loop, write a `StepRecorder` too.
    """

    def parameters_of(self, given: object, /) -> dict[str, Tensor] | None:
        """The trained parameters in anything that a user may give, by path ("encoder/0/weight"); None if it is of another framework.

        Integers and frozen parameters are left out. The arrays may be those of the user.

        Raises
        ------
        ValueError
            If it is of this framework and has no trained parameters, or they have no values yet.
        """

    def copied(self, parameters: dict[str, Tensor], /) -> dict[str, Tensor]:
        """Copies on the same devices, which no later step changes or deletes."""

    def group_norms(
        self, new: dict[str, Tensor], old: dict[str, Tensor], members: Mapping[str, Sequence[str]], /
    ) -> Mapping[str, object]:
        """‖new − old‖ over the paths of each group: numbers, or arrays of shape () that stay on the device.

        Differences are taken and summed in float32 or wider: half precision alone would round the norms to steps.
        """


class StepRecorder(Protocol):
    """Records ‖ΔW‖ of every step while a framework trains, and gives it as a `Reading`.

    To add one:

    1. Let the framework call it once after each real step of the optimizer: a hook, a wrapper of the optimizer, or a call in the loop.
    2. Keep the last norms in a ring on the device (`wcdfa.recording.ring.record` can be traced by a compiler), the learning rate beside
       them. A norm of 0 was no step: it is counted as skipped. A norm that is not finite is recorded as NaN.
    3. Name the optimizer and its hyperparameters as `wcdfa.nulls.replay.optimizer_norms` does, or not at all where that is not certain.
    4. Let the ring travel with the framework's own checkpoints, and refuse one of another window or other groups.

    In a framework that keeps state outside of objects, a function ``read(state)`` takes the place of the method: see
    `wcdfa.backends.optax.recorder`.
    """

    def read(self) -> Reading:
        """The norms recorded so far, copied to the host."""
