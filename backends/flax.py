"""flax: the trainable parameters of an nnx module, or of a training state."""

from __future__ import annotations

from typing import Any

from flax import nnx

from wcdfa.backends.jax import norms as backend

copied, group_norms = backend.copied, backend.group_norms


def parameters_of(given: Any) -> dict[str, Any] | None:
    """Parameters of an nnx module by path, without what is not trained, such as batch statistics; None if it is no such thing.

    >>> model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    >>> {path: value.shape for path, value in parameters_of(model).items()}
    {'bias': (3,), 'kernel': (2, 3)}

    Of an object with ``params`` and ``opt_state``, such as ``flax.training.train_state.TrainState``, the parameters.
    """
    if isinstance(given, nnx.Module):
        return backend.parameters_of(nnx.to_pure_dict(nnx.state(given, nnx.Param)))
    if hasattr(given, "params") and hasattr(given, "opt_state"):
        return backend.parameters_of(given.params)
    return None
