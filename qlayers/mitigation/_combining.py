"""Several ways of mitigating errors together, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pennylane as qp

from qlayers.components import resolve
from qlayers.errors import ConfigurationError
from qlayers.mitigation._base import Mitigation


def mitigations(wanted: str | Mitigation | Iterable[str | Mitigation] | None) -> tuple[Mitigation, ...]:
    """Names and components as components, in the order in which they wrap a device: the outermost first.

    Whatever the order they are given in, extrapolation to no noise is outside, then post-selection, and readout
    inversion next to the device, so that readout errors are out of the probabilities that are selected from and of
    the values that are extrapolated, and the calibration circuits are never folded.

    Raises:
        ConfigurationError: A name is unknown, or one way is asked for twice.
    """
    if wanted is None:
        return ()
    entries = [wanted] if isinstance(wanted, (str, Mitigation)) else list(wanted)
    found = [resolve(entry, Mitigation) for entry in entries]  # type: ignore[type-abstract]
    names = [mitigation.name for mitigation in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"mitigation lists {', '.join(twice)} twice. Name each way once; available settings are in its own fields."
        )
    return tuple(sorted(found, key=lambda mitigation: mitigation.stage))


def mitigated(
    device: qp.devices.Device, wanted: str | Mitigation | Iterable[str | Mitigation] | None
) -> qp.devices.Device:
    """A device that does what ``device`` does with every correction of ``mitigations(wanted)``; as it is with none."""
    return reduce(lambda inner, mitigation: mitigation.wrap(inner), reversed(mitigations(wanted)), device)


def circuits_needed(wanted: str | Mitigation | Iterable[str | Mitigation] | None, n_circuits: int) -> int:
    """Circuits executed for ``n_circuits`` that are asked for, the costs of all ways multiplied out.

    >>> circuits_needed(["zero_noise_extrapolation", "readout_inversion"], 10)
    32
    """
    return reduce(lambda count, mitigation: mitigation.cost(count), mitigations(wanted), n_circuits)
