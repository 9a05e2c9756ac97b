"""JAX: the exponent under jit, and norms of parameters."""

import jax
import jax.numpy as jnp
import numpy as np

import wcdfa
from wcdfa.backends.jax.norms import delta_norm

x = wcdfa.synthetic.white_noise(512, seed=0)
inside = jax.jit(lambda x: wcdfa.dfa(x).alpha)(jnp.asarray(x, jnp.float32))
assert np.isclose(inside, wcdfa.dfa(x).alpha, atol=1e-3), inside
assert np.isclose(jax.jit(delta_norm)({"w": jnp.ones(4)}, {"w": jnp.zeros(4)}), 2.0)
