"""The contract that every encoding, ansatz, measurement and layer keeps, for those who write their own.

Each function takes one object, checks what it declares against what it does, and raises AssertionError with what is
wrong. Call them from a test of your own, as the tests of qlayers do for every component that ships.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import TypedDict

import pennylane as qp
import torch
from pennylane.measurements import MeasurementProcess

from qlayers.ansaetze import Ansatz
from qlayers.components import Component
from qlayers.diagnostics.fourier import fourier_coefficients
from qlayers.encodings import Encoding
from qlayers.layer import QuantumLayer
from qlayers.measurements import Measurement

Circuit = Callable[[], object]


class Tolerance(TypedDict):
    """How closely two numbers agree: ``|a - b| <= atol + rtol |b|``."""

    rtol: float
    atol: float


TOLERANCES: dict[torch.dtype, Tolerance] = {
    torch.float32: {"rtol": 1e-4, "atol": 2e-5},
    torch.float64: {"rtol": 1e-9, "atol": 1e-10},
}
"""How closely two exact computations of one circuit agree, by the precision of the layer."""


def check_component(component: Component) -> None:
    """A component is a value: a frozen dataclass that is compared, hashed and pickled by its settings."""
    assert is_dataclass(component), f"{component!r} is not a dataclass"
    assert type(component).__dataclass_params__.frozen, f"{component!r} is not frozen"
    assert copy.copy(component) == component, f"{component!r} does not equal its copy"
    assert hash(copy.copy(component)) == hash(component), f"{component!r} and its copy hash differently"
    assert pickle.loads(pickle.dumps(component)) == component, f"{component!r} changes when pickled"


def check_encoding(encoding: Encoding, n_qubits: int = 3) -> None:
    """An encoding takes batches and is differentiable, entangling and periodic just as it declares."""
    check_component(encoding)
    n_features = min(encoding.max_features(n_qubits), n_qubits)
    assert n_features >= 1, f"{encoding!r} holds no feature on {n_qubits} qubits"
    samples = generic_inputs(encoding, 4, n_features)
    encoding.check_inputs(samples)

    def probabilities(features: torch.Tensor, times: int = 1) -> torch.Tensor:
        return _probabilities(lambda: _turned(encoding, features, n_qubits, times), n_qubits)

    one_by_one = torch.stack([probabilities(sample) for sample in samples])
    together = probabilities(samples)
    assert together.shape == one_by_one.shape, (
        f"{encoding!r} gives shape {tuple(together.shape)} for a batch of 4"
    )
    assert torch.allclose(together, one_by_one, atol=1e-10), (
        f"{encoding!r} treats a batch otherwise than its samples"
    )

    features = samples[0].clone().requires_grad_()
    result = probabilities(features)[0]
    moves = result.requires_grad and bool(torch.autograd.grad(result, features)[0].abs().max() > 1e-9)
    assert moves or not encoding.differentiable, (
        f"{encoding!r} declares differentiable={encoding.differentiable}"
    )

    purities = _purities(lambda: encoding.apply(samples[0], range(n_qubits)), n_qubits)
    entangles = bool(purities.min() < 1 - 1e-9)
    assert entangles == encoding.entangling, f"{encoding!r} declares entangling={encoding.entangling}"
    if not encoding.amplitudes:
        probabilities(samples[0], times=2)
        _check_spectrum(encoding, n_features, n_qubits)


def check_ansatz(ansatz: Ansatz, n_qubits: int = 3, depth: int = 2) -> None:
    """An ansatz uses all its weights' entries in every layer, and entangles if and only if it declares to."""
    check_component(ansatz)
    torch.manual_seed(0)
    weights = ansatz.initial_weights(depth, n_qubits).to(torch.float64)
    expected = (depth, *ansatz.layer_shape(n_qubits))
    assert tuple(weights.shape) == expected, (
        f"{ansatz!r} starts with shape {tuple(weights.shape)}, not {expected}"
    )

    def apply(values: torch.Tensor) -> None:
        for layer in range(depth):
            ansatz.apply(values[layer], range(n_qubits), layer)

    def probabilities(values: torch.Tensor) -> torch.Tensor:
        def circuit() -> None:
            # Between further rotations, so that rotations about z on the ground state and before measuring count too.
            _tilt(n_qubits)
            apply(values)
            _tilt(n_qubits)

        return _probabilities(circuit, n_qubits)

    jacobian = torch.autograd.functional.jacobian(probabilities, weights)
    unused = (jacobian.abs().amax(dim=0) < 1e-9).nonzero().tolist()
    assert not unused, f"{ansatz!r} does not use the weights at {unused}"

    def state() -> None:
        _tilt(n_qubits)
        apply(weights)

    purities = _purities(state, n_qubits)
    entangles = bool(purities.min() < 1 - 1e-9)
    declared = ansatz.entanglement != "none"
    assert entangles == declared or n_qubits == 1, f"{ansatz!r} declares entanglement={ansatz.entanglement!r}"


def check_measurement(measurement: Measurement, n_qubits: int = 3) -> None:
    """A measurement has the number of outputs and the range that it declares."""
    check_component(measurement)
    layer = QuantumLayer(n_qubits, measurement=measurement, depth=2, precision="float64")
    outputs = layer(generic_inputs(layer.encoding, 32, n_qubits)).detach()
    expected = (32, measurement.n_outputs(n_qubits))
    assert tuple(outputs.shape) == expected, (
        f"{measurement!r} gives shape {tuple(outputs.shape)}, not {expected}"
    )
    low, high = measurement.output_range
    inside = bool((outputs >= low - 1e-9).all() and (outputs <= high + 1e-9).all())
    assert inside, f"{measurement!r} leaves its range [{low}, {high}]"


