"""A hybrid without its circuit: do the classical layers around it do the work?"""

from __future__ import annotations

from torch import Tensor, nn

from models.hybrid.circuit_model import CircuitModel
from qlayers.encodings import Encoding


class WithoutCircuit(CircuitModel):
    """The hybrid's reduction, bounds and head, and nothing between them.

    Args:
        reduction: (*batch, n_inputs) → (*batch, n_features).
        encoding: the hybrid's, of which only the range is read.
        head: (*batch, n_features) → (*batch, n_outputs); where the hybrid's takes another number of values, it is
            another head.
        n_features: what the circuit would be given.
        bound: whether to squash features into the range that the encoding declares.

    Raises:
        ConfigurationError: if two neighbours declare sizes that do not meet.
    """

    def __init__(
        self, reduction: nn.Module, encoding: Encoding, head: nn.Module, n_features: int, bound: bool = True
    ) -> None:
        super().__init__(reduction, NoCircuit(encoding, n_features), head, bound)

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        """Any reduction learns: nothing stops a gradient."""

    def check_inputs(self, inputs: Tensor) -> None:
        """Refuses nothing: what an encoding cannot take, a head can."""


class NoCircuit(nn.Module):
    """Where the circuit was: hands on what it is given, and declares what `CircuitModel` reads."""

    def __init__(self, encoding: Encoding, n_features: int) -> None:
        super().__init__()
        self.encoding = encoding
        self.n_features = self.n_outputs = n_features

    def forward(self, features: Tensor) -> Tensor:
        return features
