"""The key of a measurement is the same for the same measurement and another for every other one."""

from __future__ import annotations

import itertools

import numpy as np
import pennylane as qp
import pytest
import scipy.sparse
import torch

from qlayers.measurement_key import measurement_key

MATRIX = np.array([[1.0, 2.0], [2.0, -1.0]])
TWO_WIRES = np.diag([1.0, 2.0, 3.0, 4.0])
STRINGS = scipy.sparse.csr_matrix(TWO_WIRES)

# Each makes a measurement that is none of the others, though `qp.equal` takes some of them for each other.
DIFFERENT = [
    lambda: qp.expval(qp.Z(0)),
    lambda: qp.expval(qp.Z(1)),
    lambda: qp.expval(qp.Z("0")),
    lambda: qp.expval(qp.X(0)),
    lambda: qp.var(qp.Z(0)),
    lambda: qp.sample(qp.Z(0)),
    lambda: qp.counts(qp.Z(0)),
    lambda: qp.counts(qp.Z(0), all_outcomes=True),
    lambda: qp.probs(op=qp.Z(0)),
    lambda: qp.probs(wires=[0]),
    lambda: qp.probs(wires=[0, 1]),
    lambda: qp.probs(wires=[1, 0]),
    lambda: qp.sample(wires=[0, 1]),
    lambda: qp.sample(wires=[1, 0]),
    lambda: qp.sample(wires=[1, 0], dtype="int8"),
    lambda: qp.state(),
    lambda: qp.density_matrix([0]),
    lambda: qp.density_matrix([0, 1]),
    lambda: qp.density_matrix([1, 0]),
    lambda: qp.purity([0]),
    lambda: qp.vn_entropy([0]),
    lambda: qp.vn_entropy([0], log_base=2),
    lambda: qp.mutual_info([0], [1, 2]),
    lambda: qp.mutual_info([0, 1], [2]),
    lambda: qp.classical_shadow([0, 1], seed=1),
    lambda: qp.classical_shadow([0, 1], seed=2),
    lambda: qp.shadow_expval(qp.Z(0), k=1, seed=1),
    lambda: qp.shadow_expval(qp.Z(0), k=2, seed=1),
    lambda: qp.expval(qp.X(0) @ qp.Z(1)),
    lambda: qp.expval(qp.Z(0) @ qp.X(1)),
    lambda: qp.expval(qp.Z(1) @ qp.X(0)),
    lambda: qp.expval(qp.X(0) + qp.Z(1)),
    lambda: qp.expval(2.0 * qp.X(0)),
    lambda: qp.expval(2.5 * qp.X(0)),
    lambda: qp.expval(qp.Hamiltonian([1.0, 2.0], [qp.X(0), qp.Z(1)])),
    lambda: qp.expval(qp.Hamiltonian([2.0, 1.0], [qp.X(0), qp.Z(1)])),
    lambda: qp.expval(qp.Hamiltonian([2.0, 1.0], [qp.Z(1), qp.X(0)])),
    lambda: qp.expval(qp.Hermitian(MATRIX, wires=0)),
    lambda: qp.expval(qp.Hermitian(MATRIX + 1e-12, wires=0)),
    lambda: qp.expval(qp.Hermitian(TWO_WIRES, wires=[0, 1])),
    lambda: qp.expval(qp.Hermitian(TWO_WIRES, wires=[1, 0])),
    lambda: qp.expval(qp.SparseHamiltonian(STRINGS, wires=[0, 1])),
    lambda: qp.expval(qp.SparseHamiltonian(STRINGS, wires=[1, 0])),
    lambda: qp.expval(qp.SparseHamiltonian(2 * STRINGS, wires=[0, 1])),
    lambda: qp.expval(qp.Projector([0, 1], wires=[0, 1])),
    lambda: qp.expval(qp.Projector([1, 0], wires=[0, 1])),
    lambda: qp.expval(qp.Projector([0, 1], wires=[1, 0])),
    lambda: qp.expval(qp.ctrl(qp.X(0), 1)),
    lambda: qp.expval(qp.ctrl(qp.X(1), 0)),
    lambda: qp.expval(qp.ctrl(qp.Z(0), [1, 2], control_values=[0, 1])),
    lambda: qp.expval(qp.ctrl(qp.Z(0), [1, 2], control_values=[1, 0])),
    lambda: qp.expval(qp.pow(qp.X(0), 2, lazy=True)),
    lambda: qp.expval(qp.pow(qp.X(0), 3, lazy=True)),
    lambda: qp.expval(qp.adjoint(qp.S(0))),
    lambda: qp.measurements.ExpectationMP(wires=qp.wires.Wires([0]), eigvals=np.array([1.0, -1.0])),
    lambda: qp.measurements.ExpectationMP(wires=qp.wires.Wires([0]), eigvals=np.array([-1.0, 1.0])),
]


def test_the_same_measurement_made_again_has_the_same_key():
    for make in DIFFERENT:
        assert measurement_key(make()) == measurement_key(make())
        assert hash(measurement_key(make())) == hash(measurement_key(make()))


def test_different_measurements_have_different_keys():
    keys = [measurement_key(make()) for make in DIFFERENT]
    same = [(i, j) for (i, one), (j, other) in itertools.combinations(enumerate(keys), 2) if one == other]
    assert same == []


def test_a_looser_key_would_be_noticed():
    """PennyLane finds some of these equal that differ in the order of their wires or operands."""
    pairs = itertools.combinations([make() for make in DIFFERENT], 2)
    assert any(type(one) is type(other) and qp.equal(one, other) for one, other in pairs)


def test_tensors_that_require_a_gradient_are_read():
    coefficient = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    one, other = qp.expval(coefficient * qp.Z(0)), qp.expval((coefficient + 0.5) * qp.Z(0))
    assert measurement_key(one) != measurement_key(other)
    assert measurement_key(one) == measurement_key(qp.expval(coefficient.detach().clone() * qp.Z(0)))


def test_what_is_measured_in_the_middle_is_known_by_its_own_identity():
    with qp.queuing.AnnotatedQueue():
        first, second = qp.measure(0), qp.measure(0)
    assert measurement_key(qp.expval(first)) == measurement_key(qp.expval(first))
    assert measurement_key(qp.expval(first)) != measurement_key(qp.expval(second))
    assert measurement_key(qp.expval(first)) != measurement_key(qp.expval(1 - first))
    assert measurement_key(qp.sample([first, second])) != measurement_key(qp.sample([second, first]))


def test_what_cannot_be_hashed_is_refused():
    class Odd(qp.measurements.ExpectationMP):
        def _flatten(self):
            return (self.obs, None), (("settings", {1, 2}),)

    with pytest.raises(TypeError, match="unhashable"):
        measurement_key(Odd(qp.Z(0)))


@pytest.mark.filterwarnings("error")
def test_nothing_deprecated_is_asked_for():
    for make in DIFFERENT[-30:]:
        measurement_key(make())
