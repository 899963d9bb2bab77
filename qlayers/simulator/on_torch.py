"""Running a program with torch operations: on any device, to any order of derivative, under ``torch.func``.

On a CPU the compiled kernels are faster; what they cannot do runs here. Gates are applied by the layer (see
:mod:`qlayers.simulator.regroup`): rotations of up to five places as one matrix, and all that is diagonal at once.
Between layers the amplitudes are permuted.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qlayers.simulator.kernels.kinds import WORDS
from qlayers.simulator.program import Program
from qlayers.simulator.regroup import Chain, Layer, layers_of
from qlayers.simulator.torch_matrices import BothGates, Matrices
from qlayers.simulator.torch_measurements import ByIndex, PauliWords
from qlayers.simulator.torch_steps import Block, Flips, Permutation, Phases, Product

MAX_BLOCK = 5
"""Places in one matrix: past 32 rows the arithmetic grows faster than the passes over the amplitudes that it saves."""


def run_on_torch(program: Program, samples: Tensor, weights: Tensor) -> Tensor:
    """Run a program.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)``, amplitudes of norm 1; float32 or float64, any device.
        weights: Flat, the samples' dtype and device.

    Returns:
        Shape ``(batch, n_outputs)``, differentiable any number of times with respect to samples and weights. Matrix
        products heed ``torch.set_float32_matmul_precision``.
    """
    device = samples.device
    number = _ensure_plan(program, device, samples.dtype)
    can_autocast = torch.amp.is_autocast_available(device.type)
    # Products of angles and signs in half precision would be off by hundredths of a radian.
    with torch.autocast(device.type, enabled=False) if can_autocast else nullcontext():
        return _plans[number][device, samples.dtype].run(samples, weights)


def sweep_on_torch(
    program: Program, samples: Tensor, weights: Tensor, cotangents: Tensor
) -> tuple[Tensor, ...]:
    """Differentiate ``Σ cotangents · outputs`` at a point of hyper-dual numbers.

    Args:
        program: What to run.
        samples: Shape ``(parts, batch, n_features + n_amplitudes)``; the parts are explained in
            :mod:`qlayers.simulator.kernels.hyperdual`.
        weights: Shape ``(parts, n_weights)``.
        cotangents: Shape ``(parts, batch, n_outputs)``.

    Returns:
        The derivatives by samples, weights and cotangents, shaped like these and themselves differentiable.
    """
    if len(samples) == 1:
        run = partial(run_on_torch, program)
        outputs, pull, *_ = torch.func.vjp(run, samples[0], weights[0])
        return tuple(values[None] for values in (*pull(cotangents[0]), outputs))
    # Torch lays a tangent out like its primal, which it cannot where an expanded one has one number in many places.
    halves = [values.contiguous().chunk(2) for values in (samples, weights, cotangents)]
    point, along = tuple(low for low, _ in halves), tuple(high for _, high in halves)
    swept = torch.func.jvp(partial(sweep_on_torch, program), point, along)
    return tuple(map(torch.cat, zip(*swept, strict=True)))


_plans: dict[int, dict[tuple[torch.device, torch.dtype], _Plan]] = {}
"""By the program's id, since programs hold arrays and so have no hash."""


@torch.compiler.assume_constant_result
def _ensure_plan(program: Program, device: torch.device, dtype: torch.dtype) -> int:
    """Make the plan where there is none, to be gone with the program; where it is among the plans."""
    number = id(program)
    if number not in _plans:
        weakref.finalize(program, _plans.pop, number, None).atexit = False
    plans = _plans.setdefault(number, {})
    if (device, dtype) not in plans:
        # In a thread of its own, where no transform, inference mode or default device of the caller's is in force:
        # the tensors outlive them.
        with ThreadPoolExecutor(1) as thread:
            plans[device, dtype] = thread.submit(_Plan, program, device, dtype).result()
    return number


class _Plan:
    """A program's steps, with their index tables and constants on a device."""

    def __init__(self, program: Program, device: torch.device, dtype: torch.dtype) -> None:
        def constant(array: Any) -> Tensor:
            array = np.asarray(array)
            kinds = {"c": dtype.to_complex(), "f": dtype}
            return torch.as_tensor(array, dtype=kinds.get(array.dtype.kind, torch.int64), device=device)

        self._n_features, self._size = program.n_features, 2**program.n_qubits
        layers = layers_of(program)
        blocks: tuple[list[list[Chain]], list[list[Chain]]] = ([], [])  # by whether they depend on the sample
        phases: tuple[list[int], list[int]] = ([], [])
        self._steps: list[Callable[[Tensor, BothGates], Tensor]] = []
        storage = np.arange(self._size)
        for layer in layers:
            before, storage = storage, layer.storage()
            is_product = layer is layers[0] and not program.n_amplitudes
            found = []
            for block in _blocks(layer, program.n_qubits, 1 if is_product else MAX_BLOCK):
                of_kind = blocks[block[0].is_sampled]
                found.append((block[0].is_sampled, len(of_kind), len(block)))
                of_kind.append(block)
            if is_product:
                self._steps.append(Product(found, program.n_qubits, constant))
            else:
                self._steps.append(Permutation(np.argsort(before)[storage], constant))
                places = np.cumsum([0, *(size for *_, size in found)]).tolist()
                self._steps += [Block(place, *block) for place, block in zip(places, found, strict=False)]
            if layer.phases:
                self._steps.append(Phases(layer, program, phases, constant))
            if layer.signs is not None:
                self._steps.append(Flips(layer.signs[storage], constant))
        measurement = PauliWords if program.measured.kind == WORDS else ByIndex
        self._measure = measurement(program, storage, layers[-1], constant)
        self._matrices = [Matrices(program, *found, constant) for found in zip(blocks, phases, strict=True)]

    def run(self, samples: Tensor, weights: Tensor) -> Tensor:
        """See :func:`run_on_torch`."""
        batch = len(samples)
        features, state = samples[:, : self._n_features], samples[:, self._n_features :]
        if state.shape[1] > self._size:
            state = torch.complex(state[:, : self._size], state[:, self._size :])
        elif state.shape[1]:
            state = torch.complex(state, torch.zeros_like(state))
        gates = (
            self._matrices[0](weights),
            self._matrices[1](torch.cat([weights.expand(batch, -1), features], dim=-1)),
        )
        for step in self._steps:
            state = step(state, gates)
        return self._measure(state).expand(batch, -1)


def _blocks(layer: Layer, n_qubits: int, largest: int) -> Iterator[list[Chain]]:
    """A layer's chains in runs of about equal length, of which none mixes both kinds."""
    for sampled in (False, True):
        chains = [chain for chain in layer.chains if chain.is_sampled == sampled]
        # A matrix for every sample should not be larger than the sample's state.
        limit = min(largest, -(-n_qubits // 2)) if sampled else largest
        n_blocks = -(-len(chains) // limit)
        for number in range(n_blocks):
            yield chains[number * len(chains) // n_blocks : (number + 1) * len(chains) // n_blocks]
