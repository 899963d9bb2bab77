"""Differentiable quantum layers for PyTorch."""

from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend
from qlayers.circuit import CircuitSpec
from qlayers.encodings import Encoding
from qlayers.errors import (
    ConfigurationError,
    ExecutionWarning,
    InputError,
    InputRangeWarning,
    QlayersError,
)
from qlayers.execution import Execution
from qlayers.layer import QuantumLayer
from qlayers.measurements import Measurement
from qlayers.tape import CircuitCounts

__all__ = [
    "Ansatz",
    "Backend",
    "CircuitCounts",
    "CircuitSpec",
    "ConfigurationError",
    "Encoding",
    "Execution",
    "ExecutionWarning",
    "InputError",
    "InputRangeWarning",
    "Measurement",
    "QlayersError",
    "QuantumLayer",
]
