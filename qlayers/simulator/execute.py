"""Running a program on a batch, with gradients, as a torch function."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from qlayers.simulator import kernels
from qlayers.simulator.program import Program
from qlayers.simulator.vectors import CACHE_LINE

SERIAL_BELOW = 2**17
"""Amplitudes times gates under which handing work to threads costs more than it saves (about 90 µs)."""

_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def execute(
    program: Program,
    samples: torch.Tensor,
    weights: torch.Tensor,
    on_backward: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Run a program.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)``, amplitudes of norm 1; float32 or float64.
        weights: Flat, the samples' dtype.
        on_backward: Told the number of samples when they are differentiated.

    Returns:
        Shape ``(batch, n_outputs)``, differentiable (once) with respect to samples and weights.
    """
    outputs: torch.Tensor = _Execute.apply(program, samples, weights, on_backward)
    return outputs


class _Execute(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        program: Program,
        samples: torch.Tensor,
        weights: torch.Tensor,
        on_backward: Callable[[int], None] | None,
    ) -> torch.Tensor:
        run = _Run(program, samples.detach().contiguous().numpy(), weights.detach().contiguous().numpy())
        outputs = run.forward()
        if any(ctx.needs_input_grad):
            ctx.run, ctx.on_backward = run, on_backward
        return torch.from_numpy(outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, cotangents: torch.Tensor
    ) -> tuple[None, torch.Tensor | None, torch.Tensor | None, None]:
        if ctx.on_backward is not None:
            ctx.on_backward(len(cotangents))
        sample_gradient, weight_gradient = ctx.run.backward(cotangents.detach().contiguous().numpy())
        needs = ctx.needs_input_grad
        return (
            None,
            torch.from_numpy(sample_gradient) if needs[1] else None,
            torch.from_numpy(weight_gradient) if needs[2] else None,
            None,
        )


class _Run:
    """One batch on its way through a program: the final states are kept for the way back."""

    def __init__(self, program: Program, samples: np.ndarray, weights: np.ndarray) -> None:
        self._program = program
        dtype = samples.dtype
        self._samples, self._weights = samples, weights
        lanes = CACHE_LINE // dtype.itemsize
        self._n_blocks = -(-len(samples) // lanes)
        shape = (self._n_blocks, 2**program.n_qubits, lanes)
        self._re, self._im = np.empty(shape, dtype), np.empty(shape, dtype)
        angles = np.empty((len(program.polynomials.offsets), 1))
        rotations = np.empty((len(program.gates.chain_start) - 1, 4))
        kernels.shared_parts(program.gates, program.polynomials, weights, angles, rotations)
        self._shared = (angles, rotations)
        self._work = self._n_blocks * shape[1] * lanes * max(1, len(program.gates.steps))

    def _arguments(self) -> tuple[Any, ...]:
        program = self._program
        data = (self._samples, program.n_features, self._weights)
        return (program.gates, program.polynomials, program.measured, *data, *self._shared)

    def forward(self) -> np.ndarray:
        outputs = np.empty((len(self._samples), self._program.n_outputs), self._re.dtype)
        arguments = self._arguments()
        _over_blocks(
            lambda first, last: kernels.run_forward(*arguments, first, last, self._re, self._im, outputs),
            self._n_blocks,
            self._work,
        )
        return outputs

    def backward(self, cotangents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        program = self._program
        samples = np.empty_like(self._samples)
        by_weight = np.zeros((self._n_blocks, program.n_weights))
        by_angle = np.zeros((self._n_blocks, len(self._shared[0])))
        arguments = self._arguments()
        _over_blocks(
            lambda first, last: kernels.run_backward(
                *arguments,
                first,
                last,
                self._re,
                self._im,
                cotangents,
                samples,
                by_weight,
                by_angle,
            ),
            self._n_blocks,
            2 * self._work,
        )
        weights = by_weight.sum(axis=0)
        kernels.send_back_shared(program.polynomials, self._weights, by_angle.sum(axis=0), weights)
        return samples, weights.astype(self._re.dtype)


def _over_blocks(work: Any, n_blocks: int, amount: int) -> None:
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
