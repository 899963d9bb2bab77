"""Making a model ready for its data, and finding out before training whether the two fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qlayers.errors import QlayersError
from study.errors import StudyError
from study.fitting.paid import unpaid

if TYPE_CHECKING:
    from study.data.prepare import Prepared


def fit_reductions(model: nn.Module, inputs: Tensor) -> None:
    """Call `fit(inputs)` of every module in the model that has it, with the training inputs (n, n_inputs).

    Of nested ones the outermost is called: it decides how those inside are fitted.
    """
    if callable(fit := getattr(model, "fit", None)):
        fit(inputs)
    else:
        for child in model.children():
            fit_reductions(child, inputs)


def check_shapes(model: nn.Module, data: Prepared, dtype: torch.dtype) -> None:
    """Run two training rows through the model, leaving no trace in it or in the random streams, and buying nothing.

    Raises:
        StudyError: if the rows do not go through, or something other than n_outputs numbers a row comes out.
        QlayersError: what the model itself says about sizes and inputs.
    """
    rows = torch.as_tensor(data.train.inputs[:2], dtype=dtype)
    was_training = model.training
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = unpaid(model).eval()(rows)
    except QlayersError:
        raise
    except (RuntimeError, ValueError) as error:
        raise StudyError(
            f"The model {type(model).__name__} cannot take the rows of {data.n_inputs} numbers that the data "
            f"{data.name!r} has after preprocessing: {error}"
        ) from error
    finally:
        model.train(was_training)
    if not isinstance(outputs, Tensor) or tuple(outputs.shape) != (len(rows), data.n_outputs):
        came = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        meaning = f"one for each of its {data.n_outputs} classes" if data.classes else "the target"
        raise StudyError(
            f"For {len(rows)} rows the model {type(model).__name__} gives {came}, but the data {data.name!r} needs "
            f"shape {(len(rows), data.n_outputs)}: {meaning}. With head=none the circuit's outputs are the model's; "
            "use head=linear."
        )


def check_inputs(model: nn.Module, data: Prepared, dtype: torch.dtype) -> None:
    """Ask a model that has `check_inputs` about all rows, so that no row ends the training halfway.

    Of the test part only the inputs are read.

    Raises:
        QlayersError: as the model says.
    """
    if callable(check := getattr(model, "check_inputs", None)):
        for part in data.at_hand:
            if len(part.inputs):
                check(torch.as_tensor(part.inputs, dtype=dtype))
