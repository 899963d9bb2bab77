"""A circuit ready to run on any batch: its program, and what lies before and behind it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from qlayers.simulator.bits import Bits
from qlayers.simulator.columns import Columns
from qlayers.simulator.counts import Counts
from qlayers.simulator.execute import execute
from qlayers.simulator.formula import Formula
from qlayers.simulator.program import Program
from qlayers.simulator.readout import Readout


@dataclass(frozen=True)
class TracedCircuit:
    """What :func:`qlayers.simulator.trace.trace` makes of a quantum function. Picklable.

    Attributes:
        program: What is simulated.
        readout: From the program's outputs to the circuit's results.
        shared: Angles that are functions of the weights alone but no polynomials: further weights of the program.
        sampled: The same of weights and sample: further features.
        prepares_sample: Whether the circuit begins by preparing the sample, normalised and padded with zeros.
        initial: The state that it begins with otherwise, real parts followed by imaginary parts; None for |0…0⟩.
        bits: The bits of its basis states, if it has any: features of the program behind the sample's.
    """

    program: Program
    readout: Readout
    shared: Formula | None = None
    sampled: Formula | Columns | None = None
    prepares_sample: bool = False
    initial: torch.Tensor | None = None
    bits: Bits | None = None

    def run(self, samples: torch.Tensor, weights: torch.Tensor, counts: Counts | None = None) -> torch.Tensor:
        """Run a batch.

        Args:
            samples: Shape ``(batch, n_features)``, float32 or float64.
            weights: As many as the circuit has, in any shape; the samples' dtype.
            counts: See :func:`qlayers.simulator.execute.execute`.

        Returns:
            The program's outputs, from which :attr:`readout` has the results.

        Raises:
            InputError: Of what should be bits, some are neither 0 nor 1.
        """
        if self.bits is not None:
            samples = torch.cat([samples, self.bits.of(weights.reshape(-1), samples)], -1)
        return self.run_with_bits(samples, weights, counts)

    def run_with_bits(
        self, samples: torch.Tensor, weights: torch.Tensor, counts: Counts | None = None
    ) -> torch.Tensor:
        """The same for samples with their bits behind them."""
        if self.sampled is None and self.shared is None and not self.program.n_amplitudes:
            return execute(self.program, samples, weights, counts)
        weights = weights.reshape(-1)
        columns = [samples] if self.program.n_features else []
        if self.sampled is not None:
            columns.append(self.sampled.of_batch(weights, samples))
        if self.prepares_sample:
            amplitudes = torch.nn.functional.normalize(samples, dim=-1, eps=0.0)
            missing = self.program.n_amplitudes - amplitudes.shape[-1]
            columns.append(torch.nn.functional.pad(amplitudes, (0, missing)))
        elif self.initial is not None:
            columns.append(self.initial.to(samples).expand(len(samples), -1))
        if self.shared is not None:
            weights = torch.cat([weights, self.shared(weights, samples[0])])
        read = columns[0] if len(columns) == 1 else torch.cat(columns, -1) if columns else samples[:, :0]
        return execute(self.program, read, weights, counts)
