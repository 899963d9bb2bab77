"""What one device costs, and the dated list that says so."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from qlayers.errors import ConfigurationError, ExecutionWarning

# US dollars, as seen in 2026 on the vendor's price pages and, for the first four computers, in the documents of the
# devices themselves (`service.deviceCost`). conf/pricing/braket.yaml holds the same numbers.
_PER_SHOT = {
    "ionq_forte": 0.08,
    "ionq_forte_enterprise": 0.08,
    "iqm_garnet": 0.00145,
    "iqm_emerald": 0.0016,
    "rigetti_cepheus": 0.000425,
    "aqt_ibex_q1": 0.0235,
}
_SIMULATOR = {"per_minute": 0.075, "minimum_seconds": 3.0}
_AS_OF = "2026-05-06"


@dataclass(frozen=True)
class Prices:
    """What one device costs, in US dollars.

    Attributes:
        per_task: For every task, however many circuits a program set has.
        per_shot: For every shot.
        per_minute: For every minute that a simulator computes, billed to the millisecond.
        minimum_seconds: What a simulator bills at least for a task.
        per_hour: For an hour in which a computer is reserved, None where that is not offered or not known. Tasks in a
            reservation cost nothing more; it is shown in plans and never added to them.
        as_of: The day on which the prices were looked up, ``YYYY-MM-DD``.
    """

    per_task: float = 0.0
    per_shot: float = 0.0
    per_minute: float = 0.0
    minimum_seconds: float = 0.0
    per_hour: float | None = None
    as_of: str = _AS_OF

    def __post_init__(self) -> None:
        for name in ("per_task", "per_shot", "per_minute", "minimum_seconds", "per_hour"):
            value = getattr(self, name)
            if value is None and name == "per_hour":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ConfigurationError(f"pricing: {name} must be a number, 0 or more, but got {value!r}.")
        _date(self.as_of)

    @property
    def by_the_minute(self) -> bool:
        """Whether time is billed, so that the cost of a task is known only when it has ended."""
        return self.per_minute > 0

    def of_shots(self, tasks: int, shots: int) -> float:
        """What tasks with so many shots together cost, time apart."""
        return dollars(tasks * self.per_task + shots * self.per_shot)

    def of_seconds(self, seconds: float) -> float:
        """What a task of so many seconds costs by its time."""
        if not self.by_the_minute:
            return 0.0
        return dollars(max(seconds, self.minimum_seconds) * self.per_minute / 60)

    def is_stale(self, today: datetime.date, after_days: int) -> bool:
        """Whether the prices are older than so many days."""
        return (today - _date(self.as_of)).days > after_days


@dataclass(frozen=True)
class PriceList:
    """Prices of a vendor's devices, as of one day.

    Attributes:
        as_of: The day on which they were looked up, ``YYYY-MM-DD``.
        stale_after_days: From then on, a price that is used comes with a warning.
        per_task: What every task on a computer costs, unless its own entry says otherwise.
        devices: Prices by the name of the device: the fields of :class:`Prices`, those left out being 0, and
            ``per_task`` as above for devices with a price per shot.

    Raises:
        ConfigurationError: A field is unknown or no price.
    """

    as_of: str = _AS_OF
    stale_after_days: int = 365
    per_task: float = 0.30
    devices: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {
            **{name: {"per_shot": price} for name, price in _PER_SHOT.items()},
            "sv1": dict(_SIMULATOR),
            "dm1": dict(_SIMULATOR),
        },
        hash=False,
    )

    def __post_init__(self) -> None:
        for name in self.devices:
            self._prices(name)

    @classmethod
    def of(cls, value: PriceList | Mapping[str, Any] | None) -> PriceList:
        """A price list from plain values, such as the content of ``conf/pricing/braket.yaml``."""
        if isinstance(value, PriceList):
            return value
        known = {item.name for item in fields(cls)}
        given = dict(value or {})
        unknown = sorted(set(given) - known)
        if unknown:
            raise ConfigurationError(
                f"pricing.{unknown[0]} is unknown. A price list has: {', '.join(sorted(known))}."
            )
        return cls(**given)

    def of_device(self, name: str, today: datetime.date | None = None) -> Prices:
        """The prices of one device.

        Args:
            name: The device's name, such as ``"iqm_garnet"``.
            today: To see whether they are stale; the current day when None.

        Raises:
            ConfigurationError: The list does not have the device: what it costs cannot be told.
        """
        if name not in self.devices:
            raise ConfigurationError(
                f"pricing has no price of {name}, and nothing is sent where the price is not known. Add "
                f"pricing.devices.{name} with per_shot, or per_minute, in US dollars. Priced: "
                f"{', '.join(sorted(self.devices))}."
            )
        prices = self._prices(name)
        today = today or datetime.date.today()
        if prices.is_stale(today, self.stale_after_days):
            warnings.warn(
                f"The price of {name} is of {prices.as_of}, {(today - _date(prices.as_of)).days} days ago. Look it up "
                "and set it, with as_of, in pricing.",
                ExecutionWarning,
                stacklevel=2,
            )
        return prices

    def _prices(self, name: str) -> Prices:
        given = dict(self.devices[name])
        unknown = sorted(set(given) - {item.name for item in fields(Prices)})
        if unknown:
            raise ConfigurationError(
                f"pricing.devices.{name}.{unknown[0]} is unknown. A device has: "
                f"{', '.join(item.name for item in fields(Prices))}."
            )
        per_task = self.per_task if given.get("per_shot") else 0.0
        return replace(Prices(per_task=per_task, as_of=self.as_of), **given)


def dollars(amount: float) -> float:
    """An amount without the digits that floating point adds: to the billionth of a dollar."""
    return round(amount, 9)


def _date(text: Any) -> datetime.date:
    if isinstance(text, datetime.date):  # YAML reads a bare date as one
        return text
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        pass
    raise ConfigurationError(f"pricing.as_of must be a day such as 2026-05-06, but got {text!r}.")
