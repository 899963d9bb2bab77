"""What transforms do to a circuit's results: weigh and add them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from qlayers.simulator.not_traceable import NotTraceableError

PostProcessing = Callable[[Any], Any]
"""From one circuit's results to the author's, as PennyLane's transforms give it."""


@dataclass(frozen=True)
class WeightedSums:
    """The author's results as weighted sums of a circuit's.

    Attributes:
        offset: Shape ``(n_outputs,)``.
        weights: Shape ``(n_outputs, n_results)``.
        drops_row: Whether the author's function leaves out the dimension of a batch of one.
    """

    offset: torch.Tensor
    weights: torch.Tensor
    drops_row: bool

    def __call__(self, results: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """From one tensor of shape ``(batch,)`` a measurement of the circuit to one a measurement of the author's."""
        stacked = torch.stack(list(results), -1)  # (batch, n_results)
        return list((stacked @ self.weights.to(stacked).T + self.offset.to(stacked)).unbind(-1))

    @property
    def changes_nothing(self) -> bool:
        """Whether the sums are the results, in their shape."""
        identity = torch.eye(self.weights.shape[1]).to(self.weights)
        return torch.equal(self.weights, identity) and not self.offset.any() and not self.drops_row

    def equals(self, other: WeightedSums) -> bool:
        """Whether all weights are equal."""
        return torch.equal(self.offset, other.offset) and torch.equal(self.weights, other.weights)


def weighted_sums(finish: PostProcessing, n_results: int, n_outputs: int) -> WeightedSums:
    """Find the weights of a post-processing function.

    Args:
        finish: From a transform.
        n_results: Measurements of the transform's circuit.
        n_outputs: Measurements of the author's.

    Raises:
        NotTraceableError: It does more than weigh and add the results of each sample.
    """
    generator = torch.Generator().manual_seed(3)
    units = torch.cat([torch.zeros(1, n_results), torch.eye(n_results)]).double()
    signs = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]).double()
    random = torch.rand(4, n_results, generator=generator, dtype=torch.float64) * signs
    found = _evaluated(finish, torch.cat([units, random]), n_outputs)
    offset = found[0]
    drops_row = any(part.shape == () for part in _parts(finish, list(units[:1].T)))
    sums = WeightedSums(offset, (found[1 : n_results + 1] - offset).T, drops_row)
    # In parts too, which shows whether samples meet, and decisions on their signs.
    for rows in (random, random[:2], random[2:], random[1:3]):
        expected = torch.stack(sums(list(rows.T)), -1)
        if not torch.allclose(_evaluated(finish, rows, n_outputs), expected, rtol=0.0, atol=1e-9):
            raise NotTraceableError("its transforms do more with results than weigh and add them")
    return sums


def hands_on(finish: PostProcessing, n_results: int) -> bool:
    """Whether a post-processing function returns the results as they are, whatever their signs."""
    generator = torch.Generator().manual_seed(5)
    for low in (-1.0, 0.0, -2.0):
        results = [low + 2.0 * torch.rand(5, generator=generator).double() for _ in range(n_results)]
        parts = _parts(finish, results)
        if len(parts) != n_results or any(a is not b for a, b in zip(parts, results, strict=True)):
            return False
    return True


def _parts(finish: PostProcessing, results: Sequence[torch.Tensor]) -> list[Any]:
    try:
        (finished,) = finish((tuple(results) if len(results) > 1 else results[0],))
    except Exception as error:  # whatever the author's function raises
        raise NotTraceableError(f"its transforms fail on random results ({error})") from error
    return list(finished) if isinstance(finished, (tuple, list)) else [finished]


def _evaluated(finish: PostProcessing, rows: torch.Tensor, n_outputs: int) -> torch.Tensor:
    """The author's results, shape ``(batch, n_outputs)``, for a circuit's, shape ``(batch, n_results)``."""
    parts = _parts(finish, list(rows.T))
    fits = len(parts) == n_outputs and all(
        isinstance(part, torch.Tensor) and part.shape == (len(rows),) for part in parts
    )
    if not fits:
        raise NotTraceableError(
            "its transforms make something else than one number of the results of a circuit"
        )
    if any(part.requires_grad for part in parts):
        raise NotTraceableError("its transforms compute something from results and from inputs or weights")
    return torch.stack(parts, -1).double()
