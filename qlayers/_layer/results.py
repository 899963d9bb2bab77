"""From the results of a circuit's measurements to one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from qlayers._layer.drawing import NO_RESULTS, Returns
from qlayers.errors import ConfigurationError


def combined(
    results: Sequence[torch.Tensor], returns: Returns, batch: int | None, stacks: bool
) -> torch.Tensor:
    """Make one tensor of what is measured.

    Args:
        results: One tensor a measurement, each shaped ``(*batch, *measurement_shape)``.
        returns: The form in which the quantum function returns them.
        batch: The size of the batch, or None for a single sample.
        stacks: Whether the entries of a tuple are stacked along a new first dimension, as TorchLayer does, and not put
            side by side.

    Returns:
        For one measurement the tensor as it is; else the entries side by side, shape ``(batch, total)`` or
        ``(total,)``; or stacked, shape ``(n_measurements, *batch, total)``.
    """
    if returns == "one":
        return results[0]
    flat = [side_by_side([result], batch) for result in results]
    if returns == "tuple" and stacks and len(results) > 1:
        return torch.stack(flat)
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=-1)


def combined_of_qnode(results: Any, batch: int | None, stacks: bool) -> torch.Tensor:
    """The same of what a QNode returned; shot vectors give a tuple of lists, which are always stacked.

    Raises:
        ConfigurationError: There are no results, or they are no numbers, as counts are.
    """
    if isinstance(results, torch.Tensor):
        return results
    entries = list(results) if isinstance(results, (list, tuple)) else [results]
    if not entries:
        raise ConfigurationError(NO_RESULTS)
    if any(isinstance(entry, (list, tuple)) for entry in entries):
        return torch.stack([combined_of_qnode(entry, batch, stacks) for entry in entries])
    for entry in entries:
        if not isinstance(entry, torch.Tensor):
            raise ConfigurationError(
                f"A quantum layer's results are numbers, but the circuit returns {type(entry).__name__}. Return "
                "expectation values, probabilities or samples, such as qp.probs() in place of qp.counts()."
            )
    return combined(entries, "tuple" if isinstance(results, tuple) else "list", batch, stacks)


def side_by_side(results: Sequence[torch.Tensor], batch: int | None) -> torch.Tensor:
    """Results in one row a sample."""
    leading = (-1,) if batch is None else (batch, -1)
    return torch.cat([result.reshape(leading) for result in results], dim=-1)
