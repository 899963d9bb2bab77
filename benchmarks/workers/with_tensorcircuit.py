"""TensorCircuit-NG on JAX: vmap, value_and_grad, jit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import tensorcircuit as tc
from problems import Data, Problem

from workers.jax_step import JaxStep
from workers.side import versions_of


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("tensorcircuit-ng", "jax")


def prepare(problem: Problem, data: Data) -> JaxStep:
    """Build it: the gates of qp.AngleEmbedding and qp.StronglyEntanglingLayers one by one."""
    tc.set_backend("jax")
    tc.set_dtype("complex64")
    n_qubits = problem.n_qubits

    def of_sample(inputs: jax.Array, weights: jax.Array) -> jax.Array:
        circuit = tc.Circuit(n_qubits)
        for i in range(n_qubits):
            circuit.ry(i, theta=inputs[i])
        for layer in range(problem.depth):
            for i in range(n_qubits):
                circuit.rz(i, theta=weights[layer, i, 0])
                circuit.ry(i, theta=weights[layer, i, 1])
                circuit.rz(i, theta=weights[layer, i, 2])
            reach = layer % max(n_qubits - 1, 1) + 1
            for i in range(n_qubits):
                if n_qubits > 1:
                    circuit.cnot(i, (i + reach) % n_qubits)
        return jnp.stack([jnp.real(circuit.expectation_ps(z=[i])) for i in range(n_qubits)])

    return JaxStep(of_sample, data)
