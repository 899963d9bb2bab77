"""Climbing one rung: the same rows through the same weights, on its backend."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from qlayers.errors import InputRangeWarning
from study.errors import refuse_full_disk
from study.fitting.learner import Learner
from study.fitting.seeding import reseed
from study.ladder import drift
from study.ladder.evidence import CLASSICAL, DEVICE, NOBODY, Climbed, Drift, Found
from study.ladder.failures import gives_no_answer, kind_of
from study.ladder.moving import recorded
from study.ladder.rung import Rung, in_full
from study.ladder.sizes import sizes
from study.ladder.standby import Standby
from study.run.circuits import circuit_features, layers_of
from study.run.stages import reason_of

PORTIONS = 20  # so many steps the progress line makes on a rung of this machine


def climb(
    rung: Rung,
    learner: Learner,
    inputs: np.ndarray,
    *,
    seed: int,
    drift_circuits: int,
    plan: Mapping[str, Any],
    advance: Callable[[int], None],
    standby: Standby | None = None,
) -> tuple[Climbed, Found | None]:
    """Predict the rows on a rung, with the drift check around them; what goes wrong there is recorded.

    Args:
        rung: where.
        learner: moved there.
        inputs: of the chosen rows, (n, n_inputs).
        seed: of whatever the backend draws.
        drift_circuits: copies of the reference circuit, before and after; 0 for no check.
        plan: what was reckoned, to be kept beside what it took.
        advance: called with the number of rows that were done.
        standby: what stands for all answers if the device is offline, or tasks failed or took too long; None for
            nothing. Any other failure is one in spite of it.
    """
    reseed(seed, "rung", rung.name)
    layers = layers_of(learner)
    for layer in layers:
        layer.reset_execution()
    begun = time.perf_counter()
    try:
        found, drifted, rows_seconds = pass_rows(
            learner, inputs, drift_circuits, rung.backend.outside, advance
        )
        circuit = sizes(layers[0], found.inputs[0][0])
    except Exception as error:  # what a machine refuses is a finding about it; the ladder goes on
        refuse_full_disk(error)
        failure = {"kind": kind_of(error), "reason": in_full(f"ladder.rungs.{rung.name}", reason_of(error))}
        seconds = time.perf_counter() - begun
        ended: dict[str, Any] = {"failure": failure}
        if standby is None:
            return _record(rung, "failed", learner, plan, seconds, **ended), None
        if not gives_no_answer(error):
            ended["answered_by"] = NOBODY
            return _record(rung, "failed", learner, plan, seconds, **ended), None
        ended |= {"answered_by": CLASSICAL + standby.name, "answered_classically": len(standby.outputs)}
        return _record(rung, "classical", learner, plan, seconds, **ended), Found(standby.outputs, [], [])
    seconds = time.perf_counter() - begun
    extra = {
        "row_seconds": rows_seconds / len(inputs),
        "drift": drifted,
        "circuit": circuit,
        "answered_by": None if standby is None else DEVICE,
    }
    return _record(rung, "climbed", learner, plan, seconds, **extra), found


def pass_rows(
    learner: Learner,
    inputs: np.ndarray,
    drift_circuits: int,
    at_once: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Found, Drift | None, float]:
    """Everything that is run on a rung: the reference circuit, the rows, the reference circuit again.

    Args:
        learner: on the rung's backend.
        inputs: of the rows, (n, n_inputs).
        drift_circuits: copies of the reference circuit; 0 for none.
        at_once: whether the rows go together: batches and program sets are what others' machines charge for.
        advance: called with the number of rows that were done.

    Returns:
        What was computed, the drift check, and the seconds that the rows took.
    """
    reference = _reference(learner, inputs) if drift_circuits else None
    start = drift.measure(*reference, drift_circuits) if reference else None
    outputs = []
    size = len(inputs) if at_once else max(1, len(inputs) // PORTIONS)
    begun = time.perf_counter()
    with recorded(learner) as passed, warnings.catch_warnings():
        warnings.simplefilter("ignore", InputRangeWarning)  # said already, on the lowest rung
        for portion in range(0, len(inputs), size):
            outputs.append(learner.predict(inputs[portion : portion + size]))
            advance(len(outputs[-1]))
    seconds = time.perf_counter() - begun
    drifted = None
    if reference is not None and start is not None:
        drifted = drift.compared(*reference, start, drift.measure(*reference, drift_circuits))
    found = Found(
        np.concatenate(outputs),
        [np.concatenate(one.inputs) if one.inputs else np.empty((0, 0)) for one in passed],
        [np.concatenate(one.outputs) if one.outputs else np.empty((0, 0)) for one in passed],
    )
    return found, drifted, seconds


def _reference(learner: Learner, inputs: np.ndarray) -> tuple[Any, torch.Tensor] | None:
    """The first circuit that the model runs, and what the first row gives it."""
    model = learner.model  # type: ignore[attr-defined]
    with torch.no_grad():
        return circuit_features(model, torch.as_tensor(inputs[:1], dtype=next(model.parameters()).dtype))


def _record(
    rung: Rung, status: Any, learner: Learner, plan: Mapping[str, Any], seconds: float, **more: Any
) -> Climbed:
    return Climbed(
        name=rung.name,
        label=rung.label,
        status=status,
        backend=dict(rung.settings),
        outside=rung.backend.outside,
        shots=rung.backend.shots,
        execution=executed(learner),
        plan=dict(plan),
        seconds=seconds,
        **more,
    )


def executed(learner: Learner) -> dict[str, Any]:
    """How the model's circuits ran: the first one's device and method, and the counts of all together."""
    parts = [layer.execution.as_dict() for layer in layers_of(learner)]
    counts = ("executions", "gradient_executions", "seconds", "tasks", "usd", "cached")
    found = {**parts[0], **{name: sum(part.get(name, 0) for part in parts) for name in counts}}
    return found | _spent(learner)


def _spent(learner: Learner) -> dict[str, Any]:
    """What a device that sends tasks knows besides: failures by kind, waiting, running, what ran elsewhere."""
    spent = [
        one for layer in layers_of(learner) if (one := getattr(layer.qnode.device, "spent", None)) is not None
    ]
    if not spent:
        return {}
    failures: Counter[str] = Counter()
    for one in spent:
        failures.update(getattr(one, "failures", {}))
    names = ("queue_seconds", "run_seconds", "fell_back")
    return {
        "failures": dict(failures),
        **{name: sum(getattr(one, name, 0) for one in spent) for name in names},
    }
