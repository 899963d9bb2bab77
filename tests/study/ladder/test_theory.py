"""Standard errors and distances against PennyLane's variances, sums by hand and NumPy's samples."""

from __future__ import annotations

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.measurements import MeasurementProcess

from qlayers import QuantumLayer
from study.ladder.quantities import Quantity, quantities
from study.ladder.theory import sampling_variation, single_shot_variances, total_variation

SHAPES = {"weights": (2, 2)}


def wrapped(*measurements: MeasurementProcess, var: bool = False) -> QuantumLayer:
    @qp.qnode(qp.device("default.qubit", wires=2))
    def circuit(inputs, weights):  # type: ignore[no-untyped-def]
        qp.AngleEmbedding(inputs, wires=[0, 1])
        qp.BasicEntanglerLayers(weights, wires=[0, 1])
        return [qp.var(one.obs) if var else qp.apply(one) for one in measurements]

    torch.manual_seed(0)
    return QuantumLayer.from_qnode(circuit, SHAPES, n_features=2, precision="float64")


def test_variances_of_pauli_words_are_pennylanes() -> None:
    measurements = [qp.expval(qp.Z(0)), qp.expval(0.5 * qp.Z(1)), qp.expval(qp.X(0) @ qp.Y(1))]
    layer, variances = wrapped(*measurements), wrapped(*measurements, var=True)
    variances.load_state_dict(layer.state_dict())
    inputs = torch.rand(7, 2, dtype=torch.float64)
    exact = layer(inputs).detach().numpy()
    found = single_shot_variances(layer, inputs.numpy(), exact)
    assert found == pytest.approx(variances(inputs).detach().numpy(), abs=1e-9)


def test_variances_of_probabilities_are_those_of_counts() -> None:
    layer = wrapped(qp.probs(wires=[0, 1]))
    inputs = torch.rand(3, 2, dtype=torch.float64)
    exact = layer(inputs).detach().numpy()
    found = single_shot_variances(layer, inputs.numpy(), exact)
    counts = np.random.default_rng(0).multinomial(50, exact[0] / exact[0].sum(), size=40_000) / 50
    assert found is not None
    assert found[0] / 50 == pytest.approx(counts.var(axis=0), rel=0.05)


@pytest.mark.parametrize("other", [qp.var(qp.Z(0)), qp.expval(qp.Z(0) + qp.X(1))])
def test_what_is_no_pauli_word_is_not_judged(other: MeasurementProcess) -> None:
    layer = wrapped(other)
    assert single_shot_variances(layer, np.full((1, 2), 0.3), np.zeros((1, 1))) is None


def test_the_places_of_mixed_measurements() -> None:
    layer = wrapped(qp.expval(qp.Z(0)), qp.probs(wires=[0, 1]), qp.expval(3.0 * qp.Z(1)))
    found = quantities(layer, np.full(2, 0.3))
    assert found is not None
    assert [(one.place, one.kind, one.size) for one in found] == [
        (slice(0, 1), "expectation", 1.0),
        (slice(1, 5), "probabilities", 1.0),
        (slice(5, 6), "expectation", 3.0),
    ]


def test_total_variation_is_half_the_sum_of_differences() -> None:
    measured = [Quantity(slice(0, 1), "expectation", 2.0), Quantity(slice(1, 4), "probabilities")]
    one = np.array([[1.0, 0.2, 0.3, 0.5]])
    other = np.array([[-1.0, 0.5, 0.3, 0.2]])
    # 2P with ⟨P⟩ = 0.5 and -0.5: probabilities 0.75, 0.25 against 0.25, 0.75; of the three others two differ by 0.3.
    by_hand = [(0.5 + 0.5) / 2, (0.3 + 0.3) / 2]
    assert total_variation(measured, one, other) == pytest.approx([np.mean(by_hand)])
    assert total_variation(measured, one, one) == pytest.approx([0.0])


def test_what_sampling_makes_of_a_distance_is_what_samples_make() -> None:
    measured = [Quantity(slice(0, 1), "expectation"), Quantity(slice(1, 2), "expectation")]
    exact = np.array([[0.3, -0.7], [0.0, 0.9]])
    shots = 500
    counts = np.random.default_rng(0).binomial(shots, (1 + exact) / 2, size=(20_000, 2, 2))
    sampled = 2 * counts / shots - 1
    seen = np.mean([total_variation(measured, one, exact).mean() for one in sampled])
    assert sampling_variation(measured, exact, shots) == pytest.approx(seen, rel=0.02)
