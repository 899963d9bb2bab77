"""Backends that estimate: their values and gradients against exact ones, their counts, their seeds."""

from __future__ import annotations

import copy
import math
import pickle

import pennylane as qp
import pytest
import torch
from torch import nn

from qlayers import QuantumLayer
from qlayers.backends import Backend
from qlayers.backends.noisy import Noisy
from qlayers.backends.shots import Shots
from qlayers.errors import ConfigurationError, DerivativeError
from qlayers.noise.readout import Readout

SHOTS = 20_000
SIGMAS = 5
"""One wrong alarm in two million comparisons."""


def layer(backend: str | Backend, **options) -> QuantumLayer:
    torch.manual_seed(3)
    return QuantumLayer(2, depth=1, precision="float64", **options, backend=backend)


def hybrid(backend: str | Backend) -> nn.Sequential:
    torch.manual_seed(3)
    quantum = QuantumLayer(3, depth=1, precision="float64", backend=backend)
    return nn.Sequential(nn.Linear(5, 3), quantum, nn.Linear(3, 2)).double()


def gradients(model: nn.Module, rows: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    rows = rows.clone().requires_grad_()
    model(rows).sum().backward()
    return {"inputs": rows.grad, **{name: value.grad for name, value in model.named_parameters()}}


@pytest.mark.parametrize("simulator", ["qlayers.batched", "default.qubit"])
def test_hybrid_gradients_are_exact_within_their_standard_error(simulator):
    """Batch 16, trainable inputs and weights, where PennyLane's own rule refuses a batch (#6078).

    The derivative of one expectation value by one angle is (f₊ - f₋)/2, whose variance is at most 1/(2·shots). A loss
    that is linear in the outputs sums such derivatives with the coefficients of its chain rule.
    """
    model, exact = hybrid(Shots(shots=SHOTS, simulator=simulator)), hybrid("default_qubit")
    rows = torch.linspace(-1, 1, 80, dtype=torch.float64).reshape(16, 5)
    found, expected = gradients(model, rows), gradients(exact, rows)
    assert model[1].execution.executions == 16
    assert model[1].execution.gradient_executions == 16 * 2 * (3 + 9)
    of_angle = 1 / math.sqrt(2 * SHOTS)
    # Each of an entry's terms: the outputs' coefficients, on angles of 16 rows, or of 3 inputs for a row's inputs.
    head = model[2].weight.detach().sum(dim=0)  # (3,)
    for name, value in expected.items():
        terms = {"1.weights": 16, "0.weight": 16, "0.bias": 16, "inputs": 3, "2.weight": 16, "2.bias": 0}[
            name
        ]
        scale = 1.0 if name == "2.weight" else float(head.abs().sum())
        scale *= float(model[0].weight.detach().abs().max()) if name == "inputs" else 1.0
        bound = SIGMAS * scale * math.sqrt(terms) * (1 / math.sqrt(SHOTS) if name == "2.weight" else of_angle)
        torch.testing.assert_close(found[name], value, atol=bound + 1e-12, rtol=0)
        assert terms == 0 or not torch.equal(found[name], value)


def test_shots_are_as_spread_as_theory_says():
    model = layer(Shots(shots=400))
    rows = torch.tensor([[0.3, -1.2]], dtype=torch.float64).expand(600, 2)
    exact = model.on("default_qubit")(rows).detach()
    errors = (model(rows).detach() - exact) / torch.sqrt((1 - exact**2) / 400)
    assert abs(errors.mean()) < SIGMAS / math.sqrt(errors.numel())
    # The mean of n squares of normal numbers has the variance 2/n.
    assert abs(errors.square().mean() - 1) < SIGMAS * math.sqrt(2 / errors.numel())


def test_spsa_is_right_on_average_and_takes_two_circuits_a_direction():
    backend = Shots(shots=SHOTS, gradient="spsa", spsa_directions=400, spsa_step=0.1)
    model = layer(backend)
    rows = torch.tensor([[0.3, -1.2]], dtype=torch.float64)
    found, expected = gradients(model, rows), gradients(model.on("default_qubit"), rows)
    assert model.execution.gradient_method == "spsa"
    assert model.execution.gradient_executions == 2 * 400
    n_angles = 2 + 6
    total = torch.cat([expected["inputs"].reshape(-1), expected["weights"].reshape(-1)])
    # Along one direction an entry is off by the other entries with random signs, and by the noise of two circuits
    # with two outputs each.
    one = float(total.square().sum()) + 2 / (2 * SHOTS * 0.1**2)
    bias = 0.1**2 / 6 * n_angles**2 * 2  # third derivatives are at most 1 for each of two outputs
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=SIGMAS * math.sqrt(one / 400) + bias, rtol=0)


