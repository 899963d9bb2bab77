"""What all models around one circuit share: reduction → bound → circuit → head."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from models.hybrid.sizes import features_in, features_out
from qlayers.errors import ConfigurationError, InputError


class CircuitModel(nn.Module, ABC):
    """Reduce the features, bound them to what the encoding takes, run the circuit, read the result with a head.

    Abstract: subclasses say which reductions they admit.

    Where the circuit's encoding declares an input range and takes real numbers, the reduced features x are squashed
    smoothly into it, lo + (hi - lo) (1 + tanh x) / 2, so that no two inputs meet again after a full turn of an angle.
    Bits are left as they are.

    Args:
        reduction: (*batch, n_inputs) → (*batch, n_features).
        circuit: (*batch, n_features) → (*batch, n_measured); a `qlayers.QuantumLayer` or any module. Read where
            present: `n_features`, `n_outputs`, `encoding.input_range`, `encoding.differentiable`.
        head: (*batch, n_measured) → (*batch, n_outputs).
        bound: whether to squash.

    Raises:
        ConfigurationError: if two neighbours declare sizes that do not meet, naming both.
    """

    def __init__(self, reduction: nn.Module, circuit: nn.Module, head: nn.Module, bound: bool = True) -> None:
        super().__init__()
        self._admit(reduction, circuit)
        _require_meeting(reduction, circuit, head)
        self.reduction = reduction
        self.circuit = circuit
        self.head = head
        encoding = getattr(circuit, "encoding", None)
        takes_numbers = getattr(encoding, "differentiable", True)
        self.input_range: tuple[float, float] | None = (
            getattr(encoding, "input_range", None) if bound and takes_numbers else None
        )

    @abstractmethod
    def _admit(self, reduction: nn.Module, circuit: nn.Module) -> None:
        """Raise ConfigurationError if the reduction may not stand before this circuit."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (*batch, n_inputs) to (*batch, n_outputs)."""
        return self.head(self.circuit(self.features(inputs)))

    def features(self, inputs: Tensor) -> Tensor:
        """What the circuit is given: (*batch, n_inputs) → (*batch, n_features).

        Raises:
            InputError: if the reduction does not give as many features as the circuit takes.
        """
        features = self.reduction(inputs)
        expected = features_in(self.circuit)
        if expected is not None and features.shape[-1] != expected:
            # Reductions that declare no size, such as Identity, can only be checked here.
            raise InputError(
                f"The reduction {_name(self.reduction)} turns {inputs.shape[-1]} inputs into {features.shape[-1]} "
                f"features, but the circuit takes {expected}. Set n_features={features.shape[-1]}, or choose a "
                f"reduction to {expected} features."
            )
        if self.input_range is not None:
            low, high = self.input_range
            features = low + (high - low) * (1 + torch.tanh(features)) / 2
        return features

    def check_inputs(self, inputs: Tensor) -> None:
        """Refuse rows (n, n_inputs) that the encoding cannot take, without running the circuit.

        Raises:
            InputError: as the encoding says.
        """
        if callable(check := getattr(getattr(self.circuit, "encoding", None), "check_inputs", None)):
            with torch.no_grad():
                check(self.features(inputs))


def has_trainable_parameters(module: nn.Module) -> bool:
    """Whether an optimizer would change anything in the module."""
    return any(parameter.requires_grad for parameter in module.parameters())


def require_gradient_path(reduction: nn.Module, circuit: nn.Module) -> None:
    """Raise ConfigurationError if the reduction is trainable and the circuit's encoding stops its gradient."""
    encoding = getattr(circuit, "encoding", None)
    if has_trainable_parameters(reduction) and not getattr(encoding, "differentiable", True):
        raise ConfigurationError(
            f"No gradient flows through the encoding {type(encoding).__name__} to the trainable reduction "
            f"{type(reduction).__name__}, which would never learn. Use reduction=pca_threshold, which is fitted "
            "before training, or a differentiable encoding such as encoding=angle."
        )


def _require_meeting(reduction: nn.Module, circuit: nn.Module, head: nn.Module) -> None:
    """Raise ConfigurationError where a declared output size differs from the next declared input size."""
    for giver, given, taker, taken in (
        (
            f"reduction {_name(reduction)}",
            features_out(reduction),
            f"circuit {_name(circuit)}",
            features_in(circuit),
        ),
        (f"circuit {_name(circuit)}", features_out(circuit), f"head {_name(head)}", features_in(head)),
    ):
        if given is not None and taken is not None and given != taken:
            raise ConfigurationError(
                f"The {giver} gives {given} values a row, but the {taker} takes {taken}. Make the two equal."
            )


def _name(module: nn.Module) -> str:
    return type(module).__name__
