"""The bits of basis states, which are checked and then stand among a program's features."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from qlayers.errors import InputError
from qlayers.look import look
from qlayers.simulator.formula import Formula


@dataclass(frozen=True)
class Bits:
    """What a circuit's author gives to ``qp.BasisState`` and ``qp.BasisEmbedding``.

    Attributes:
        features: The feature that each bit is, where all are features.
        formula: Otherwise the bits as functions of weights and sample.
    """

    features: tuple[int, ...]
    formula: Formula | None = None

    def of(self, weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """The bits of a batch, through which no gradient flows.

        Args:
            weights: Flat.
            samples: Shape ``(batch, n_features)``.

        Returns:
            Shape ``(batch, n_bits)``, in the samples' dtype.

        Raises:
            InputError: Some are neither 0 nor 1.
        """
        samples, weights = samples.detach(), weights.detach()
        chosen, formula = list(self.features), self.formula
        if formula is None:
            bits = samples[:, chosen]
        else:
            # The formula was recorded with the numbers behind the sample that stand in for its bits, and reads none.
            room = len(formula.results)
            bits = formula.of_batch(weights, torch.nn.functional.pad(samples, (0, room)))
        if torch.compiler.is_compiling():
            # Values cannot be read while a graph is made: this check is an operation in it.
            torch._assert_async(((bits == 0) | (bits == 1)).all(), _TAKES)
        else:
            look(bits, self._check)
        return bits

    def _check(self, bits: torch.Tensor) -> None:
        bits = bits.detach().reshape(-1, bits.shape[-1])
        wrong = ((bits != 0) & (bits != 1)).nonzero()
        if len(wrong):
            row, number = wrong[0].tolist()
            which = f"feature {self.features[number]}" if self.features else f"bit {number}"
            raise InputError(
                f"{_TAKES}, but row {row} has {bits[row, number].item():g} as {which} ({len(wrong)} such values in "
                "all). Threshold the data first."
            )


_TAKES = "qp.BasisState and qp.BasisEmbedding take bits, 0 or 1"
