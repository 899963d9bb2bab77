"""The test part: read once, at the end, by all models together."""

from __future__ import annotations

import numpy as np

from study.data.prepare import Prepared
from study.fitting.latency import latency_seconds
from study.fitting.learner import Learner
from study.metrics import evaluate
from study.run.entrants import Entrant
from study.run.results import ModelResult


def judge(entrant: Entrant, learner: Learner, data: Prepared) -> tuple[ModelResult, np.ndarray]:
    """A fitted model's result on the test part, and its output there: (n_rows, n_classes) or (n_rows,)."""
    output = learner.predict(data.test.inputs)
    found = evaluate(data.task, data.test.targets, output, data.n_outputs)
    latency = latency_seconds(learner, data.test.inputs[:1])
    selection = learner.describe()
    result = ModelResult(
        name=entrant.name,
        label=entrant.label,
        role=entrant.role,
        metrics={name: float(value) if np.isfinite(value) else None for name, value in found.items()},
        n_parameters=learner.n_parameters,
        fit_seconds=learner.fit_seconds,
        latency_seconds=latency,
        at_edge={name: selection["chosen"][name] for name in selection.get("at_edge", ())},
    )
    return result, output


def failed(entrant: Entrant, reason: str) -> ModelResult:
    """The entry of a model that has no result."""
    return ModelResult(entrant.name, entrant.label, entrant.role, failure=reason)
