"""Gradients with respect to amplitudes, from further circuits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from qlayers._layer.guarded import first_derivatives

_ONCE = (
    "Derivatives by amplitudes come from further circuits here, and are first derivatives only. For second "
    "derivatives, gradient penalties and Hessians, choose a backend that has them: auto, batched, default_qubit, or "
    "noisy with shots=null and gradient=auto."
)

Run = Callable[[torch.Tensor], torch.Tensor]


def differentiate_amplitudes(inputs: torch.Tensor, outputs: torch.Tensor, run: Run) -> torch.Tensor:
    """Give outputs of amplitude-encoded inputs a gradient with respect to the inputs.

    Every output is a quadratic form ``h(ψ) = ⟨ψ|M|ψ⟩`` of the normalised inputs, so that the gradient with respect to
    amplitude i is exactly ``(h(ψ + e_i) - h(ψ - e_i)) / 2``: two circuits a feature. Decomposing the state preparation
    into rotations instead, as PennyLane does for devices that do not backpropagate, gives NaN wherever neighbouring
    amplitudes vanish, as the padding's always do.

    Args:
        inputs: Shape ``(batch, n_features)``, not normalised.
        outputs: What ``run(inputs.detach())`` gave, shape ``(batch, n_outputs)``; keeps its gradient to the weights.
        run: Evaluates the circuit for inputs of shape ``(any, n_features)``.

    Returns:
        The outputs, differentiable with respect to the inputs too, once: a second derivative raises DerivativeError.
    """
    attached: torch.Tensor = _Attach.apply(inputs, outputs, run)
    return attached


class _Attach(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, outputs: torch.Tensor, run: Run) -> torch.Tensor:
        ctx.save_for_backward(inputs, outputs)
        ctx.run = run
        return outputs.clone()

    @staticmethod
    def backward(ctx: Any, cotangents: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, None]:
        if not ctx.needs_input_grad[0]:
            return None, cotangents, None
        inputs, outputs = ctx.saved_tensors
        with torch.no_grad():
            found = _Attach._by_inputs(ctx.run, inputs, cotangents)
        # It depends on the weights too, from which the outputs come.
        (found,) = first_derivatives([found], [inputs, outputs, cotangents], _ONCE)
        return found, cotangents, None

    @staticmethod
    def _by_inputs(run: Run, inputs: torch.Tensor, cotangents: torch.Tensor) -> torch.Tensor:
        n_features = inputs.shape[-1]
        norms = torch.linalg.vector_norm(inputs, dim=-1, keepdim=True)
        states = inputs / norms
        steps = torch.eye(n_features, dtype=inputs.dtype, device=inputs.device)
        shifted = torch.stack(
            [states[:, None] + steps, states[:, None] - steps]
        )  # (2, batch, n_features, n_features)
        sizes = torch.linalg.vector_norm(shifted, dim=-1)
        # A shift may meet the zero vector, on which every quadratic form is zero; any state will do in its place.
        vanished = sizes < 1e-6
        shifted = torch.where(vanished[..., None], steps[0], shifted)
        forms = run(shifted.reshape(-1, n_features)).reshape(*sizes.shape, -1)
        forms = forms * torch.where(vanished, 0.0, sizes**2)[..., None]
        by_state = ((forms[0] - forms[1]) / 2 * cotangents[:, None, :]).sum(dim=-1)  # (batch, n_features)
        radial = (by_state * states).sum(dim=-1, keepdim=True) * states
        return (by_state - radial) / norms
