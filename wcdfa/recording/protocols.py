"""What a framework must define: the protocols of a backend and a recorder, and the table of all backends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from wcdfa.kernel.arrays import Array
from wcdfa.recording.direction import Direction, Layout
from wcdfa.recording.reading import Reading
from wcdfa.recording.sample import Sample

BACKENDS = {
    "keras": "a Keras model, layer or variables",
    "flax": "a flax nnx module",
    "jax": "a pytree of JAX arrays, such as an equinox module",
    "tensorflow": "a nest of TensorFlow tensors and variables, a tf.Module",
    "torch": "a torch module, or a dict, list or tuple of torch tensors",
    "numpy": "a dict, list or tuple of NumPy arrays, nested to any depth",
}
"""The module of each backend in `wcdfa.backends`, and the objects it takes. It has the name under which its framework is imported, so a
framework that is not imported is skipped. They are tried in this order, each framework before those that it is built on."""


class Shaped(Protocol):
    """An array of any library."""

    @property
    def shape(self) -> Iterable[int]:
        """The length of each axis."""


Tensor = TypeVar("Tensor", bound=Shaped)


class Backend(Protocol[Tensor]):
    """A module that finds the parameters of one framework and measures how far they move, for `wcdfa.WeightChangeDFA.update`.

    To add a framework:

    1. Write these functions in ``wcdfa/backends/NAME.py``, or in a folder that exports them. NAME is what users import.
       `wcdfa.backends.numpy` is the shortest example.
    2. Add NAME, with the objects it takes, to `BACKENDS`.
    3. Add it to the type check in ``wcdfa/backends/__init__.py``, and one example to ``tests/backends/test_protocols.py``, which then
       tests everything described here.

    To record every step without a call in the user's loop, write a `StepRecorder` too.
    """

    def parameters_of(self, given: object, /) -> dict[str, Tensor] | None:
        """The trained parameters in a user's object, by path ("encoder/0/weight"); None if it belongs to another framework.

        Integers and frozen parameters are left out. The arrays need not be copies.

        Raises
        ------
        ValueError
            If the object belongs to this framework but has no trained parameters, or they have no values yet.
        """

    def copied(self, parameters: dict[str, Tensor], /) -> dict[str, Tensor]:
        """Copy the parameters on their devices. No later step may change or delete the copies."""

    def group_norms(
        self, new: dict[str, Tensor], old: dict[str, Tensor], members: Mapping[str, Sequence[str]], /
    ) -> Mapping[str, object]:
        """‖new − old‖ over the paths of each group: numbers, or arrays of shape () that stay on the device.

        Differences are taken and summed in float32 or wider: half precision alone would round the norms to steps.
        """

    def sampled(self, parameters: dict[str, Tensor], sample: Sample, /) -> Array:
        """The numbers of the sample in one row, in float32 or wider, parameter after parameter in the order of `Sample.counts`.

        It stays on the device. Of a complex parameter, the real and the imaginary part of each number follow each other.
        """

    def direction_of(
        self, new: dict[str, Tensor], old: dict[str, Tensor], last: Array | None, norm: Tensor, layout: Layout, /
    ) -> Direction:
        """`wcdfa.recording.direction.directed` of the change from old to new parameters, on the device.

        `last` is what the last call returned, or a NumPy array of it; None if there is nothing to compare with. `norm` is ‖new − old‖.
        """


class StepRecorder(Protocol):
    """Records ‖ΔW‖ of every step during training, and returns the norms as a `Reading`.

    To add one:

    1. Let the framework call it once after each real step of the optimizer: a hook, a wrapper of the optimizer, or a call in the loop.
    2. Keep the last norms in a ring on the device (`wcdfa.recording.ring.record` can be traced by a compiler), with the learning rate
       of each. A norm of 0 means that no step was taken: count it as skipped. Record a norm that is not finite as NaN.
    3. Name the optimizer and its hyperparameters as `wcdfa.nulls.replay.optimizer_norms` does, or leave them out if they are not certain,
       and say why in `Reading.unknown`. Record momentum and betas at each step if they can change (`wcdfa.recording.side_series`), and
       ‖g‖ if the user asks for it with ``gradients=True``; and the direction (`wcdfa.recording.direction`). `Reading.taken` says how many steps came before the first norm.
    4. Save the ring in the framework's own checkpoints, and raise an error for a ring with another window or other groups.

    In a framework that keeps state outside of objects, a function ``read(state)`` replaces the method: see
    `wcdfa.backends.optax.recorder`.
    """

    def read(self) -> Reading:
        """Copy the norms recorded so far to the host."""
