"""Basis states whose bits come from data, while a circuit is only being looked at.

PennyLane decides on the values which qubits ``qp.BasisState`` and ``qp.BasisEmbedding`` flip, so that a circuit has
other gates for every sample, and none for numbers that are no bits. For a look, every bit is the angle of a gate.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pennylane as qp
import torch
from pennylane.operation import Operation, Operator

from qlayers._layer.guarded import one_at_a_time


class FlipByBits(Operation):
    """Flips every qubit whose bit is 1: ``RX(π·bit)`` and the phase ``exp(iπ/2·bit)``, which together make X.

    Args:
        bits: Shape ``(n_wires,)``, any numbers.
        wires: The qubits.
    """

    num_params = 1
    ndim_params = (1,)
    grad_method = None

    def __init__(self, bits: torch.Tensor, wires: Any) -> None:
        super().__init__(bits, wires=wires)

    @staticmethod
    def compute_decomposition(*params: Any, wires: Any = None, **_: Any) -> list[Operator]:
        """Two gates a qubit."""
        gates: list[Operator] = []
        for bit, wire in zip(params[0], wires, strict=True):
            gates += [qp.RX(math.pi * bit, wires=wire), qp.GlobalPhase(-math.pi / 2 * bit, wires=wire)]
        return gates


@contextmanager
def bits_as_angles(stand_ins: torch.Tensor | None = None) -> Iterator[list[torch.Tensor]]:
    """Let basis states made of tensors be :class:`FlipByBits`, for what this thread does meanwhile.

    Args:
        stand_ins: Numbers that gates take in place of the bits, in the order in which the bits come.

    Yields:
        The bits themselves, one tensor a basis state, gathered as the quantum function runs.
    """
    prepare, owner = qp.BasisState.__init__, threading.get_ident()
    found: list[torch.Tensor] = []

    # PennyLane 0.45 takes an `id` besides, 0.46 does not.
    def prepare_or_flip(self: Any, state: Any, wires: Any, *label: Any, **named: Any) -> None:
        bits = _as_tensor(state) if threading.get_ident() == owner else None
        if bits is None:
            prepare(self, state, wires, *label, **named)
            return
        with qp.QueuingManager.stop_recording():
            prepare(self, torch.zeros(len(bits), dtype=torch.int64), wires)  # it checks their number
        start = sum(map(len, found))
        found.append(bits)
        self.__class__ = FlipByBits
        taken = bits if stand_ins is None else stand_ins[start : start + len(bits)]
        numbers = taken if taken.is_floating_point() else taken.to(torch.float64)
        FlipByBits.__init__(self, numbers, wires)

    with one_at_a_time, mock.patch.object(qp.BasisState, "__init__", prepare_or_flip):
        yield found


def _as_tensor(state: Any) -> torch.Tensor | None:
    """Bits that may depend on data, as a tensor; None for what PennyLane should take as it stands."""
    if isinstance(state, (list, tuple)) and any(isinstance(bit, torch.Tensor) for bit in state):
        entries: Sequence[torch.Tensor] = [torch.as_tensor(bit) for bit in state]
        state = torch.stack([entry.to(torch.float64) for entry in entries]) if _are_numbers(entries) else None
    return state if isinstance(state, torch.Tensor) and state.ndim == 1 else None


def _are_numbers(entries: Sequence[torch.Tensor]) -> bool:
    return all(entry.ndim == 0 for entry in entries)
