"""Running a program on a batch, as a torch function that can be differentiated and transformed.

On the CPU the compiled kernels run, forwards and for first derivatives. Derivatives of these, and every other device,
take the same program through torch operations (see :mod:`qlayers.simulator.on_torch`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from qlayers.simulator import on_cpu
from qlayers.simulator.on_torch import run_on_torch
from qlayers.simulator.program import Program

OnBackward = Callable[[int], None] | None


def execute(program: Program, samples: Tensor, weights: Tensor, on_backward: OnBackward = None) -> Tensor:
    """Run a program.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)``, amplitudes of norm 1; float32 or float64.
        weights: Flat, the samples' dtype and device.
        on_backward: Told the number of samples when the kernels differentiate them.

    Returns:
        Shape ``(batch, n_outputs)``, differentiable any number of times with respect to samples and weights, and open
        to the transforms of ``torch.func``.
    """
    if samples.device.type != "cpu":
        return run_on_torch(program, samples, weights)
    outputs: Tensor = _Forward.apply(program, samples, weights, on_backward)[0]
    return outputs


class _Forward(torch.autograd.Function):
    """Gives the outputs and, for the way back, the final states; empty ones where these were not to be kept."""

    @staticmethod
    def forward(
        program: Program, samples: Tensor, weights: Tensor, on_backward: OnBackward
    ) -> tuple[Tensor, Tensor, Tensor]:
        return on_cpu.forward(program, samples, weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.program, samples, weights, ctx.on_backward = inputs
        _, re, im = output
        ctx.mark_non_differentiable(re, im)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(samples, weights, re, im)
        ctx.save_for_forward(samples, weights)

    @staticmethod
    def backward(
        ctx: Any, cotangents: Tensor | None, *_: None
    ) -> tuple[None, Tensor | None, Tensor | None, None]:
        if cotangents is None:
            return None, None, None, None
        arguments = (ctx.program, *ctx.saved_tensors, cotangents, ctx.on_backward)
        if torch.is_grad_enabled():
            by_sample, by_weight = _Backward.apply(*arguments)
        else:
            by_sample, by_weight = _Backward.forward(*arguments)
        needed = ctx.needs_input_grad
        return None, by_sample if needed[1] else None, by_weight if needed[2] else None, None

    @staticmethod
    def jvp(
        ctx: Any, _: None, samples: Tensor | None, weights: Tensor | None, __: None
    ) -> tuple[Tensor, None, None]:
        primals = ctx.saved_tensors
        tangents: Tensor = torch.func.jvp(
            lambda *point: run_on_torch(ctx.program, *point), primals, _tangents(primals, (samples, weights))
        )[1]
        return tangents, None, None

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        program: Program,
        samples: Tensor,
        weights: Tensor,
        on_backward: OnBackward,
    ) -> Any:
        if in_dims[2] is None:
            many = samples.movedim(in_dims[1] or 0, 0)
            outputs, *_ = _Forward.apply(program, many.flatten(end_dim=1), weights, on_backward)
            outputs = outputs.unflatten(0, many.shape[:2])
        else:
            outputs = torch.stack(
                [
                    _Forward.apply(program, *one, on_backward)[0]
                    for one in _one_by_one(info.batch_size, in_dims[1:3], samples, weights)
                ]
            )
        nothing = outputs.new_empty(0)
        return (outputs, nothing, nothing), (0, None, None)


class _Backward(torch.autograd.Function):
    """The adjoint sweep, itself a function with derivatives."""

    @staticmethod
    def forward(
        program: Program,
        samples: Tensor,
        weights: Tensor,
        re: Tensor,
        im: Tensor,
        cotangents: Tensor,
        on_backward: OnBackward,
    ) -> tuple[Tensor, Tensor]:
        if on_backward is not None:
            on_backward(len(samples))
        if not re.numel():
            _, re, im = on_cpu.forward(program, samples, weights)
        return on_cpu.backward(program, samples, weights, re, im, cotangents)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.program, samples, weights, _, _, cotangents, _ = inputs
        ctx.save_for_backward(samples, weights, cotangents)
        ctx.save_for_forward(samples, weights, cotangents)

    @staticmethod
    def backward(ctx: Any, by_sample: Tensor, by_weight: Tensor) -> tuple[Tensor | None, ...]:
        pull = torch.func.vjp(_sweep_on_torch(ctx.program), *ctx.saved_tensors)[1]
        samples, weights, cotangents = pull((by_sample, by_weight))
        return None, samples, weights, None, None, cotangents, None

    @staticmethod
    def jvp(
        ctx: Any,
        _: None,
        samples: Tensor | None,
        weights: Tensor | None,
        re: Tensor | None,
        im: Tensor | None,
        cotangents: Tensor | None,
        __: None,
    ) -> tuple[Tensor, Tensor]:
        primals = ctx.saved_tensors
        tangents = _tangents(primals, (samples, weights, cotangents))
        pushed: tuple[Tensor, Tensor] = torch.func.jvp(_sweep_on_torch(ctx.program), primals, tangents)[1]
        return pushed

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        program: Program,
        samples: Tensor,
        weights: Tensor,
        re: Tensor,
        im: Tensor,
        cotangents: Tensor,
        on_backward: OnBackward,
    ) -> Any:
        # One sweep each, since each has a gradient of its own with respect to the weights.
        dims = (*in_dims[1:3], in_dims[5])
        nothing = samples.new_empty(0)
        swept = [
            _Backward.apply(program, *point, nothing, nothing, cotangent, on_backward)
            for *point, cotangent in _one_by_one(info.batch_size, dims, samples, weights, cotangents)
        ]
        by_sample, by_weight = zip(*swept, strict=True)
        return (torch.stack(by_sample), torch.stack(by_weight)), (0, 0)


def _sweep_on_torch(program: Program) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    def sweep(samples: Tensor, weights: Tensor, cotangents: Tensor) -> tuple[Tensor, ...]:
        pull = torch.func.vjp(lambda *point: run_on_torch(program, *point), samples, weights)[1]
        gradients: tuple[Tensor, ...] = pull(cotangents)
        return gradients

    return sweep


def _tangents(primals: tuple[Tensor, ...], tangents: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
    return tuple(
        torch.zeros_like(primal) if tangent is None else tangent
        for primal, tangent in zip(primals, tangents, strict=True)
    )


def _one_by_one(size: int, dims: tuple[int | None, ...], *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """The entries along each tensor's dimension of ``dims``; where that is None, the tensor itself every time."""
    columns = [
        [tensor] * size if dim is None else tensor.unbind(dim)
        for tensor, dim in zip(tensors, dims, strict=True)
    ]
    return list(zip(*columns, strict=True))
