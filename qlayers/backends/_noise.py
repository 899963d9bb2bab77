"""What backends with noise models have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pennylane as qp
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from qlayers.components import resolve
from qlayers.errors import ConfigurationError
from qlayers.noise import NATIVE_GATES, NoiseModel
from qlayers.noise._applied import is_native
from qlayers.parameter_shift import parameter_shift_of

Noise = str | NoiseModel | Sequence[str | NoiseModel]


def models_of(noise: Noise) -> tuple[NoiseModel, ...]:
    """Names and models as a tuple of models.

    Raises:
        ConfigurationError: A name is unknown, or there is none.
    """
    several = [noise] if isinstance(noise, str | NoiseModel) else noise
    if not isinstance(several, Sequence) or not several:
        raise ConfigurationError(
            f"backend.noise must be a noise model or several of them, but got {noise!r}."
        )
    return tuple(resolve(one, NoiseModel) for one in several)


def _to_native_gates(tape: QuantumScript, **_: Any) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Before shifts, so that every angle is that of one gate with one channel behind it."""
    tapes, finish = qp.devices.preprocess.decompose(
        tape,
        stopping_condition=is_native,
        target_gates=NATIVE_GATES,
        skip_initial_state_prep=False,
        name="noisy parameter-shift",
    )
    for native in tapes:
        numbers = enumerate(native.get_parameters(trainable_only=False))
        native.trainable_params = [number for number, value in numbers if qp.math.requires_grad(value)]
    return tapes, finish


noisy_parameter_shift = parameter_shift_of(_to_native_gates)