@pytest.mark.parametrize("backend", [Shots(shots=50), Shots(shots=50, gradient="spsa")])
@pytest.mark.parametrize("measurement", ["z", "probs"])
def test_counts_equal_the_trackers(backend, measurement):
    model = layer(backend, measurement=measurement)
    with qp.Tracker(model.device) as tracker:
        model(torch.rand(3, 2, dtype=torch.float64).requires_grad_()).square().sum().backward()
    ran = model.execution
    assert ran.executions == 3
    assert ran.executions + ran.gradient_executions == tracker.totals["executions"]
    assert tracker.totals["shots"] == 50 * tracker.totals["executions"]
    assert (ran.shots, ran.device, ran.gradient_method) == (50, "qlayers.batched", backend.gradient)


class Controlled(QuantumLayer):
    """Rotations whose rule has four terms, and one that moves a single angle at two places."""

    def circuit(self, inputs, weights):
        qp.Hadamard(0)
        qp.RY(inputs[..., 0], 1)
        qp.CRX(weights[0], [0, 1])
        qp.CRot(weights[1], weights[2], weights[3], [1, 0])
        qp.RX(weights[0] * inputs[..., 1], 0)
        return qp.expval(qp.Z(0) @ qp.X(1)), qp.probs(wires=[1])


def controlled(backend: str | Backend) -> QuantumLayer:
    torch.manual_seed(1)
    return Controlled(2, weight_shapes={"weights": 4}, precision="float64", backend=backend)


def test_controlled_rotations_have_four_terms():
    """Exactly: on a simulator without shots the rule is no estimate."""
    exact = Noisy(noise=Readout(p=0.0), gradient="parameter-shift")
    rows = torch.rand(3, 2, dtype=torch.float64)
    found, expected = gradients(controlled(exact), rows), gradients(controlled("default_qubit"), rows)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-9, rtol=0)
    sampled = controlled(Shots(shots=10))
    sampled(rows.requires_grad_()).sum().backward()
    assert sampled.execution.gradient_executions == 3 * (2 + 4 + 3 * 4 + 2) * 2  # in two bases


@pytest.mark.parametrize("data", [[0.7], [0.7, -0.2, 1.9]])
def test_the_rule_agrees_with_pennylanes_own(data):
    from qlayers.parameter_shift import parameter_shift

    def circuit(angles):
        qp.AmplitudeEmbedding(states, wires=[0, 1])
        qp.RY(batch, 1)
        qp.CRZ(angles[0], [0, 1])
        qp.RX(angles[1], 0)
        qp.IsingXX(angles[2], [0, 1])
        qp.CRX(angles[3], [0, 1])
        return qp.expval(qp.Z(0)), qp.probs(wires=[0, 1]), qp.expval(qp.Y(0) @ qp.X(1))

    angles = torch.tensor([0.3, 1.1, -0.4, 2.0], dtype=torch.float64)
    batch = torch.tensor(data, dtype=torch.float64)
    states = torch.stack([batch.cos(), 0 * batch, batch.sin(), 0 * batch], -1)
    if len(data) == 1:
        batch, states = batch[0], states[0]
    tape = qp.workflow.construct_tape(qp.QNode(circuit, qp.device("default.qubit")))(angles)
    tape.trainable_params = [2, 3, 5]
    device = qp.device("default.qubit")

    def jacobian(rule):
        tapes, finish = rule(tape)
        return tapes, finish(qp.execute(tapes, device, diff_method=None))

    (mine, found), (theirs, expected) = jacobian(parameter_shift), jacobian(qp.gradients.param_shift)
    assert len(mine) == 1 and len(theirs) == 4 + 2 + 4
    assert mine[0].batch_size == len(theirs) * len(data)
    for one, other in zip(found, expected, strict=True):
        for entry, reference in zip(one, other, strict=True):
            torch.testing.assert_close(torch.as_tensor(entry), torch.as_tensor(reference))


