"""``qp.device("qlayers.batched")``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.devices import Device, ExecutionConfig
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.exceptions import DeviceError
from pennylane.math import Interface
from pennylane.tape import QuantumScript

from qlayers.device.preprocessing import pipeline
from qlayers.device.run import Forward, jacobian, run, vector_jacobian_product

_PRECISIONS: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}


@simulator_tracking
@single_tape_support
class BatchedDevice(Device):
    """Simulates all samples of a batched circuit together, on compiled kernels.

    Parameters with a batch dimension are run as they are, in one pass. Gradients are the device's own, by the adjoint
    method (``diff_method`` "best", "adjoint" or "device"): one pass back for all parameters and all samples, whatever
    is measured. With shots, samples are drawn from the simulated state.

    Args:
        wires: Number of wires, their labels, or None for those that each circuit has.
        shots: Default number of shots; PennyLane prefers ``qp.set_shots`` on the QNode.
        seed: For samples, as for :func:`numpy.random.default_rng`; "global" draws one from numpy's global generator.
        precision: "float64" or "float32", in which circuits are simulated and results returned.

    Raises:
        DeviceError: The precision is neither, or, when a circuit is run, something in it cannot be run.
    """

    name = "qlayers.batched"

    def __init__(
        self, wires: Any = None, shots: Any = None, seed: Any = "global", precision: str = "float64"
    ) -> None:
        super().__init__(wires=wires, shots=shots)
        if precision not in _PRECISIONS:
            raise DeviceError(f"precision is one of {list(_PRECISIONS)}, not {precision!r}")
        self._precision = precision
        self._rng = np.random.default_rng(np.random.randint(2**31 - 1) if seed == "global" else seed)
        # The last batch of tapes that was run, for its way back.
        self._earlier: tuple[Forward, ...] = ()

    @property
    def precision(self) -> str:
        """In which circuits are simulated."""
        return self._precision

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_earlier": ()}

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> ExecutionConfig:
        """Fill in what the caller left open.

        Raises:
            DeviceError: The configuration has options that the device does not have.
        """
        config = config or ExecutionConfig()
        if config.device_options:
            raise DeviceError(
                f"{self.name} has no options for an execution, but got {dict(config.device_options)}"
            )
        method = config.mcm_config.mcm_method
        if method not in (None, "deferred", "device"):
            raise DeviceError(
                f"{self.name} runs measurements in the middle with mcm_method='deferred', not '{method}'"
            )
        values: dict[str, Any] = {"mcm_config": replace(config.mcm_config, mcm_method="deferred")}
        if config.interface in (Interface.NUMPY, Interface.TORCH):
            # Making the operations anew with arrays in place of tensors would cost more than it is worth.
            values["convert_to_numpy"] = False
        if config.gradient_method in ("best", "adjoint", "device"):
            # QNodes ask for device_vjp=False by default. A Jacobian would need one pass for every result.
            values |= {
                "gradient_method": "adjoint",
                "use_device_gradient": True,
                "use_device_jacobian_product": True,
                "grad_on_execution": False,
            }
        return replace(config, **values)

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> qp.CompilePipeline:
        """Bring circuits down to what the simulator runs, and refuse what it cannot."""
        return pipeline(self.name, self.wires, execution_config or ExecutionConfig())

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """First derivatives of analytic circuits by the adjoint method."""
        if execution_config is None:
            return True
        if execution_config.gradient_method not in ("best", "adjoint", "device"):
            return False
        if execution_config.derivative_order > 1:
            return False
        return circuit is None or not circuit.shots

    def supports_vjp(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """As for derivatives."""
        return self.supports_derivatives(execution_config, circuit)

    def supports_jvp(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """As for derivatives."""
        return self.supports_derivatives(execution_config, circuit)

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """Results of every tape, arrays in the device's precision."""
        keep = execution_config is not None and bool(execution_config.use_device_jacobian_product)
        results, forwards = zip(
            *(run(tape, self._dtype, self._rng, keep and not tape.shots) for tape in circuits), strict=True
        )
        self._earlier = forwards if keep else ()
        return results

    def compute_vjp(
        self, circuits: Any, cotangents: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """For every tape, one array a trainable parameter, shaped like it."""
        earlier = self._earlier
        return tuple(
            vector_jacobian_product(tape, cotangent, self._dtype, earlier)
            for tape, cotangent in zip(circuits, cotangents, strict=True)
        )

    def execute_and_compute_vjp(
        self, circuits: Any, cotangents: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """Both."""
        found = []
        for tape, cotangent in zip(circuits, cotangents, strict=True):
            values, forward = run(tape, self._dtype, self._rng, differentiable=True)
            found.append((values, vector_jacobian_product(tape, cotangent, self._dtype, [forward])))
        return tuple(zip(*found, strict=True))

    def compute_derivatives(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """For every tape without a batch, its Jacobian."""
        return tuple(jacobian(tape, self._dtype) for tape in circuits)

    def execute_and_compute_derivatives(
        self, circuits: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """Both."""
        values = tuple(run(tape, self._dtype, self._rng)[0] for tape in circuits)
        return values, tuple(jacobian(tape, self._dtype) for tape in circuits)

    def compute_jvp(
        self, circuits: Any, tangents: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """For every tape without a batch, its Jacobian times the tangents of its trainable parameters."""
        return tuple(
            _jacobian_times(jacobian(tape, self._dtype), tangent, len(tape.measurements) > 1)
            for tape, tangent in zip(circuits, tangents, strict=True)
        )

    def execute_and_compute_jvp(
        self, circuits: Any, tangents: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """Both."""
        values = tuple(run(tape, self._dtype, self._rng)[0] for tape in circuits)
        products = tuple(
            _jacobian_times(jacobian(tape, self._dtype), tangent, len(tape.measurements) > 1)
            for tape, tangent in zip(circuits, tangents, strict=True)
        )
        return values, products

    @property
    def _dtype(self) -> type[np.floating[Any]]:
        return _PRECISIONS[self._precision]


def _jacobian_times(jacobian: Any, tangents: Any, several: bool) -> Any:
    """One product a measurement; PennyLane's own drops the imaginary parts of a state's."""
    found = []
    for by_parameter in jacobian if several else [jacobian]:
        parts = [by_parameter] if len(tangents) == 1 else by_parameter
        found.append(
            sum(np.tensordot(part, t, axes=np.ndim(t)) for part, t in zip(parts, tangents, strict=True))
        )
    return tuple(found) if several else found[0]
