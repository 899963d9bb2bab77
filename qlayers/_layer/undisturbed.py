"""Torch as it is outside of whatever a caller has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import _disable_current_modes


@contextmanager
def undisturbed() -> Iterator[None]:
    """Meanwhile, torch computes and differentiates tensors made here as a fresh process would.

    A circuit is looked at when it first runs, which may be under ``torch.no_grad``, ``torch.inference_mode``,
    ``torch.autocast``, ``torch.utils.checkpoint``, ``with torch.device(…)`` or the transforms of ``torch.func``. None
    of these is meant for the look, and most would break it. The caller's own tensors do not belong in here: outside of
    its transform, one that is transformed has no values.
    """
    transformed = torch._C._are_functorch_transforms_active()
    with ExitStack() as stack:
        stack.enter_context(temporarily_clear_interpreter_stack())
        stack.enter_context(_disable_current_modes())
        if torch.get_default_device().type != "cpu":  # a device's context slows every operation down
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        if not transformed:  # which excludes hooks, the caller's and these
            stack.enter_context(saved_tensors_hooks(_as_it_is, _as_it_is))
        yield


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor
