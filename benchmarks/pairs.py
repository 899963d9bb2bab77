"""One program written with TorchLayer and with ours: whether both compute the same, then their times, in turns."""

from __future__ import annotations

import copy
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pennylane as qp
import torch
from programs import Kind, MakeLayer, Program
from scipy.stats import quantile_test

import qlayers
from qlayers.errors import ExecutionWarning, QlayersError

THEIRS: MakeLayer = qp.qnn.TorchLayer
OURS: MakeLayer = qlayers.TorchLayer
NATIVE = "qlayers.batched"

ATOL, RTOL = 2e-5, 1e-4
REPEATS = 12
"""How often a program with shots takes its first step, to know the spread of what it gives."""
FALSE_ALARM = 5e-4
"""The chance, for outputs and for each gradient, that a program with shots is said to differ although it does not."""
PERMUTATIONS = 9_999
LEAST_ROUNDS = 7
"""An interval of 95 % for a median needs six numbers."""

Numbers = dict[str, np.ndarray]


class DifferenceError(Exception):
    """The two layers do not compute the same."""


@dataclass
class Pair:
    """What is known of one kind of program.

    Attributes:
        kind: Which.
        theirs: Seconds of TorchLayer's steps.
        ours: Seconds of our steps, in the same order.
        devices: Where our layers ran.
        failure: Why there are no times; None if there are.
        reason: What our layers said of how they run; None if nothing.
    """

    kind: Kind
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    failure: str | None = None
    reason: str | None = None

    @property
    def is_native(self) -> bool:
        """Whether all our layers ran on qlayers' own simulator."""
        return self.devices == [NATIVE]

    @property
    def _ratios(self) -> list[float]:
        return [slow / fast for slow, fast in zip(self.theirs, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of TorchLayer's time over ours, of steps that were taken in turn."""
        return statistics.median(self._ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of that median, from order statistics."""
        found = quantile_test(self._ratios, q=1.0, p=0.5).confidence_interval(0.95)
        return float(found.low), float(found.high)


def measure(kind: Kind, rounds: int, seconds: float, ours: MakeLayer = OURS) -> Pair:
    """Compare one kind of program and time it.

    Args:
        kind: Which.
        rounds: How often each of the two has its turn of two steps, of which the second is timed.
        seconds: After these no more turns begin, but each has had seven.
        ours: Makes the layers that are compared with TorchLayer's.
    """
    pair = Pair(kind)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = written(kind, THEIRS)
        try:
            mine = written(kind, ours)
            mine.model.load_state_dict(theirs.model.state_dict())
            check_agree(kind, theirs, mine)
            said = [
                str(warning.message) for warning in caught if issubclass(warning.category, ExecutionWarning)
            ]
            pair.reason = said[0] if said else None
            warnings.simplefilter("ignore")
            take_turns(pair, theirs, mine, rounds, seconds)
            pair.devices = devices_of(mine)
        except DifferenceError as error:
            pair.failure = f"DIFFERS: {error}"
        except QlayersError as error:
            pair.failure = f"refused: {first_line(error)}"
        except Exception as error:  # whatever a user of the layer would see
            pair.failure = f"crashed: {type(error).__name__}: {first_line(error)}"
    return pair


def written(kind: Kind, make: MakeLayer) -> Program:
    """Return the program with this kind of layer, its classical weights drawn from a seed."""
    torch.manual_seed(0)
    return kind.build(make)


def check_agree(kind: Kind, theirs: Program, ours: Program) -> None:
    """Compare the first step's outputs and gradients, from equal weights.

    Raises:
        DifferenceError: If they differ, with finite shots by more than chance allows.
    """
    if kind.is_random:
        _check_samples_agree(sampled_steps(theirs), sampled_steps(ours))
    else:
        _check_numbers_agree(first_step(theirs), first_step(ours))


def first_step(program: Program) -> Numbers:
    """Take a step; return its outputs and the gradient of each parameter that has one."""
    found = {"outputs": program.step()}
    for name, parameter in program.model.named_parameters():
        if parameter.grad is not None:
            found[f"gradient of {name}"] = parameter.grad
    return {name: tensor.detach().double().numpy().copy() for name, tensor in found.items()}


def sampled_steps(program: Program) -> Numbers:
    """Take the same step again and again, from the same weights; the first dimension says which."""
    start = copy.deepcopy(program.model.state_dict())
    steps = []
    for _ in range(REPEATS):
        program.model.load_state_dict(start)
        steps.append(first_step(program))
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def _check_numbers_agree(wanted: Numbers, got: Numbers) -> None:
    _check_comparable(wanted, got)
    for name in wanted:
        difference = np.abs(got[name] - wanted[name])
        if not np.all(difference <= ATOL + RTOL * np.abs(wanted[name])):
            raise DifferenceError(f"{name} by up to {difference.max():.2g}")


def _check_samples_agree(wanted: Numbers, got: Numbers) -> None:
    _check_comparable(wanted, got)
    for name in wanted:
        if (p := chance_of_difference(wanted[name], got[name])) < FALSE_ALARM:
            difference = np.abs(got[name].mean(axis=0) - wanted[name].mean(axis=0)).max()
            raise DifferenceError(
                f"{name}, its mean over {REPEATS} steps by up to {difference:.2g} (p={p:.1g})"
            )


def chance_of_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the p-value of a permutation test of whether two sets of samples have the same distribution.

    It compares the means of all numbers at once, in units of their spread. A test of each number would miss a gradient
    of twice the size, which is small against the noise of a single step; a permutation allows for correlated numbers.

    Args:
        first: Samples, (samples, ...).
        second: As many.
    """
    both = np.concatenate([first, second]).reshape(2 * len(first), -1)  # (samples, numbers)
    both = both - both.mean(axis=0)
    spread = both.std(axis=0)
    both = both[:, spread > 0] / spread[spread > 0]
    random = np.random.default_rng(0)
    signs = np.repeat([1.0, -1.0], len(first))
    drawn = random.permuted(np.tile(signs, (PERMUTATIONS, 1)), axis=1)
    distances = np.square(np.vstack([signs, drawn]) @ both).sum(axis=1)
    return float(np.mean(distances >= distances[0] * (1 - 1e-9)))


def _check_comparable(wanted: Numbers, got: Numbers) -> None:
    if wanted.keys() != got.keys():
        raise DifferenceError(f"only one of both has {', '.join(sorted(wanted.keys() ^ got.keys()))}")
    for name in wanted:
        if wanted[name].shape != got[name].shape:
            raise DifferenceError(f"{name} has shape {got[name].shape} instead of {wanted[name].shape}")
        if not np.isfinite(got[name]).all():
            raise DifferenceError(f"{name} is not finite")


def take_turns(pair: Pair, theirs: Program, ours: Program, rounds: int, seconds: float) -> None:
    """Time the steps of both; who begins alternates, so that neither always runs after the other."""
    begun = time.perf_counter()
    sides = [(theirs.step, pair.theirs), (ours.step, pair.ours)]
    for done in range(rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() - begun > seconds:
            return
        for step, kept in sides if done % 2 else reversed(sides):
            step()  # brings the processor's caches back from the other side
            kept.append(seconds_of(step))


def seconds_of(step: Callable[[], torch.Tensor]) -> float:
    """Return the processor's time for a step; it leaves out what other processes take."""
    start = time.process_time()
    step()
    return time.process_time() - start


def devices_of(program: Program) -> list[str]:
    """Return where the program's quantum layers ran."""
    layers = [module for module in program.model.modules() if hasattr(module, "execution")]
    return sorted({str(layer.execution.device) for layer in layers})


def first_line(error: Exception, width: int = 120) -> str:
    """Return the beginning of an error's message."""
    line = (str(error).splitlines() or [""])[0]
    return line if len(line) <= width else f"{line[: width - 1]}…"
