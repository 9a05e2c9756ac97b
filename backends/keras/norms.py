"""Computes how far the variables of a Keras model moved in a step, by group, in the best way for each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, TypedDict, TypeVar, cast

import keras
from keras import ops

from wcdfa.backends.trees import by_path
from wcdfa.recording.groups import Groups, members_of

if TYPE_CHECKING:
    import jax
    import tensorflow as tf  # type: ignore[import-untyped]
    import torch


class Tensor(Protocol):
    """What a Keras variable holds: a tensor of JAX, TensorFlow or torch, depending on the backend."""

    @property
    def shape(self) -> Iterable[int]:
        """The length of each axis."""

    @property
    def dtype(self) -> object:
        """The dtype."""

    def __sub__(self, other: Self, /) -> Self: ...

    def __mul__(self, other: Self, /) -> Self: ...

    def __getitem__(self, place: int | slice, /) -> Self: ...


Key = TypeVar("Key", int, str)
Values = Mapping[int, Tensor] | Sequence[Tensor]
"""The values of variables by position."""


class SavedLayout(TypedDict):
    """A layout in a file: path and shape of each variable, and the positions of the variables of each group."""

    variables: list[list[str | list[int]]]
    members: dict[str, list[int]]


class Layout:
    """Lists the variables to measure, and those of each group. It is a plain object, so Keras does not track its variables.

    `saved` is the layout from a file. If it is about the same variables, its groups are used, because paths are different in a model
    that Keras has loaded ("dense/kernel" instead of "net/dense/kernel").
    """

    def __init__(self, variables: Sequence[keras.Variable], groups: Groups, saved: SavedLayout | None = None) -> None:
        self.variables = variables
        # Keras calls the scales of 8-bit training trainable, but they are replaced and not trained
        trained = [i for i, v in enumerate(variables) if is_trained(v) and not getattr(v, "overwrite_with_gradient", False)]
        self.paths = by_path((path_of(variables[i]), i) for i in trained)
        if saved is not None and self.is_of(saved):
            self.members = {name: tuple(places) for name, places in saved["members"].items()}
        else:
            members = members_of(list(self.paths), groups)
            self.members = {name: tuple(self.paths[path] for path in paths) for name, paths in members.items()}
        self.names = tuple(self.members)

    def saved(self) -> SavedLayout:
        """The layout, to be saved in a file."""
        return {"variables": self._variables(), "members": {name: list(places) for name, places in self.members.items()}}

    def is_of(self, saved: SavedLayout) -> bool:
        """Whether these are the variables in a file: shapes must be the same in order, and the ends of the paths too."""
        own, other = self._variables(), saved["variables"]
        return len(own) == len(other) and all(
            shape == its_shape and f"/{max(path, its_path, key=len)}".endswith(f"/{min(path, its_path, key=len)}")
            for (path, shape), (its_path, its_shape) in zip(own, other, strict=True)
        )

    def _variables(self) -> list[list[str | list[int]]]:
        return [[path, list(self.variables[i].shape)] for path, i in self.paths.items()]

    def values(self) -> dict[int, Tensor]:
        """The current values of the variables, by position; later steps do not change them."""
        return {i: copied_value(self.variables[i]) for i in self.paths.values()}

    def norms(
        self,
        new: Values,
        old: Values,
        zero: Tensor,
        *,
        spare: bool = False,
        look: Callable[[int, Tensor, Tensor], None] | None = None,
    ) -> Tensor:
        """‖new − old‖ over each group, as one float32 array in the order of the names. `old` may be overwritten if it is spare.

        `zero` is 0 without the compiler knowing it: see `as_stored`. `look` sees both values of each variable, while they are in the
        cache of the processor, before one is overwritten.
        """
        found = {}
        for i in self.paths.values():
            if look is not None:
                look(i, new[i], old[i])
            found[i] = square_of(as_stored(new[i], zero), old[i], spare=spare)
        return stacked(found, list(self.members.values()))

    def current(self) -> dict[int, Tensor]:
        """The current values of the variables, by position; on torch, later steps may change them."""
        return {i: value_of(self.variables[i]) for i in self.paths.values()}


def is_trained(variable: keras.Variable) -> bool:
    """Whether gradients change the variable."""
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(variable.dtype)))


def path_of(variable: keras.Variable | tf.Variable) -> str:
    """The path of a variable in its model; the name of a bare ``tf.Variable``.

    >>> path_of(keras.Variable([1.0], name="kernel"))
    'kernel'
    """
    return str(variable.path if hasattr(variable, "path") else variable.name)


def value_of(given: keras.Variable | Tensor) -> Tensor:
    """The tensor that a variable holds now, or the tensor itself, detached from the graph that torch may build.

    Raises
    ------
    ValueError
        If the variable holds no value: on JAX, ``fit`` takes the values out while it runs.
    """
    try:
        value = given.value if isinstance(given, keras.Variable) else given
    except TypeError as error:
        if getattr(given, "_value", None) is not None:
            raise
        msg = (
            f"{path_of(given)!r} holds no value: on JAX fit takes it out while it runs, and loses it if the first step fails. Inside "
            "a callback take the model from self.model, which puts the values back, and not from a name of your own"
        )
        raise ValueError(msg) from error
    if hasattr(value, "read_value"):  # ops.convert_to_tensor does not change a TensorFlow variable
        value = value.read_value()
    elif hasattr(value, "detach"):
        value = value.detach()
    return cast(Tensor, value)


def copied_value(given: keras.Variable | Tensor) -> Tensor:
    """The tensor that a variable holds, in a form that later assignments do not change."""
    value = value_of(given)
    return (
        cast("torch.Tensor", value).clone() if keras.backend.backend() == "torch" else value
    )  # on other backends tensors never change


def as_stored(value: Tensor, zero: Tensor) -> Tensor:
    """The value with the digits that are stored.

    If a step ends in a product, as with constraints, XLA would take the difference from the exact product. Using the bits prevents it.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from wcdfa.backends.jax.norms import as_stored as by_bits_of_jax  # noqa: PLC0415 - with another backend JAX need not be there

        return by_bits_of_jax(cast("jax.Array", value), cast("jax.Array", zero))
    if backend == "tensorflow":
        from wcdfa.backends.tensorflow.norms import as_stored as by_bits_of_tensorflow  # noqa: PLC0415 - nor TensorFlow

        return cast(Tensor, by_bits_of_tensorflow(value, zero))
    return value


