"""flax: finds the trained parameters of an nnx module or a training state."""

from __future__ import annotations

from wcdfa.support.extras import needed

with needed("wcdfa.backends.flax", "flax"):
    import jax
    from flax import nnx

from wcdfa.backends.jax import norms as backend
from wcdfa.backends.jax.sampling import direction_of, sampled

__all__ = ["copied", "direction_of", "group_norms", "parameters_of", "sampled"]

copied, group_norms = backend.copied, backend.group_norms


def parameters_of(given: object) -> dict[str, jax.Array] | None:
    """The trained parameters of an nnx module by path, without batch statistics and the like; None for anything else.

    >>> model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    >>> {path: value.shape for path, value in parameters_of(model).items()}
    {'bias': (3,), 'kernel': (2, 3)}

    An object with ``params`` and ``opt_state``, such as ``flax.training.train_state.TrainState``, gives its ``params``.
    """
    if isinstance(given, nnx.Module):
        return backend.parameters_of(nnx.to_pure_dict(nnx.state(given, nnx.Param)))
    if hasattr(given, "params") and hasattr(given, "opt_state"):
        return backend.parameters_of(given.params)
    return None