def test_what_has_no_rule_is_refused_and_not_differenced():
    class WithoutRule(qp.operation.Operation):
        num_params, num_wires, grad_method = 1, 1, "F"

        @staticmethod
        def compute_matrix(angle):
            return qp.RX.compute_matrix(angle)

    class Odd(QuantumLayer):
        def circuit(self, inputs, weights):
            qp.RX(inputs[..., 0], 0)
            WithoutRule(weights, wires=0)
            return qp.expval(qp.Z(0))

    backend = Shots(shots=10, simulator="default.qubit")
    model = Odd(1, weight_shapes={"weights": ()}, backend=backend)
    with pytest.raises(DerivativeError, match="analytic gradient method cannot be used"):
        model(torch.rand(2, 1)).sum().backward()


# ---------------------------------------------------------------- seeds


def test_samples_are_from_torchs_stream_unless_there_is_a_seed():
    rows = torch.rand(4, 2, dtype=torch.float64)

    def two_passes(model: QuantumLayer) -> torch.Tensor:
        first = gradients(model, rows)
        second = gradients(model, rows)
        assert not torch.equal(first["weights"], second["weights"])
        return torch.cat([first["weights"].reshape(-1), second["weights"].reshape(-1)])

    for gradient in ("parameter-shift", "spsa"):
        model = layer(Shots(shots=20, gradient=gradient))
        torch.manual_seed(7)
        found = two_passes(model)
        torch.manual_seed(7)
        assert torch.equal(two_passes(model), found)
        torch.manual_seed(8)
        assert not torch.equal(two_passes(model), found)
        seeded = Shots(shots=20, gradient=gradient, seed=5)
        torch.manual_seed(7)
        state = torch.get_rng_state()
        found = two_passes(layer(seeded))
        torch.set_rng_state(state)
        torch.rand(3)
        assert torch.equal(two_passes(layer(seeded)), found)
        assert not torch.equal(two_passes(layer(Shots(shots=20, gradient=gradient, seed=6))), found)


def test_a_resumed_stream_goes_on_where_it_was():
    rows = torch.rand(4, 2, dtype=torch.float64)
    model = layer(Shots(shots=20))
    model(rows)
    state, weights = torch.get_rng_state(), copy.deepcopy(model.state_dict())
    expected = model(rows)
    resumed = layer(Shots(shots=20))
    resumed.load_state_dict(weights)
    torch.set_rng_state(state)
    assert torch.equal(resumed(rows), expected)


@pytest.mark.parametrize("backend", [Shots(shots=9), Noisy(noise=("readout", "bit_flip"))])
def test_layers_are_copied_and_pickled(backend):
    model = layer(backend)
    rows = torch.rand(3, 2, dtype=torch.float64)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.backend == backend
        torch.manual_seed(0)
        expected = model(rows)
        torch.manual_seed(0)
        torch.testing.assert_close(other(rows), expected)
    assert layer(backend).float()(rows).dtype == torch.float32


# ---------------------------------------------------------------- another backend


@qp.qnode(qp.device("default.qubit", wires=["a", "b"]))
def labelled(inputs, weights):
    qp.AngleEmbedding(inputs, wires=["a", "b"])
    qp.BasicEntanglerLayers(weights, wires=["b", "a"])
    return [qp.expval(qp.Z("a")), qp.expval(qp.Z("b"))]