def square_of(new: Tensor, old: Tensor, *, spare: bool = False) -> Tensor:
    """Σ|new − old|² of two tensors as they are stored, accurate in float32. On torch, `old` is overwritten if it is spare.

    >>> float(square_of(ops.ones((100, 100)), ops.zeros((100, 100))))
    10000.0
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return _square_torch(cast("torch.Tensor", new), cast("torch.Tensor", old), spare)
    if backend == "jax":
        return _square_jax(cast("jax.Array", new), cast("jax.Array", old))
    return _square_tensorflow(new, old) if backend == "tensorflow" else _square(new, old)


def widened_as_stored(value: Tensor, zero: Tensor) -> Tensor:
    """The value in float32 or wider, with the digits that are stored; `zero` as in `as_stored`.

    >>> float(widened_as_stored(ops.full((1,), 0.1, "float16"), ops.array(False))[0]).__round__(6)
    0.099976
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return cast(Tensor, _stored_jax(cast("jax.Array", as_stored(value, zero))))
    if backend == "tensorflow":
        from wcdfa.backends.tensorflow.norms import widened as widened_by_tensorflow  # noqa: PLC0415 - nor TensorFlow

        return cast(Tensor, widened_by_tensorflow(as_stored(value, zero)))
    return _widened(value)


