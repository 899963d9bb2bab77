"""What people call a quantum computer."""

from __future__ import annotations

# Of computers that have a price and no figures.
LABELS = {"aqt_ibex_q1": "AQT IBEX-Q1", "ionq_forte": "IonQ Forte"}


def machine_label(name: str) -> str:
    """A machine's own name: of its figures, where qlayers has any.

    Args:
        name: as in configurations: of the machine, of a document about it, or its ARN.
    """
    from qlayers.braket.facts import known
    from qlayers.errors import ConfigurationError
    from qlayers.machines.machine import machine

    if name.startswith("arn:"):
        name = known(name).name
    if name in LABELS:
        return LABELS[name]
    try:
        return machine(name).name
    except ConfigurationError:  # of a vendor of whose machines qlayers has no figures
        return name.replace("_", " ")
