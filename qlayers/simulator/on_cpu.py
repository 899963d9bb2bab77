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
from qlayers.simulator import kernels
from qlayers.simulator.program import Program
from qlayers.simulator.vectors import CACHE_LINE

SERIAL_BELOW = 2**17
"""Amplitudes times gates under which handing work to threads costs more than it saves (about 90 µs)."""

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
        self._program, self._samples = program, _array(samples)
        self._weights, self._shape_of_weights = _array(weights).reshape(-1), weights.shape
        dtype = self._samples.dtype
        lanes = CACHE_LINE // dtype.itemsize
        self._n_blocks = -(-len(self._samples) // lanes)
        shape = (self._n_blocks, 2**program.n_qubits, lanes)
        self._states = np.empty(shape, dtype), np.empty(shape, dtype)
        kept = int(program.gates.kept.max(initial=-1)) + 1
        # Cosines and sines cost more than fetching them, but all of a deep circuit's would outgrow its state.
        kept = kept if 4 * kept <= 2 * shape[1] else 0
        self._rotations = np.empty((self._n_blocks, kept, 4, lanes), dtype)
        self._work = self._states[0].size * len(program.gates.steps)
        angles = np.empty(len(program.polynomials.offsets))
        rotations = np.empty((len(program.gates.kept), 4, lanes), dtype)
        kernels.shared_parts(program.gates, program.polynomials, self._weights, angles, rotations)
        data = (self._samples, program.n_features, self._weights)
        self._arguments = (program.gates, program.polynomials, program.measured, *data, angles, rotations)

    def forward(self) -> Tensor:
        """The outputs, ``(batch, n_outputs)``.

        Raises:
            InputError: If an angle or an amplitude is NaN or infinite.
        """
        outputs = np.empty((len(self._samples), self._program.n_outputs), self._samples.dtype)

        def work(first: int, last: int) -> bool:
            finite: bool = kernels.run_forward(
                *self._arguments, first, last, *self._states, self._rotations, outputs
            )
            return finite

        if not all(_over_blocks(work, self._n_blocks, self._work)):
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
        program = self._program
        pulled, by_sample = _array(cotangents), np.empty_like(self._samples)
        by_weight = np.zeros((self._n_blocks, program.n_weights))
        by_chain = np.zeros((self._n_blocks, len(program.gates.kept), 3))
        by_angle = np.zeros((self._n_blocks, len(program.polynomials.offsets)))
        found = (by_sample, by_weight, by_chain, by_angle)

        def work(first: int, last: int) -> None:
            kernels.run_backward(
                *self._arguments, first, last, *self._states, self._rotations, pulled, *found
            )

        _over_blocks(work, self._n_blocks, 2 * self._work)
        total = np.empty_like(self._weights)
        kernels.send_back_shared(
            program.gates, program.polynomials, self._weights, self._arguments[-2], *found[1:], total
        )
        return torch.from_numpy(by_sample), torch.from_numpy(total).view(self._shape_of_weights)


def _array(tensor: Tensor) -> np.ndarray:
    array = tensor.detach().numpy()
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _over_blocks(work: Callable[[int, int], Any], n_blocks: int, amount: int) -> list[Any]:
    n_threads = min(torch.get_num_threads(), n_blocks) if amount >= SERIAL_BELOW else 1
    if n_threads < 2:
        return [work(0, n_blocks)]
    bounds = np.linspace(0, n_blocks, n_threads + 1).astype(int)
    futures = [_threads(n_threads).submit(work, int(first), int(last)) for first, last in pairwise(bounds)]
    return [future.result() for future in futures]


def _threads(n_threads: int) -> ThreadPoolExecutor:
    """The process's pool; a forked child makes its own, since threads do not survive a fork."""
    global _pool
    if _pool is None or _pool[0] != os.getpid() or _pool[1] != n_threads:
        _pool = (os.getpid(), n_threads, ThreadPoolExecutor(n_threads, thread_name_prefix="qlayers"))
    return _pool[2]
