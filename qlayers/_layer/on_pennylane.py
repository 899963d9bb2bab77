"""Running a QNode on many samples: at once where its function takes a batch, else one by one."""

from __future__ import annotations

from typing import Any

import pennylane as qp
import torch

from qlayers._layer.drawing import Drawing, drawn
from qlayers._layer.results import combined_of_qnode

Arguments = dict[str, torch.Tensor]


def run_unrolled(
    qnode: qp.QNode, samples: list[Arguments], as_row: bool = False, stacks: bool = False
) -> torch.Tensor:
    """One circuit a sample, handed to the device together.

    Args:
        qnode: What to run.
        samples: The arguments of each sample.
        as_row: Whether each sample is a batch of one.
        stacks: See :func:`qlayers._layer.results.combined`.

    Returns:
        The samples' results stacked along a new first dimension.
    """
    rows = 1 if as_row else None
    if len(qnode.compile_pipeline) or qnode.shots.has_partitioned_shots:
        # The author's transforms may turn one circuit into several, and shot vectors give several results.
        found = [combined_of_qnode(qnode(**sample), rows, stacks) for sample in samples]
    else:
        found = [combined_of_qnode(result, rows, stacks) for result in _run_together(qnode, samples)]
    return torch.stack([result[0] for result in found] if as_row else found)


def _run_together(qnode: qp.QNode, samples: list[Arguments]) -> list[Any]:
    # Told of a gradient method, some devices differentiate in the forward pass, even if nothing asks for it.
    differentiated = any(argument.requires_grad for argument in samples[0].values())
    drawings = [_recorded(qnode, sample) for sample in samples]
    results = qp.execute(
        [drawing.tape for drawing in drawings],
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


def _recorded(qnode: qp.QNode, arguments: Arguments) -> Drawing:
    return drawn(qnode.func, arguments, shots=qnode.shots)
