"""A hybrid: classical layers in front of the circuit and behind it, trained together."""

from __future__ import annotations

from torch import nn

from models.hybrid.circuit_model import CircuitModel, require_gradient_path


class Hybrid(CircuitModel):
    """Any reduction, trainable or fitted, in front of a circuit; arguments as in `CircuitModel`.

    Raises:
        ConfigurationError: if a trainable reduction stands before an encoding through which no gradient flows: it
            would stay as it was drawn.
    """

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        require_gradient_path(reduction, circuit)
