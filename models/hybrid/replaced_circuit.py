"""A hybrid with a small classical network where its circuit was: would any function of this size do?"""

from __future__ import annotations

from torch import nn

from models.classical.mlp import matched_width
from models.hybrid.circuit_model import CircuitModel
from models.hybrid.sizes import features_in, features_out
from qlayers.errors import ConfigurationError


class ReplacedCircuit(CircuitModel):
    """The hybrid's reduction, bounds and head around a network with about as many parameters as its circuit.

    The network is linear → tanh → linear: smooth, as a circuit is. Its width is the one that comes closest to the
    circuit's number of parameters, and at least 1, so that it is larger than a very small circuit.

    Args:
        reduction: (*batch, n_inputs) → (*batch, n_features).
        replaced: the circuit. Its sizes, its number of parameters and its encoding's range are read; it is not kept
            and never run.
        head: (*batch, n_measured) → (*batch, n_outputs).
        bound: whether to squash features into the range that the encoding declares.

    Raises:
        ConfigurationError: if the circuit does not declare how many values it takes and gives, or two neighbours
            declare sizes that do not meet.
    """

    def __init__(
        self, reduction: nn.Module, replaced: nn.Module, head: nn.Module, bound: bool = True
    ) -> None:
        super().__init__(reduction, replaced, head, bound)
        self.circuit = _network_like(replaced)

    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        """Any reduction learns, because the network lets gradients through whatever the encoding."""


def _network_like(circuit: nn.Module) -> nn.Sequential:
    n_features, n_measured = features_in(circuit), features_out(circuit)
    if n_features is None or n_measured is None:
        raise ConfigurationError(
            f"ReplacedCircuit cannot stand in for {type(circuit).__name__}, which does not declare how many values a "
            "row it takes and gives. Give it the attributes n_features and n_outputs."
        )
    n_parameters = sum(weights.numel() for weights in circuit.parameters())
    width = matched_width(n_features, n_measured, n_parameters)
    return nn.Sequential(nn.Linear(n_features, width), nn.Tanh(), nn.Linear(width, n_measured))
