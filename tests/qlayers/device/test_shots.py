"""Samples come from the simulated state."""

from __future__ import annotations

import math

import numpy as np
import pennylane as qp
import pytest
from pennylane.exceptions import WireError

from tests.qlayers.device.native import no_other_simulator

SHOTS = 20_000
# Five standard deviations: one wrong alarm in two million comparisons. The widest of a mean of ±1 is 1 / √shots.
BOUND = 5 / math.sqrt(SHOTS)


def prepare(angle):
    qp.RX(angle, wires="a")
    qp.CNOT(["a", "b"])
    qp.RY(0.4, wires="b")


def node(function, shots=SHOTS, **options):
    device = qp.device("qlayers.batched", wires=["a", "b"], **options)
    return qp.set_shots(qp.QNode(function, device), shots)


MEASUREMENTS = {
    "word": lambda: qp.expval(qp.Z("a") @ qp.X("b")),
    "sum": lambda: qp.expval(0.5 * qp.Z("a") - 0.5 * qp.X("b")),
    "hamiltonian": lambda: qp.expval(qp.Hamiltonian([0.6, 0.4], [qp.Z("a"), qp.X("b")])),
    "matrix": lambda: qp.expval(qp.Hermitian(np.array([[0.0, 1], [1, 0]]), "b")),
    "variance": lambda: qp.var(qp.Y("a")),
    "probabilities": lambda: qp.probs(wires=["b", "a"]),
}


