"""Calling the compiled kernels: arrays in, arrays out, blocks of samples over threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qlayers.errors import InputError
from qlayers.memory import physical_memory
from qlayers.simulator.kernels import circuits, hyperdual
from qlayers.simulator.kernels.vectors import VECTOR_BYTES
from qlayers.simulator.program import Program

SERIAL_BELOW = 2**17
"""Amplitudes times gates under which handing work to threads costs more than it saves (about 90 µs)."""

ALWAYS_THERE = 2**30
"""Bytes for which nobody asks how much memory there is."""

_pool: tuple[int, int, ThreadPoolExecutor] | None = None


class Pass:
    """One batch on its way through a program; keeps what the way back needs."""

    def __init__(self, program: Program, samples: Tensor, weights: Tensor) -> None:
        """Make room for it.

        Args:
            program: What to run.
            samples: Shape ``(batch, n_features + n_amplitudes)`` on the CPU, float32 or float64.
            weights: As many as the program has, in any shape; the samples' dtype.
        """
        packed, size = program.packed, 2**program.n_qubits
        self._program, self._samples = program, _array(samples)
        self._weights, self._shape_of_weights = _array(weights).reshape(-1), weights.shape
        lanes = VECTOR_BYTES // self._samples.itemsize
        self._n_blocks = -(-len(self._samples) // lanes)
        shared = 4 * packed.n_chains + 2 * packed.n_turns + 2 * packed.n_phases * -(-size // lanes)
        rotations = 4 * packed.n_sampled_chains + 2 * packed.n_sampled_turns
        # Cosines and sines cost more than fetching them, but all of a deep circuit's would outgrow its state.
        n_kept = self._n_blocks if rotations <= 2 * size else 0
        room = shared + n_kept * rotations + self._n_blocks * 2 * size
        self._work = self._n_blocks * size * lanes * packed.n_steps
        if room * lanes * self._samples.itemsize > ALWAYS_THERE:
            _check_that_it_fits(room * lanes * self._samples.itemsize, len(self._samples), program.n_qubits)
        # Torch begins its arrays at multiples of what a cache line holds, numpy does not.
        buffer = torch.empty(room * lanes, dtype=samples.dtype).numpy()
        tables = map(_behaved, (packed.integers, packed.numbers, packed.signs))
        angles = np.empty(packed.n_angles)
        self._given = (*tables, self._samples, self._weights, buffer, angles, self._n_blocks, n_kept)
        self._size = size

    def forward(self) -> Tensor:
        """The outputs, ``(batch, n_outputs)``.

        Raises:
            InputError: If an angle or an amplitude is NaN or infinite.
        """
        outputs = np.empty((len(self._samples), self._program.n_outputs), self._samples.dtype)

        def work(prepares: bool, first: int, last: int) -> bool:
            finite: bool = circuits.forward(*self._given, prepares, first, last, self._size, outputs)
            return finite

        n_threads = _threads_for(self._work, self._n_blocks)
        if n_threads < 2:
            finite = work(True, 0, self._n_blocks)
        else:
            finite = work(True, 0, 0) and all(_over_blocks(n_threads, self._n_blocks, work))
        if not finite:
            raise InputError(
                "An angle of the circuit, or an amplitude of its initial state, is NaN or infinite. Look for weights "
                "that have diverged, or inputs for which the circuit's own arithmetic is undefined."
            )
        return torch.from_numpy(outputs)

    def backward(self, cotangents: Tensor) -> tuple[Tensor, Tensor]:
        """The derivatives of ``Σ cotangents · outputs`` by samples and weights, shaped like these.

        It comes after the forward pass, and may come again.

        Args:
            cotangents: Shape ``(batch, n_outputs)``.
        """
        packed = self._program.packed
        n_sums = self._program.n_weights + 3 * packed.n_chains + packed.n_angles
        by_sample, by_weight = np.empty_like(self._samples), np.empty_like(self._weights)
        found = (_array(cotangents), by_sample, np.zeros((self._n_blocks, n_sums)), by_weight)

        def work(finishes: bool, first: int, last: int) -> None:
            circuits.backward(*self._given, finishes, first, last, self._size, *found)

        n_threads = _threads_for(2 * self._work, self._n_blocks)
        if n_threads < 2:
            work(True, 0, self._n_blocks)
        else:
            _over_blocks(n_threads, self._n_blocks, work)
            work(True, 0, 0)
        return torch.from_numpy(by_sample), torch.from_numpy(by_weight).view(self._shape_of_weights)


def sweep_over_parts(
    program: Program, samples: Tensor, weights: Tensor, cotangents: Tensor
) -> tuple[Tensor, ...]:
    """Differentiate ``Σ cotangents · outputs`` at a point of hyper-dual numbers.

    Args:
        program: What to run.
        samples: Shape ``(parts, batch, n_features + n_amplitudes)`` on the CPU, float32 or float64; the parts are
            explained in :mod:`qlayers.simulator.kernels.hyperdual`.
        weights: Shape ``(parts, n_weights)``, the samples' dtype.
        cotangents: Shape ``(parts, batch, n_outputs)``.

    Returns:
        The derivatives by samples, weights and cotangents, shaped like these. The last are the outputs.
    """
    # Always in double: higher derivatives are differences of large terms, and the way back adds up its roundings.
    given = tuple(_array(values.detach().double()) for values in (samples, weights, cotangents))
    by_sample, by_weight, outputs = map(np.empty_like, given)
    n_parts, batch, _ = samples.shape
    size = 2**program.n_qubits
    lanes = VECTOR_BYTES // by_sample.itemsize
    n_blocks = -(-batch // lanes)
    n_threads = _threads_for(2 * n_blocks * size * lanes * n_parts * program.packed.n_steps, n_blocks)
    room = n_threads * 8 * size * n_parts * VECTOR_BYTES
    if room > ALWAYS_THERE:
        _check_that_it_fits(room, batch, program.n_qubits)
    sums = np.zeros((n_blocks, n_parts, program.n_weights + program.packed.n_angles))

    def work(finishes: bool, first: int, last: int) -> None:
        hyperdual.sweep(
            program.gates, program.polynomials, program.measured, program.n_features, size, *given, finishes, first,
            last, outputs, by_sample, sums, by_weight,
        )  # fmt: skip

    if n_threads < 2:
        work(True, 0, n_blocks)
    else:
        _over_blocks(n_threads, n_blocks, work)
        work(True, 0, 0)
    return tuple(torch.from_numpy(found).to(samples.dtype) for found in (by_sample, by_weight, outputs))


def _threads_for(amount: int, n_blocks: int) -> int:
    return min(torch.get_num_threads(), n_blocks) if amount >= SERIAL_BELOW else 1


def _over_blocks(n_threads: int, n_blocks: int, work: Callable[[bool, int, int], Any]) -> list[Any]:
    bounds = np.linspace(0, n_blocks, n_threads + 1).astype(int).tolist()
    futures = [_threads(n_threads).submit(work, False, first, last) for first, last in pairwise(bounds)]
    return [future.result() for future in futures]


def _check_that_it_fits(needed: int, n_samples: int, n_qubits: int) -> None:
    memory = physical_memory()
    if memory is not None and needed > memory:
        raise InputError(
            f"{n_samples} samples of {n_qubits} qubits need {needed / 2**30:,.0f} GiB for their states, and this "
            f"machine has {memory / 2**30:.0f} GiB. Run smaller batches."
        )


def _array(tensor: Tensor) -> np.ndarray:
    return _behaved(tensor.detach().numpy())


def _behaved(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy that is contiguous, aligned and writable: for others numba would compile again."""
    return array if array.flags.carray else array.copy()


def _threads(n_threads: int) -> ThreadPoolExecutor:
    """The process's pool; a forked child makes its own, since threads do not survive a fork."""
    global _pool
    if _pool is None or _pool[0] != os.getpid() or _pool[1] != n_threads:
        _pool = (os.getpid(), n_threads, ThreadPoolExecutor(n_threads, thread_name_prefix="qlayers"))
    return _pool[2]
