"""Programs with torch operations against the compiled kernels and default.qubit, and what only torch can do with them."""

from __future__ import annotations

import gc
import pickle

import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qlayers import QuantumLayer
from qlayers.simulator import on_torch
from qlayers.simulator.execute import execute
from qlayers.simulator.on_torch import run_on_torch
from qlayers.simulator.program import Angle, Builder, Program, Word
from qlayers.testing import TOLERANCES

N_WEIGHTS, N_FEATURES = 3, 2


@st.composite
def programs(draw, qubits=st.integers(1, 8)):
    n_qubits = draw(qubits)
    n_amplitudes = draw(st.sampled_from([0, 0, 2**n_qubits, 2 * 2**n_qubits]))
    builder = Builder(n_qubits, N_WEIGHTS, N_FEATURES, n_amplitudes)
    value = st.integers(0, N_WEIGHTS + N_FEATURES - 1)
    term = st.tuples(value, st.one_of(st.just(-1), value), st.sampled_from([1.0, -0.5, 2.0]))
    angles = st.builds(Angle, st.sampled_from([0.0, 0.7]), st.lists(term, max_size=3).map(tuple))
    kinds = ["rotate", "rotate", "hadamard", "multi_rz", "phase"] + ["cnot", "swap", "cz"] * (n_qubits > 1)
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=25)):
        qubits = draw(st.permutations(range(n_qubits)))
        if kind == "rotate":
            builder.rotate(qubits[0], draw(st.integers(0, 2)), draw(angles))
        elif kind == "hadamard":
            builder.hadamard(qubits[0])
        elif kind == "multi_rz":
            builder.multi_rz(qubits[: draw(st.integers(1, n_qubits))], draw(angles))
        elif kind == "phase":
            builder.phase(draw(angles))
        else:
            getattr(builder, kind)(*qubits[:2])
    measured = draw(st.sampled_from(["words", "probabilities", "state"]))
    if measured == "words":
        factors = st.dictionaries(st.integers(0, n_qubits - 1), st.sampled_from("XYZ"))
        words = draw(st.lists(factors, min_size=1, max_size=5))
        return builder.finish_with_words([Word(tuple(word.items())) for word in words])
    if measured == "probabilities":
        order = draw(st.permutations(range(n_qubits)))
        return builder.finish_with_probabilities(order[: draw(st.integers(1, n_qubits))])
    return builder.finish_with_state()


def arguments(program: Program, batch: int, dtype: torch.dtype = torch.float64, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    amplitudes = torch.nn.functional.normalize(random(batch, program.n_amplitudes))
    samples = torch.cat([random(batch, program.n_features), amplitudes], dim=1)
    return samples.requires_grad_(), random(program.n_weights).requires_grad_()


def compare(program: Program, other: Program, batch: int, dtype: torch.dtype, seed: int) -> None:
    """Assert that torch runs a program as the compiled kernels run the other one, gradients included."""
    given = arguments(program, batch, dtype, seed)
    found, expected = run_on_torch(program, *given), execute(other, *given)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, **TOLERANCES[dtype])
    found = found + 0.0 * (given[0].sum() + given[1].sum())  # some programs depend on neither
    cotangents = torch.linspace(-1, 1, expected.numel(), dtype=dtype).reshape(expected.shape)
    gradients = [
        torch.autograd.grad((values * cotangents).sum(), given, materialize_grads=True)
        for values in (found, expected)
    ]
    for gradient, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, reference, **TOLERANCES[dtype])


@settings(max_examples=150, deadline=None)
@given(programs(), st.integers(1, 20), st.sampled_from([torch.float32, torch.float64]), st.integers(0, 2**16))
def test_values_and_gradients_equal_those_of_the_compiled_kernels(program, batch, dtype, seed):
    compare(program, program, batch, dtype, seed)
