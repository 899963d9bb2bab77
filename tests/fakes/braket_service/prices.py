"""The fake's own price list, in US dollars: what the service bills, written down apart from the project's prices.

Source: the figures that the project's plan gives for 2026. A task on a quantum computer costs a fee and a price
per shot; the managed simulators cost their run time, three seconds at least.
"""

from __future__ import annotations

from decimal import Decimal

USD_PER_TASK = Decimal("0.30")
USD_PER_SHOT = {
    "garnet": Decimal("0.00145"),
    "cepheus": Decimal("0.000425"),
    "forte": Decimal("0.08"),
}
USD_PER_MINUTE = {"sv1": Decimal("0.075"), "dm1": Decimal("0.075")}
MINIMUM_SECONDS = Decimal(3)


def qpu_usd(key: str, shots: int) -> Decimal:
    """One task with `shots` shots; of a program set, the shots of all its executables under one task fee."""
    return USD_PER_TASK + USD_PER_SHOT[key] * shots


def simulator_usd(key: str, seconds: float) -> Decimal:
    """A simulator's run time, exact to the millisecond that its results report."""
    billed = max(Decimal(round(seconds * 1000)) / 1000, MINIMUM_SECONDS)
    return USD_PER_MINUTE[key] * billed / 60
