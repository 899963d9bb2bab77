"""Noise that is asked for is applied: closed forms, other ways to the same numbers, and a check that can fail."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.devices import DefaultMixed

from qlayers import QuantumLayer
from qlayers.backends.noisy import Noisy, NoisyMixed
from qlayers.components import available
from qlayers.errors import ConfigurationError
from qlayers.noise import NATIVE_GATES, NoiseError, NoiseModel, check_noise
from qlayers.noise.amplitude_damping import AmplitudeDamping
from qlayers.noise.bit_flip import BitFlip
from qlayers.noise.depolarizing import Depolarizing
from qlayers.noise.phase_damping import PhaseDamping
from qlayers.noise.readout import Readout
from qlayers.noise.thermal_relaxation import ThermalRelaxation

P = 0.13
THERMAL = ThermalRelaxation(t1=3.0, t2=4.0, one_qubit_time=0.4, two_qubit_time=1.1)
MODELS = [Depolarizing(P), AmplitudeDamping(P), PhaseDamping(P), BitFlip(P), Readout(P), THERMAL]
X = 0.83

CLOSED_FORMS = {
    "depolarizing": (lambda x: (1 - 4 * P / 3) * math.cos(x), lambda x: -(1 - 4 * P / 3) * math.sin(x)),
    "amplitude_damping": (lambda x: (1 - P) * math.cos(x) + P, lambda x: -math.sqrt(1 - P) * math.sin(x)),
    "phase_damping": (math.cos, lambda x: -math.sqrt(1 - P) * math.sin(x)),
    "bit_flip": (lambda x: (1 - 2 * P) * math.cos(x), lambda x: -(1 - 2 * P) * math.sin(x)),
    "readout": (lambda x: (1 - 2 * P) * math.cos(x), lambda x: -(1 - 2 * P) * math.sin(x)),
    "thermal_relaxation": (
        lambda x: math.exp(-0.4 / 3) * math.cos(x) + 1 - math.exp(-0.4 / 3),
        lambda x: -math.exp(-0.4 / 4) * math.sin(x),
    ),
}


def expectations(device, gates, *observables) -> list[float]:
    tape = qp.tape.QuantumScript(gates, [qp.expval(observable) for observable in observables])
    (values,) = qp.execute([tape], device, diff_method=None)
    return [float(value) for value in np.atleast_1d(np.asarray(values))]


def test_all_models_are_here():
    assert set(available(NoiseModel)) == {model.name for model in MODELS} == set(CLOSED_FORMS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_closed_forms(model):
    """RX(x) and then the channel."""
    device = Noisy(noise=model).device(2, torch.float64)
    of_z, of_y = CLOSED_FORMS[model.name]
    assert expectations(device, [qp.RX(X, 0)], qp.Z(0), qp.Y(0)) == pytest.approx(
        [of_z(X), of_y(X)], abs=1e-9
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_without_the_noise_the_check_fails(model, monkeypatch):
    device = Noisy(noise=model).device(2, torch.float64)
    check_noise(device, [model])
    with pytest.raises(NoiseError, match=f"does not apply the noise.*{type(model).__name__}"):
        check_noise(qp.device("default.mixed", wires=2), [model])
    monkeypatch.setattr(NoisyMixed, "preprocess", DefaultMixed.preprocess)
    with pytest.raises(NoiseError):
        check_noise(device, [model])
    with pytest.raises(NoiseError):
        QuantumLayer(2, backend=Noisy(noise=model))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_noise_behind_one_kind_of_gate_only_is_noticed(model):
    """Of every model the channel of two-qubit gates is left out; the readout error of the second qubit."""

    class Half(type(model)):
        def after_gate(self, wire, n_wires):
            return super().after_gate(wire, n_wires) if n_wires == 1 else []

        def before_readout(self, wire):
            return super().before_readout(wire) if wire == 0 else []

    values = dataclasses.asdict(model)
    device = NoisyMixed(2, (Half(**values),))
    with pytest.raises(NoiseError, match=r"RX CNOT"):
        check_noise(device, [model])


def test_thermal_relaxation_is_pennylanes():
    for t1, t2 in ((3.0, 2.0), (3.0, 5.9), (1.0, 2.0)):
        model = ThermalRelaxation(t1=t1, t2=t2, one_qubit_time=0.4, two_qubit_time=1.1)
        for n_wires, time in ((1, 0.4), (2, 1.1)):
            rho = np.array([[0.3, 0.2 - 0.3j], [0.2 + 0.3j, 0.7]])
            found = rho
            for channel in model.after_gate(0, n_wires):
                found = sum(k @ found @ k.conj().T for k in channel.kraus_matrices())
            reference = qp.ThermalRelaxationError(0.0, t1, t2, time, wires=0).kraus_matrices()
            expected = sum(k @ rho @ k.conj().T for k in reference)
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_channels_follow_every_native_gate_as_pennylanes_noise_model_has_it():
    """The circuit of a layer, encoding included, with ``qp.noise.add_noise`` in place of ours."""
    model = Depolarizing(0.05)
    backend = Noisy(noise=model)
    layer = QuantumLayer(3, encoding="iqp", depth=2, precision="float64", backend=backend)
    rows = torch.rand(2, 3, dtype=torch.float64)

    def channels(gate, **_):
        for wire in gate.wires:
            qp.DepolarizingChannel(0.05, wires=wire)

    theirs = qp.NoiseModel({qp.noise.op_in([getattr(qp, name) for name in sorted(NATIVE_GATES)]): channels})
    for row, found in zip(rows, layer(rows), strict=True):
        qnode = qp.QNode(layer.circuit, qp.device("default.mixed", wires=3))
        (tape,), _ = qp.transforms.decompose(
            qp.workflow.construct_tape(qnode)(row.numpy(), layer.weights.detach().numpy()),
            gate_set=set(NATIVE_GATES) | {"GlobalPhase"},
        )
        (noisy,), _ = qp.noise.add_noise(tape, theirs)
        n_channels = sum(operation.name == "DepolarizingChannel" for operation in noisy.operations)
        assert n_channels == sum(len(o.wires) for o in tape.operations if o.name in NATIVE_GATES) > 30
        (expected,) = qp.execute([noisy], qp.device("default.mixed", wires=3), diff_method=None)
        np.testing.assert_allclose(found.detach().numpy(), np.array(expected), atol=1e-6)


def test_a_gate_of_several_native_ones_has_the_noise_of_several():
    """SWAP is three CNOTs: with a bit flip behind each on both wires, ⟨Z⟩ of the moved qubit by hand."""
    device = Noisy(noise=BitFlip(P)).device(2, torch.float64)
    left = 1 - 2 * P
    # CNOT 0→1: Z0; CNOT 1→0: Z0 → Z0 Z1; CNOT 0→1: Z1 → Z0 Z1. Backwards from ⟨Z1⟩ after SWAP of RX(x) on wire 0.
    words = {"Z": frozenset({1})}
    factor = 1.0
    word = words["Z"]
    for control, target in ((0, 1), (1, 0), (0, 1)):
        factor *= left ** len(word)
        if target in word:
            word = word ^ {control}
    assert word == {0}
    expected = factor * left * math.cos(X)
    assert expectations(device, [qp.RX(X, 0), qp.SWAP([0, 1])], qp.Z(1)) == pytest.approx(
        [expected], abs=1e-9
    )


def test_readout_errors_come_after_the_turn_into_the_computational_basis():
    device = Noisy(noise=Readout(P)).device(2, torch.float64)
    left = 1 - 2 * P
    bell = [qp.Hadamard(0), qp.CNOT([0, 1])]
    observables = (qp.X(0) @ qp.X(1), qp.Z(0) @ qp.Z(1), qp.Y(0) @ qp.Y(1), 2 * qp.Z(0) @ qp.Z(1) + qp.X(0))
    expected = [left**2, left**2, -(left**2), 2 * left**2]
    assert expectations(device, bell, *observables) == pytest.approx(expected, abs=1e-9)
    tape = qp.tape.QuantumScript(bell, [qp.probs(wires=[1, 0])])
    (found,) = qp.execute([tape], device, diff_method=None)
    same, other = (1 - P) ** 2 + P**2, 2 * P * (1 - P)
    np.testing.assert_allclose(found, [same / 2, other / 2, other / 2, same / 2], atol=1e-9)
    with pytest.raises(qp.exceptions.DeviceError, match="computational basis"):
        expectations(device, bell, qp.Hermitian(np.array([[0, 1], [1, 0]]), 0))


def test_several_models_are_applied_in_their_order():
    models = (AmplitudeDamping(P), BitFlip(0.2), Readout(0.1))
    device = Noisy(noise=models).device(1, torch.float64)
    damped = (1 - P) * math.cos(X) + P
    assert expectations(device, [qp.RX(X, 0)], qp.Z(0)) == pytest.approx([0.8 * 0.6 * damped], abs=1e-9)


def test_shifts_are_right_under_noise_for_gates_made_of_several():
    """A controlled phase is three phases and two CNOTs with noise between them, of which each is shifted."""

    class Phases(QuantumLayer):
        def circuit(self, inputs, weights):
            qp.Hadamard(0)
            qp.RY(inputs[..., 0], 1)
            qp.ControlledPhaseShift(weights, wires=[0, 1])
            qp.RX(0.4, 0)
            qp.RX(0.9, 1)
            return qp.expval(qp.Z(0)), qp.expval(qp.Z(1))

    gradients = []
    rows = torch.tensor([[0.6]], dtype=torch.float64)
    for gradient in ("backprop", "parameter-shift"):
        backend = Noisy(noise=BitFlip(0.2), gradient=gradient)
        torch.manual_seed(0)
        layer = Phases(2, n_features=1, weight_shapes={"weights": ()}, precision="float64", backend=backend)
        layer(rows).sum().backward()
        gradients.append(layer.weights.grad)
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=0)


def test_methods_and_counts():
    rows = torch.rand(4, 2, dtype=torch.float64)
    expected = {
        (None, "auto"): ("backprop", "broadcast", 0),
        (None, "parameter-shift"): ("parameter-shift", "unrolled", 4 * 2 * 8),
        (50, "auto"): ("parameter-shift", "unrolled", 4 * 2 * 8),
        (50, "spsa"): ("spsa", "unrolled", 4 * 2),
    }
    for (shots, gradient), (method, batching, cost) in expected.items():
        layer = QuantumLayer(2, precision="float64", backend=Noisy(shots=shots, gradient=gradient))
        with qp.Tracker(layer.device) as tracker:
            layer(rows.clone().requires_grad_()).sum().backward()
        ran = layer.execution
        assert (ran.gradient_method, ran.batching, ran.shots) == (method, batching, shots)
        assert (ran.executions, ran.gradient_executions) == (4, cost)
        assert tracker.totals["executions"] == 4 + cost


def test_shots_under_noise_scatter_about_the_exact_values():
    exact = QuantumLayer(2, precision="float64", backend=Noisy(noise=(BitFlip(P), Readout(P))))
    sampled = exact.on(Noisy(noise=(BitFlip(P), Readout(P)), shots=20_000))
    rows = torch.rand(3, 2, dtype=torch.float64)
    torch.testing.assert_close(sampled(rows), exact(rows), atol=5 / math.sqrt(20_000), rtol=0)


@pytest.mark.parametrize("encoding", ["amplitude", "basis"])
def test_prepared_states_are_noisy_too(encoding):
    layer = QuantumLayer(2, encoding=encoding, precision="float64", backend=Noisy(noise=Depolarizing(0.75)))
    rows = torch.ones(2, 2, dtype=torch.float64)
    # Nothing is left behind any gate, and the ansatz has gates on all qubits.
    torch.testing.assert_close(layer(rows), torch.zeros(2, 2, dtype=torch.float64), atol=1e-9, rtol=0)
    if encoding == "amplitude":
        with pytest.raises(ConfigurationError, match="prepares amplitudes by noisy gates"):
            layer(rows.requires_grad_())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *(
            (lambda model=model, p=p: model(p=p), "noise.p is a probability, from 0 to 1")
            for model, p in itertools.product(
                (Depolarizing, AmplitudeDamping, PhaseDamping, BitFlip, Readout),
                (-0.1, 1.01, math.nan, "0.1", True),
            )
        ),
        (lambda: ThermalRelaxation(t1=10.0, t2=20.1), "at most twice noise.t1"),
        (lambda: ThermalRelaxation(t1=0.0), "noise.t1 is a time in microseconds, above 0"),
        (lambda: ThermalRelaxation(t2=-1.0), "noise.t2 is a time"),
        (lambda: ThermalRelaxation(one_qubit_time=-0.1), "noise.one_qubit_time is a time.*0 or more"),
        (lambda: ThermalRelaxation(two_qubit_time=math.inf), "noise.two_qubit_time is a time"),
        (lambda: Noisy(noise="depolarising"), "Did you mean 'depolarizing'"),
        (lambda: Noisy(noise=()), "backend.noise must be a noise model"),
        (lambda: Noisy(noise=None), "backend.noise must be a noise model"),
        (lambda: Noisy(shots=-1), "backend.shots must be a positive integer"),
        (
            lambda: Noisy(shots=10, gradient="backprop"),
            "backend.gradient=backprop differentiates exact values",
        ),
        (lambda: Noisy().device(30, torch.float64), "for one density matrix"),
    ],
)
def test_bad_values_are_refused_at_once(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_zero_shots_are_exact():
    assert Noisy(shots=0) == Noisy(shots=None)


def test_making_a_noisy_layer_draws_nothing():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    np.random.seed(1)
    expected = np.random.get_state()[1].tolist()
    Noisy(noise="bit_flip").device(2, torch.float64)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[1].tolist() == expected
