"""Running a QNode on many samples: at once where that gives the same, else one by one."""

from __future__ import annotations

from typing import Any

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.basis_states import bits_as_angles
from qlayers.errors import ConfigurationError

Arguments = dict[str, torch.Tensor]

NO_RESULTS = (
    "The circuit returns no measurement. Return one, or a list or tuple of them, such as qp.expval(qp.Z(0))."
)


def concatenate(results: Any, batch: int | None = None) -> torch.Tensor:
    """Make one tensor of what a QNode returns.

    Args:
        results: One tensor, or a list or tuple of tensors, each shaped ``(*batch, *measurement_shape)``.
        batch: The size of the batch, or None for a single sample.

    Returns:
        The tensor as it is, or the list's entries side by side: shape ``(batch, total)`` or ``(total,)``.

    Raises:
        ConfigurationError: If there are no results, or they are no numbers, as counts are.
    """
    if isinstance(results, torch.Tensor):
        return results
    entries = results if isinstance(results, (list, tuple)) else [results]
    if not entries:
        raise ConfigurationError(NO_RESULTS)
    for entry in entries:
        if not isinstance(entry, torch.Tensor):
            raise ConfigurationError(
                f"A quantum layer's results are numbers, but the circuit returns {type(entry).__name__}. Return "
                "expectation values, probabilities or samples, such as qp.probs() in place of qp.counts()."
            )
    leading = (-1,) if batch is None else (batch, -1)
    return torch.cat([entry.reshape(leading) for entry in entries], dim=-1)


def run_unrolled(qnode: qp.QNode, samples: list[Arguments]) -> torch.Tensor:
    """One circuit a sample, handed to the device together.

    Returns:
        The samples' results stacked along a new first dimension.
    """
    if len(qnode.compile_pipeline):  # the user's transforms may turn one circuit into several
        return torch.stack([concatenate(qnode(**sample)) for sample in samples])
    # Told of a gradient method, some devices differentiate in the forward pass, even if nothing asks for it.
    differentiated = any(argument.requires_grad for argument in samples[0].values())
    traced = [_trace(qnode, sample) for sample in samples]
    results = qp.execute(
        [tape for tape, _ in traced],
        qnode.device,
        diff_method=qnode.diff_method if differentiated else None,
        interface="torch",
        gradient_kwargs=qnode.gradient_kwargs,
        **qnode.execute_kwargs,
    )
    single_in_list = traced[0][1] and len(traced[0][0].measurements) == 1
    return torch.stack([concatenate([result] if single_in_list else result) for result in results])


def broadcasts_correctly(qnode: qp.QNode, samples: list[Arguments], input_arg: str) -> bool:
    """Whether the QNode gives the same for a batch as for its samples, tried on a simulator of its own.

    A quantum function that reads ``inputs[0]`` where it should read ``inputs[..., 0]`` takes the first *sample* for
    the first feature, without an error.
    """
    private = qnode.update(
        device=qp.device(qnode.device.name, wires=qnode.device.wires, seed=0), diff_method="backprop"
    )
    together = {**samples[0], input_arg: torch.stack([sample[input_arg] for sample in samples])}
    with torch.no_grad():
        one_by_one = torch.stack([concatenate(private(**sample)) for sample in samples])
        try:
            at_once = concatenate(private(**together), batch=len(samples))
        except Exception:
            # Whatever the author's function raises on a batch, its samples have just run: run them one by one.
            return False
    return at_once.shape == one_by_one.shape and torch.allclose(at_once, one_by_one, rtol=1e-4, atol=1e-5)


def returns_list(qnode: qp.QNode, arguments: Arguments) -> bool:
    """Whether the quantum function returns a list or tuple, and not one measurement by itself."""
    with bits_as_angles():  # the arguments are examples, and no bits
        return _trace(qnode, arguments)[1]


def _trace(qnode: qp.QNode, arguments: Arguments) -> tuple[QuantumScript, bool]:
    """The circuit for one sample, and whether the quantum function returns a list."""
    with qp.queuing.AnnotatedQueue() as queue:
        returned = qnode.func(**arguments)
    return QuantumScript.from_queue(queue, shots=qnode.shots), isinstance(returned, (list, tuple))
