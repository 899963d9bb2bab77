"""The ordinary neural network, wide enough or matched in size to another model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from qlayers.errors import ConfigurationError


class Mlp(nn.Module):
    """Linear layers with ReLU between them.

    Args:
        in_features: n_inputs.
        out_features: n_outputs.
        hidden: width of the hidden layer, or of each; an empty list leaves one linear layer. Not read when
            `n_parameters` is given.
        n_parameters: choose the width of one hidden layer so that the number of trainable parameters is the
            closest possible to this one (the smaller width on a tie, at least 1).

    Attributes:
        widths: the hidden widths in use.

    Raises:
        ConfigurationError: if neither is given, a width is below 1, or several hidden layers are to be matched.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden: int | Sequence[int] | None = None,
        n_parameters: int | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.widths = _widths(in_features, out_features, hidden, n_parameters)
        sizes = [in_features, *self.widths]
        layers: list[nn.Module] = []
        for size, width in pairwise(sizes):
            layers += [nn.Linear(size, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], out_features))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (*batch, in_features) to (*batch, out_features)."""
        return self.layers(inputs)


def matched_width(in_features: int, out_features: int, n_parameters: int) -> int:
    """Width w of the one hidden layer whose network is closest to n_parameters.

    The network has w (in_features + 1) + (w + 1) out_features parameters.

    >>> matched_width(30, 2, 32 + 1 + 2)
    1
    """
    per_unit = in_features + 1 + out_features
    below = max(1, (n_parameters - out_features) // per_unit)
    return min((below, below + 1), key=lambda width: abs(width * per_unit + out_features - n_parameters))


def _widths(
    in_features: int, out_features: int, hidden: int | Sequence[int] | None, n_parameters: int | None
) -> tuple[int, ...]:
    if n_parameters is not None:
        if not isinstance(hidden, int | None) and len(hidden) > 1:
            raise ConfigurationError(
                f"Mlp: n_parameters={n_parameters} decides the width of one hidden layer, but hidden={list(hidden)} "
                "asks for several. Give one of the two."
            )
        if n_parameters < 1:
            raise ConfigurationError(f"Mlp: n_parameters must be at least 1, but is {n_parameters}.")
        return (matched_width(in_features, out_features, n_parameters),)
    if hidden is None:
        raise ConfigurationError("Mlp: give hidden (a width, or a list of widths) or n_parameters.")
    widths = (hidden,) if isinstance(hidden, int) else tuple(int(width) for width in hidden)
    if any(width < 1 for width in widths):
        raise ConfigurationError(f"Mlp: hidden widths must be at least 1, but are {list(widths)}.")
    return widths