@pytest.mark.parametrize("angle", [0.7, np.array([0.2, 1.1, 2.5])], ids=["one", "batch"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_statistics(measurement, precision, angle):
    def circuit(angle):
        prepare(angle)
        return MEASUREMENTS[measurement]()

    with no_other_simulator():
        found = node(circuit, precision=precision, seed=1)(angle)
    expected = qp.QNode(circuit, qp.device("default.qubit", wires=["a", "b"]))(angle)
    assert np.shape(found) == np.shape(expected)
    # The variance is one minus the square of a mean: its error is up to twice the mean's.
    np.testing.assert_allclose(found, expected, atol=(1 + (measurement == "variance")) * BOUND, rtol=0)


@pytest.mark.parametrize("angle", [0.7, np.array([0.2, 1.1])], ids=["one", "batch"])
def test_shadows(angle):
    def circuit(angle):
        qp.RX(angle, wires=0)
        qp.CNOT([0, 1])
        return qp.shadow_expval(qp.Z(0)), qp.classical_shadow(wires=[0, 1], seed=1)

    with no_other_simulator():
        means, shadows = qp.set_shots(qp.QNode(circuit, qp.device("qlayers.batched", seed=1)), SHOTS)(angle)
    # A shadow's estimate of one Pauli is 3, -3 or 0, with a variance of at most 3.
    np.testing.assert_allclose(means, np.cos(angle), atol=math.sqrt(3) * BOUND, rtol=0)
    assert np.shape(shadows) == (*np.shape(angle), 2, SHOTS, 2)


def test_counts_and_samples_agree_with_probabilities():
    def circuit(angle):
        prepare(angle)
        return qp.counts(), qp.sample(wires=["b", "a"]), qp.counts(qp.Z("a")), qp.probs(wires=["a", "b"])

    counts, samples, signs, probabilities = node(circuit, seed=3)(0.7)
    assert sum(counts.values()) == sum(signs.values()) == SHOTS == len(samples)
    exact = qp.QNode(lambda: [prepare(0.7), qp.probs(wires=["a", "b"])][1], qp.device("qlayers.batched"))()
    for number, probability in enumerate(exact):
        assert abs(counts.get(f"{number:02b}", 0) / SHOTS - probability) < BOUND
        assert abs(probabilities[number] - probability) < BOUND
        mine = np.mean((samples[:, 1] == number // 2) & (samples[:, 0] == number % 2))
        assert abs(mine - probability) < BOUND
    assert abs((signs[1.0] - signs[-1.0]) / SHOTS - math.cos(0.7)) < BOUND


def test_the_seed_decides():
    def circuit(angle):
        prepare(angle)
        return qp.sample()

    def draw(seed, times=1):
        run = node(circuit, shots=100, seed=seed)
        return [run(0.7) for _ in range(times)]

    first, second = draw(5, 2)
    assert np.array_equal(first, draw(5)[0])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, draw(6)[0])
    np.random.seed(1)
    one = draw("global")[0]
    np.random.seed(1)
    assert np.array_equal(one, draw("global")[0])


def test_shot_vectors_and_batches():
    def circuit(angle):
        prepare(angle)
        return qp.expval(qp.Z("a")), qp.sample(wires="b")

    found = node(circuit, shots=[10, (5, 2)], seed=1)(np.array([0.2, 1.1, 2.5]))
    assert [(np.shape(mean), np.shape(samples)) for mean, samples in found] == [
        ((3,), (3, 10, 1)),
        ((3,), (3, 5, 1)),
        ((3,), (3, 5, 1)),
    ]


def test_parameter_shift_on_samples():
    run = node(lambda angle: [prepare(angle), qp.expval(qp.Z("a"))][1], seed=2)
    angle = qp.numpy.array(0.7, requires_grad=True)
    with no_other_simulator():
        gradient = qp.grad(run)(angle)
    assert abs(gradient + math.sin(0.7)) < BOUND


def test_measurements_in_the_middle_are_deferred():
    def circuit(angle):
        qp.RX(angle, wires=0)
        outcome = qp.measure(0)
        qp.cond(outcome, qp.RY)(0.8, wires=1)
        again = qp.measure(1, reset=True)
        return qp.expval(outcome), qp.probs(op=[outcome, again]), qp.expval(qp.Z(1))

    expected = qp.QNode(circuit, qp.device("default.qubit"))(0.7)
    with no_other_simulator():
        exact = qp.QNode(circuit, qp.device("qlayers.batched"))(0.7)
        sampled = qp.set_shots(qp.QNode(circuit, qp.device("qlayers.batched", seed=1)), SHOTS)(0.7)
    for one, two, other in zip(exact, sampled, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
        np.testing.assert_allclose(two, other, atol=BOUND)


@pytest.mark.parametrize("shots", [None, SHOTS])
@pytest.mark.parametrize("wires", [None, 2, ["a", "b"]])
def test_deferring_takes_no_wires_of_the_device(wires, shots):
    first, second = wires if isinstance(wires, list) else (0, 1)

    def circuit(angle):
        qp.RX(angle, wires=first)
        outcome = qp.measure(first, reset=True)
        qp.cond(outcome, qp.RY)(0.8, wires=second)
        other = qp.measure(second)
        qp.Hadamard(second)
        return qp.expval(qp.Z(first)), qp.probs(op=[outcome, other]), qp.probs()

    device = qp.device("qlayers.batched", wires=wires, seed=1)
    found = qp.set_shots(qp.QNode(circuit, device), shots)(0.7)
    on, turned = math.sin(0.35) ** 2, math.sin(0.4) ** 2
    expected = [1, [1 - on, 0, on * (1 - turned), on * turned], [0.5, 0.5, 0, 0]]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=BOUND if shots else 1e-12)


def test_dynamic_wires():
    def run(wires, wire=0):
        @qp.qnode(qp.device("qlayers.batched", wires=wires))
        def circuit():
            qp.Hadamard(wire)
            with qp.allocate(1) as work:
                qp.CNOT([wire, work[0]])
                qp.CNOT([wire, work[0]])
            return qp.expval(qp.X(wire)), qp.probs()

        return circuit()

    for wires in (None, 2):
        mean, probabilities = run(wires)
        assert np.isclose(mean, 1) and np.isclose(probabilities.sum(), 1)
    with pytest.raises(WireError, match="not found on the device"):
        run(2, wire=7)
