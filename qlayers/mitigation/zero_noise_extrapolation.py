"""Zero-noise extrapolation: run the circuit with more noise, and extrapolate to none."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pennylane as qp
from pennylane.measurements import ExpectationMP, MeasurementProcess, MidMeasureMP, ProbabilityMP
from pennylane.operation import Channel, Operation, Operator, StatePrepBase
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.mitigation._base import Mitigation
from qlayers.mitigation._device import MitigatedDevice, Postprocessing

Extrapolation = Literal["richardson", "polynomial", "exponential"]

NEAR_ASYMPTOTE = 1e-6
"""An exponential is not fitted through values closer than this to its asymptote."""

WITHOUT_BARRIERS = ("qiskit.remote", "RemoteDevice")
"""Names of pennylane-qiskit's device for IBM's machines. It fails on a barrier, and from optimization_level 1 on its
transpiler cancels a fold without one. That of backend=ibm has barriers, and says so by ``heeds_barriers``."""

SENT_AWAY = "braket.aws.qubit"
"""Name of the PennyLane-Braket plugin's device, whose circuits are compiled by the service unless they are verbatim."""


@dataclass(frozen=True)
class ZeroNoiseExtrapolation(Mitigation):
    """Runs each circuit ``U`` as ``U (U†U)^k`` too, and extrapolates its results to no noise.

    At the scale factor ``2k + 1`` the circuit has that many times its gates, hence that many times its noise if noise
    comes with gates and commutes with them, as one that depolarises all qubits together does; other noise is scaled
    so about, and part of it stays, as does all of that of state preparation and readout. Barriers stand between
    ``U`` and ``U†``, so that a compiler which heeds them does not cancel the two; one that does not heed them must be
    told to run the circuit verbatim. State preparations at the start of a circuit are not folded.

    Folding is PennyLane's ``fold_global``, and polynomials are fitted by its ``poly_extrapolate``. The exponential
    fit is not PennyLane's ``exponential_extrapolate``, which takes the sign of the values from the slope of a line
    through them and so returns about 0 for values that do not fall, as a little shot noise or a noiseless device
    makes them.

    Sources: Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017), for Richardson's extrapolation;
    Giurgica-Tiron et al., "Digital zero noise extrapolation for quantum error mitigation" (arXiv:2005.10921, 2020),
    for circuit folding and for the exponential with a known asymptote.

    Args:
        scale_factors: Odd numbers, all different; 1 is the circuit itself.
        extrapolation: ``"richardson"``, the polynomial through all values; ``"polynomial"``, one of ``order``, fitted
            by least squares; ``"exponential"``, ``asymptote + a·exp(-b·factor)``, for expectation values alone.
        order: Of the polynomial, with ``extrapolation="polynomial"`` alone.
        asymptote: What expectation values tend to as noise grows, with ``extrapolation="exponential"`` alone; 0 for
            Pauli words under depolarising noise. Where an expectation value lies on either side of it at different
            factors, or within 1e-6 of it, no exponential fits: a line is fitted there instead, and a warning says so.

    Raises:
        ConfigurationError: A scale factor is even or below 1, there are too few for the order, or a setting does
            nothing.
    """

    stage: ClassVar[int] = 0

    scale_factors: tuple[int, ...] = (1, 3, 5)
    extrapolation: Extrapolation = "richardson"
    order: int | None = None
    asymptote: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale_factors", tuple(self.scale_factors))
        for factor in self.scale_factors:
            whole = isinstance(factor, (int, np.integer)) and not isinstance(factor, bool)
            if not whole or factor < 1 or factor % 2 == 0:
                raise ConfigurationError(
                    f"scale_factors={self.scale_factors} has {factor!r}, but a folded circuit U (U†U)^k has the factor "
                    "2k + 1: give odd whole numbers from 1 on, such as (1, 3, 5)."
                )
        if len(set(self.scale_factors)) < len(self.scale_factors):
            raise ConfigurationError(
                f"scale_factors={self.scale_factors} has one twice: give different odd numbers, such as (1, 3, 5)."
            )
        if self.extrapolation not in get_args(Extrapolation):
            raise ConfigurationError(
                f"extrapolation={self.extrapolation!r} is unknown. Available: "
                f"{', '.join(sorted(get_args(Extrapolation)))}."
            )
        self._check_order()
        if not math.isfinite(self.asymptote) or (self.asymptote != 0 and self.extrapolation != "exponential"):
            raise ConfigurationError(
                f"asymptote={self.asymptote} goes with extrapolation=exponential and is a finite number; leave it out "
                f"with extrapolation={self.extrapolation}."
            )

    def _check_order(self) -> None:
        if (self.order is not None) != (self.extrapolation == "polynomial"):
            raise ConfigurationError(
                f"order={self.order} does not go with extrapolation={self.extrapolation}: the order belongs to "
                "extrapolation=polynomial, which needs one, and to no other."
            )
        if self.order is not None and (not isinstance(self.order, int) or self.order < 1):
            raise ConfigurationError(f"order={self.order!r} is no order of a polynomial: give 1 or more.")
        needed = 2 if self.order is None else self.order + 1
        if len(self.scale_factors) < needed:
            raise ConfigurationError(
                f"scale_factors={self.scale_factors} are too few for extrapolation={self.extrapolation}"
                + (f" of order {self.order}" if self.order else "")
                + f": it needs at least {needed}. Give more factors or a lower order."
            )

    def wrap(self, device: qp.devices.Device) -> MitigatedDevice:
        return ZeroNoiseDevice(device, self)

    def cost(self, n_circuits: int) -> int:
        return n_circuits * len(self.scale_factors)

    def error_inflation(self) -> float:
        """How many times the standard error of a value of one circuit that of the extrapolated value is.

        For equal errors at all factors and an extrapolation that is linear in the values.

        Raises:
            ConfigurationError: For an exponential, which has no such number.
        """
        if self.extrapolation == "exponential":
            raise ConfigurationError(
                "extrapolation=exponential has no error inflation of its own: it depends on the values. Ask for "
                "richardson or polynomial."
            )
        weights = [self.extrapolate(list(row)) for row in np.eye(len(self.scale_factors))]
        return float(np.linalg.norm(weights))

    def extrapolate(self, values: Sequence[Any]) -> Any:
        """The value without noise.

        Args:
            values: One entry a scale factor, each a number or a tensor of the same shape.

        Returns:
            Of an entry's shape.
        """
        stacked = qp.math.stack([_double(value) for value in values])
        if self.extrapolation == "exponential":
            return self._exponential(stacked)
        order = len(self.scale_factors) - 1 if self.order is None else self.order
        return self._polynomial(stacked, order)

    def _polynomial(self, stacked: Any, order: int) -> Any:
        return qp.noise.poly_extrapolate(np.array(self.scale_factors, dtype=float), stacked, order)

    def _exponential(self, stacked: Any) -> Any:
        distances = stacked - self.asymptote
        sign = qp.math.sign(distances[0])
        fits = qp.math.all(qp.math.stack([sign * each > NEAR_ASYMPTOTE for each in distances]), axis=0)
        if not qp.math.all(fits):
            warnings.warn(
                "No exponential fits through values on either side of its asymptote or upon it: there, a line is "
                "extrapolated instead.",
                ExecutionWarning,
                stacklevel=2,
            )
        safe = qp.math.where(fits, qp.math.abs(distances), qp.math.ones_like(distances))
        exponential = self.asymptote + sign * qp.math.exp(self._polynomial(qp.math.log(safe), 1))
        return qp.math.where(fits, exponential, self._polynomial(stacked, 1))


