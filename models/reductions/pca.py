"""Principal components, fitted once on the training part and then fixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qlayers.errors import ConfigurationError, InputError


class Pca(nn.Module):
    """Project onto the leading principal components, each scaled to unit variance on the rows it was fitted on.

    Nothing here is trainable: the constants are buffers, part of the state dict.

    Args:
        in_features: n_inputs.
        out_features: number of components kept.

    Attributes:
        mean: (in_features,).
        components: (out_features, in_features), orthonormal rows.
        scale: (out_features,), standard deviations of the components (1 where a component does not vary).
        fitted: whether `fit` has run, or a fitted state was loaded.

    Raises:
        ConfigurationError: if more components than inputs are asked for.
    """

    mean: Tensor
    components: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        if not 1 <= out_features <= in_features:
            raise ConfigurationError(
                f"A PCA of {in_features} inputs has 1 to {in_features} components, but {out_features} were asked for. "
                f"Set n_qubits={in_features} or fewer, which n_features follows unless it is set, "
                f"or n_features={in_features}."
            )
        self.in_features = in_features
        self.out_features = out_features
        self.register_buffer("mean", torch.zeros(in_features))
        self.register_buffer("components", torch.zeros(out_features, in_features))
        self.register_buffer("scale", torch.ones(out_features))
        self.register_buffer("fitted", torch.tensor(False))

    def fit(self, inputs: Tensor) -> None:
        """Take mean, directions and scales from the rows (n, in_features), in double precision.

        Raises:
            ConfigurationError: if there are fewer rows than components.
        """
        from sklearn.decomposition import PCA

        if len(inputs) <= self.out_features:
            raise ConfigurationError(
                f"{self.out_features} principal components need more than {self.out_features} training rows, but "
                f"there are {len(inputs)}. Lower n_features."
            )
        pca = PCA(self.out_features, svd_solver="full").fit(inputs.detach().cpu().double().numpy())
        deviation = torch.from_numpy(pca.explained_variance_).sqrt()
        # What numerical rank leaves of a constant direction is noise: dividing by it would blow it up.
        negligible = deviation <= deviation.max() * 1e-7
        self.mean.copy_(torch.from_numpy(pca.mean_))
        self.components.copy_(torch.from_numpy(pca.components_))
        self.scale.copy_(torch.where(negligible, 1.0, deviation))
        self.fitted.fill_(True)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (*batch, in_features) to (*batch, out_features).

        Raises:
            RuntimeError: if it was never fitted.
            InputError: if the last dimension is not in_features.
        """
        if not self.fitted:
            raise RuntimeError("Pca is not fitted: call fit(training_inputs) or load a fitted state first.")
        if inputs.shape[-1] != self.in_features:
            raise InputError(f"Pca takes {self.in_features} values a row, but got {inputs.shape[-1]}.")
        return (inputs - self.mean) @ self.components.T / self.scale

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"
