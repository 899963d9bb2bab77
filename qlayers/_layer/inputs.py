"""Checks on what a layer is given, before any circuit runs."""

from __future__ import annotations

import math

import numpy as np
import torch

from qlayers.encodings import Encoding
from qlayers.errors import InputError


def check_samples(inputs: torch.Tensor, weight_device: torch.device | None) -> None:
    """Raise InputError for complex numbers, or a device that is wrong."""
    if not isinstance(inputs, torch.Tensor):
        raise InputError(
            f"A quantum layer takes a torch.Tensor, but got {type(inputs).__name__}; see torch.as_tensor."
        )
    if inputs.is_complex():
        raise InputError(f"A quantum layer takes real inputs, but got {inputs.dtype}.")
    if weight_device is not None and inputs.device != weight_device:
        raise InputError(
            f"The inputs are on {inputs.device} and the layer's weights on {weight_device}. Move one of them: "
            "layer.to(inputs.device) or inputs.to(weights.device)."
        )
    if inputs.device.type == "meta":
        raise InputError(
            "A quantum layer needs values, and tensors on the device meta have none. Move layer and inputs to a device "
            'that has, as in layer.to_empty(device="cpu").'
        )


def check_values(inputs: torch.Tensor, encoding: Encoding | None) -> tuple[float, float]:
    """Raise InputError for non-finite numbers, or others that the encoding cannot take.

    Returns:
        The smallest and the largest number.
    """
    # On small batches, numpy takes a fraction of torch's time.
    values = inputs.detach().numpy() if inputs.device.type == "cpu" else inputs.detach()
    if isinstance(values, np.ndarray):
        smallest, largest = (float(bound.reduce(values, axis=None)) for bound in (np.minimum, np.maximum))
    else:
        smallest, largest = (bound.item() for bound in torch.aminmax(values))
    # A NaN is handed on by both.
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        raise InputError(
            f"The inputs hold NaN or infinite values, as {str(inputs.dtype).removeprefix('torch.')}, which are no "
            "angles. Clean or scale them first."
        )
    if encoding is not None and not encoding.takes_any_number():
        encoding.check_inputs(inputs.detach().reshape(-1, inputs.shape[-1]))
    return smallest, largest


def check_is_no_scalar(inputs: torch.Tensor) -> None:
    """Raise InputError for a number without dimensions, which has no features."""
    if inputs.ndim == 0:
        raise InputError(
            "A quantum layer takes inputs of shape (*batch, n_features), but got a single number. For one feature, "
            "give inputs.reshape(1)."
        )


def check_width(inputs: torch.Tensor, n_features: int) -> None:
    """Raise InputError unless the last dimension has ``n_features`` entries."""
    if inputs.ndim == 0 or inputs.shape[-1] != n_features:
        raise InputError(
            f"The layer takes n_features={n_features} in the last dimension, but the inputs have shape "
            f"{tuple(inputs.shape)}. Change n_features or the layer before it."
        )


def describe_out_of_range(smallest: float, largest: float, encoding: Encoding) -> str | None:
    """What to warn of when inputs leave the range that the encoding declares; None when they do not."""
    if encoding.input_range is None:
        return None
    low, high = encoding.input_range
    slack = 1e-6 * (high - low)  # π itself is not a float
    if smallest >= low - slack and largest <= high + slack:
        return None
    return (
        f"Inputs reach from {smallest:.4g} to {largest:.4g}, outside the range [{low:.4g}, {high:.4g}] that encoding="
        f"{encoding.name} declares, so that different inputs may be encoded alike. Scale them; this is said once."
    )
