"""Forward and backward pass of a torch module, shared by the sides that are one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from problems import Data

from workers.side import Prepared, Results


class TorchStep(Prepared):
    """A function of inputs whose weights are parameters.

    Args:
        forward: (batch, n_features) → (batch, n_outputs).
        weights: The parameters, which hold the data's weights and make up their gradient in this order.
        data: Inputs and cotangents.
        dtype: Of both.
    """

    def __init__(
        self,
        forward: Callable[[torch.Tensor], torch.Tensor],
        weights: list[torch.Tensor],
        data: Data,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._forward, self._weights, self._shape = forward, weights, data.weights.shape
        self._inputs = torch.tensor(data.inputs, dtype=dtype, requires_grad=True)
        # As a mean over the batch has it: one row for all samples.
        self._cotangents = torch.tensor(data.cotangents, dtype=dtype).expand(len(data.inputs), -1)

    def step(self) -> None:
        """As in a training loop, the gradients of the last step are dropped."""
        self._drop_gradients()
        self._forward(self._inputs).backward(self._cotangents)

    def results(self) -> Results:
        """As numbers."""
        self._drop_gradients()
        outputs = self._forward(self._inputs)
        outputs.backward(self._cotangents)
        gradients = [weight.grad for weight in self._weights]
        assert self._inputs.grad is not None
        by_weights = torch.cat([gradient.reshape(-1) for gradient in gradients if gradient is not None])
        return Results(
            outputs.detach().double().numpy(),
            self._inputs.grad.double().numpy(),
            by_weights.double().numpy().reshape(self._shape),
        )

    def _drop_gradients(self) -> None:
        self._inputs.grad = None
        for weight in self._weights:
            weight.grad = None
