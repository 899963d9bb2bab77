"""Circuits on the device with every other simulator made to fail, and the reference one sample at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pennylane as qp
import torch
from pennylane.devices import DefaultQubit
from pennylane_lightning.lightning_qubit import LightningQubit

Circuit = Callable[[Sequence[torch.Tensor]], Any]


@contextmanager
def no_other_simulator() -> Iterator[None]:
    """Whoever runs a circuit on default.qubit or lightning.qubit meanwhile, fails."""
    refuse = mock.Mock(side_effect=AssertionError("execution was delegated"))
    with ExitStack() as stack:
        for device in (DefaultQubit, LightningQubit):
            for method in ("execute", "compute_derivatives", "compute_vjp", "execute_and_compute_vjp"):
                stack.enter_context(mock.patch.object(device, method, refuse))
        stack.enter_context(mock.patch("pennylane.devices.default_qubit.simulate", refuse))
        stack.enter_context(mock.patch("pennylane.devices.qubit.simulate.get_final_state", refuse))
        yield


def listed(values: Any) -> list[torch.Tensor]:
    """Results as a list, however many measurements there are."""
    return [torch.as_tensor(value) for value in (values if isinstance(values, tuple | list) else [values])]


def on_the_device(
    circuit: Circuit, parameters: Sequence[torch.Tensor], diff_method: str = "best", **options: Any
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Results, and the gradients of a number made of them, with all other simulators refusing."""
    with no_other_simulator():
        device = qp.device("qlayers.batched", **options)
        node = qp.QNode(circuit, device, interface="torch", diff_method=diff_method)
        values = listed(node(parameters))
        return values, gradients(values, parameters)


def reference(
    circuit: Circuit, parameters: Sequence[torch.Tensor], batched: Sequence[bool]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The same on default.qubit by backpropagation, one sample after the other."""
    node = qp.QNode(circuit, qp.device("default.qubit"), interface="torch", diff_method="backprop")
    if not any(batched):
        values = listed(node(parameters))
    else:
        rows = next(len(p) for p, is_batched in zip(parameters, batched, strict=True) if is_batched)
        samples = [
            listed(
                node([p[row] if is_batched else p for p, is_batched in zip(parameters, batched, strict=True)])
            )
            for row in range(rows)
        ]
        values = [torch.stack(parts) for parts in zip(*samples, strict=True)]
    # default.qubit gives the expectation of some sums as complex numbers.
    values = [value.real if value.ndim == any(batched) and value.is_complex() else value for value in values]
    return values, gradients(values, parameters)


def gradients(values: Sequence[torch.Tensor], parameters: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """By every parameter, of a sum in which every number of the results has its own weight."""
    total = torch.zeros((), dtype=torch.float64)
    for position, value in enumerate(values):
        parts = torch.view_as_real(value) if value.is_complex() else value
        weights = torch.linspace(1, 2, parts.numel(), dtype=torch.float64).reshape(parts.shape)
        total = total + (position + 1) * (weights * parts).sum()
    if not total.requires_grad:
        return [torch.zeros_like(parameter) for parameter in parameters]
    found = torch.autograd.grad(total, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Parameters between -2 and 2."""
    generator = torch.Generator().manual_seed(seed)
    return (4 * torch.rand(shape, generator=generator, dtype=torch.float64) - 2).requires_grad_()