def check_layer(layer: QuantumLayer, inputs: torch.Tensor) -> None:
    """A layer behaves like any other torch module.

    Args:
        layer: The layer.
        inputs: Several samples it can take, shape ``(batch, n_features)``.
    """
    assert inputs.ndim == 2 and len(inputs) > 1, "check_layer needs inputs of shape (batch, n_features)"
    tolerance = TOLERANCES[layer.dtype]
    outputs = layer(inputs)
    assert outputs.dtype == layer.dtype or outputs.is_complex(), (
        f"the layer is {layer.dtype}, its outputs {outputs.dtype}"
    )
    one_by_one = torch.stack([layer(sample) for sample in inputs])
    assert torch.allclose(outputs, one_by_one, **tolerance), "a batch gives otherwise than its samples"
    stacked = layer(inputs.reshape(1, len(inputs), 1, -1))
    assert torch.allclose(stacked.reshape(outputs.shape), outputs, **tolerance), (
        "batch dimensions are mixed up"
    )

    for name, weight in layer.named_parameters():
        (gradient,) = torch.autograd.grad(layer(inputs).abs().square().sum(), weight)
        assert gradient.shape == weight.shape, f"the gradient of {name} has shape {tuple(gradient.shape)}"
    zeros = {name: torch.zeros_like(weight) for name, weight in layer.named_parameters()}
    replaced = torch.func.functional_call(layer, zeros, (inputs,))

    duplicate = copy.deepcopy(layer)
    assert torch.equal(duplicate(inputs), layer(inputs)), "a deep copy gives other results"
    with torch.no_grad():
        for weight in duplicate.parameters():
            weight.zero_()
    assert torch.allclose(layer(inputs), outputs, **tolerance), "changing a deep copy changes the original"
    assert torch.allclose(duplicate(inputs), replaced, **tolerance), (
        "functional_call does not reach the circuit"
    )
    duplicate.load_state_dict(layer.state_dict())
    assert torch.allclose(duplicate(inputs), outputs, **tolerance), "a state_dict does not restore the layer"


def generic_inputs(encoding: Encoding | None, n_samples: int, n_features: int) -> torch.Tensor:
    """Samples in general position that the encoding takes, shape ``(n_samples, n_features)``, always the same."""
    generator = torch.Generator().manual_seed(n_samples * 1000 + n_features)
    samples = torch.rand((n_samples, n_features), generator=generator, dtype=torch.float64)
    if encoding is not None and not encoding.differentiable:
        return samples.round()
    low, high = encoding.input_range if encoding is not None and encoding.input_range else (0.1, 1.0)
    return low + (high - low) * (0.05 + 0.9 * samples)


def _tilt(n_qubits: int) -> None:
    for wire in range(n_qubits):
        qp.Rot(0.3 + wire, 0.7, 1.1, wires=wire)


def _turned(encoding: Encoding, features: torch.Tensor, n_qubits: int, times: int) -> None:
    for _ in range(times):
        encoding.apply(features, range(n_qubits))
    _tilt(n_qubits)


def _simulate(function: Circuit, measurements: Sequence[MeasurementProcess]) -> list[torch.Tensor]:
    with qp.queuing.AnnotatedQueue() as queue:
        function()
    tape = qp.tape.QuantumScript(qp.tape.QuantumScript.from_queue(queue).operations, measurements)
    (result,) = qp.execute([tape], qp.device("default.qubit"), diff_method="backprop", interface="torch")
    return [torch.as_tensor(entry) for entry in (result if isinstance(result, tuple) else (result,))]


def _probabilities(function: Circuit, n_qubits: int) -> torch.Tensor:
    return _simulate(function, [qp.probs(wires=range(n_qubits))])[0]


def _purities(function: Circuit, n_qubits: int) -> torch.Tensor:
    return torch.stack([p.real for p in _simulate(function, [qp.purity(wires=[i]) for i in range(n_qubits)])])


def _check_spectrum(encoding: Encoding, n_features: int, n_qubits: int) -> None:
    for repetitions in (1, 2):
        declared = encoding.spectrum(repetitions)
        if declared is None:
            return

        def response(angles: torch.Tensor, repetitions: int = repetitions) -> torch.Tensor:
            features = generic_inputs(encoding, 1, n_features).repeat(len(angles), 1)
            features[:, 0] = angles

            def circuit() -> None:
                for _ in range(repetitions):
                    _tilt(n_qubits)
                    encoding.apply(features, range(n_qubits))
                _tilt(n_qubits)

            return _probabilities(circuit, n_qubits)

        most = max(abs(frequency) for frequency in declared)
        frequencies, coefficients = fourier_coefficients(response, max_frequency=2 * most + 1)
        size = coefficients.abs().amax(dim=1)
        found = {int(k) for k, weight in zip(frequencies, size, strict=True) if weight > 1e-9}
        assert found == set(declared), (
            f"{encoding!r} declares the frequencies {sorted(declared)} for {repetitions} repetitions, but has "
            f"{sorted(found)}"
        )
