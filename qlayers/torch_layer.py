"""A drop-in for PennyLane's TorchLayer."""

from __future__ import annotations

from typing import ClassVar

import pennylane as qp

from qlayers._layer.weights import InitMethod, WeightShapes
from qlayers.layer import QuantumLayer


class TorchLayer(QuantumLayer):
    """``qp.qnn.TorchLayer`` with the same arguments, attributes, shapes and numbers, run by qlayers.

    Unlike :meth:`QuantumLayer.from_qnode`, it computes in the inputs' precision, gives results of a tuple along a new
    first dimension (from PennyLane 0.46 on side by side), and takes the name of the data argument from the class, as
    TorchLayer does.

    Args:
        qnode: Takes the data as the argument ``inputs``, and the weights by name.
        weight_shapes: The shape of each weight by argument name.
        init_method: A function from ``torch.nn.init``, or functions and tensors by name. Uniform on [0, 2π) when None.

    Raises:
        ConfigurationError: The QNode's arguments and ``weight_shapes`` do not fit together. It is also a TypeError,
            ValueError or KeyError where TorchLayer raises these.

    >>> import torch
    >>> @qp.qnode(qp.device("default.qubit", wires=2))
    ... def circuit(inputs, weights):
    ...     qp.AngleEmbedding(inputs, wires=[0, 1])
    ...     qp.BasicEntanglerLayers(weights, wires=[0, 1])
    ...     return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]
    >>> layer = TorchLayer(circuit, {"weights": (3, 2)})
    >>> layer(torch.rand(5, 2)).shape
    torch.Size([5, 2])
    """

    _class_input_arg: ClassVar[str] = "inputs"
    # From PennyLane 0.46 on TorchLayer has them side by side.
    _stacks_tuples = tuple(map(int, qp.version().split(".")[:2])) < (0, 46)
    _follows_inputs = True

    def __init__(self, qnode: qp.QNode, weight_shapes: WeightShapes, init_method: InitMethod = None) -> None:
        self._wrap(qnode, weight_shapes, init_method, TorchLayer._class_input_arg, None, None, "auto")

    def __repr__(self) -> str:
        return f"<Quantum Torch Layer: func={self._function.__name__}>"

    __str__ = __repr__

    @staticmethod
    def set_input_argument(input_name: str = "inputs") -> None:
        """Set the name of the data argument of the layers that are made from now on."""
        TorchLayer._class_input_arg = input_name
