"""Whether training can work at all, found out before a run folder is made."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from qlayers.errors import InputError, QlayersError
from study.data.prepare import Part, Prepared
from study.errors import StudyError
from study.fitting.learner import Learner
from study.fitting.paid import unpaid
from study.run.circuits import circuit_features, quantum_layers, refusals


def preflight(learner: Learner, data: Prepared) -> None:
    """Ask the learner whether it can serve the data; a torch model also takes one step there and back.

    Leaves a torch model with its reductions fitted, no gradients, no executions counted, and the random streams where
    they were. Nothing is bought for it.

    Raises:
        StudyError: naming what does not fit.
        QlayersError: what a layer says about sizes and inputs; rows are named by their place in the data.
    """
    model = getattr(learner, "model", None)
    if not isinstance(model, nn.Module):
        learner.check(data)
        return
    try:
        learner.check(data)
    except InputError:
        _check_encodings(model, data)  # names the rows, where it is about rows
        raise
    was_training = model.training
    try:
        # In training mode a normalisation would learn from what is only tried here.
        model.eval()
        with torch.random.fork_rng(devices=[]):
            _check_encodings(model, data)
            _step_back(unpaid(model), torch.as_tensor(data.train.inputs[:2], dtype=_dtype(model)))
    finally:
        model.train(was_training)
        model.zero_grad(set_to_none=True)
        for layer in quantum_layers(model):
            layer.reset_execution()


def _check_encodings(model: nn.Module, data: Prepared) -> None:
    for part in data.at_hand:
        _check_encoding(model, part)


def _check_encoding(model: nn.Module, part: Part) -> None:
    """Refuse rows that no circuit can be made of. What a trainable layer gives the circuit is not settled yet."""
    found = circuit_features(model, torch.as_tensor(part.inputs, dtype=_dtype(model)))
    if found is None or found[1].requires_grad:
        return
    reasons = np.array(refusals(*found), dtype=object)
    refused = np.flatnonzero([reason is not None for reason in reasons])
    if len(refused):
        which = ", ".join(map(str, part.rows[refused[:5]])) + (" …" if len(refused) > 5 else "")
        raise InputError(f"{reasons[refused[0]]} (Rows of the data that it cannot take: {which}.)")


def _step_back(model: nn.Module, rows: torch.Tensor) -> None:
    try:
        model(rows).square().sum().backward()
    except (QlayersError, StudyError):
        raise
    except Exception as error:
        raise StudyError(
            f"No gradient could be taken through the model {type(model).__name__}: {type(error).__name__}: {error}"
        ) from error


def _dtype(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype
