"""Differentiable quantum layers for PyTorch."""

from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend
from qlayers.circuit import CircuitSpec
from qlayers.encodings import Encoding
from qlayers.errors import (
    ConfigurationError,
    DerivativeError,
    ExecutionWarning,
    InputError,
    InputRangeWarning,
    QlayersError,
)
from qlayers.execution import Execution
from qlayers.layer import QuantumLayer
from qlayers.measurements import Measurement
from qlayers.tape import CircuitCounts
from qlayers.torch_layer import TorchLayer

__all__ = [
    "Ansatz",
    "Backend",
    "CircuitCounts",
    "CircuitSpec",
    "ConfigurationError",
    "DerivativeError",
    "Encoding",
    "Execution",
    "ExecutionWarning",
    "InputError",
    "InputRangeWarning",
    "Measurement",
    "QlayersError",
    "QuantumLayer",
    "TorchLayer",
]
