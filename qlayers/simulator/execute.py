"""Running a program on a batch, as a torch function that can be differentiated and transformed.

On the CPU the compiled kernels run, forward and for derivatives of any order. Forward mode by itself, and every other
device, take the same program through torch operations (see :mod:`qlayers.simulator.on_torch`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from qlayers.simulator import on_cpu
from qlayers.simulator.counts import Counts
from qlayers.simulator.on_torch import run_on_torch, sweep_on_torch
from qlayers.simulator.operator import number_of
from qlayers.simulator.operator import run as run_as_operator
from qlayers.simulator.program import Program


def execute(program: Program, samples: Tensor, weights: Tensor, counts: Counts | None = None) -> Tensor:
    """Run a program.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)``, amplitudes of norm 1; float32 or float64.
        weights: As many as the program has, in any shape; the samples' dtype and device.
        counts: What is run is added to it.

    Returns:
        Shape ``(batch, n_outputs)``, differentiable any number of times with respect to samples and weights, and open
        to the transforms of ``torch.func``.
    """
    if samples.device.type != "cpu":
        if counts is not None:
            counts.add_run(len(samples))
        return run_on_torch(program, samples, weights.reshape(-1))
    outputs: Tensor
    if torch.compiler.is_compiling():
        outputs = run_as_operator(samples, weights.reshape(-1), number_of(program, counts))
    elif torch._C._are_functorch_transforms_active():
        if _nests_forward_mode():
            if counts is not None:
                counts.add_run(len(samples))
            return run_on_torch(program, samples, weights.reshape(-1))
        outputs = _Transformed.apply(program, samples, weights.reshape(-1), counts)
    else:
        outputs = _Plain.apply(program, samples, weights, counts)
    return outputs


class _Plain(torch.autograd.Function):
    """Outside of transforms, where nothing but values and first derivatives should cost anything."""

    @staticmethod
    def forward(
        ctx: Any, program: Program, samples: Tensor, weights: Tensor, counts: Counts | None
    ) -> Tensor:
        on_its_way, outputs = _start(program, samples, weights, counts)
        if any(ctx.needs_input_grad):
            ctx.on_its_way, ctx.program, ctx.counts = on_its_way, program, counts
            ctx.save_for_backward(samples, weights)
        return outputs

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        # Asked for in any case: so torch refuses tensors that have changed in place, which the kernels read again.
        samples, weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            by_sample, by_weight, _ = _sweep(
                ctx.program, samples[None], weights.reshape(1, -1), cotangents[None], ctx.counts
            )
            swept = by_sample[0], by_weight.reshape(weights.shape)
        else:
            swept = _turn_back(ctx.on_its_way, cotangents, ctx.counts)
        return None, *_needed(ctx, swept), None


class _Transformed(torch.autograd.Function):
    """Under ``torch.func``, which wants the context set up apart, a rule for batches and forward-mode derivatives."""

    @staticmethod
    def forward(program: Program, samples: Tensor, weights: Tensor, counts: Counts | None) -> Tensor:
        return _start(program, samples, weights, counts)[1]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.program, samples, weights, ctx.counts = inputs
        ctx.save_for_backward(samples, weights)
        ctx.save_for_forward(samples, weights)

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        samples, weights = ctx.saved_tensors
        by_sample, by_weight, _ = _sweep(
            ctx.program, samples[None], weights[None], cotangents[None], ctx.counts
        )
        return None, *_needed(ctx, (by_sample[0], by_weight[0])), None

    @staticmethod
    def jvp(ctx: Any, _: None, samples: Tensor | None, weights: Tensor | None, __: None) -> Tensor:
        pushed: Tensor = _push(
            lambda *point: run_on_torch(ctx.program, *point), ctx.saved_tensors, (samples, weights)
        )
        return pushed

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        program: Program,
        samples: Tensor,
        weights: Tensor,
        counts: Counts | None,
    ) -> Any:
        if in_dims[2] is None:
            many = samples.movedim(in_dims[1] or 0, 0)
            outputs = _Transformed.apply(program, many.flatten(end_dim=1), weights, counts)
            return outputs.unflatten(0, many.shape[:2]), 0
        each = _one_by_one(info.batch_size, in_dims[1:3], samples, weights)
        return torch.stack([_Transformed.apply(program, *one, counts) for one in each]), 0


class _Sweep(torch.autograd.Function):
    """The derivatives by samples, weights and cotangents, from an adjoint sweep that can itself be differentiated.

    Its arguments and results have a further first dimension, of the parts of hyper-dual numbers (see
    :mod:`qlayers.simulator.kernels.hyperdual`); there is one part at first, and twice as many in each derivative. What
    is swept is a gradient, so that its Jacobian is symmetric: to pull cotangents back and to push tangents forward are
    one sweep along them, except that parts are counted backward in the first.
    """

    @staticmethod
    def forward(
        program: Program, samples: Tensor, weights: Tensor, cotangents: Tensor, counts: Counts | None
    ) -> tuple[Tensor, ...]:
        if len(samples) == 1:
            on_its_way, outputs = _start(program, samples[0], weights[0], None)
            by_sample, by_weight = _turn_back(on_its_way, cotangents[0], counts)
            return by_sample[None], by_weight[None], outputs[None]
        if counts is not None:
            counts.add_sweep(samples.shape[1])
        return on_cpu.sweep_over_parts(program, samples, weights, cotangents)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.program, samples, weights, cotangents, ctx.counts = inputs
        ctx.save_for_backward(samples, weights, cotangents)
        ctx.save_for_forward(samples, weights, cotangents)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        swept = _sweep_along(ctx, [cotangent.flip(0) for cotangent in cotangents])
        return None, *(gradient.flip(0) for gradient in swept), None

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        return _sweep_along(ctx, tangents[:3])

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        program: Program,
        samples: Tensor,
        weights: Tensor,
        cotangents: Tensor,
        counts: Counts | None,
    ) -> Any:
        # One sweep each, since each has a gradient of its own with respect to the weights.
        each = _one_by_one(info.batch_size, in_dims[1:4], samples, weights, cotangents)
        swept = [_Sweep.apply(program, *one, counts) for one in each]
        return tuple(torch.stack(gradients) for gradients in zip(*swept, strict=True)), (0, 0, 0)


def _sweep_along(ctx: Any, directions: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The derivative of a sweep along directions, of which None is zero."""
    samples, weights, cotangents = (
        torch.cat([values, torch.zeros_like(values) if direction is None else direction])
        for values, direction in zip(ctx.saved_tensors, directions, strict=True)
    )
    swept = _sweep(ctx.program, samples, weights, cotangents, ctx.counts)
    return tuple(values.chunk(2)[1] for values in swept)


