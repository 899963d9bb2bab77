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

from qlayers.simulator import kernels
from qlayers.simulator.program import Program
from qlayers.simulator.vectors import CACHE_LINE

SERIAL_BELOW = 2**17
"""Amplitudes times gates under which handing work to threads costs more than it saves (about 90 µs)."""

_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def forward(program: Program, samples: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run a batch.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)`` on the CPU, float32 or float64.
        weights: Flat, the samples' dtype.

    Returns:
        The outputs, ``(batch, n_outputs)``, and real and imaginary parts of the final states, each
        ``(n_blocks, 2**n_qubits, lanes)``, for :func:`backward`.
    """
    data, parameters = _array(samples), _array(weights)
    dtype = data.dtype
    lanes = CACHE_LINE // dtype.itemsize
    n_blocks = -(-len(data) // lanes)
    re, im = (np.empty((n_blocks, 2**program.n_qubits, lanes), dtype) for _ in range(2))
    outputs = np.empty((len(data), program.n_outputs), dtype)
    arguments = (program.gates, program.polynomials, program.measured, data, program.n_features, parameters)
    shared = _shared_parts(program, parameters)

    def work(first: int, last: int) -> None:
        kernels.run_forward(*arguments, *shared, first, last, re, im, outputs)

    _over_blocks(work, n_blocks, re.size * len(program.gates.steps))
    return torch.from_numpy(outputs), torch.from_numpy(re), torch.from_numpy(im)


def backward(
    program: Program, samples: Tensor, weights: Tensor, re: Tensor, im: Tensor, cotangents: Tensor
) -> tuple[Tensor, Tensor]:
    """The derivatives of ``Σ cotangents · outputs`` with respect to samples and weights, shaped like these.

    Args:
        program: What was run.
        samples: As it was run.
        weights: As it was run.
        re: From :func:`forward`.
        im: From :func:`forward`.
        cotangents: Shape ``(batch, n_outputs)``.
    """
    data, parameters = _array(samples), _array(weights)
    states, pulled = (_array(re), _array(im)), _array(cotangents)
    by_sample = np.empty_like(data)
    n_blocks = len(states[0])
    by_weight = np.zeros((n_blocks, program.n_weights))
    by_angle = np.zeros((n_blocks, len(program.polynomials.offsets)))
    arguments = (program.gates, program.polynomials, program.measured, data, program.n_features, parameters)
    shared = _shared_parts(program, parameters)

    def work(first: int, last: int) -> None:
        kernels.run_backward(
            *arguments, *shared, first, last, *states, pulled, by_sample, by_weight, by_angle
        )

    _over_blocks(work, n_blocks, 2 * states[0].size * len(program.gates.steps))
    total = by_weight.sum(axis=0)
    kernels.send_back_shared(program.polynomials, parameters, by_angle.sum(axis=0), total)
    return torch.from_numpy(by_sample), torch.from_numpy(total.astype(data.dtype))


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def _shared_parts(program: Program, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angles = np.empty((len(program.polynomials.offsets), 1))
    rotations = np.empty((len(program.gates.chain_start) - 1, 4))
    kernels.shared_parts(program.gates, program.polynomials, weights, angles, rotations)
    return angles, rotations


def _over_blocks(work: Callable[[int, int], Any], n_blocks: int, amount: int) -> None:
    n_threads = min(torch.get_num_threads(), n_blocks)
    if n_threads < 2 or amount < SERIAL_BELOW:
        work(0, n_blocks)
        return
    bounds = np.linspace(0, n_blocks, n_threads + 1).astype(int)
    futures = [_threads(n_threads).submit(work, int(first), int(last)) for first, last in pairwise(bounds)]
    for future in futures:
        future.result()


def _threads(n_threads: int) -> ThreadPoolExecutor:
    """The process's pool; a forked child makes its own, since threads do not survive a fork."""
    global _pool
    if _pool is None or _pool[0] != os.getpid() or _pool[1] != n_threads:
        _pool = (os.getpid(), n_threads, ThreadPoolExecutor(n_threads, thread_name_prefix="qlayers"))
    return _pool[2]
