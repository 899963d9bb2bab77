"""Which configuration is the best on validation. Nothing here knows of a test part."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.run.folder import RunFolder
from study.run.manifest import read_manifest
from study.run.stored import read_json, using
from study.sweep.plan import Plan, Planned
from study.sweep.state import VALIDATION, Validation

AGAIN = "Remove the folder that it is in and start the sweep again: its job is done again."
REPEATS = ("seed", "split.fold", "split.repeat")


@dataclass(frozen=True)
class Choice:
    """The chosen configuration.

    Attributes:
        values: of the swept keys that are no repeats; None if none can be chosen.
        reason: in one sentence.
        over: the repeats that the mean is over.
        jobs: its finished jobs.
    """

    values: dict[str, Any] | None
    reason: str
    over: list[str]
    jobs: list[Planned]


def choose(plan: Plan) -> Choice:
    """The highest (or lowest) mean of the primary metric over seeds and folds, by finished jobs alone.

    A mean over fewer runs than the others had is no fair one, so only configurations with the most finished jobs are
    compared. Of equals, the one with fewer parameters, then the first, is taken.
    """
    over = [key for key in plan.axes if key in REPEATS]
    finished = [job for job in plan.jobs if job.state.status == "finished"]
    if len({job.fingerprint for job in plan.jobs}) > 1:
        reason = (
            "the jobs are about different data, between which nothing is to be chosen; no test part was read"
        )
        return Choice(None, reason, over, [])
    cells: dict[str, list[tuple[Planned, float]]] = {}
    for job in finished:
        value = read_json(job.folder / VALIDATION, Validation, AGAIN)["metrics"].get(plan.metric)
        if value is not None:
            cells.setdefault(_cell(job.values), []).append((job, float(value)))
    if not cells:
        return Choice(None, f"no job has a validation {_words(plan.metric)}; no test part was read", over, [])
    most = max(len(cell) for cell in cells.values())
    complete = [cell for cell in cells.values() if len(cell) == most]
    sign = -1 if plan.greater_is_better else 1
    best = min(complete, key=lambda cell: (sign * _mean(cell), _n_parameters(cell[0][0]), cell[0][0].number))
    values = {key: value for key, value in best[0][0].values.items() if key not in REPEATS}
    word = "highest" if plan.greater_is_better else "lowest"
    reason = (
        f"{word} mean validation {_words(plan.metric)}: {_mean(best):.4g} over {most} job{'s' * (most > 1)}"
    )
    tied = sum(_mean(cell) == _mean(best) for cell in complete) - 1
    if tied:
        reason += (
            f"; tied with {tied} other{'s' * (tied > 1)}, the one with fewer parameters or listed first taken"
        )
    left_out = len({_cell(job.values) for job in plan.jobs}) - len(complete)
    if left_out:
        reason += f"; {left_out} configuration{'s' * (left_out > 1)} with fewer finished jobs not considered"
    return Choice(values, reason, over, [job for job, _ in best])


def _cell(values: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in values.items() if key not in REPEATS}, sort_keys=True)


def _mean(cell: Sequence[tuple[Planned, float]]) -> float:
    return math.fsum(value for _, value in cell) / len(cell)


def _n_parameters(job: Planned) -> int:
    folder = RunFolder(job.folder)
    [model] = read_manifest(folder)["models"].values()
    with using(folder.manifest, AGAIN):
        return int(model.get("n_parameters") or 0)


def _words(metric: str) -> str:
    return metric.replace("_", " ")
