"""What one job costs, found out by doing a little of it: a few steps, and a fit or two on some of the rows."""

from __future__ import annotations

import dataclasses
import math
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from study import build
from study.config.construction import check_construction
from study.data.prepare import Part, Prepared
from study.fitting.learner import Learner
from study.fitting.outputs import outputs_for
from study.fitting.paid import paid_layers
from study.fitting.readiness import fit_reductions
from study.run.entrants import MAIN_KEY

N_STEPS = 3
LONG_STEP_SECONDS = 5.0  # one step that takes longer than this is calibration enough
TRIAL_SECONDS = 1.0  # of training in the trial fit that tells what a job takes besides its steps


@dataclass(frozen=True)
class Overhead:
    """What a job takes besides its training steps, as a trial fit found it.

    Attributes:
        first: seconds that only the first fit of a process takes.
        job: seconds before and after the training.
        step: seconds of Lightning and the records, a step.
    """

    first: float = 0.0
    job: float = 0.0
    step: float = 0.0

    def fit_seconds(self, step: float, config: DictConfig, data: Prepared) -> float:
        """Of a whole fit whose steps take `step` seconds each, over all epochs."""
        size = int(config.trainer.batch_size)
        steps = math.ceil(len(data.train.rows) / size)
        epoch = steps * (step + self.step) + _validation_seconds(step, data, size)
        return self.job + int(config.trainer.max_epochs) * epoch


def step_seconds(config: DictConfig, data: Prepared) -> float | None:
    """Of one training step, the median of a few after a first one; None for what is not trained in steps."""
    config.controls = {}
    check_construction(config)
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    return learner_step_seconds(build.learner(config, MAIN_KEY), config, data)


def learner_step_seconds(learner: Learner, config: DictConfig, data: Prepared) -> float | None:
    """The same of a learner that was built; None for one whose circuits are paid for, which are not run for this."""
    learner.check(data)
    model = getattr(learner, "model", None)
    if not isinstance(model, nn.Module) or paid_layers(model):
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
            # The first may compile kernels, which happens once on a machine, and says nothing of a step.
            if len(seconds) > 1 and seconds[-1] > LONG_STEP_SECONDS:
                break
    return statistics.median(seconds[1:] or seconds)


def overhead_of(config: DictConfig, data: Prepared, step: float) -> Overhead:
    """What fits of one and of two epochs on part of the rows take besides `step` seconds a step."""
    size = int(config.trainer.batch_size)
    n_steps = max(1, min(math.ceil(len(data.train.rows) / size), int(TRIAL_SECONDS / max(step, 1e-9))))
    few = dataclasses.replace(data, train=_first(data.train, n_steps * size))
    try:
        seconds = [_trial_fit(config, few, n_epochs) for n_epochs in (1, 1, 2)]
    except Exception:  # what is wrong is for the job to find and to record
        return Overhead()
    epoch = max(0.0, seconds[2] - seconds[1])
    a_step = max(0.0, (epoch - _validation_seconds(step, data, size)) / n_steps - step)
    return Overhead(max(0.0, seconds[0] - seconds[1]), max(0.0, seconds[1] - epoch), a_step)


def _trial_fit(config: DictConfig, data: Prepared, n_epochs: int) -> float:
    """Seconds of building, fitting and saving the model, with nothing kept."""
    config = config.copy()
    config.controls = {}
    config.trainer.max_epochs = n_epochs
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        check_construction(config)
        build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
        learner = build.learner(config, MAIN_KEY)
        learner.fit(data, Path(folder), seed=int(config.seed), progress=False)
        learner.save(Path(folder))
    return time.perf_counter() - begun


def _validation_seconds(step: float, data: Prepared, size: int) -> float:
    # A validation row costs a forward pass, about a third of a step there and back.
    return step * len(data.validation.rows) / size / 3


def _first(part: Part, n_rows: int) -> Part:
    return Part(part.inputs[:n_rows], part.targets[:n_rows], part.rows[:n_rows])
