"""What backends that sample have in common: shots, how they are differentiated, and where randomness is from."""

from __future__ import annotations

import functools
import math
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends._base import Backend
from qlayers.errors import ConfigurationError
from qlayers.execution import as_batch
from qlayers.mitigation import Mitigation, mitigations
from qlayers.parameter_shift import parameter_shift


class Seeds:
    """Where a device takes its randomness from, one seed an execution.

    Args:
        seed: None to draw from torch's global generator, so that a training that is seeded, or resumed with the
            generator's state, draws the same; a number for a stream of its own.
        stream: What is drawn: streams of one seed are independent.
    """

    def __init__(self, seed: int | None, stream: int = 0) -> None:
        self._own = None if seed is None else np.random.default_rng([seed, stream])

    def draw(self) -> int:
        """The next seed, from 0 to 2³¹ - 2."""
        if self._own is not None:
            return int(self._own.integers(2**31 - 1))
        return int(torch.randint(2**31 - 1, ()).item())


Reseed = Callable[[Any, int], None]


def _renew_generator(device: Any, seed: int) -> None:
    device._rng = np.random.default_rng(seed)


def drawing_from(
    seeds: Seeds, device: qp.devices.Device, reseed: Reseed = _renew_generator
) -> qp.devices.Device:
    """The device, with a seed of its own for every execution.

    Args:
        seeds: Where they are from.
        device: A simulator; it is changed.
        reseed: Gives the device a seed; by default as a NumPy generator ``_rng``, which PennyLane's simulators have.
    """
    device.__class__ = _drawing_class(type(device))  # type: ignore[arg-type]
    device.__dict__.update(_seeds=seeds, _reseed=reseed)
    return device


@functools.cache
def _drawing_class(device_class: type) -> type:
    def execute(self: Any, circuits: Any, execution_config: Any = None) -> Any:
        if any(circuit.shots for circuit in as_batch(circuits)):  # else nothing is drawn, nor is a seed
            self._reseed(self, self._seeds.draw())
        return device_class.execute(self, circuits, execution_config)  # type: ignore[attr-defined]

    body = {"execute": execute, "__module__": device_class.__module__}
    return type(device_class.__name__, (device_class,), body)


@dataclass(frozen=True)
class SamplingBackend(Backend, ABC):
    """Base of backends whose results are estimated from a number of measurements.

    Attributes:
        shots: Measurements of one circuit.
        gradient: ``"parameter-shift"``, exact on average, two circuits or more for every angle, inputs included; or
            ``"spsa"`` (Spall 1992, doi:10.1109/9.119632), two circuits for every direction whatever the number of
            angles, along directions ±1 drawn anew at every backward pass.
        seed: None to draw samples from torch's global generator at every execution; a number for the same samples
            at the same calls since the device was made.
        spsa_directions: Directions over which an SPSA gradient is averaged.
        spsa_step: Radians by which SPSA moves every angle. A small step divides the shot noise by little, a large one
            smooths over the function: the error is about 1 / (√(2·shots)·step) beside a bias of order step².
        mitigation: Names or components of :mod:`qlayers.mitigation`, one or several, that correct the results; their
            circuits are in the layer's counts.

    Raises:
        ConfigurationError: A value is out of range.
    """

    exact: ClassVar[bool] = False
    """Whether there are exact values too, with shots None or 0."""
    gradients: ClassVar[tuple[str, ...]] = ("parameter-shift", "spsa")

    shots: int | None = 1000
    gradient: str = "parameter-shift"
    seed: int | None = None
    spsa_directions: int = 1
    spsa_step: float = 0.2
    mitigation: str | Mitigation | Sequence[str | Mitigation] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mitigation", mitigations(self.mitigation))
        self._check_shots()
        if self.gradient not in self.gradients:
            raise ConfigurationError(
                f"backend.gradient={self.gradient!r} is unknown to backend={self.name}. Available: "
                f"{', '.join(self.gradients)}."
            )
        check_seed(self.seed)
        if not is_whole(self.spsa_directions) or self.spsa_directions < 1:
            raise ConfigurationError(
                f"backend.spsa_directions must be a positive integer, but got {self.spsa_directions!r}."
            )
        step = self.spsa_step
        if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= math.pi / 2:
            raise ConfigurationError(f"backend.spsa_step must be above 0 and at most π/2, but got {step!r}.")

    def _check_shots(self) -> None:
        if self.exact and self.shots in (None, 0) and not isinstance(self.shots, bool):
            object.__setattr__(self, "shots", None)
            return
        if not is_whole(self.shots) or self.shots < 1:  # type: ignore[operator]
            instead = "null for exact values" if self.exact else "for exact values choose backend=batched"
            raise ConfigurationError(
                f"backend.shots must be a positive integer for backend={self.name}, but got {self.shots!r}; {instead}."
            )

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> Any:
        """A name, or the rule of :mod:`qlayers.parameter_shift`."""
        return parameter_shift if self.gradient == "parameter-shift" else self.gradient

    def gradient_options(self) -> dict[str, Any]:
        """SPSA's directions and step; its directions are drawn from where samples are."""
        if self.gradient != "spsa":
            # Without a fallback: PennyLane's, finite differences, would divide the shot noise by 10⁻⁷.
            return {"fallback_fn": None}
        return {
            "num_directions": self.spsa_directions,
            "h": self.spsa_step,
            "sampler": _Directions(Seeds(self.seed, stream=1)),
        }


class _Directions:
    """Entries +1 and -1 with equal probability for the angles to be moved; see ``qp.gradients.spsa_grad``."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds

    def __call__(self, indices: Any, num_params: int, *_: Any, rng: Any) -> np.ndarray:
        direction = np.zeros(num_params)
        generator = np.random.default_rng(self._seeds.draw())
        direction[indices] = generator.choice([-1.0, 1.0], size=len(indices))
        return direction


@contextmanager
def needs_extra(extra: str, backend: str) -> Iterator[None]:
    """Turn a failed import into a ConfigurationError that says what to install."""
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            f'backend={backend} needs packages that are not installed ({error}): pip install "qlayers[{extra}]".'
        ) from error


def check_seed(seed: int | None) -> None:
    """ConfigurationError if the seed is neither None nor a number that NumPy takes."""
    if seed is not None and (not is_whole(seed) or not 0 <= seed < 2**32):
        raise ConfigurationError(
            f"backend.seed must be null, or an integer from 0 to {2**32 - 1}, but got {seed!r}."
        )


def is_whole(value: Any) -> bool:
    """Whether a value is an integer, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)
