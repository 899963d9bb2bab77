"""What training took in circuit executions, over the interruptions of a fit."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from qlayers.execution import Execution

_NUMBERS = ("executions", "gradient_executions", "seconds")

Executed = list[dict[str, float]]


def reset_execution(model: nn.Module) -> None:
    """Forget circuit executions so far, so that what is counted is the training."""
    for module in model.modules():
        if callable(reset := getattr(module, "reset_execution", None)):
            reset()


def executed(model: nn.Module, earlier: Sequence[dict[str, float]] = ()) -> Executed:
    """What each quantum layer of the model has counted, in the order in which the model registers them.

    Args:
        model: its layers count anew in each process.
        earlier: what this function gave at the checkpoint from which the fit goes on; it is added.

    Returns:
        `executions`, `gradient_executions` and `seconds` of each layer, as `qlayers.execution.Execution` has them.
    """
    found = [getattr(module, "execution", None) for module in model.modules()]
    now = [{name: getattr(one, name) for name in _NUMBERS} for one in found if isinstance(one, Execution)]
    if not earlier:
        return now
    return [
        {name: counts[name] + before[name] for name in _NUMBERS}
        for counts, before in zip(now, earlier, strict=True)
    ]
