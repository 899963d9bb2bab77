"""How long a sweep may take and how much memory, found out by a few training steps of each different circuit."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from omegaconf import DictConfig
from torch import nn

from qlayers.errors import QlayersError
from study import build
from study.config.construction import check_construction
from study.config.memory import state_bytes
from study.config.names import plain
from study.config.references import references
from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.fitting.outputs import outputs_for
from study.fitting.readiness import fit_reductions
from study.run.entrants import MAIN_KEY
from study.run.stages import plain_config, reason_of
from study.sweep.fit import without_test
from study.sweep.plan import Planned

N_STEPS = 3
LONG_STEP_SECONDS = 5.0  # one step that takes longer than this is calibration enough
STEP_OVERHEAD_SECONDS = 0.003  # of Lightning and the record of steps
JOB_OVERHEAD_SECONDS = 1.5  # reading data, building, writing the folder


@dataclass(frozen=True)
class Estimate:
    """What the jobs that are still to run will take at most; early stopping may end them sooner.

    Attributes:
        seconds: of computing, one job after the other.
        untimed: how many jobs are not in it, because nothing says how long their models take.
        refused: the reasons of those that cannot even be built, by job number.
        bytes_a_job: of the states that the largest circuit holds at once.
    """

    seconds: float
    untimed: int
    refused: dict[int, str]
    bytes_a_job: int


def estimate(jobs: Sequence[Planned], say: Callable[[str], None] = lambda _: None) -> Estimate:
    """Time each different circuit on the jobs' own data; the test part is not read."""
    data: dict[str, Prepared] = {}
    timed: dict[str, float | str | None] = {}
    total, untimed, refused, largest = 0.0, 0, {}, 0
    for job in jobs:
        values = plain_config(job.config)
        data_key = json.dumps([values[name] for name in ("data", "split", "preprocessing")], sort_keys=True)
        trainer = {**job.config.trainer, "max_epochs": None, "patience": None}
        parts = [values["data"], values["model"], values["precision"], values["class_weight"], trainer]
        key = json.dumps(parts, sort_keys=True, default=str)
        try:
            if data_key not in data:
                config = job.config
                data[data_key] = without_test(
                    prepare(build.dataset(config), build.split(config), build.preprocessor(config))
                )
            if key not in timed:
                say(job.label)
                timed[key] = _step_seconds(job.config.copy(), data[data_key])
        except (StudyError, QlayersError) as error:
            timed[key] = reason_of(error)
        found = timed[key]
        largest = max(largest, _bytes(job.config))
        if isinstance(found, str):
            refused[job.number] = found
        elif found is None:
            untimed += 1
        else:
            total += _job_seconds(found, job.config, data[data_key])
    return Estimate(total, untimed, refused, largest)


def _job_seconds(step: float, config: DictConfig, data: Prepared) -> float:
    size = int(config.trainer.batch_size)
    steps = math.ceil(len(data.train.rows) / size)
    # A validation row costs a forward pass, about a third of a step there and back.
    validation = step * len(data.validation.rows) / size / 3
    return JOB_OVERHEAD_SECONDS + int(config.trainer.max_epochs) * (
        steps * (step + STEP_OVERHEAD_SECONDS) + validation
    )


def _step_seconds(config: DictConfig, data: Prepared) -> float | None:
    """Of one training step, the median of a few after a first one; None for what is not trained in steps."""
    config.controls = {}
    check_construction(config)
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    learner = build.learner(config, MAIN_KEY)
    learner.check(data)
    model = getattr(learner, "model", None)
    if not isinstance(model, nn.Module):
        return None
    rows = slice(0, int(config.trainer.batch_size))
    dtype = next(model.parameters()).dtype
    fit_reductions(model, torch.as_tensor(data.train.inputs, dtype=dtype))
    outputs = outputs_for(data, config.class_weight)
    inputs = torch.as_tensor(data.train.inputs[rows], dtype=dtype)
    targets = outputs.encode(data.train.targets[rows], dtype)
    seconds: list[float] = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(1 + N_STEPS):
            begun = time.perf_counter()
            outputs.loss(model(inputs), targets).backward()
            seconds.append(time.perf_counter() - begun)
            if seconds[-1] > LONG_STEP_SECONDS:
                break
    return statistics.median(seconds[1:] or seconds)


def _bytes(config: DictConfig) -> int:
    """Of the states of one batch, for a backend that holds them all at once; 0 without a circuit."""
    if "circuit" not in references(plain(config), "model"):
        return 0
    return state_bytes(int(config.n_qubits), int(config.trainer.batch_size))
