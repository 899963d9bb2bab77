"""A circuit ready to run on any batch: its program, and what lies before and behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from qlayers.simulator.bits import Bits
from qlayers.simulator.columns import Columns
from qlayers.simulator.counts import Counts
from qlayers.simulator.execute import execute
from qlayers.simulator.formula import Formula
from qlayers.simulator.initial_state import InitialState
from qlayers.simulator.program import Program
from qlayers.simulator.readout import Readout


@dataclass(frozen=True)
class TracedCircuit:
    """What :func:`qlayers.simulator.trace.trace` makes of a quantum function, which it does not keep.

    Attributes:
        program: What is simulated.
        readout: From the program's outputs to the circuit's results.
        shared: Angles that are functions of the weights alone but no polynomials: further weights of the program.
        sampled: The same of weights and sample: further features.
        initial: The state that it begins with; None for |0…0⟩.
        bits: The bits of its basis states, if it has any: features of the program behind the sample's.
        reads_samples: Whether features enter the program as they are.
        closures: Which tensors around the quantum function follow the weights, by number.
        check_rows: Looks at the quantum function, or another like it, at a batch of so many samples; see
            :func:`qlayers.simulator.trace.trace`.
        unread: Which weights, by number, the circuit does not read: they have no gradient, rather than one of zero.
    """

    program: Program
    readout: Readout
    shared: Formula | None = None
    sampled: Formula | Columns | None = None
    initial: InitialState | None = None
    bits: Bits | None = None
    reads_samples: bool = True
    closures: tuple[int, ...] = ()
    check_rows: Callable[[Any, int], None] | None = field(default=None, repr=False, compare=False)
    unread: tuple[int, ...] = ()

    def run(self, samples: torch.Tensor, weights: torch.Tensor, counts: Counts | None = None) -> torch.Tensor:
        """Run a batch.

        Args:
            samples: Shape ``(batch, n_features)``, float32 or float64.
            weights: As many as the circuit has, in any shape; the samples' dtype.
            counts: See :func:`qlayers.simulator.execute.execute`.

        Returns:
            The program's outputs, from which :attr:`readout` has the results.

        Raises:
            InputError: Of what should be bits, some are neither 0 nor 1, or a state that should have norm 1 has not.
        """
        if self.bits is not None:
            samples = torch.cat([samples, self.bits.of(weights.reshape(-1), samples)], -1)
        return self.run_with_bits(samples, weights, counts)

    def run_with_bits(
        self, samples: torch.Tensor, weights: torch.Tensor, counts: Counts | None = None
    ) -> torch.Tensor:
        """The same for samples with their bits behind them."""
        if self.reads_samples and self.sampled is None and self.shared is None and self.initial is None:
            return execute(self.program, samples, weights, counts)
        weights = weights.reshape(-1)
        columns = [samples] if self.reads_samples else []
        if self.sampled is not None:
            columns.append(self.sampled.of_batch(weights, samples).flatten(1))
        if self.initial is not None:
            columns.append(self.initial.of_batch(weights, samples))
        if self.shared is not None:
            weights = torch.cat([weights, self.shared(weights, samples[0])])
        read = columns[0] if len(columns) == 1 else torch.cat(columns, -1) if columns else samples[:, :0]
        return execute(self.program, read, weights, counts)
