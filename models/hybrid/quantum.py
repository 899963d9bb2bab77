"""A quantum model: no trainable classical layer between the data and the circuit."""

from __future__ import annotations

from torch import nn

from models.hybrid.circuit_model import CircuitModel, has_trainable_parameters
from qlayers.errors import ConfigurationError


class Quantum(CircuitModel):
    """A circuit behind a reduction that is fitted or fixed; arguments as in `CircuitModel`.

    The head may be trainable: it is needed wherever the circuit measures another number of values than there are
    classes.

    Raises:
        ConfigurationError: if the reduction has trainable parameters.
    """

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        if has_trainable_parameters(reduction):
            count = sum(p.numel() for p in reduction.parameters() if p.requires_grad)
            raise ConfigurationError(
                f"model=quantum has no trainable classical layer in front of the circuit, but the reduction "
                f"{type(reduction).__name__} has {count} trainable parameters. Use reduction=pca, or model=hybrid."
            )
