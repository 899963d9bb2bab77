"""A QNode on default.qubit under JAX: vmap, value_and_grad, jit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pennylane as qp
from problems import Data, Problem

from workers.jax_step import JaxStep
from workers.side import versions_of


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("jax", "pennylane")


def prepare(problem: Problem, data: Data) -> JaxStep:
    """Build it."""
    wires = range(problem.n_qubits)

    @qp.qnode(qp.device("default.qubit", wires=problem.n_qubits), interface="jax", diff_method="backprop")
    def circuit(inputs, weights):  # type: ignore[no-untyped-def]
        qp.AngleEmbedding(inputs, wires=wires, rotation="Y")
        qp.StronglyEntanglingLayers(weights, wires=wires)
        return [qp.expval(qp.Z(i)) for i in wires]

    def of_sample(inputs: jax.Array, weights: jax.Array) -> jax.Array:
        return jnp.stack(circuit(inputs, weights))

    return JaxStep(of_sample, data)
