"""A hybrid whose circuit stays as it was drawn: is it the training of the circuit that helps?"""

from __future__ import annotations

from torch import nn

from models.hybrid.circuit_model import CircuitModel, require_gradient_path


class FrozenCircuit(CircuitModel):
    """A hybrid that trains its classical layers around random gates; arguments as in `CircuitModel`.

    The circuit's weights are drawn as the hybrid's are and never change. Gradients pass through it to a trainable
    reduction, so it is executed as often as in the hybrid; without one it is only evaluated.

    Raises:
        ConfigurationError: as `Hybrid`.
    """

    def __init__(self, reduction: nn.Module, circuit: nn.Module, head: nn.Module, bound: bool = True) -> None:
        super().__init__(reduction, circuit, head, bound)
        self.circuit.requires_grad_(False)

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        require_gradient_path(reduction, circuit)