def stacked(found: Mapping[Key, Tensor], members: Sequence[Sequence[Key]]) -> Tensor:
    """The root of the sum of squares over each group, in one float32 array of shape (groups,)."""
    dtypes = {keras.backend.standardize_dtype(square.dtype) for square in found.values()}
    wide = "float64" if "float64" in dtypes else "float32"
    # group by group: a product with a matrix of ones and zeros would spread NaN and infinity to the other groups
    sums = [
        ops.sum(ops.stack([ops.cast(found[key], wide) for key in group])) if group else ops.zeros((), wide) for group in members
    ]
    return cast(Tensor, ops.cast(ops.sqrt(ops.stack(sums)), "float32"))


def norm_of(tensors: Iterable[Tensor]) -> Tensor:
    """The norm over all of these, in one float32 array of shape (1,).

    >>> float(norm_of([ops.ones((3, 3)), ops.ones(7)])[0])
    4.0
    """
    found = {i: _own_square(value) for i, value in enumerate(tensors)}
    return stacked(found, [list(found)])


def _own_square(given: Tensor) -> Tensor:
    """Σ|x|² of a tensor, or of the slices that TensorFlow gives for the gradient of an embedding."""
    backend, value = keras.backend.backend(), value_of(given)
    if backend == "jax":
        from wcdfa.backends.jax.norms import square_sum as by_jax  # noqa: PLC0415 - with another backend JAX need not be installed

        return by_jax(cast("jax.Array", value))
    if backend == "torch":
        from wcdfa.backends.torch.gradients import square_of_row  # noqa: PLC0415 - nor torch

        return cast(Tensor, square_of_row(cast("torch.Tensor", value).reshape(-1)))
    if backend == "tensorflow":
        from wcdfa.backends.tensorflow.norms import own_square  # noqa: PLC0415 - nor TensorFlow

        return cast(Tensor, own_square(value))
    wide = _widened(value)
    return cast(Tensor, ops.sum(wide * wide))


def _widened(x: Tensor) -> Tensor:
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype in ("float32", "float64") else cast(Tensor, ops.cast(x, "float32"))


def _square(new: Tensor, old: Tensor) -> Tensor:
    change = _widened(new) - _widened(old)
    return cast(Tensor, ops.sum(change * change))


def _square_jax(new: jax.Array, old: jax.Array) -> jax.Array:
    from wcdfa.backends.jax.norms import square_sum  # noqa: PLC0415 - with another backend JAX need not be installed

    square: jax.Array = square_sum(_stored_jax(new) - cast("jax.Array", _widened(old)))
    return square


def _stored_jax(value: jax.Array) -> jax.Array:
    """The value in float32 or wider; if XLA fuses, it keeps more digits of a half than are stored."""
    from wcdfa.backends.jax.norms import applied_change  # noqa: PLC0415 - with another backend JAX need not be installed

    if keras.backend.standardize_dtype(value.dtype) in ("float32", "float64"):
        return value
    return applied_change(ops.zeros_like(value), value)


def _square_torch(new: torch.Tensor, old: torch.Tensor, spare: bool) -> torch.Tensor:
    from wcdfa.backends.torch.norms import flat, pieces, square_of, widened  # noqa: PLC0415 - nor torch

    if not spare or new.stride() != old.stride():
        return square_of(new.reshape(-1), old.reshape(-1))
    # in place, a piece at a time: half the memory traffic, and no extra memory
    square: torch.Tensor = ops.sum(ops.stack([widened(a).sub_(b).square_().sum() for a, b in pieces(flat(old), flat(new))]))
    return square


def _square_tensorflow(new: tf.Tensor, old: tf.Tensor) -> Tensor:
    from wcdfa.backends.tensorflow.norms import square_sum  # noqa: PLC0415 - with another backend TensorFlow need not be installed

    return cast(Tensor, square_sum(new, old))