class ZeroNoiseDevice(MitigatedDevice):
    """Runs each circuit at every scale factor."""

    def __init__(self, inner: qp.devices.Device, mitigation: ZeroNoiseExtrapolation) -> None:
        super().__init__(inner, mitigation.name)
        # What is not found here is looked for in the device inside, whose name is a part of this one's.
        undone = getattr(self, "does_not_fold", None)
        if undone is None and SENT_AWAY in self.name and not self._verbatim:
            undone = f"{SENT_AWAY}, whose circuits the service compiles; make it with verbatim=True"
        if undone is not None:
            raise ConfigurationError(
                f"mitigation=zero_noise_extrapolation has no effect on {undone}. Leave the mitigation out."
            )
        self.barriers = getattr(
            self, "heeds_barriers", not any(name in self.name for name in WITHOUT_BARRIERS)
        )
        if not self.barriers and self._transpile_args.get("optimization_level") != 0:
            raise ConfigurationError(
                f"mitigation=zero_noise_extrapolation has no effect on {self.name}, whose transpiler cancels the "
                "folded part of the circuit. Make it with optimization_level=0, or leave the mitigation out."
            )
        self.mitigation = mitigation

    def expand(self, tape: QuantumScript) -> tuple[list[QuantumScript], Postprocessing]:
        for measurement in tape.measurements:
            self._check_measurement(measurement)
        folded = [fold(tape, factor, self.barriers) for factor in self.mitigation.scale_factors]

        def extrapolate(results: Sequence[Any]) -> Any:
            if len(tape.measurements) == 1:
                return self.mitigation.extrapolate(results)
            return tuple(self.mitigation.extrapolate(values) for values in zip(*results, strict=True))

        return folded, extrapolate

    def _check_measurement(self, measurement: MeasurementProcess) -> None:
        allowed: tuple[type, ...] = (ExpectationMP, ProbabilityMP)
        named = "expectation values and probabilities"
        if self.mitigation.extrapolation == "exponential":
            allowed, named = (ExpectationMP,), "expectation values, with extrapolation=exponential,"
        if not isinstance(measurement, allowed):
            raise ConfigurationError(
                f"mitigation=zero_noise_extrapolation extrapolates {named} but the circuit returns {measurement}. "
                "Return those, or leave the mitigation out."
            )