def test_any_layer_moves_to_another_backend():
    class Mine(QuantumLayer):
        def circuit(self, inputs, weights):
            qp.AngleEmbedding(inputs, wires=[0, 1])
            qp.BasicEntanglerLayers(weights, wires=[0, 1])
            return qp.expval(qp.Z(0) @ qp.Z(1))

    rows = torch.rand(5, 2, dtype=torch.float64)
    shapes = {"weights": (2, 2)}
    for original in (
        QuantumLayer(2, precision="float64"),
        Mine(2, weight_shapes=shapes, precision="float64"),
        QuantumLayer.from_qnode(labelled, shapes, n_features=2, precision="float64"),
    ):
        expected = original(rows)
        for name in ("default_qubit", "lightning", "batched", "noisy", "shots"):
            backend = {"noisy": Noisy(noise="bit_flip"), "shots": Shots(shots=SHOTS)}.get(name, name)
            moved = original.on(backend)
            assert type(moved) is type(original) and moved.execution.executions == 0
            found = moved(rows)
            if name == "noisy":
                assert (found - expected).abs().max() > 1e-3
            else:
                bound = SIGMAS / math.sqrt(SHOTS) if name == "shots" else 1e-10
                torch.testing.assert_close(found, expected, atol=bound, rtol=0)
        with torch.no_grad():
            moved.weights.zero_()
        torch.testing.assert_close(original(rows), expected)


def test_a_qnodes_transforms_move_with_it():
    @qp.transforms.cancel_inverses
    @qp.set_shots(7)
    @qp.qnode(qp.device("default.qubit", wires=1))
    def circuit(inputs, weights):
        qp.Hadamard(0)
        qp.Hadamard(0)
        qp.RX(inputs[..., 0] + weights, 0)
        return qp.expval(qp.Z(0))

    moved = QuantumLayer.from_qnode(circuit, {"weights": ()}, n_features=1, precision="float64").on(
        Noisy(noise="bit_flip")
    )
    assert moved.execution.shots is None
    rows = torch.rand(3, 1, dtype=torch.float64)
    expected = (1 - 2 * 0.01) * torch.cos(rows[:, 0] + moved.weights)
    torch.testing.assert_close(moved(rows), expected)


def test_what_a_device_spends_is_added_up(monkeypatch):
    class Spent:
        tasks, usd, cached = 4, 1.5, 2

    model = layer(Shots(shots=5))
    spent = Spent()
    model.device.spent = spent
    original = type(model.device).__mro__[1].execute

    def execute(self, circuits, execution_config=None):
        spent.tasks, spent.usd, spent.cached = spent.tasks + 2, spent.usd + 0.25, spent.cached + 1
        return original(self, circuits, execution_config)

    monkeypatch.setattr(type(model.device).__mro__[1], "execute", execute)
    model(torch.rand(3, 2)).sum().backward()
    assert (model.execution.tasks, model.execution.usd, model.execution.cached) == (4, 0.5, 2)
    model.reset_execution()
    assert (model.execution.tasks, model.execution.usd, model.execution.cached) == (0, 0.0, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shots": 0}, "backend.shots must be a positive integer"),
        ({"shots": None}, "backend.shots must be a positive integer"),
        ({"shots": True}, "backend.shots must be a positive integer"),
        ({"shots": 10.0}, "backend.shots must be a positive integer"),
        ({"gradient": "adjoint"}, "backend.gradient='adjoint' is unknown.*parameter-shift, spsa"),
        ({"seed": -1}, "backend.seed must be null, or an integer"),
        ({"spsa_directions": 0}, "backend.spsa_directions must be a positive integer"),
        ({"spsa_step": 0.0}, "backend.spsa_step must be above 0"),
        ({"simulator": "lightning"}, "backend.simulator='lightning' is unknown"),
    ],
)
def test_bad_values_are_refused_at_once(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        Shots(**wrong)
