"""Bits from principal components, for encodings that take bits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.reductions.pca import Pca


class PcaThreshold(nn.Module):
    """1 where a principal component lies above its median over the rows it was fitted on, else 0.

    The median, not the mean, so that each bit is balanced on the training part.

    Args:
        in_features: n_inputs.
        out_features: number of components, one bit each.

    Raises:
        ConfigurationError: as `Pca`.
    """

    median: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.pca = Pca(in_features, out_features)
        self.register_buffer("median", torch.zeros(out_features))

    def fit(self, inputs: Tensor) -> None:
        """Fit the components on the rows (n, in_features), then take their medians."""
        self.pca.fit(inputs)
        components = self.pca(inputs.to(self.median))
        # NumPy's, because torch.median of an even count is the lower middle value.
        self.median.copy_(torch.from_numpy(np.median(components.cpu().numpy(), axis=0)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (*batch, in_features) to bits (*batch, out_features) of the inputs' dtype; errors as `Pca`."""
        return (self.pca(inputs) > self.median).to(inputs.dtype)
