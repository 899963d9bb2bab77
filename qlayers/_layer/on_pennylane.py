"""Running a QNode on many samples: at once where its function takes a batch, else one by one."""

from __future__ import annotations

from typing import Any

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers._layer.drawing import drawn
from qlayers._layer.results import together

Arguments = dict[str, torch.Tensor]


def run_unrolled(qnode: qp.QNode, samples: list[Arguments]) -> Any:
    """One circuit a sample, handed to the device together.

    Args:
        qnode: What to run.
        samples: The arguments of each sample.

    Returns:
        Results as the QNode returns them, each with the samples along a new first dimension.
    """
    if len(qnode.compile_pipeline) or qnode.shots.has_partitioned_shots:
        # The author's transforms may turn one circuit into several, and shot vectors give several results.
        return together([_without_row(qnode(**sample)) for sample in samples])
    return together(_run_together(qnode, samples))


def _run_together(qnode: qp.QNode, samples: list[Arguments]) -> list[Any]:
    # Told of a gradient method, some devices differentiate in the forward pass, even if nothing asks for it.
    differentiated = any(argument.requires_grad for argument in samples[0].values())
    drawings = [drawn(qnode.func, sample, shots=qnode.shots) for sample in samples]
    results = qp.execute(
        [_of_one_sample(drawing.tape) for drawing in drawings],
        qnode.device,
        diff_method=qnode.diff_method if differentiated else None,
        interface="torch",
        gradient_kwargs=qnode.gradient_kwargs,
        **qnode.execute_kwargs,
    )
    form = drawings[0].returns
    if form == "one":
        return list(results)
    several = len(drawings[0].tape.measurements) > 1
    kind = list if form == "list" else tuple
    return [kind(result) if several else kind([result]) for result in results]


def _without_row(results: Any) -> Any:
    """Results without the dimension of a batch of one."""
    if isinstance(results, (list, tuple)):
        return type(results)(map(_without_row, results))
    # PennyLane 0.45 gives a batch of one two dimensions of one where a template has several batched gates.
    while isinstance(results, torch.Tensor) and results.shape[:1] == (1,):
        results = results[0]
    return results


def _of_one_sample(tape: QuantumScript) -> QuantumScript:
    """The circuit without its batch of one, whose samples not every gradient method differentiates."""
    if tape.batch_size is None:
        return tape
    (tape,), _ = qp.transforms.broadcast_expand(tape)
    return tape
