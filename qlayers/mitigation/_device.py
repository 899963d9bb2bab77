"""A device around a device: it runs other circuits in place of those it is given, and corrects the results."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Self

import pennylane as qp
from pennylane.devices import ExecutionConfig
from pennylane.devices.legacy_facade import LegacyDeviceFacade
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms.core import CompilePipeline
from pennylane.typing import PostprocessingFn

from qlayers.errors import ConfigurationError

Postprocessing = Callable[[Sequence[Any]], Any]

_uncorrected: ContextVar[bool] = ContextVar("uncorrected", default=False)


@contextmanager
def uncorrected() -> Iterator[None]:
    """Within the block, circuits run as they are on every device that mitigates, with nothing added or corrected."""
    before = _uncorrected.set(True)
    try:
        yield
    finally:
        _uncorrected.reset(before)


class MitigatedDevice(qp.devices.Device, ABC):
    """A device that runs, in place of each circuit, what :meth:`expand` makes of it, on the device inside.

    The circuits are expanded as a first step of the device's own preprocessing. So a whole batch, and all shifted
    circuits of a backward pass, reach the device inside in one call, and it counts what really runs: its tracker is
    this one's too. Attributes that are not found here are looked for there.

    Args:
        inner: The device that runs the circuits; one of PennyLane's older kind is given its facade.
        corrected_by: The mitigation's name, for the device's.
    """

    inner: qp.devices.Device

    def __init__(self, inner: qp.devices.Device, corrected_by: str) -> None:
        # Not Device.__init__, which would give the device inside a new tracker.
        legacy = isinstance(inner, qp.devices.LegacyDevice) and not isinstance(inner, LegacyDeviceFacade)
        self.inner = LegacyDeviceFacade(inner) if legacy else inner
        self.corrected_by = corrected_by

    @abstractmethod
    def expand(self, tape: QuantumScript) -> tuple[list[QuantumScript], Postprocessing]:
        """The circuits to run in place of this one, and what makes its results of theirs.

        Raises:
            ConfigurationError: This circuit cannot be mitigated so.
        """

    def around(self, inner: qp.devices.Device) -> Self:
        """The same, state included, around another device."""
        moved = copy.copy(self)
        moved.inner = inner
        return moved

    # ---------------------------------------------------------------- what PennyLane asks of a device

    @property
    def name(self) -> str:
        """Such as ``"readout_inversion(default.mixed)"``, for which nobody takes the device by itself."""
        return f"{self.corrected_by}({self.inner.name})"

    @property
    def wires(self) -> qp.wires.Wires:
        return self.inner.wires

    @property
    def shots(self) -> qp.measurements.Shots:
        return self.inner.shots

    @property
    def tracker(self) -> qp.Tracker:
        return self.inner.tracker

    @tracker.setter
    def tracker(self, tracker: qp.Tracker) -> None:
        self.inner.tracker = tracker

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """Only through the simulation itself; a device's own derivatives know nothing of the correction."""
        if execution_config is None or execution_config.gradient_method != "backprop":
            return False
        return bool(self.inner.supports_derivatives(execution_config, circuit))

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> ExecutionConfig:
        resolved = self.inner.setup_execution_config(config, circuit)
        if resolved.use_device_gradient and resolved.gradient_method != "backprop":
            # The device inside would differentiate by itself; asked for nothing in particular, it does not.
            resolved = replace(resolved, use_device_gradient=False, grad_on_execution=False)
        return resolved

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> CompilePipeline:
        pipeline = CompilePipeline()
        pipeline.add_transform(_mitigate, device=self)
        return pipeline + self.inner.preprocess_transforms(execution_config)

    @property
    def corrects(self) -> bool:
        """False within :func:`uncorrected`."""
        return not _uncorrected.get()

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        return self.inner.execute(circuits, execution_config or self.inner.setup_execution_config())

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or "inner" not in self.__dict__:  # while it is copied or unpickled
            raise AttributeError(f"{type(self).__name__!r} has no attribute {key!r}")
        return getattr(self.inner, key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} around {self.inner!r}>"


@qp.transform
def _mitigate(tape: QuantumScript, device: MitigatedDevice) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    if not device.corrects:
        return (tape,), _first
    if tape.shots.has_partitioned_shots:
        raise ConfigurationError(
            f"Results are not mitigated for several numbers of shots at once, but the circuit has {tape.shots}. Give "
            "one number of shots."
        )
    return device.expand(tape)


def _first(results: Sequence[Any]) -> Any:
    return results[0]
