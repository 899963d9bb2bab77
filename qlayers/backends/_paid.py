"""What backends have in common that are paid for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import uuid4

import pennylane as qp
import torch

from qlayers.backends._sampling import SamplingBackend
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated, mitigations
from qlayers.mitigation.readout_inversion import ReadoutInversion
from qlayers.spending.budget import Budget
from qlayers.spending.ledger import DEFAULT_PATH
from qlayers.spending.plan import shots_for
from qlayers.spending.prices import PriceList

if TYPE_CHECKING:
    from qlayers.braket.facts import DeviceFacts


@dataclass(frozen=True)
class PaidBackend(SamplingBackend, ABC):
    """Base of backends on Amazon Braket. Credentials are the vendor's own chain's: environment, profile, or role.

    Attributes:
        seed: Which of several independent samples. What was bought is found again under its seed, so that a run that
            is repeated costs nothing; another number buys anew. None draws a number from torch's global generator at
            every execution.
        standard_error: In place of ``shots``: as many as an expectation value of 0 needs for this standard error.
        budget: What the project may spend altogether, earlier runs on the same ledger included: ``usd``, ``tasks``
            and ``shots``, each None for no limit. With the default nothing is sent.
        project: Whose budget and purchases these are.
        ledger: The file in which every task is written before it is sent. Keep it: with it a crashed run collects
            what it has bought, and without it that is bought again.
        pricing: Prices, as in ``conf/pricing/braket.yaml``; those of qlayers when None.
        region: Where Braket is asked; None for the vendor's chain, and where that has none, the device's.
        s3_bucket: For results; None for the SDK's default bucket.
        program_sets: Whether circuits share tasks, and their fee, where the device takes that.
        if_set_refused: ``"error"``, or ``"single"``: tasks of one circuit, within the budget, with a warning.
        fallback: ``"none"``, or ``"simulator"``: what the device cannot run, because it is offline, or its tasks fail
            or take too long, is run without noise on this machine, with a warning.
        repeat_failed: How often a failed task is bought anew, within the budget.
        seconds_at_most: What a task on a simulator is taken to need at the worst; longer ones are cancelled.
        timeout_seconds: How long results are waited for.
        poll_seconds: Time between two questions for a task's state.
        on_interrupt: On Ctrl-C, ``"cancel"`` tasks that have not ended, ``"leave"`` them, or ``"ask"``.
        dry_run: Whether nothing is sent: results are zeros, and the device's ``spent.plan`` says what it would cost.

    Raises:
        ConfigurationError: A value is out of range, the device is unknown or retired, or it has no price.
    """

    outside: ClassVar[bool] = True

    seed: int | None = 0
    standard_error: float | None = None
    budget: Budget | Mapping[str, Any] = field(default_factory=Budget)
    project: str = "default"
    ledger: str = DEFAULT_PATH
    pricing: PriceList | Mapping[str, Any] | None = field(default=None, hash=False)
    region: str | None = None
    s3_bucket: str | None = None
    program_sets: bool = True
    if_set_refused: str = "error"
    fallback: str = "none"
    repeat_failed: int = 0
    seconds_at_most: float = 60.0
    timeout_seconds: float = 432_000.0
    poll_seconds: float = 2.0
    on_interrupt: str = "ask"
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.standard_error is not None:
            object.__setattr__(self, "shots", shots_for(self.standard_error))
        super().__post_init__()
        object.__setattr__(self, "budget", Budget.of(self.budget))
        object.__setattr__(self, "pricing", PriceList.of(self.pricing))
        self._terms()  # what is wrong is said now, and not when the first circuit is run

    @abstractmethod
    def facts(self) -> DeviceFacts:
        """What is known of the device."""

    def planning(self, anew: bool = False) -> Self:
        """The same backend, which sends nothing: its device returns zeros and notes what it would have bought.

        Args:
            anew: Whether it plans as if nothing had been bought before, and so finds nothing in the cache.
        """
        project = f"{self.project} {uuid4().hex}" if anew else self.project
        return replace(self, dry_run=True, project=project)

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        from qlayers.braket.device import BraketDevice

        return mitigated(BraketDevice(n_qubits, self._terms()), self.mitigation)

    def _terms(self) -> Any:
        from qlayers.braket.terms import Terms

        facts = self.facts()
        assert isinstance(self.budget, Budget) and isinstance(self.pricing, PriceList)
        assert self.shots is not None
        facts.check_usable(1, self.shots)
        if not isinstance(self.ledger, str) or not self.ledger:
            raise ConfigurationError(f"backend.ledger must be a file's path, but got {self.ledger!r}.")
        return Terms(
            facts=facts,
            prices=self.pricing.of_device(facts.name),
            budget=self.budget,
            project=self.project,
            ledger=self.ledger,
            region=self.region,
            bucket=self.s3_bucket,
            seed=self.seed,
            program_sets=self.program_sets,
            if_set_refused=self.if_set_refused,
            fallback=self.fallback,
            repeat_failed=self.repeat_failed,
            seconds_at_most=self.seconds_at_most,
            timeout_seconds=self.timeout_seconds,
            poll_seconds=self.poll_seconds,
            on_interrupt=self.on_interrupt,
            dry_run=self.dry_run,
            notes=self._notes(facts),
        )

    def _notes(self, facts: DeviceFacts) -> tuple[str, ...]:
        calibrated = any(isinstance(one, ReadoutInversion) for one in mitigations(self.mitigation))
        if facts.is_simulator or not calibrated:
            return ()
        return (
            "readout is calibrated by circuits of their own, which the service may compile to other qubits than the "
            "rest; readout_inversion is right as far as all qubits err alike",
        )

    def check_access(self) -> None:
        """Find out whether tasks could be sent, without sending one; nothing where nothing is to be sent.

        Raises:
            ConfigurationError: The region is not the device's, or the credentials are missing, expired, or refused.
            ServiceError: The service gives no answer.
        """
        from qlayers.braket.access import check_access

        if not self.dry_run:
            check_access(self._terms())
