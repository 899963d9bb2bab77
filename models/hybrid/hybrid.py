"""A hybrid: classical layers in front of the circuit and behind it, trained together."""

from __future__ import annotations

from torch import nn

from models.hybrid.circuit_model import CircuitModel, has_trainable_parameters
from qlayers.errors import ConfigurationError


class Hybrid(CircuitModel):
    """Any reduction, trainable or fitted, in front of a circuit; arguments as in `CircuitModel`.

    Raises:
        ConfigurationError: if a trainable reduction stands before an encoding through which no gradient flows: it
            would stay as it was drawn.
    """

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        encoding = getattr(circuit, "encoding", None)
        if has_trainable_parameters(reduction) and not getattr(encoding, "differentiable", True):
            raise ConfigurationError(
                f"No gradient flows through the encoding {type(encoding).__name__} to the trainable reduction "
                f"{type(reduction).__name__}, which would never learn. Use reduction=pca_threshold, which is fitted "
                "before training, or a differentiable encoding such as encoding=angle."
            )
