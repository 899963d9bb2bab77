"""What a network's raw outputs mean: the loss they are trained on and the predictions they stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from study.fitting.learner import CLASSIFICATION, REGRESSION
from study.fitting.scaling import TargetScale, balanced_weights

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class Outputs(ABC):
    """The meaning of outputs (batch, n_outputs) under one task.

    Attributes:
        n_outputs: how many a row.
        monitored: name of the validation metric.
    """

    task: ClassVar[str]
    monitored: ClassVar[str]
    n_outputs: int

    @abstractmethod
    def encode(self, targets: np.ndarray, dtype: torch.dtype) -> Tensor:
        """Targets (n,) as the data has them → targets (n,) as the loss takes them."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar."""

    @abstractmethod
    def monitor(self, outputs: Tensor, targets: Tensor) -> float:
        """The validation metric over all validation rows."""

    @abstractmethod
    def decode(self, outputs: Tensor) -> np.ndarray:
        """Outputs (n, n_outputs) → predictions as `Learner.predict` gives them."""

    @abstractmethod
    def constants(self) -> dict[str, Any]:
        """What was taken from the training part and `decode` needs, as plain values."""


class ClassOutputs(Outputs):
    """Logits of n_classes classes, trained on the cross-entropy.

    Args:
        n_outputs: n_classes.
        weights: weight of each class in the loss, (n_classes,); None for equal weights. The loss of a batch is the
            weighted mean, so that weights change the balance between classes and not the scale of the gradient.
    """

    task = CLASSIFICATION
    monitored = "accuracy"

    def __init__(self, n_outputs: int, weights: np.ndarray | None = None) -> None:
        self.n_outputs = n_outputs
        self._weights = None if weights is None else torch.from_numpy(weights)

    def encode(self, targets: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(targets, dtype=torch.int64)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        weights = None if self._weights is None else self._weights.to(outputs)
        return functional.cross_entropy(outputs, targets, weight=weights)

    def monitor(self, outputs: Tensor, targets: Tensor) -> float:
        return (outputs.argmax(dim=-1) == targets).double().mean().item()

    def decode(self, outputs: Tensor) -> np.ndarray:
        return outputs.double().softmax(dim=-1).numpy(force=True)

    def constants(self) -> dict[str, Any]:
        return {}


class NumberOutputs(Outputs):
    """One standardised number, trained on the mean squared error.

    Args:
        scale: mean and standard deviation of the training targets.
    """

    task = REGRESSION
    monitored = "rmse"  # in the target's units
    n_outputs = 1

    def __init__(self, scale: TargetScale) -> None:
        self._scale = scale

    def encode(self, targets: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(self._scale.standardise(targets), dtype=dtype)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(outputs.squeeze(-1), targets)

    def monitor(self, outputs: Tensor, targets: Tensor) -> float:
        error = (outputs.squeeze(-1) - targets).double()
        return error.square().mean().sqrt().item() * self._scale.deviation

    def decode(self, outputs: Tensor) -> np.ndarray:
        return self._scale.restore(outputs.squeeze(-1).double().numpy(force=True))

    def constants(self) -> dict[str, Any]:
        return {"target_mean": self._scale.mean, "target_deviation": self._scale.deviation}


def outputs_for(data: Prepared, class_weight: str | None) -> Outputs:
    """What outputs mean for this data; anything fitted is taken from its training part."""
    if data.task == REGRESSION:
        return NumberOutputs(TargetScale.of(data.train.targets))
    weights = balanced_weights(data.train.targets, data.n_outputs) if class_weight == "balanced" else None
    return ClassOutputs(data.n_outputs, weights)


def outputs_from(task: str, n_outputs: int, constants: dict[str, Any]) -> Outputs:
    """The same from what was stored; sufficient to decode."""
    if task == REGRESSION:
        return NumberOutputs(TargetScale(constants["target_mean"], constants["target_deviation"]))
    return ClassOutputs(n_outputs)
