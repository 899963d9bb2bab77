"""Looking at a tensor's values where ``torch.func`` transforms it and only the innermost call has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Look = Callable[[torch.Tensor], object]


def look(tensor: torch.Tensor, at: Look) -> None:
    """Call ``at`` with the tensor, or under transforms with the tensor of values behind it, all at once."""
    if torch._C._are_functorch_transforms_active():
        _Looked.apply(tensor, at)
    else:
        at(tensor)


class _Looked(torch.autograd.Function):
    @staticmethod
    def forward(tensor: torch.Tensor, at: Look) -> torch.Tensor:
        at(tensor)
        return tensor.new_empty(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], tensor: torch.Tensor, at: Look) -> Any:
        return _Looked.apply(tensor if in_dims[0] is None else tensor.movedim(in_dims[0], 0), at), None

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        return None