def fold(tape: QuantumScript, factor: int, barriers: bool = True) -> QuantumScript:
    """The circuit ``U`` as ``U (U†U)^k`` with ``factor = 2k + 1``, barriers between, and its preparations unfolded.

    Raises:
        ConfigurationError: It has a part without an inverse, such as a channel or a measurement.
    """
    preparations, gates = tape.operations[: tape.num_preps], tape.operations[tape.num_preps :]
    for gate in gates:
        if isinstance(gate, (Channel, MidMeasureMP, StatePrepBase)) or gate.name == "MidMeasureMP":
            raise ConfigurationError(
                f"mitigation=zero_noise_extrapolation runs the inverse of the circuit, but {gate.name} has none. Noise "
                "belongs to the backend, and a state is prepared at the start; or leave the mitigation out."
            )
    if factor == 1 or not gates:
        return tape
    with qp.QueuingManager.stop_recording():
        (folded,), _ = qp.noise.fold_global(QuantumScript(gates), factor)
        operations: list[Operator] = []
        wires = tape.wires
        for position, gate in enumerate(folded.operations):
            if barriers and position and position % len(gates) == 0:
                operations.append(qp.Barrier(wires))
            operations.append(_plain(gate))
    return tape.copy(operations=preparations + operations)


def _plain(gate: Operator) -> Operator:
    """RX(-x) for Adjoint(RX(x)), so that a noise model that knows gates by name knows it."""
    if gate.name.startswith("Adjoint(") and isinstance(getattr(gate, "base", None), Operation):
        return qp.adjoint(gate.base, lazy=False)
    return gate


def _double(value: Any) -> Any:
    return np.asarray(value, dtype=float) if qp.math.get_interface(value) in ("numpy", "builtins") else value
