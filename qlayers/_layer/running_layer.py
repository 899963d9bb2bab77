"""A layer that runs its circuit, on qlayers' own simulator or on PennyLane, and says how it did."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pennylane as qp
import torch

from qlayers._layer.described import DescribedLayer
from qlayers._layer.guarded import one_at_a_time
from qlayers._layer.on_pennylane import run_unrolled
from qlayers._layer.results import NotOneEachError, combined, combined_of_qnode
from qlayers._layer.state_shift import differentiate_amplitudes
from qlayers._layer.surroundings import Surroundings
from qlayers._layer.tracing import Trace
from qlayers.basis_states import bits_as_angles
from qlayers.errors import ConfigurationError
from qlayers.execution import CircuitCounter
from qlayers.parameter_shift import name_of_method

if TYPE_CHECKING:
    from qlayers.simulator.counts import Counts


class RunningLayer(DescribedLayer):
    """A layer that runs samples whose shape, dtype and values have been checked."""

    _counter: CircuitCounter
    _stacks_tuples = False
    _ran_together: bool | None = None
    """Whether PennyLane was given the last batch as a whole."""

    def _run_traced(
        self, trace: Trace, surroundings: Surroundings, inputs: torch.Tensor, counts: Counts | None = None
    ) -> torch.Tensor:
        circuit = trace.single if inputs.ndim == 1 else trace.batch
        assert circuit is not None
        samples = inputs if inputs.ndim == 2 else inputs.reshape(-1, inputs.shape[-1])
        weights = list(self._weights_by_name().values())
        for number in circuit.unread:
            weights[number] = weights[number].detach()
        if circuit.closures:
            weights += [surroundings.tensors[number] for number in circuit.closures]
        if len(weights) == 1 and weights[0].dtype == samples.dtype:
            together = weights[0]
        else:
            flat = [weight.reshape(-1).to(samples.dtype) for weight in weights]
            together = torch.cat(flat) if flat else samples.new_empty(0)
        outputs = circuit.run(samples, together, counts or self._counter)
        batch = inputs.shape[:-1] if inputs.ndim > 1 else None
        is_stacked = trace.returns == "tuple" and self._stacks_tuples
        if batch and trace.finish is None and trace.returns != "one" and not is_stacked:
            side_by_side = circuit.readout.side_by_side(outputs)
            return side_by_side if len(batch) == 1 else side_by_side.reshape(*batch, -1)
        results = circuit.readout.results(outputs)
        makes_row = batch is None and trace.keeps_row and not (trace.finish and trace.finish.drops_row)
        if trace.finish is not None:
            results = trace.finish(results)
        if batch is None and not makes_row:
            results = [result[0] for result in results]
        return combined(results, trace.returns, batch, self._stacks_tuples, makes_row)

    def _weights_in(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        return {name: weight.to(dtype) for name, weight in self._weights_by_name().items()}

    def _nothing(self, inputs: torch.Tensor, trace: Trace) -> torch.Tensor:
        """The results of no samples, from which no gradient flows."""
        shapes = self._output_shapes()
        per_sample = shapes[0] if trace.returns == "one" else (self.n_outputs,)
        outputs = inputs.new_zeros((*inputs.shape[:-1], *per_sample))
        return outputs + sum(weight.reshape(-1)[:0].sum() for weight in self._weights_by_name().values())

    def _run_qnode(self, inputs: torch.Tensor, trace: Trace) -> torch.Tensor:
        weights = self._weights_in(inputs.dtype)
        differentiated = inputs.requires_grad and torch.is_grad_enabled()
        if differentiated and self._prepares_amplitudes() and self._noise_of_gates():
            assert self._backend is not None and self._encoding is not None
            raise ConfigurationError(
                f"backend={self._backend.name} prepares amplitudes by noisy gates, and then outputs have no derivative "
                f"by inputs wherever neighbouring amplitudes vanish. Choose another encoding than "
                f"{self._encoding.name}, train without noise, or let the inputs need no gradient."
            )
        if not (self._shifts_states() and differentiated):
            return self._run(inputs, weights, trace)
        samples = inputs.reshape(-1, inputs.shape[-1])
        # The weights as they are now: by the backward pass, a functional_call that lent others may be over.
        detached = {name: weight.detach() for name, weight in weights.items()}

        def run(shifted: torch.Tensor) -> torch.Tensor:
            with one_at_a_time, torch.no_grad():
                return self._run(shifted, detached, trace)

        outputs = differentiate_amplitudes(samples, self._run(samples.detach(), weights, trace), run)
        return outputs.reshape(*inputs.shape[:-1], -1)

    def _run(self, inputs: torch.Tensor, weights: dict[str, torch.Tensor], trace: Trace) -> torch.Tensor:
        if not torch.is_grad_enabled():
            # PennyLane looks at requires_grad alone, and would differentiate on the device all the same.
            inputs, weights = inputs.detach(), {name: weight.detach() for name, weight in weights.items()}
        if inputs.ndim < 2:
            results = self._current_qnode()(**{self._input_name: inputs}, **weights)
            return combined_of_qnode(results, None, self._stacks_tuples, trace.keeps_row)
        samples, batch = inputs.flatten(end_dim=-2), inputs.shape[:-1]
        self.__dict__["_ran_together"] = self._takes_batch(trace, inputs)
        if self._ran_together:
            results = self._current_qnode()(**{self._input_name: samples}, **weights)
            with suppress(NotOneEachError):
                return combined_of_qnode(results, batch, self._stacks_tuples)
        rows = samples[:, None] if trace.together else samples
        try:
            results = run_unrolled(
                self._current_qnode(), [{self._input_name: row, **weights} for row in rows]
            )
        except Exception as error:
            if self._ran_together or self._backend is not None:
                raise
            # A function may be written for batches of one size, at which nobody looked.
            results = self._current_qnode()(**{self._input_name: samples}, **weights)
            self.__dict__["_ran_together"] = True
            try:
                return combined_of_qnode(results, batch, self._stacks_tuples)
            except NotOneEachError:
                raise error from None
        # Where TorchLayer has no number for the batch, results lie side by side.
        stacks = self._stacks_tuples and not self._ran_together
        self.__dict__["_ran_together"] = False
        return combined_of_qnode(results, batch, stacks)

    def _takes_batch(self, trace: Trace, inputs: torch.Tensor) -> bool:
        """Whether PennyLane is given the batch as a whole, whose inputs it differentiates by backpropagation alone."""
        if not trace.together or trace.mixes:
            return trace.together
        exact = (
            self._current_qnode().device.name in ("default.qubit", "default.mixed")
            and not self._current_qnode().shots
        )
        if exact and self._current_qnode().diff_method in ("best", "backprop"):  # there the best is backprop
            return True
        # Lightning runs a batch sample by sample, and PennyLane 0.45 shapes the results of some templates wrongly.
        is_lightning = self._current_qnode().device.name.startswith("lightning")
        return self._backend is None and not inputs.requires_grad and not is_lightning

    def _prepares_amplitudes(self) -> bool:
        return self._encoding is not None and self._encoding.amplitudes

    def _noise_of_gates(self) -> bool:
        return self._backend is not None and self._backend.noise_of_gates

    def _shifts_states(self) -> bool:
        return (
            self._prepares_amplitudes()
            and not self._is_native()
            and self._current_qnode().diff_method != "backprop"
        )

    def _device_name(self) -> str:
        return "qlayers.batched" if self._is_native() else str(self._current_qnode().device.name)

    def _batching(self) -> str | None:
        together = True if self._is_native() else self._ran_together
        return None if together is None else "broadcast" if together else "unrolled"

    def _gradient_method(self) -> str:
        if self._is_native():
            return "adjoint" if self._precision.device.type == "cpu" else "backprop"
        method = self._current_qnode().diff_method
        if method == "best" and self._n_features is not None and not self._known().keeps_state:
            # The example is random, and no circuit need take it.
            with bits_as_angles(), suppress(Exception):
                method = qp.workflow.get_best_diff_method(self._current_qnode())(**self._example())
        name = name_of_method(method)
        return f"{name}, inputs by state-shift" if self._shifts_states() else name
