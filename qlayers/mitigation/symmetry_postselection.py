"""Symmetry post-selection: keep the samples that have the symmetry that the circuit has without noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
from pennylane.operation import Channel
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from qlayers.mitigation._base import Mitigation
from qlayers.mitigation._device import MitigatedDevice, Postprocessing
from qlayers.mitigation._outcomes import Outcome, in_computational_basis, marginal

LARGEST = 20
"""Qubits up to which the circuit is simulated to see whether it has the symmetry."""
EXACT = 1e-9
"""Probability outside the symmetry that is taken for rounding."""


@dataclass(frozen=True)
class SymmetryPostselection(Mitigation):
    """Keeps those samples of each circuit in which a conserved quantity of the bits has its right value.

    The quantity is a function of bits, so that it is read with the samples at no cost in circuits; its right value is
    that of the noiseless circuit. Each circuit is simulated without noise to see that it has exactly one, which
    may differ from circuit to circuit, as it does where inputs are encoded as bits. Errors that leave the quantity
    as it is stay in; nothing else than values in the computational basis can be had on the symmetry's qubits. The
    device's ``kept`` says how many samples satisfied it. The standard error grows by one over the root of the
    fraction that is kept. A parameter-shift gradient that shifts parts of a conserving gate, as rules of native gates
    do with an excitation, makes circuits that conserve nothing, and is refused: use backpropagation or SPSA there.

    Source: Bonet-Monroig et al., "Low-cost error mitigation by symmetry verification", Phys. Rev. A 98, 062339 (2018);
    the symmetry is read from the samples, with no additional qubit.

    Args:
        symmetry: ``"parity"``, whether the number of ones on all wires is even; ``"hamming_weight"``, that number; or
            a word of I and Z, one letter a wire of the device, such as ``"ZZI"``: the parity of the wires with Z.
        value: What the quantity must be: 0 or 1 for parities, a number of ones for the weight. None takes the
            value that the noiseless circuit has; a number refuses circuits that have another.

    Raises:
        ConfigurationError: The symmetry is unknown, or cannot have this value.
    """

    stage: ClassVar[int] = 1

    symmetry: str = "parity"
    value: int | None = None

    def __post_init__(self) -> None:
        word = isinstance(self.symmetry, str) and set(self.symmetry) <= {"I", "Z"} and "Z" in self.symmetry
        if self.symmetry not in ("parity", "hamming_weight") and not word:
            raise ConfigurationError(
                f"symmetry={self.symmetry!r} is unknown. Available: parity, hamming_weight, or a word of I and Z with "
                "at least one Z and one letter a wire, such as ZZI."
            )
        if self.value is None:
            return
        whole = isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0
        if not whole or (self.symmetry != "hamming_weight" and self.value > 1):
            allowed = "a number of ones" if self.symmetry == "hamming_weight" else "0 (even) or 1 (odd)"
            raise ConfigurationError(
                f"value={self.value!r} cannot be that of symmetry={self.symmetry}: give {allowed}, or None for the "
                "noiseless circuit's."
            )

    def wrap(self, device: qp.devices.Device) -> MitigatedDevice:
        return SymmetryPostselectionDevice(device, self)

    def cost(self, n_circuits: int) -> int:
        return n_circuits

    def wires(self, wires: Sequence[Any]) -> tuple[Any, ...]:
        """Those of a device's wires that the quantity is read from.

        Raises:
            ConfigurationError: A word has another number of letters, or the weight's value is larger than theirs.
        """
        if self.symmetry == "hamming_weight" and (self.value or 0) > len(wires):
            raise ConfigurationError(
                f"value={self.value} is more ones than the device has wires ({len(wires)}). Give a smaller one."
            )
        if self.symmetry in ("parity", "hamming_weight"):
            return tuple(wires)
        if len(self.symmetry) != len(wires):
            raise ConfigurationError(
                f"symmetry={self.symmetry} has {len(self.symmetry)} letters, but the device has {len(wires)} wires: "
                "give one letter a wire."
            )
        return tuple(wire for wire, letter in zip(wires, self.symmetry, strict=True) if letter == "Z")

    def charges(self, n_wires: int) -> np.ndarray:
        """The quantity's value for each outcome of its wires, shape ``(2**n_wires,)``."""
        ones = np.array([outcome.bit_count() for outcome in range(2**n_wires)])
        return ones if self.symmetry == "hamming_weight" else ones % 2


@dataclass
class Kept:
    """How many samples had the symmetry, of all circuits since the device was made.

    Attributes:
        circuits: Circuits and samples of a batched circuit.
        fraction: The mean, over circuits, of the fraction that was kept; nan before the first.
        shots: Samples taken; 0 where results are exact.
        kept: Samples kept; 0 where results are exact.
    """

    circuits: int = 0
    shots: int = 0
    total_fraction: float = 0.0
    kept: int = 0

    @property
    def fraction(self) -> float:
        return self.total_fraction / self.circuits if self.circuits else float("nan")

    def add(self, fractions: np.ndarray, shots: int | None) -> None:
        """Count circuits of so many shots, of which these fractions were kept."""
        self.circuits += fractions.size
        self.total_fraction += float(fractions.sum())
        if shots is not None:
            self.shots += fractions.size * shots
            self.kept += int(np.rint(fractions * shots).sum())


