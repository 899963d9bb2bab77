"""Other people's simulators and devices: exact values to 1e-6, samples within shot error, gradients, counts, seeds."""

from __future__ import annotations

import copy
import importlib.util
import math
import pickle
import sys

import pennylane as qp
import pytest
import torch
from torch import nn

from qlayers import QuantumLayer
from qlayers.backends import Backend
from qlayers.backends.aer import Aer
from qlayers.backends.braket_local import BraketLocal
from qlayers.backends.cirq import Cirq
from qlayers.backends.ibm import Ibm
from qlayers.backends.lightning import Lightning
from qlayers.backends.noisy import Noisy
from qlayers.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("ignore:You are running a noise-free circuit:UserWarning")

SHOTS = 4000
BOUND = 5 / math.sqrt(SHOTS)
"""Five standard deviations of the widest mean of ±1."""

EXACT = [BraketLocal(), BraketLocal(simulator="dm"), Aer(shots=None), Cirq(shots=None)]
SAMPLED = [
    BraketLocal(shots=SHOTS),
    BraketLocal(shots=SHOTS, simulator="dm"),
    Aer(shots=SHOTS),
    Cirq(shots=SHOTS),
    Ibm(shots=SHOTS, noise=False),
]


def name(backend: Backend) -> str:
    return "-".join(str(part) for part in (backend.name, getattr(backend, "simulator", ""), backend.shots))


class Unsymmetric(QuantumLayer):
    """Every qubit differs, so that wires in another order give other values."""

    def circuit(self, inputs, weights):
        qp.RY(inputs[..., 0], 0)
        qp.RX(inputs[..., 1], 1)
        qp.CRX(weights[0], [0, 2])
        qp.CNOT([1, 2])
        qp.Rot(*weights[1:], 2)
        return qp.expval(qp.Z(0)), qp.expval(qp.X(1) @ qp.Y(2)), qp.probs(wires=[2, 1])


def unsymmetric(backend: str | Backend) -> QuantumLayer:
    torch.manual_seed(1)
    options = {"n_features": 2, "weight_shapes": {"weights": 4}, "precision": "float64"}
    return Unsymmetric(3, **options, backend=backend)


