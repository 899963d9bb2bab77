"""Devices of Amazon Braket that were retired, for an error that says so."""

from __future__ import annotations

import re

_FAMILIES = {
    "tn1": "Amazon's tensor-network simulator",
    "ankaa": "a computer of Rigetti's",
    "aspen": "a computer of Rigetti's",
    "aria": "a computer of IonQ's",
    "harmony": "a computer of IonQ's",
    "lucy": "a computer of OQC's",
    "borealis": "a computer of Xanadu's",
}
_MAKERS = ("rigetti_", "ionq_", "oqc_", "xanadu_", "amazon_")


def retired(name: str) -> str | None:
    """What a retired device was, whose name is written in any of the usual ways; None of any other name.

    >>> retired("ionq_aria"), retired("Aria-1"), retired("arn:aws:braket:us-west-1::device/qpu/rigetti/Ankaa-3")
    ("a computer of IonQ's", "a computer of IonQ's", "a computer of Rigetti's")
    >>> retired("iqm_garnet")
    """
    plain = re.sub(r"[^a-z0-9]+", "_", str(name).rsplit("/", 1)[-1].lower())
    for maker in _MAKERS:
        plain = plain.removeprefix(maker)
    return _FAMILIES.get(plain.split("_")[0])
