"""The spectrum of re-uploading circuits (Schuld, Sweke and Meyer 2021, arXiv:2008.08605)."""

from __future__ import annotations

import math

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.diagnostics.fourier import fourier_coefficients
from qlayers.encodings.angle import Angle


def spectrum(layer, n_qubits, max_frequency):
    """Frequencies of ⟨Z₀⟩ in one variable that is given to every qubit."""
    _, coefficients = fourier_coefficients(
        lambda x: layer(wrap(x)[:, None].expand(-1, n_qubits))[:, 0], max_frequency=max_frequency
    )
    return coefficients


def wrap(x):
    """The same angles, inside the range [-π, π] that the encoding declares."""
    return torch.remainder(x + math.pi, 2 * math.pi) - math.pi


@pytest.mark.parametrize(("n_qubits", "depth"), [(1, 1), (1, 3), (2, 2), (3, 2)])
@pytest.mark.parametrize("rotation", ["x", "y", "z"])
@pytest.mark.parametrize("ansatz", ["strongly_entangling", "hardware_efficient"])
def test_nothing_lies_outside_nl(n_qubits, depth, rotation, ansatz):
    torch.manual_seed(7)
    layer = QuantumLayer(
        n_qubits, encoding=Angle(rotation), ansatz=ansatz, depth=depth, reupload=True, precision="float64"
    )
    limit = n_qubits * depth
    coefficients = spectrum(layer, n_qubits, 2 * limit + 3)
    frequencies = torch.arange(-(2 * limit + 3), 2 * limit + 4)
    assert coefficients.abs()[frequencies.abs() > limit].max() < 1e-12
    assert coefficients.abs().max() > 1e-3


class Generic(QuantumLayer):
    """The stated generic circuit: W₀ S(x) W₁ S(x) … S(x) W_L, each W two strongly entangling layers, then ⟨Z₀⟩.

    A block stands before the first encoding, which otherwise would meet the bare ground state, and every block spreads
    Z₀ over all qubits; one encoding → ansatz → ⟨Z₀⟩ of each, as layers by parts are, leaves some coefficients at zero.
    """

    def circuit(self, inputs, weights):
        wires = range(self.n_qubits)
        qp.StronglyEntanglingLayers(weights[0], wires=wires)
        for block in weights[1:]:
            qp.AngleEmbedding(inputs, wires=wires, rotation="X")
            qp.StronglyEntanglingLayers(block, wires=wires)
        return [qp.expval(qp.Z(0))]


@pytest.mark.parametrize(("n_qubits", "depth"), [(1, 1), (1, 3), (2, 2), (3, 2)])
def test_a_generic_circuit_reaches_every_integer_from_minus_nl_to_nl_and_no_other(n_qubits, depth):
    torch.manual_seed(7)
    layer = Generic(n_qubits, precision="float64", weight_shapes=(depth + 1, 2, n_qubits, 3))
    limit = n_qubits * depth
    coefficients = spectrum(layer, n_qubits, 2 * limit + 3)
    frequencies = torch.arange(-(2 * limit + 3), 2 * limit + 4)
    assert set(frequencies[coefficients.abs() > 1e-9].tolist()) == set(range(-limit, limit + 1))


def test_a_circuit_with_frequencies_beyond_its_bound_is_told_apart():
    torch.manual_seed(7)
    layer = QuantumLayer(1, depth=2, reupload=True, precision="float64")
    _, coefficients = fourier_coefficients(lambda x: layer(wrap(2 * x)[:, None])[:, 0], max_frequency=7)
    assert coefficients.abs()[[7 - 4, 7 + 4]].max() > 1e-3


def test_coefficients_of_a_known_series():
    def function(x):
        return torch.stack([torch.sin(x), 2 + torch.cos(3 * x)], dim=1)

    frequencies, coefficients = fourier_coefficients(function, max_frequency=4)
    expected = torch.zeros(9, 2, dtype=torch.complex128)
    expected[frequencies == 1, 0], expected[frequencies == -1, 0] = -0.5j, 0.5j
    expected[frequencies == 0, 1], expected[frequencies.abs() == 3, 1] = 2, 0.5
    torch.testing.assert_close(coefficients, expected, rtol=0, atol=1e-12)
