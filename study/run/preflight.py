"""Whether training can work at all, found out before a run folder is made."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from qlayers.errors import InputError, QlayersError
from study.data.prepare import Part, Prepared
from study.errors import StudyError
from study.fitting.learner import Learner
from study.run.circuits import circuit_features, quantum_layers, refusals


def preflight(learner: Learner, data: Prepared) -> None:
    """Ask the learner whether it can serve the data; a torch model also takes one step there and back.

    Leaves the model as the learner's own check leaves it: reductions fitted, no gradients, no executions counted,
    the random streams where they were.

    Raises:
        StudyError: naming what does not fit.
        QlayersError: what a layer says about sizes and inputs.
    """
    learner.check(data)
    model = getattr(learner, "model", None)
    if not isinstance(model, nn.Module):
        return
    dtype = next(model.parameters()).dtype
    was_training = model.training
    try:
        with torch.random.fork_rng(devices=[]):
            model.eval()  # in training mode a normalisation would learn from what is only tried here
            for part in (data.train, data.validation, data.test):
                _check_encoding(model, part, dtype)
            _step_back(model, torch.as_tensor(data.train.inputs[:2], dtype=dtype))
    finally:
        model.train(was_training)
        model.zero_grad(set_to_none=True)
        for layer in quantum_layers(model):
            layer.reset_execution()


def _check_encoding(model: nn.Module, part: Part, dtype: torch.dtype) -> None:
    """Refuse rows that no circuit can be made of. What a trainable layer gives the circuit is not settled yet."""
    found = circuit_features(model, torch.as_tensor(part.inputs, dtype=dtype))
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
