"""Forward and backward pass of a JAX function under jit, shared by the sides that are one."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from problems import Data

from workers.side import Prepared, Results


class JaxStep(Prepared):
    """Outputs and both gradients of one function, compiled together at the first step.

    Args:
        of_sample: (n_features,), weights → (n_outputs,).
        data: Inputs, weights and cotangents, which stay with JAX.
    """

    def __init__(self, of_sample: Callable[[jax.Array, jax.Array], jax.Array], data: Data) -> None:
        cotangents = jnp.asarray(data.cotangents, jnp.float32)

        def loss(inputs: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
            outputs = jax.vmap(of_sample, in_axes=(0, None))(inputs, weights)
            return (outputs @ cotangents).sum(), outputs

        self._run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        self._arguments = jnp.asarray(data.inputs, jnp.float32), jnp.asarray(data.weights, jnp.float32)

    def step(self) -> object:
        """JAX returns before it has computed, so that it is waited for."""
        return jax.block_until_ready(self._run(*self._arguments))

    def results(self) -> Results:
        """As numbers."""
        (_, outputs), (by_inputs, by_weights) = self._run(*self._arguments)
        return Results(*(np.asarray(values, np.float64) for values in (outputs, by_inputs, by_weights)))
