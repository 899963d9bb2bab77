"""PennyLane without its looks at the values of data, while a circuit is only being looked at.

* It looks at the norm of ``qp.StatePrep`` and ``qp.AmplitudeEmbedding`` to decide whether to divide by it. For a
  look, a state that is to be normalised is divided by its norm, and one whose norm is to be checked is taken as it is;
  :class:`qlayers.simulator.initial_state.PreparedState` checks the norms when the circuit runs.
* It looks at the determinant of a controlled gate of one qubit to choose its decomposition. That of a rotation is 1
  whatever its angle, and that of a phase is not. Angles are taken for not zero.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pennylane as qp
import torch
from pennylane.ops.op_math import controlled
from pennylane.ops.op_math.decompositions import controlled_decompositions

from qlayers._layer.guarded import one_at_a_time

_ROTATIONS = (qp.RX, qp.RY, qp.RZ, qp.Rot)
_PHASES = (qp.PhaseShift, qp.GlobalPhase, qp.U1, qp.U2, qp.U3)


def checks_norm(preparation: qp.StatePrep) -> bool:
    """Whether PennyLane refuses amplitudes whose norm is not 1."""
    settings = preparation.hyperparameters
    return bool(settings["validate_norm"]) and not settings["normalize"] and settings["pad_with"] is None


@contextmanager
def values_unseen() -> Iterator[None]:
    """Let PennyLane not look at amplitudes and determinants in tensors, in what this thread does meanwhile."""
    prepare, owner = qp.StatePrep._preprocess, threading.get_ident()
    is_not_zero = controlled_decompositions._not_zero
    is_special = controlled._is_single_qubit_special_unitary

    def is_not_zero_unseen(angle: Any) -> bool:
        # A gate that turns by an angle of 0 does nothing, so that it may stand there.
        return (threading.get_ident() == owner and isinstance(angle, torch.Tensor)) or bool(
            is_not_zero(angle)
        )

    def is_special_unseen(gate: Any) -> bool:
        is_seen = threading.get_ident() != owner or not any(isinstance(v, torch.Tensor) for v in gate.data)
        base = getattr(gate, "base", gate)
        if is_seen or not isinstance(base, (*_ROTATIONS, *_PHASES)):
            return bool(is_special(gate))
        return isinstance(base, _ROTATIONS)

    def prepare_unseen(state: Any, wires: Any, pad_with: Any, normalize: bool, validate_norm: bool) -> Any:
        if threading.get_ident() != owner or not isinstance(state, torch.Tensor):
            return prepare(state, wires, pad_with=pad_with, normalize=normalize, validate_norm=validate_norm)
        n_amplitudes = 2 ** len(qp.wires.Wires(wires))
        if state.shape[-1] > n_amplitudes or (pad_with is None and state.shape[-1] != n_amplitudes):
            return prepare(state, wires, pad_with=pad_with, normalize=normalize, validate_norm=validate_norm)
        if not (state.is_floating_point() or state.is_complex()):
            state = state.to(torch.get_default_dtype())
        if state.shape[-1] < n_amplitudes:
            state = torch.nn.functional.pad(state, (0, n_amplitudes - state.shape[-1]), value=pad_with)
        if normalize or pad_with is not None:
            state = state / torch.linalg.vector_norm(state, dim=-1, keepdim=True)
        return state

    with (
        one_at_a_time,
        mock.patch.object(qp.StatePrep, "_preprocess", staticmethod(prepare_unseen)),
        mock.patch.object(controlled, "_is_single_qubit_special_unitary", is_special_unseen),
        mock.patch.object(controlled_decompositions, "_not_zero", is_not_zero_unseen),
    ):
        yield