ROWS = torch.tensor([[0.4, 1.1], [-0.7, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize("backend", EXACT, ids=name)
def test_exact_values_are_those_of_our_simulator(backend):
    found, expected = unsymmetric(backend)(ROWS), unsymmetric("batched")(ROWS)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    single = unsymmetric(backend).float()(ROWS)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", SAMPLED, ids=name)
def test_samples_are_within_shot_error(backend):
    found, expected = unsymmetric(backend)(ROWS), unsymmetric("batched")(ROWS)
    torch.testing.assert_close(found, expected, atol=BOUND, rtol=0)
    assert not torch.equal(found, expected)


@pytest.mark.parametrize("encoding", ["angle", "amplitude", "basis"])
@pytest.mark.parametrize("backend", [*EXACT[::2], *SAMPLED[::2], SAMPLED[3]], ids=name)
def test_every_encoding(backend, encoding):
    layer = QuantumLayer(2, encoding=encoding, precision="float64", backend=backend)
    rows = torch.ones(1, 2, dtype=torch.float64)
    bound = BOUND if backend.shots else 1e-6
    torch.testing.assert_close(layer(rows), layer.on("batched")(rows), atol=bound, rtol=0)


def hybrid(backend: str | Backend) -> nn.Sequential:
    torch.manual_seed(3)
    quantum = QuantumLayer(2, ansatz="basic_entangler", precision="float64", backend=backend)
    return nn.Sequential(nn.Linear(3, 2), quantum, nn.Linear(2, 1)).double()


def gradients(model: nn.Module, rows: torch.Tensor) -> dict[str, torch.Tensor]:
    rows = rows.clone().requires_grad_()
    model(rows).sum().backward()
    return {"inputs": rows.grad, **{name: value.grad for name, value in model.named_parameters()}}


@pytest.mark.parametrize("backend", [*EXACT[::2], SAMPLED[0], SAMPLED[2], SAMPLED[3]], ids=name)
def test_hybrids_are_differentiated_on_a_batch(backend):
    """Linear → layer → Linear, batch 16; counts equal PennyLane's tracker's."""
    model = hybrid(backend)
    rows = torch.linspace(-1, 1, 48, dtype=torch.float64).reshape(16, 3)
    with qp.Tracker(model[1].device) as tracker:
        found = gradients(model, rows)
    ran = model[1].execution
    assert (ran.executions, ran.gradient_executions) == (16, 16 * 2 * (2 + 2))
    assert tracker.totals["executions"] == 16 + 16 * 8
    assert (ran.gradient_method, ran.batching, ran.shots) == ("parameter-shift", "unrolled", backend.shots)
    head = float(model[2].weight.detach().abs().sum())
    layer = float(model[0].weight.detach().abs().max())
    # (f₊ - f₋)/2 has a variance of at most 1/(2·shots); an entry sums as many as it has rows and, for inputs, angles.
    of_angle = head / math.sqrt(2 * SHOTS)
    bounds = {
        "inputs": layer * math.sqrt(2) * of_angle,
        "0.weight": 4 * of_angle,
        "0.bias": 4 * of_angle,
        "1.weights": 4 * of_angle,
        "2.weight": 4 / math.sqrt(SHOTS),
        "2.bias": 1e-12,
    }
    for name_, value in gradients(hybrid("default_qubit"), rows).items():
        bound = 5 * bounds[name_] if backend.shots else 1e-6
        torch.testing.assert_close(found[name_], value, atol=bound, rtol=0)


@pytest.mark.parametrize("backend", [Aer(), Cirq(), BraketLocal(shots=1000), Ibm(noise=False)], ids=name)
def test_seeds_and_copies(backend):
    rows = ROWS[:1].expand(2, 2)

    def run(seed: int | None, torch_seed: int) -> torch.Tensor:
        options = {
            field: getattr(backend, field) for field in backend.__dataclass_fields__ if field in vars(backend)
        }
        layer = QuantumLayer(2, precision="float64", backend=type(backend)(**{**options, "seed": seed}))
        with torch.no_grad():
            layer.weights.fill_(0.7)
            for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
                torch.manual_seed(torch_seed)
                found = copied(rows)
        return found

    first = run(None, 1)
    assert not torch.equal(first[0], first[1]), "two rows must not share their samples"
    assert torch.equal(run(None, 1), first)
    assert not torch.equal(run(None, 2), first)
    assert torch.equal(run(5, 1), run(5, 2))
    assert not torch.equal(run(5, 1), run(6, 1))


@pytest.mark.parametrize(
    "noise",
    [
        "depolarizing",
        "amplitude_damping",
        "phase_damping",
        "bit_flip",
        "readout",
        ("thermal_relaxation", "readout"),
    ],
    ids=str,
)
def test_brakets_density_matrices_with_noise_equal_default_mixed(noise):
    braket, pennylane = (
        unsymmetric(BraketLocal(simulator="dm", noise=noise)),
        unsymmetric(Noisy(noise=noise, gradient="parameter-shift")),
    )
    found, expected = braket(ROWS[:1]), pennylane(ROWS[:1])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert (found - unsymmetric("batched")(ROWS[:1])).abs().max() > 1e-4


def test_brakets_noisy_gradients_equal_default_mixeds():
    found, expected = (
        gradients(hybrid(backend), torch.full((1, 3), 0.4, dtype=torch.float64))
        for backend in (
            BraketLocal(simulator="dm", noise="amplitude_damping"),
            Noisy(noise="amplitude_damping"),
        )
    )
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=0)


def test_the_probe_of_brakets_noise_can_fail(monkeypatch):
    from qlayers.backends import braket_local
    from qlayers.noise import NoiseError

    monkeypatch.setattr(braket_local, "add_transforms", lambda pipeline, *_: pipeline)
    with pytest.raises(NoiseError, match="does not apply the noise"):
        QuantumLayer(2, backend=BraketLocal(simulator="dm", noise="bit_flip"))


def test_a_fake_machines_errors_are_those_of_aers_model_of_it():
    """The same transpiled circuit on Aer's density matrices with the machine's noise, without shots."""
    from qiskit import QuantumCircuit, transpile
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    class Flips(QuantumLayer):
        def circuit(self, inputs):
            qp.RX(inputs[..., 0], 0)
            for _ in range(8):
                qp.CNOT([0, 1])
                qp.CNOT([1, 0])
            return qp.expval(qp.Z(0)), qp.expval(qp.Z(1))

    options = {"n_features": 1, "weight_shapes": {}, "precision": "float64"}
    layer = Flips(2, **options, backend=Ibm(shots=SHOTS, seed=0))
    rows = torch.tensor([[0.3]], dtype=torch.float64)
    (found,) = layer(rows).detach()
    machine = FakeManilaV2()
    circuit = QuantumCircuit(2)
    circuit.rx(0.3, 0)
    for _ in range(8):
        circuit.cx(0, 1)
        circuit.cx(1, 0)
    circuit.measure_all()
    native = transpile(circuit, machine, optimization_level=1, seed_transpiler=0)
    n_reference = 40_000
    counts = machine.run(native, shots=n_reference, seed_simulator=1).result().get_counts()
    bound = 5 * math.sqrt(1 / SHOTS + 1 / n_reference)
    for qubit, value in enumerate(found):
        expected = sum(n * (1 - 2 * int(bits[::-1][qubit])) for bits, n in counts.items()) / n_reference
        assert abs(float(value) - expected) < bound
    exact = layer.on("batched")(rows)[0]
    assert (found - exact).abs().max() > BOUND, "the machine's errors show"


# ---------------------------------------------------------------- what cannot be had


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BraketLocal(simulator="tn"), "backend.simulator='tn' is unknown.*sv, dm"),
        (lambda: BraketLocal(noise="bit_flip"), "choose backend.simulator=dm"),
        (lambda: BraketLocal(simulator="dm", noise="rust"), "noise='rust' is unknown"),
        (lambda: Ibm(shots=0), "backend.shots must be a positive integer"),
        (lambda: Ibm(machine=""), "backend.machine must be the name of a machine"),
        (lambda: Ibm(optimization_level=4), "backend.optimization_level must be"),
        (lambda: Ibm(machine="ibm_torino"), "real machine.*unbudgeted=true"),
        (lambda: Ibm(machine="ibm_torino", noise=False), "is a real one"),
        (lambda: QuantumLayer(2, backend=Ibm(machine="fake_manilla")), "Did you mean 'fake_manila'"),
        (lambda: QuantumLayer(6, backend=Ibm()), "has 5 qubits, and the circuit has 6"),
        (lambda: Lightning(variant="tpu"), "backend.variant='tpu' is unknown"),
    ],
)
def test_bad_values_are_refused_at_once(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    ("backend", "module", "extra"),
    [
        (BraketLocal(), "braket.pennylane_plugin", "braket"),
        (Aer(), "pennylane_qiskit.aer", "aer"),
        (Ibm(), "pennylane_qiskit", "ibm"),
        (Cirq(), "pennylane_cirq", "cirq"),
    ],
    ids=["braket_local", "aer", "ibm", "cirq"],
)
def test_a_missing_package_names_its_extra(backend, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    for attribute in ("_classes", "_device_class"):
        cached = getattr(sys.modules[type(backend).__module__], attribute, None)
        if cached is not None:
            cached.cache_clear()
    with pytest.raises(ConfigurationError, match=rf'pip install "qlayers\[{extra}\]"'):
        QuantumLayer(2, backend=backend)


@pytest.mark.parametrize("variant", ["kokkos", "gpu"])
def test_a_missing_lightning_names_its_extra(variant):
    if importlib.util.find_spec(f"pennylane_lightning.lightning_{variant}"):
        pytest.skip(f"lightning.{variant} is installed")
    with pytest.raises(ConfigurationError, match=rf'pip install "qlayers\[lightning-{variant}\]"'):
        QuantumLayer(2, backend=Lightning(variant=variant))


def test_a_real_machine_is_outside_and_errors_tell_no_secrets(monkeypatch):
    import qiskit_ibm_runtime

    def refuse(*_, **__):
        raise RuntimeError("token s3cr3t was refused")

    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", refuse)
    backend = Ibm(machine="ibm_torino", unbudgeted=True)
    assert backend.outside and not Ibm().outside and not Aer().outside
    with pytest.raises(ConfigurationError, match="cannot be reached") as caught:
        QuantumLayer(2, backend=backend)
    assert "s3cr3t" not in str(caught.value) and caught.value.__cause__ is None
