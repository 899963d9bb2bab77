"""Running a program as a torch operator, which compilers take into their graph without looking inside.

``torch.ops.qlayers.run`` and ``torch.ops.qlayers.sweep`` take a program by a number that holds in this process alone:
a compiled model is compiled again elsewhere. It is differentiated once, as all that ``torch.compile`` makes. Outside of
it these operators are not used, since torch takes longer to dispatch one than a small circuit takes to run.
"""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qlayers.simulator import on_cpu
from qlayers.simulator.counts import Counts
from qlayers.simulator.program import Program


@dataclass(frozen=True)
class _Entry:
    program: weakref.ref[Program]
    counts: weakref.ref[Counts] | None


_entries: dict[int, _Entry] = {}
_numbers = itertools.count()


@torch.compiler.assume_constant_result
def number_of(program: Program, counts: Counts | None) -> int:
    """The number by which operators know a program and what counts its runs; good for as long as the program lives."""
    for number, entry in _entries.items():
        if entry.program() is program and (entry.counts() if entry.counts else None) is counts:
            return number
    number = next(_numbers)
    _entries[number] = _Entry(weakref.ref(program), weakref.ref(counts) if counts is not None else None)
    weakref.finalize(program, _entries.pop, number, None).atexit = False
    return number


def _find(number: int) -> tuple[Program, Counts | None]:
    entry = _entries.get(number)
    program = entry.program() if entry is not None else None
    if entry is None or program is None:
        raise RuntimeError(
            f"There is no program {number} in this process. Compile the model anew, in the process that runs it."
        )
    return program, entry.counts() if entry.counts is not None else None


@torch.library.custom_op("qlayers::run", mutates_args=(), device_types="cpu")
def run(samples: Tensor, weights: Tensor, number: int) -> Tensor:
    """See :func:`qlayers.simulator.execute.execute`; weights are flat."""
    program, counts = _find(number)
    if counts is not None:
        counts.add_run(len(samples))
    return on_cpu.Pass(program, samples, weights).forward()


@torch.library.custom_op("qlayers::sweep", mutates_args=(), device_types="cpu")
def sweep(samples: Tensor, weights: Tensor, cotangents: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The derivatives of ``Σ cotangents · outputs`` by samples and weights."""
    program, counts = _find(number)
    if counts is not None:
        counts.add_sweep(len(samples))
    on_its_way = on_cpu.Pass(program, samples, weights)
    on_its_way.forward()
    return on_its_way.backward(cotangents)


@run.register_fake
def _(samples: Tensor, weights: Tensor, number: int) -> Tensor:
    return samples.new_empty(samples.shape[0], _find(number)[0].n_outputs)


@sweep.register_fake
def _(samples: Tensor, weights: Tensor, cotangents: Tensor, number: int) -> tuple[Tensor, Tensor]:
    return torch.empty_like(samples).contiguous(), torch.empty_like(weights).contiguous()


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, ctx.number = inputs
    ctx.save_for_backward(*tensors)


def _differentiate_run(ctx: Any, cotangents: Tensor) -> tuple[Tensor, Tensor, None]:
    by_sample, by_weight = sweep(*ctx.saved_tensors, cotangents, ctx.number)
    return by_sample, by_weight, None


run.register_autograd(_differentiate_run, setup_context=_keep)