class SymmetryPostselectionDevice(MitigatedDevice):
    """Measures all bits of the symmetry and the observables together, and keeps part of the probabilities."""

    def __init__(self, inner: qp.devices.Device, mitigation: SymmetryPostselection) -> None:
        super().__init__(inner, mitigation.name)
        if not self.inner.wires:
            raise ConfigurationError(
                "mitigation=symmetry_postselection reads every wire of the device, but this device has no fixed wires. "
                "Make it with wires=…"
            )
        if len(self.inner.wires) > LARGEST:
            raise ConfigurationError(
                f"mitigation=symmetry_postselection simulates each circuit to see that it has the symmetry, on up to "
                f"{LARGEST} qubits, but the device has {len(self.inner.wires)}. Leave the mitigation out."
            )
        self.mitigation = mitigation
        self.symmetric = mitigation.wires(tuple(self.inner.wires))
        self.kept = Kept()

    def expand(self, tape: QuantumScript) -> tuple[list[QuantumScript], Postprocessing]:
        found, combine = in_computational_basis(tape, self.wires, self.mitigation.name)
        right = self._right_charges(tape)
        tapes, reads = [], []
        for turned, outcomes in found:
            self._check_basis(turned.operations[len(tape.operations) :])
            measured = (wire for outcome in outcomes for wire in outcome.wires)
            wires = tuple(dict.fromkeys((*self.symmetric, *measured)))
            tapes.append(turned.copy(measurements=[qp.probs(wires=wires)]))
            reads.append((wires, outcomes))

        def select(results: Sequence[Any]) -> Any:
            values = []
            for result, (wires, outcomes) in zip(results, reads, strict=True):
                values.append(self._select(result, wires, outcomes, right, tape.shots.total_shots))
            return combine(values)

        return tapes, select

    def _select(
        self,
        probabilities: Any,
        wires: Sequence[Any],
        outcomes: list[Outcome],
        right: np.ndarray,
        shots: int | None,
    ) -> Any:
        charges = np.repeat(
            self.mitigation.charges(len(self.symmetric)), 2 ** (len(wires) - len(self.symmetric))
        )
        mask = charges == right[..., None]  # (*batch, outcomes)
        allowed = probabilities * qp.math.cast_like(qp.math.convert_like(mask, probabilities), probabilities)
        fraction = qp.math.sum(allowed, axis=-1)
        plain = np.asarray(qp.math.toarray(qp.math.unwrap([fraction])[0]), dtype=float)
        if (plain < EXACT).any():
            raise ConfigurationError(
                f"mitigation=symmetry_postselection kept no sample of a circuit: none of {shots or 'its'} has "
                f"{self.mitigation.symmetry} {np.unique(right).tolist()}. Take more shots, or leave the mitigation out."
            )
        self.kept.add(plain, shots)
        selected = allowed / qp.math.expand_dims(fraction, -1)
        values = [outcome.value(marginal(selected, wires, outcome.wires)) for outcome in outcomes]
        return values[0] if len(values) == 1 else tuple(values)

    def _check_basis(self, turning: Sequence[qp.operation.Operator]) -> None:
        turned = sorted({str(wire) for gate in turning for wire in gate.wires if wire in self.symmetric})
        if turned:
            raise ConfigurationError(
                f"mitigation=symmetry_postselection with symmetry={self.mitigation.symmetry} reads wires "
                f"{', '.join(map(str, self.symmetric))} in the computational basis, but the circuit measures X or Y on "
                f"{', '.join(turned)}. Measure Z there, leave these wires out of the symmetry, or leave the mitigation "
                "out."
            )

    def _right_charges(self, tape: QuantumScript) -> np.ndarray:
        """The conserved quantity of the noiseless circuit, shape ``(*batch,)``.

        Raises:
            ConfigurationError: It has several values, or another one than was declared.
        """
        noise = next((gate.name for gate in tape.operations if isinstance(gate, Channel)), None)
        if noise is not None:
            raise ConfigurationError(
                f"mitigation=symmetry_postselection compares with the noiseless circuit, but the circuit has the "
                f"channel {noise}. Noise belongs to the backend; or leave the mitigation out."
            )
        bare = QuantumScript(tape.operations, [qp.probs(wires=self.symmetric)])
        (bare,), _ = qp.transforms.convert_to_numpy_parameters(bare)
        simulator = qp.device("default.qubit", wires=self.wires, seed=0)
        probabilities = np.asarray(qp.execute([bare], simulator, diff_method=None)[0])
        charges = self.mitigation.charges(len(self.symmetric))
        values = np.unique(charges)
        masses = np.stack([probabilities[..., charges == value].sum(axis=-1) for value in values], axis=-1)
        found = values[masses.argmax(axis=-1)]
        spread = 1 - masses.max(axis=-1)
        if (spread > EXACT).any():
            raise ConfigurationError(
                f"symmetry={self.mitigation.symmetry} is none of this circuit's: without noise, up to "
                f"{100 * spread.max():.3g} % of its samples have another value than the rest. Declare a symmetry that "
                "it has, or leave the mitigation out."
            )
        if self.mitigation.value is not None and (found != self.mitigation.value).any():
            raise ConfigurationError(
                f"value={self.mitigation.value} is declared for symmetry={self.mitigation.symmetry}, but the noiseless "
                f"circuit has {np.unique(found).tolist()}. Correct it, or leave it out."
            )
        return np.asarray(found)
