"""Whether the reference rung gives what the run itself stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from study.fitting.learner import Learner
from study.ladder.evidence import Found
from study.report.words import listed
from study.run.circuits import layers_of
from study.run.predictions import read_output
from study.run.results import Results

if TYPE_CHECKING:
    from study.ladder.evaluation import Evaluation

AGREES = 1e-4  # the reference's outputs and those that the run stored, in single precision


def remark(evaluation: Evaluation, found: Found) -> str | None:
    """What there is to say where they differ, and why if that is known; None where they agree.

    Args:
        evaluation: of the run.
        found: what the reference rung computed.
    """
    run = evaluation.run
    name = Results.read(run.results).main.name
    stored = read_output(run.predictions, name, evaluation.data.classes)[evaluation.positions]
    difference = float(np.abs(stored - found.outputs).max())
    if difference <= AGREES * max(1.0, float(np.abs(stored).max())):
        return None
    differ = (
        f"on the rung {evaluation.reference} outputs differ by up to {difference:.2g} from those that the run "
        "stored"
    )
    sampled = sampled_on(evaluation.learner)
    if sampled is None:
        return f"{differ}, so that it is not the run that the others are compared with."
    return (
        f"{differ}. That is explained by the run itself, which was sampled on {sampled}: the others are compared with "
        "its weights on that rung, not with what it stored."
    )


def sampled_on(learner: Learner) -> str | None:
    """The backends that a learner's circuits were sampled on, or run on with noise, in words; None if on none.

    Args:
        learner: where it was trained.
    """
    names = []
    for layer in layers_of(learner):
        backend = layer.backend
        if backend is None or (backend.shots is None and not getattr(backend, "noise", None)):
            continue
        shots = "exact values with noise" if backend.shots is None else f"{backend.shots:,} shots a circuit"
        names.append(f"backend={backend.name} ({shots})")
    return listed(list(dict.fromkeys(names))) if names else None