def _sweep(
    program: Program, samples: Tensor, weights: Tensor, cotangents: Tensor, counts: Counts | None
) -> tuple[Tensor, ...]:
    """See :class:`_Sweep`."""
    if _nests_forward_mode():
        return sweep_on_torch(program, samples, weights, cotangents)
    swept: tuple[Tensor, ...] = _Sweep.apply(program, samples, weights, cotangents, counts)
    return swept


def _nests_forward_mode() -> bool:
    """Whether forward-mode derivatives are taken of forward-mode derivatives.

    Torch switches forward mode off for as long as the ``jvp`` of a Function runs, so that its derivative would silently
    be zero (pytorch/pytorch#197867).
    """
    stack = torch._C._functorch.get_interpreter_stack() or ()
    return sum(level.key() == torch._C._functorch.TransformType.Jvp for level in stack) > 1


def _start(
    program: Program, samples: Tensor, weights: Tensor, counts: Counts | None
) -> tuple[on_cpu.Pass, Tensor]:
    if counts is not None:
        counts.add_run(len(samples))
    on_its_way = on_cpu.Pass(program, samples, weights)
    return on_its_way, on_its_way.forward()


def _turn_back(on_its_way: on_cpu.Pass, cotangents: Tensor, counts: Counts | None) -> tuple[Tensor, Tensor]:
    if counts is not None:
        counts.add_sweep(len(cotangents))
    return on_its_way.backward(cotangents)


def _needed(ctx: Any, swept: tuple[Tensor, Tensor]) -> tuple[Tensor | None, ...]:
    return tuple(
        gradient if needed else None
        for gradient, needed in zip(swept, ctx.needs_input_grad[1:3], strict=True)
    )


def _push(
    function: Callable[..., Any], primals: tuple[Tensor, ...], tangents: tuple[Tensor | None, ...]
) -> Any:
    """The derivative of a function along the tangents, of which None is zero."""
    # Torch lays a tangent out like its primal, which it cannot where an expanded one has one number in many places:
    # the cotangents of a sum are such.
    dense = tuple(primal.contiguous() for primal in primals)
    full = tuple(
        torch.zeros_like(primal) if tangent is None else tangent
        for primal, tangent in zip(dense, tangents, strict=True)
    )
    return torch.func.jvp(function, dense, full)[1]


def _one_by_one(size: int, dims: tuple[int | None, ...], *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """The entries along each tensor's dimension of ``dims``; where that is None, the tensor itself every time."""
    columns = [
        [tensor] * size if dim is None else tensor.unbind(dim)
        for tensor, dim in zip(tensors, dims, strict=True)
    ]
    return list(zip(*columns, strict=True))
