"""The quantum layers inside a model: found, described, and asked whether they can take the data at all."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from qlayers import QuantumLayer
from qlayers.errors import InputError
from study.fitting.learner import Learner


def quantum_layers(model: nn.Module) -> list[QuantumLayer]:
    """The quantum layers in the order in which the model registers them."""
    return [module for module in model.modules() if isinstance(module, QuantumLayer)]


def layers_of(learner: Learner) -> list[QuantumLayer]:
    """The quantum layers of a learner's model; none for a learner that is no torch model."""
    model = getattr(learner, "model", None)
    return quantum_layers(model) if isinstance(model, nn.Module) else []


def describe_circuit(layer: QuantumLayer) -> dict[str, Any]:
    """What the layer is: its digest, its counts and its precision; independent of how it ran."""
    counts = layer.counts
    return {
        "digest": layer.digest,
        "n_qubits": counts.n_qubits,
        "circuit_depth": counts.circuit_depth,
        "gates": dict(counts.gates),
        "n_parameters": counts.n_parameters,
        "precision": str(layer.dtype).removeprefix("torch."),
    }


def describe_execution(learner: Learner) -> dict[str, Any]:
    """How the first quantum layer of a learner that was just fitted ran; interrupted parts of the fit included."""
    last_part = layers_of(learner)[0].execution.as_dict()
    return last_part | next(iter(getattr(learner, "executed", ())), {})


def circuit_features(model: nn.Module, inputs: torch.Tensor) -> tuple[QuantumLayer, torch.Tensor] | None:
    """The first quantum layer that the model runs and the features it is given, (n_rows, n_features).

    The circuit itself is not run. The features require a gradient exactly if something trainable lies before it.
    Returns None for a model that runs no quantum layer.
    """
    with ExitStack() as hooks:
        for layer in quantum_layers(model):
            hooks.callback(layer.register_forward_pre_hook(_intercept).remove)
        try:
            model(inputs)
        except _Intercepted as found:
            return found.layer, found.features
    return None


def refusals(layer: QuantumLayer, features: torch.Tensor) -> list[str | None]:
    """Why the layer's encoding cannot take a row, or None for a row that it can; features (n_rows, n_features)."""
    encoding = layer.encoding
    if encoding is None:
        return [None] * len(features)
    reasons: list[str | None] = []
    for row in features.detach():
        try:
            encoding.check_inputs(row[None])
        except InputError as error:
            # The layer saw this row alone and counts from there; its caller knows which row it is.
            reasons.append(str(error).replace("row 0 (1 in all)", "this row").replace("row 0 ", "this row "))
        else:
            reasons.append(None)
    return reasons


def n_outside(layer: QuantumLayer, features: torch.Tensor) -> int:
    """How many rows have a feature outside the range that the encoding declares."""
    declared = layer.encoding.input_range if layer.encoding is not None else None
    if declared is None:
        return 0
    low, high = declared
    slack = 1e-6 * (high - low)  # π itself is not a float
    outside = (features < low - slack) | (features > high + slack)
    return int(outside.any(dim=-1).sum())


class _Intercepted(Exception):  # noqa: N818 (a message to the caller, not an error)
    def __init__(self, layer: QuantumLayer, features: torch.Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.features = features


def _intercept(layer: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
    assert isinstance(layer, QuantumLayer)
    raise _Intercepted(layer, arguments[0])
