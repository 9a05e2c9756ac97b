"""A Keras optimizer that records ‖ΔW‖ of every step in variables of its own, on each of Keras' backends."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from wcdfa.backends.keras.hyperparameters import described
from wcdfa.backends.keras.norms import Layout, copied_value, value_of
from wcdfa.recording.groups import Groups, checked
from wcdfa.recording.parameters import is_traced
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, init
from wcdfa.recording.ring import read as read_ring
from wcdfa.support.numbers import whole

SETTINGS = (
    *("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "loss_scale_factor", "gradient_accumulation_steps"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency", "_trainable_variables"),
)
AVERAGES = "_model_variables_moving_average"  # which the callback SwapEMAWeights asks for
MODULE = "wcdfa"  # that Keras registers the classes under: it is in every file that was saved


@keras.saving.register_keras_serializable(package=MODULE)
class Monitored(keras.optimizers.Optimizer):  # type: ignore[misc]
    """An optimizer around another, which does all the work; made by `monitored`.

    Its own variables are the ring and two counts. Everything else, by whatever name, is that of ``inner_optimizer``.
    """

    built: bool  # as Keras has it

    def __init__(self, inner_optimizer: Any, window: int = 500, groups: Groups = None, name: str | None = None) -> None:
        super().__init__(learning_rate=0.0, name=name or f"monitored_{inner_optimizer.name}")
        self.window = whole("window", window, "a whole number of norms (500 is the default)")
        self._groups = _Untracked(checked(groups))
        self._saved_layout = _Untracked(None)
        self.inner_optimizer = inner_optimizer

    def build(self, variables: Iterable[Any]) -> None:
        """Make the ring, and have the inner optimizer make its variables, if it has not done so."""
        if self.built:
            return
        variables = list(variables)
        layout = self._made_layout(variables)
        # the last row is the learning rate; all replicas of a tf.distribute.Strategy record the same
        kind: dict[str, Any] = {"aggregation": "only_first_replica"}
        unknown = keras.initializers.Constant(math.nan)
        self._series = self.add_variable((len(layout.names) + 1, self.window), unknown, "float32", name="wcdfa_series", **kind)
        self._counts = self.add_variable((2,), "zeros", "int", name="wcdfa_counts", **kind)  # recorded, skipped
        if not self.inner_optimizer.built:
            self.inner_optimizer.build(variables)
        self._layout = layout
        self.built = True

    def _made_layout(self, variables: list[Any]) -> Layout:
        saved = self._saved_layout.value
        try:
            return Layout(variables, self._groups.value, saved)
        except ValueError as error:
            if saved is None:
                raise
            # of a file, where layers were frozen since: a model must load all the same
            warnings.warn(f"optimizer {self.name!r} goes on without its groups: {error}", stacklevel=2)
            return Layout(variables, None)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Apply the gradients as the inner optimizer does, and record how far that moved the variables."""
        trainable_variables = None if trainable_variables is None else list(trainable_variables)
        if not self.built and trainable_variables:
            self.build(trainable_variables)
        if not self.built:
            self.inner_optimizer.apply(grads, trainable_variables)  # which says what is missing
            return
        old, rate = self._layout.values(), self._rate()
        self.inner_optimizer.apply(grads, trainable_variables)
        self._record(self._layout.moved(old, self._zero()), rate)

    def apply_gradients(self, grads_and_vars: Any) -> Any:
        """`apply` for pairs of a gradient and its variable."""
        super().apply_gradients(grads_and_vars)
        return self.iterations

    def stateless_apply(self, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> tuple[list[Any], list[Any]]:
        """`apply` for JAX: from values of all variables to their next values."""
        own = len(self._variables)
        if not self.built or len(optimizer_variables) != len(self.variables):
            there = f"{len(self.variables)} variables" if self.built else "none yet: call build(trainable_variables) first"
            msg = f"stateless_apply was given {len(optimizer_variables)} optimizer variables, and {self.name} has {there}"
            raise ValueError(msg)
        with keras.StatelessScope(state_mapping=zip(self.variables, optimizer_variables, strict=True)):
            rate, zero = self._rate(), self._zero()
        old = [copied_value(value) for value in trainable_variables]  # torch changes what it is given in place
        new, inner = self.inner_optimizer.stateless_apply(optimizer_variables[own:], grads, trainable_variables)
        with keras.StatelessScope(state_mapping=zip(self._variables, optimizer_variables[:own], strict=True)) as scope:
            self._record(self._layout.norms([value_of(value) for value in new], old, zero), rate)
        return new, [*(scope.get_current_value(variable) for variable in self._variables), *inner]

    def _rate(self) -> Any:
        """The learning rate that the next step takes; NaN where the optimizer has not one."""
        rate = getattr(self.inner_optimizer, "learning_rate", math.nan)  # a MultiOptimizer has none
        return ops.reshape(ops.cast(value_of(rate), "float32"), (1,))

    def _zero(self) -> Any:
        """False, which no compiler can know: counts are never negative."""
        return ops.less(value_of(self._counts)[0], 0)

    def _record(self, norms: Any, rate: Any) -> None:
        """Write a column of the ring; written with masks, so that it is the same in graphs, under XLA and without state."""
        counts = value_of(self._counts)
        real = ops.not_equal(norms[0], 0.0)
        places = ops.arange(self.window, dtype=self._counts.dtype)
        here = ops.logical_and(ops.equal(places, ops.mod(counts[0], self.window)), real)
        finite = ops.where(ops.isfinite(norms), norms, math.nan)
        column = ops.expand_dims(ops.concatenate([finite, rate]), 1)
        self._series.assign(ops.where(here, column, value_of(self._series)))
        more = ops.cast(real, self._counts.dtype)
        self._counts.assign(counts + ops.stack([more, 1 - more]))

    def reading(self) -> Reading:
        """What was recorded; see `read`."""
        optimizer, hyperparameters = described(self.inner_optimizer, self._layout.variables if self.built else ())
        source: dict[str, Any] = {"optimizer": optimizer, "hyperparameters": hyperparameters}
        if not self.built:
            return read_ring(init(self.window))._replace(**source)
        series, counts = (_on_host(variable) for variable in (self._series, self._counts))
        last = int(counts[0]) - 1
        ring = Ring(
            wcdfa_norms=dict(zip(self._layout.names, series[:-1], strict=True)),
            wcdfa_lr=series[-1],
            wcdfa_step=(last - (last - np.arange(self.window)) % self.window + 1).astype(np.int64),
            wcdfa_count=counts[0],
            wcdfa_skipped=counts[1],
        )
        return read_ring(ring)._replace(**source)

    @property
    def has_groups(self) -> bool:
        """Whether groups of parameters are recorded."""
        return self._groups.value is not None

    @property
    def accumulated(self) -> int:
        """Batches that make one step."""
        inner, most = self.inner_optimizer, 1
        while inner is not None:
            most = max(most, getattr(inner, "gradient_accumulation_steps", None) or 1)
            inner = getattr(inner, "inner_optimizer", None)
        return most

    @property
    def variables(self) -> list[Any]:
        """Its own variables, then those of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """Steps of the inner optimizer."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """As the inner optimizer scales it."""
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Any) -> None:
        """As the inner optimizer does at the end of training; that is no step, and is not recorded."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """As of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Its own, then those of the inner optimizer, as in `variables`."""
        own = len(self._variables)
        super().set_weights(weights[:own])
        self.inner_optimizer.set_weights(weights[own:])

    def save_own_variables(self, store: Any) -> None:
        """The ring, and what it is of; the inner optimizer is saved as a part of this one."""
        if self.built:
            for name, variable in self._own().items():
                store[name] = _on_host(variable)
            store["layout"] = np.frombuffer(json.dumps(self._layout.saved()).encode(), dtype=np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Go on with a ring that was saved. Where there is none, or of other variables, begin anew with a warning, as Keras does.

        Raises
        ------
        ValueError
            If it is of another window or other groups.
        """
        held = json.loads(bytes(np.asarray(store["layout"]))) if "layout" in store.keys() else None  # noqa: SIM118 - no mapping
        if not self.built:
            why = "it has no variables yet: call build(model.trainable_variables) before loading"
        else:
            why = "none were saved" if held is None else "those that were saved are of other variables"
        if not self.built or held is None or not self._layout.is_of(held):
            warnings.warn(f"the norms of optimizer {self.name!r} begin anew, because {why}", stacklevel=2)
            return
        window, own = store["series"].shape[1], self._layout.saved()["members"]
        if window != self.window or list(held["members"].values()) != list(own.values()):
            msg = (
                f"{self.name} has window={self.window} and the groups {', '.join(own)}, and what was saved has window={window} and the "
                f"groups {', '.join(held['members'])}: make it with the same window and groups to go on, or compile with the bare "
                "optimizer to load, and with monitored(...) around it then"
            )
            raise ValueError(msg)
        for name, variable in self._own().items():
            variable.assign(store[name])

    def _own(self) -> dict[str, Any]:
        return {"series": self._series, "counts": self._counts}

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same optimizer of; groups that are a callable must be registered with Keras."""
        serialize = keras.saving.serialize_keras_object
        config = {"inner_optimizer": serialize(self.inner_optimizer), "groups": serialize(self._groups.value)}
        layout = self._layout.saved() if self.built else self._saved_layout.value
        return {"name": self.name, "window": self.window, **config, "layout": layout}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Monitored:
        """The optimizer that `get_config` tells of."""
        made = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("inner_optimizer", "groups")
        }
        optimizer = cls(made["inner_optimizer"], config["window"], made["groups"], config["name"])
        optimizer._saved_layout = _Untracked(config["layout"])
        return optimizer

    def __getattr__(self, name: str) -> Any:
        """What is asked of any optimizer, such as ``beta_1``, asked of the inner one."""
        if (name.startswith("_") and name != AVERAGES) or name == "inner_optimizer":
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(self.inner_optimizer, name)


def _setting(name: str) -> property:
    def get(self: Monitored) -> Any:
        return getattr(self.inner_optimizer, name)

    def put(self: Monitored, value: Any) -> None:
        if "inner_optimizer" in vars(self):  # before, it is the base class that sets its own defaults
            setattr(self.inner_optimizer, name, value)

    return property(get, put, doc="That of the inner optimizer.")


for _name in SETTINGS:
    setattr(Monitored, _name, _setting(_name))


class _Untracked:
    """Keeps Keras and TensorFlow from putting their own lists and dicts in place of a value."""

    def __init__(self, value: Any) -> None:
        self.value = value


def monitored(optimizer: Any, *, window: int = 500, groups: Groups = None, name: str | None = None) -> Any:
    """The same optimizer, recording ‖ΔW‖ of every step in variables of its own, on the device.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(monitored(keras.optimizers.SGD(0.1)), loss="mse")  # the one argument
    >>> history = model.fit(np.ones((8, 3)), np.zeros((8, 1)), batch_size=4, verbose=0)
    >>> reading = read(model)
    >>> reading.count, reading.optimizer, reading.lr.round(3)
    (2, 'sgd', array([0.1, 0.1], dtype=float32))

    What is recorded is the change of the variables as they are stored, of every step: also of those inside one call with
    ``steps_per_execution``, compiled or not, on TensorFlow, JAX and torch. A step that changes nothing, as while gradients are
    accumulated, is counted as skipped; one that is not finite is a gap. The ring travels with ``.keras`` files,
    weights and checkpoints, which need ``import wcdfa.backends.keras.parameters`` where they are loaded. To go on without it, compile with its
    ``inner_optimizer``.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer, or what `keras.optimizers.get` takes
        Built or not. A LossScaleOptimizer, given or of ``mixed_float16``, goes around the recorder: what is inside it is monitored, and
        the steps that it refuses are neither recorded nor counted.
    window : int
        Norms that are kept, 4 bytes each, and as much for the learning rate.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`, by the paths of the variables, which mostly begin with
        the name of the model ("net/dense/kernel": ``groups=2`` is one a layer).
    name : str, optional

    Returns
    -------
    keras.optimizers.Optimizer
        To compile a model with, or for a loop of your own, whose ``apply`` or ``stateless_apply`` it then calls.

    Raises
    ------
    ValueError, TypeError
        If it is monitored already, no optimizer, or an option is none.
    """
    if isinstance(optimizer, (str, dict)):
        optimizer = keras.optimizers.get(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        msg = f"monitored takes an optimizer of Keras, or the name of one, got {type(optimizer).__name__}; e.g. monitored('adam')"
        raise TypeError(msg)
    if (already := found(optimizer)) is not None:
        msg = f"{optimizer.name} is monitored already, with window={already.window}: use it as it is"
        raise ValueError(msg)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # inside, where the steps that it refuses never come, and where compile() still sees that losses are scaled
        inner = optimizer.inner_optimizer = Monitored(optimizer.inner_optimizer, window, groups, name)
        if optimizer.built:
            inner.build(inner._trainable_variables)
        return optimizer
    return Monitored(optimizer, window, groups, name)


def read(optimizer: Any) -> Reading:
    """The norms that a `monitored` optimizer has recorded, copied to the host.

    >>> read(monitored("adam")).count
    0

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer or keras.Model
        However the recorder is wrapped. While ``fit`` runs, ask with ``self.model`` of a callback.

    Raises
    ------
    ValueError
        If it does not record, or its variables hold no values: inside a compiled function, or on JAX while ``fit`` runs.
    """
    recorder = found(getattr(optimizer, "optimizer", optimizer))
    if recorder is None:
        kind = type(getattr(optimizer, "optimizer", optimizer)).__name__
        msg = f"{kind} is not, and does not hold, one monitored optimizer: compile with optimizer=monitored(...), of wcdfa.backends.keras.parameters, around it"
        raise ValueError(msg)
    return recorder.reading()


def found(optimizer: Any) -> Monitored | None:
    """The recorder in an optimizer, however deep it is wrapped; None if there is none, or several in a MultiOptimizer."""
    while optimizer is not None and not isinstance(optimizer, Monitored):
        inside = [recorder for each in getattr(optimizer, "optimizers", ()) if (recorder := found(each)) is not None]
        optimizer = inside[0] if len(inside) == 1 else getattr(optimizer, "inner_optimizer", None)
    return optimizer


def _on_host(variable: Any) -> Any:
    value = value_of(variable)
    if is_traced(value):
        msg = "read was called inside a compiled function, where variables hold no values yet: call it outside, or in a callback"
        raise ValueError(msg)
    if keras.backend.backend() == "torch":
        value = value.cpu()
    return np.array(value.numpy() if hasattr(value, "numpy") else value)  # with Keras' own way NumPy 2 warns
