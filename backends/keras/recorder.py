"""A Keras optimizer that records ‖ΔW‖ of every step in its own variables, on any backend of Keras."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Generic, NotRequired, TypedDict, TypeVar, cast

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from wcdfa.backends.keras.delegation import Delegating
from wcdfa.backends.keras.direction import Direction, Looked, Measured
from wcdfa.backends.keras.hyperparameters import recognition_of, variables_of
from wcdfa.backends.keras.norms import Layout, SavedLayout, Tensor, Values, copied_value, norm_of, value_of
from wcdfa.recording.groups import Groups, checked
from wcdfa.recording.parameters import is_traced
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, init
from wcdfa.recording.ring import read as read_ring
from wcdfa.recording.sample import COORDINATES
from wcdfa.recording.side_series import GRADIENTS, SKETCH
from wcdfa.support.numbers import whole

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")
MODULE = "wcdfa"  # Keras registers the classes under this name, which is in every saved file


class MonitoredConfig(TypedDict):
    """The config of a monitored optimizer, as Keras saves it."""

    name: str
    window: int
    inner_optimizer: dict[str, object]
    groups: object
    layout: SavedLayout | None
    gradients: NotRequired[bool]
    direction: NotRequired[bool]
    coordinates: NotRequired[int]


@keras.saving.register_keras_serializable(package=MODULE)
class Monitored(Delegating):
    """An optimizer that wraps another one, which does all the work; made by `wcdfa.backends.keras.parameters.monitored`.

    Its own variables are the ring, two counts, and ΔW of a sample at the last step. All other attributes come from ``inner_optimizer``.
    """

    built: bool  # set by Keras
    name: str

    def __init__(
        self,
        inner_optimizer: keras.optimizers.Optimizer,
        window: int = 500,
        groups: Groups = None,
        name: str | None = None,
        gradients: bool = False,
        *,
        direction: bool = True,
        coordinates: int = COORDINATES,
    ) -> None:
        super().__init__(inner_optimizer, name or f"monitored_{inner_optimizer.name}")
        self.window = whole("window", window, "a whole number of norms (500 is the default)")
        self._groups = _Untracked(checked(groups))
        self._saved_layout: _Untracked[SavedLayout | None] = _Untracked(None)
        self._with_gradients = self._checked(gradients)
        self._with_direction = _flag("direction", direction)
        self._direction: _Untracked[Direction | None] = _Untracked(None)
        self.coordinates = whole("coordinates", coordinates, "a whole number of coordinates of the sketch (64 is the default)")

    def _checked(self, gradients: object) -> bool:
        """Whether to record gradients; raises an error if they cannot be recorded."""
        asked = _flag("gradients", gradients)
        if asked and self.accumulated > 1:
            msg = (
                f"gradients=True would record the gradients of single batches, of which {self.accumulated} make a step "
                "(gradient_accumulation_steps): leave one of the two out"
            )
            raise ValueError(msg)
        return asked

    def build(self, variables: Iterable[keras.Variable]) -> None:
        """Make the ring, and build the inner optimizer if it is not built yet."""
        if self.built:
            return
        variables = list(variables)
        layout = self._made_layout(variables)
        self._side = _Untracked((*([GRADIENTS] if self._with_gradients else []), *variables_of(self.inner_optimizer)))
        # the last row holds the learning rate; all replicas of a tf.distribute.Strategy record the same
        kind = {"aggregation": "only_first_replica"}
        unknown = keras.initializers.Constant(math.nan)
        rows = len(layout.names) + len(self._side.value) + 1
        self._series = self.add_variable((rows, self.window), unknown, "float32", name="wcdfa_series", **kind)
        self._counts = self.add_variable((2,), "zeros", "int", name="wcdfa_counts", **kind)  # recorded, skipped
        self._direction = _Untracked(self._made_direction(layout, kind))
        if not self.inner_optimizer.built:
            self.inner_optimizer.build(variables)
        self._layout = layout
        self.built = True

    def _made_direction(self, layout: Layout, kind: Mapping[str, str]) -> Direction | None:
        """What measures the direction, with its variables made; None if it is not recorded, or there are no numbers."""
        direction = Direction(layout, self.coordinates) if self._with_direction else None
        if direction is None or not direction.sample.size:
            return None
        unknown = keras.initializers.Constant(math.nan)
        shapes = {"direction": (len(direction.names), self.window), "sketch": (self.window, len(direction.sample.kept))}
        # variables of their own, so that the ring fits checkpoints without them
        self._directions, self._sketch, self._change = (
            self.add_variable(shape, unknown, "float32", name=f"wcdfa_{name}", **kind)
            for name, shape in (shapes | {"change": (direction.sample.size,)}).items()
        )
        return direction

    def _made_layout(self, variables: list[keras.Variable]) -> Layout:
        saved = self._saved_layout.value
        try:
            return Layout(variables, self._groups.value, saved)
        except ValueError as error:
            if saved is None:
                raise
            # some layers were frozen after the file was saved, but the model must still load
            warnings.warn(f"optimizer {self.name!r} goes on without its groups: {error}", stacklevel=2)
            return Layout(variables, None)

    def apply(self, grads: Sequence[Tensor], trainable_variables: Iterable[keras.Variable] | None = None) -> None:
        """Apply the gradients as the inner optimizer does, and record how far that moved the variables."""
        trainable_variables = None if trainable_variables is None else list(trainable_variables)
        if not self.built and trainable_variables:
            self.build(trainable_variables)
        if not self.built:
            self.inner_optimizer.apply(grads, trainable_variables)  # its own error says what is missing
            return
        beside = self._beside(grads, self._layout.variables if trainable_variables is None else trainable_variables)
        old, rate = self._layout.values(), self._rate()
        self.inner_optimizer.apply(grads, trainable_variables)
        self._record(self._layout.current(), old, beside, rate, spare=True)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor, keras.Variable]]) -> keras.Variable:
        """`apply` for pairs of a gradient and its variable."""
        super().apply_gradients(grads_and_vars)
        return self.iterations

    def stateless_apply(
        self, optimizer_variables: Sequence[Tensor], grads: Sequence[Tensor], trainable_variables: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """`apply` for JAX: takes the values of all variables and returns their next values."""
        own = len(self._variables)
        if not self.built or len(optimizer_variables) != len(self.variables):
            there = f"{len(self.variables)} variables" if self.built else "none yet: call build(trainable_variables) first"
            msg = f"stateless_apply was given {len(optimizer_variables)} optimizer variables, but {self.name} has {there}"
            raise ValueError(msg)
        with keras.StatelessScope(state_mapping=zip(self.variables, optimizer_variables, strict=True)):
            rate = self._rate()
            beside = self._beside(grads, self._layout.variables)
        old = [copied_value(value) for value in trainable_variables]  # torch changes its arguments in place
        new, inner = self.inner_optimizer.stateless_apply(optimizer_variables[own:], grads, trainable_variables)
        with keras.StatelessScope(state_mapping=zip(self._variables, optimizer_variables[:own], strict=True)) as scope:
            self._record([value_of(value) for value in new], old, beside, rate)
        return new, [*(scope.get_current_value(variable) for variable in self._variables), *inner]

    def _rate(self) -> Tensor:
        """The learning rate of the next step; NaN if the optimizer has no single one."""
        rate = getattr(self.inner_optimizer, "learning_rate", math.nan)  # a MultiOptimizer has none
        return _number(rate)

    def _zero(self) -> Tensor:
        """False, without a compiler knowing it: counts are never negative."""
        return cast(Tensor, ops.less(value_of(self._counts)[0], 0))

    def _beside(self, grads: Sequence[Tensor], variables: Iterable[keras.Variable]) -> list[Tensor]:
        """What is recorded beside the norms of the next step, each of shape (1,)."""
        found = []
        if GRADIENTS in self._side.value:
            trained = {id(self._layout.variables[i]) for i in self._layout.paths.values()}
            pairs = zip(grads, variables, strict=False)
            found.append(norm_of(grad for grad, variable in pairs if grad is not None and id(variable) in trained))
        now = variables_of(self.inner_optimizer)
        names = [name for name in self._side.value if name != GRADIENTS]
        return [*found, *(_number(now.get(name, math.nan)) for name in names)]

    def _record(self, new: Values, old: Values, beside: Sequence[Tensor], rate: Tensor, *, spare: bool = False) -> None:
        """Write a column of the ring, and the direction of the step. `old` may be overwritten if it is spare."""
        direction, zero = self._direction.value, self._zero()
        looked: list[Looked] = []

        def look(i: int, after: Tensor, before: Tensor) -> None:
            if direction is not None:
                looked.append(direction.look(i, after, before, zero))

        moved = self._layout.norms(new, old, zero, spare=spare, look=look)
        norms = cast(Tensor, ops.concatenate([moved, *beside]))
        here, real = self._write(norms, rate)
        if direction is not None:
            self._write_direction(direction.measured(looked, value_of(self._change), norms[0]), here, real)

    def _write(self, norms: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        """Write a column; returns where, and whether a step was taken. Masks work in graphs, under XLA and without state."""
        counts = value_of(self._counts)
        real = ops.not_equal(norms[0], 0.0)
        places = ops.arange(self.window, dtype=self._counts.dtype)
        here = ops.logical_and(ops.equal(places, ops.mod(counts[0], self.window)), real)
        column = ops.expand_dims(ops.concatenate([finite(norms), rate]), 1)
        self._series.assign(ops.where(here, column, value_of(self._series)))
        more = ops.cast(real, self._counts.dtype)
        self._counts.assign(counts + ops.stack([more, 1 - more]))
        return here, real

    def _write_direction(self, measured: Measured, here: Tensor, real: Tensor) -> None:
        """Write the direction into its rings."""
        column, row = ops.expand_dims(finite(measured.numbers), 1), finite(measured.sketch)
        self._directions.assign(ops.where(here, column, value_of(self._directions)))
        self._sketch.assign(ops.where(ops.expand_dims(here, 1), row, value_of(self._sketch)))
        self._change.assign(ops.where(real, measured.change, value_of(self._change)))

    def read(self) -> Reading:
        """Copy the recorded norms to the host. Raises as `wcdfa.backends.keras.read`."""
        source = recognition_of(self.inner_optimizer, self._layout.variables if self.built else ())
        reading = read_ring(self._ring() if self.built else init(self.window))._replace(**source._asdict())
        return reading._replace(taken=self._taken(reading)) if self.built else reading

    def reading(self) -> Reading:
        """Do what `read` does, under the name that it had first."""
        return self.read()

    def _taken(self, reading: Reading) -> int | None:
        """Steps that the optimizer had taken before the first norm; None if it counts none, or was started over meanwhile."""
        count = getattr(self.inner_optimizer, "iterations", None)
        if count is None:
            return None
        own = int(reading.count) + (int(reading.skipped) if self.accumulated == 1 else 0)
        steps = int(_on_host(count))
        return None if steps < int(reading.count) else max(0, steps - own) + int(reading.count) - len(reading.norms)

    def _ring(self) -> Ring:
        series, counts = (_on_host(variable) for variable in (self._series, self._counts))
        last = int(counts[0]) - 1
        norms = dict(zip((*self._layout.names, *self._side.value), series[:-1], strict=True))
        if (direction := self._direction.value) is not None:
            norms |= dict(zip(direction.names, _on_host(self._directions), strict=True)) | {SKETCH: _on_host(self._sketch)}
        return Ring(
            wcdfa_norms=norms,
            wcdfa_lr=series[-1],
            wcdfa_step=(last - (last - np.arange(self.window)) % self.window + 1).astype(np.int64),
            wcdfa_count=counts[0],
            wcdfa_skipped=counts[1],
        )

    @property
    def has_groups(self) -> bool:
        """Whether groups of parameters are recorded."""
        return self._groups.value is not None

    @property
    def accumulated(self) -> int:
        """How many batches make one step."""
        inner, most = self.inner_optimizer, 1
        while inner is not None:
            most = max(most, getattr(inner, "gradient_accumulation_steps", None) or 1)
            inner = getattr(inner, "inner_optimizer", None)
        return most

    def save_own_variables(self, store: MutableMapping[str, npt.NDArray[np.generic]]) -> None:
        """Save the ring and its layout. Keras saves the inner optimizer as a part of this one."""
        if self.built:
            for name, variable in self._own().items():
                store[name] = _on_host(variable)
            layout = {**self._layout.saved(), "side_series": list(self._side.value)}
            store["layout"] = np.frombuffer(json.dumps(layout).encode(), dtype=np.uint8)

    def load_own_variables(self, store: MutableMapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on with a saved ring. If there is none, or it belongs to other variables, start over with a warning, as Keras does.

        Raises
        ------
        ValueError
            If the ring has another window, other groups or another number of coordinates.
        """
        held = json.loads(bytes(np.asarray(store["layout"]))) if "layout" in store.keys() else None  # noqa: SIM118 - an h5py store is not a mapping
        if not self.built:
            why = "it has no variables yet: call build(model.trainable_variables) before loading"
        else:
            why = "none were saved" if held is None else "the saved ones belong to other variables"
        if not self.built or held is None or not self._layout.is_of(held):
            warnings.warn(f"the norms of optimizer {self.name!r} start over, because {why}", stacklevel=2)
            return
        window, own = store["series"].shape[1], self._layout.saved()["members"]
        if window != self.window or list(held["members"].values()) != list(own.values()):
            msg = (
                f"{self.name} has window={self.window} and the groups {', '.join(own)}, but the saved state has window={window} and the "
                f"groups {', '.join(held['members'])}: make it with the same window and groups to go on, or compile with the bare "
                "optimizer to load, and with monitored(...) around it then"
            )
            raise ValueError(msg)
        held_direction = self._held_direction(store)
        self._counts.assign(store["counts"])
        for name, values in held_direction.items():
            self._own()[name].assign(values)
        self._series.assign(self._own_rows(np.asarray(store["series"]), [*held["members"], *held.get("side_series", [])]))

    def _own_rows(self, series: npt.NDArray[np.generic], names: Sequence[str]) -> npt.NDArray[np.float32]:
        """The rows of a saved series in the order of the own ones; NaN beside norms that were saved without."""
        saved = dict(zip(names, series, strict=False))
        own = [*zip(self._layout.names, series, strict=False), *((name, saved.get(name)) for name in self._side.value)]
        unknown = np.full(self.window, math.nan)
        return np.array([*(unknown if row is None else row for _, row in own), series[-1]], dtype=np.float32)

    def _held_direction(self, store: MutableMapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """The saved direction for each variable that holds it here; NaN if none was saved."""
        own = self._own_direction()
        if "sketch" not in store.keys():  # noqa: SIM118 - an h5py store is not a mapping
            return {name: np.full(variable.shape, math.nan) for name, variable in own.items()}
        kept = store["sketch"].shape[1]
        if own and kept != self._sketch.shape[1]:
            msg = (
                f"{self.name} has coordinates={self._sketch.shape[1]}, but the saved state has {kept} coordinates of each step: make it "
                f"with coordinates={kept} to go on, or with direction=False to load it without the direction"
            )
            raise ValueError(msg)
        return {name: np.asarray(store[name]) for name in own}

    def _own(self) -> dict[str, keras.Variable]:
        return {"series": self._series, "counts": self._counts, **self._own_direction()}

    def _own_direction(self) -> dict[str, keras.Variable]:
        if self._direction.value is None:
            return {}
        return {"direction": self._directions, "sketch": self._sketch, "change": self._change}

    def get_config(self) -> MonitoredConfig:
        """The config from which `from_config` makes the same optimizer. If groups is a callable, register it with Keras."""
        serialize = keras.saving.serialize_keras_object
        config: MonitoredConfig = {
            "name": self.name,
            "window": self.window,
            "inner_optimizer": serialize(self.inner_optimizer),
            "groups": serialize(self._groups.value),
            "layout": self._layout.saved() if self.built else self._saved_layout.value,
        }
        if self._with_gradients:
            config["gradients"] = True
        return config | {"direction": self._with_direction, "coordinates": self.coordinates}

    @classmethod
    def from_config(cls, config: MonitoredConfig, custom_objects: Mapping[str, object] | None = None) -> Monitored:
        """The optimizer that `get_config` describes."""
        inner, groups = (
            keras.saving.deserialize_keras_object(part, custom_objects=custom_objects)
            for part in (config["inner_optimizer"], config["groups"])
        )
        optimizer = cls(
            inner,
            config["window"],
            groups,
            config["name"],
            config.get("gradients", False),
            direction=config.get("direction", True),
            coordinates=config.get("coordinates", COORDINATES),
        )
        optimizer._saved_layout = _Untracked(config["layout"])
        return optimizer


def _flag(name: str, given: object) -> bool:
    if not isinstance(given, bool):
        msg = f"{name} must be True or False, got {given!r}"
        raise TypeError(msg)
    return given


class _Untracked(Generic[Value]):
    """Hides a value from Keras and TensorFlow, which would replace it by their own lists and dicts."""

    def __init__(self, value: Value) -> None:
        self.value = value


def finite(numbers: Tensor) -> Tensor:
    """The numbers, with NaN for those that are not finite."""
    return cast(Tensor, ops.where(ops.isfinite(numbers), numbers, math.nan))


def _number(value: keras.Variable | Tensor | float) -> Tensor:
    """A number or variable as float32, of shape (1,)."""
    return cast(Tensor, ops.reshape(ops.cast(value_of(cast(Tensor, value)), "float32"), (1,)))


def _on_host(variable: keras.Variable) -> npt.NDArray[np.generic]:
    value = value_of(variable)
    if is_traced(value):
        msg = "read was called inside a compiled function, where variables hold no values yet: call it outside, or in a callback"
        raise ValueError(msg)
    if keras.backend.backend() == "torch":
        return np.array(cast("torch.Tensor", value).cpu().numpy())
    return np.array(value.numpy() if hasattr(value, "numpy") else value)  # with Keras' own conversion, NumPy 2 warns
