"""What is going to be sent, what it will cost and how long it may take; and how many shots are enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from qlayers.errors import ConfigurationError
from qlayers.spending.budget import Amount
from qlayers.spending.prices import dollars

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What is going to be sent to one device.

    Plans can be added: numbers are summed, of depths and gates the largest is kept, of fidelities the smallest.

    Attributes:
        device: The device's name.
        circuits: Circuits to be run, one sample and one measurement basis each.
        cached: Circuits beside them whose results have been bought before.
        tasks: Tasks to be sent; a program set is one.
        program_sets: Those of the tasks that are program sets.
        shots: Shots of all circuits together.
        usd: What is expected to be billed.
        usd_at_most: What is billed at the worst; the budget reserves it. The same but on simulators, which bill time.
        seconds: Wall time expected for running, None if nothing is known of it.
        queue: What is known of the queue, in words.
        circuit_depth: Of the deepest circuit in the device's own gates, None if not worked out.
        two_qubit_gates: Of the circuit that has most, None if not worked out.
        estimated_fidelity: Of the worst circuit: the product of its gates' and readouts' fidelities; None if not
            worked out.
        usd_per_hour: What an hour costs in which the device is reserved, instead of the price above.
        prices_as_of: The day of the prices.
        notes: What else there is to know.
    """

    device: str
    circuits: int
    tasks: int
    shots: int
    usd: float
    usd_at_most: float
    cached: int = 0
    program_sets: int = 0
    seconds: float | None = None
    queue: str | None = None
    circuit_depth: int | None = None
    two_qubit_gates: int | None = None
    estimated_fidelity: float | None = None
    usd_per_hour: float | None = None
    prices_as_of: str | None = None
    notes: tuple[str, ...] = ()

    def __add__(self, other: Plan) -> Plan:
        if not isinstance(other, Plan):
            return NotImplemented
        both = None if self.seconds is None or other.seconds is None else self.seconds + other.seconds
        return Plan(
            device=", ".join(dict.fromkeys([*self.device.split(", "), *other.device.split(", ")])),
            seconds=both,
            queue=other.queue or self.queue,
            circuit_depth=_known(max, self.circuit_depth, other.circuit_depth),
            two_qubit_gates=_known(max, self.two_qubit_gates, other.two_qubit_gates),
            estimated_fidelity=_known(min, self.estimated_fidelity, other.estimated_fidelity),
            usd_per_hour=self.usd_per_hour if self.device == other.device else None,
            prices_as_of=_known(min, self.prices_as_of, other.prices_as_of),
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
            circuits=self.circuits + other.circuits,
            cached=self.cached + other.cached,
            tasks=self.tasks + other.tasks,
            program_sets=self.program_sets + other.program_sets,
            shots=self.shots + other.shots,
            usd=dollars(self.usd + other.usd),
            usd_at_most=dollars(self.usd_at_most + other.usd_at_most),
        )

    def times(self, number: int) -> Plan:
        """So many plans like this one; 0 for what sends nothing."""
        return replace(
            self,
            seconds=None if self.seconds is None else self.seconds * number,
            circuits=self.circuits * number,
            cached=self.cached * number,
            tasks=self.tasks * number,
            program_sets=self.program_sets * number,
            shots=self.shots * number,
            usd=dollars(self.usd * number),
            usd_at_most=dollars(self.usd_at_most * number),
        )

    @property
    def amount(self) -> Amount:
        """What the budget must have room for."""
        return Amount(self.usd_at_most, self.tasks, self.shots)

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**values, "notes": list(self.notes)}

    @property
    def lines(self) -> list[str]:
        """The plan for people, one fact a line."""
        cached = f", {self.cached} more bought before" if self.cached else ""
        sets = f", {self.program_sets} of them program sets" if self.program_sets else ""
        found = [
            f"Plan for {self.device}",
            f"  circuits     {self.circuits}{cached}",
            f"  tasks        {self.tasks}{sets}",
            f"  shots        {self.shots}",
            f"  price        {_price(self)}"
            + (f", prices of {self.prices_as_of}" if self.prices_as_of else ""),
        ]
        if self.usd_per_hour is not None:
            found.append(f"  reservation  ${self.usd_per_hour:,.2f} an hour instead of the price above")
        if self.seconds is not None or self.queue:
            known = [] if self.seconds is None else [f"about {duration(self.seconds)}"]
            found.append(f"  time         {', '.join(known + ([self.queue] if self.queue else []))}")
        if self.circuit_depth is not None:
            found.append(
                f"  on device    depth {self.circuit_depth}, {self.two_qubit_gates} two-qubit gates"
                + (
                    ""
                    if self.estimated_fidelity is None
                    else f", fidelity about {self.estimated_fidelity:.3f}"
                )
            )
        return found + [f"  note         {note}" for note in self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def shots_for(standard_error: float, variance: float = 1.0) -> int:
    """Shots after which an average has this standard error: variance / standard_error², rounded up.

    Args:
        standard_error: Wanted, in units of the measured values.
        variance: Of one shot; 1 is the largest that a Pauli word with values ±1 can have, at expectation value 0.

    Raises:
        ConfigurationError: One of them is no positive number.

    >>> shots_for(0.01), shots_for(0.03), shots_for(0.5, variance=0.25)
    (10000, 1112, 1)
    """
    for name, value in (("standard_error", standard_error), ("variance", variance)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ConfigurationError(f"{name} must be a number above 0, but got {value!r}.")
    return max(1, math.ceil(round(variance / standard_error**2, 6)))


def duration(seconds: float) -> str:
    """Seconds as people write them.

    >>> duration(42), duration(90), duration(2 * 3600)
    ('42 s', '1.5 min', '2.0 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _price(plan: Plan) -> str:
    if plan.usd == plan.usd_at_most:
        return f"${plan.usd:,.4f}"
    return f"${plan.usd:,.4f} expected, ${plan.usd_at_most:,.4f} at most"


def _known(choose: Callable[[list[T]], T], first: T | None, second: T | None) -> T | None:
    """The chosen of the two that are known."""
    known = [value for value in (first, second) if value is not None]
    return choose(known) if known else None
