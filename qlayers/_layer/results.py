"""From the results of a circuit's measurements to one tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from qlayers._layer.drawing import NO_RESULTS, Returns
from qlayers.errors import ConfigurationError


def combined(
    results: Sequence[torch.Tensor],
    returns: Returns,
    batch: Sequence[int] | None,
    stacks: bool,
    keeps_row: bool = False,
) -> torch.Tensor:
    """Make one tensor of what is measured.

    Args:
        results: One tensor a measurement, each shaped ``(n_samples, *measurement_shape)``, or ``measurement_shape`` for
            a single sample.
        returns: The form in which the quantum function returns them.
        batch: The sizes of the batch, or None for a single sample.
        stacks: Whether the entries of a tuple are stacked along a new first dimension, as TorchLayer does where they
            are equally long, and not put side by side.
        keeps_row: Whether the function made a batch of one out of a single sample. Then numbers lie side by side, and
            longer results in one row.

    Returns:
        For one measurement its result, shape ``(*batch, *measurement_shape)``; else all side by side, shape
        ``(*batch, total)``; or stacked, shape ``(n_measurements, *batch, total)``.
    """
    if returns == "one":
        return results[0] if batch is None else results[0].reshape(*batch, *results[0].shape[1:])
    if keeps_row and len({result.ndim for result in results}) == 1:
        flat = [result.reshape(-1) if result.ndim < 2 else result.reshape(1, -1) for result in results]
    else:
        flat = [result.reshape(*(batch or ()), -1) for result in results]
    if returns == "tuple" and stacks and len({part.shape for part in flat}) == 1 < len(flat):
        return torch.stack(flat)
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=-1)


def combined_of_qnode(
    results: Any, batch: Sequence[int] | None, stacks: bool, keeps_row: bool = False
) -> torch.Tensor:
    """The same of what a QNode returned; shot vectors give a tuple of lists, which are always stacked.

    Raises:
        ConfigurationError: There are no results, or they are no numbers, as counts are.
        NotOneEachError: A result has not one entry for every sample of the batch.
    """
    entries = list(results) if isinstance(results, (list, tuple)) else [results]
    if not entries:
        raise ConfigurationError(NO_RESULTS)
    if len(entries) == 1 and isinstance(entries[0], (list, tuple)):  # from a transform around a list of one
        return combined_of_qnode(entries[0], batch, stacks, keeps_row)
    if any(isinstance(entry, (list, tuple)) for entry in entries):
        return torch.stack([combined_of_qnode(entry, batch, stacks, keeps_row) for entry in entries])
    for entry in entries:
        if not isinstance(entry, torch.Tensor):
            raise ConfigurationError(
                f"A quantum layer's results are numbers, but the circuit returns {type(entry).__name__}. Return "
                "expectation values, probabilities or samples, such as qp.probs() in place of qp.counts()."
            )
        if batch is not None and entry.shape[:1] != (math.prod(batch),):
            raise NotOneEachError
    returns: Returns = (
        "tuple" if isinstance(results, tuple) else "list" if isinstance(results, list) else "one"
    )
    return combined(entries, returns, batch, stacks, keeps_row)


def together(results: Sequence[Any]) -> Any:
    """From one QNode's results a sample to results of the batch, in the same form."""
    first = results[0]
    if isinstance(first, (list, tuple)):
        return type(first)(together([result[k] for result in results]) for k in range(len(first)))
    return torch.stack(list(results)) if isinstance(first, torch.Tensor) else first


class NotOneEachError(Exception):
    """PennyLane gave a batch other results than its samples, as some transforms do."""
