"""How long a sweep may take and how much memory: a few steps of each circuit, and once the rest around them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omegaconf import DictConfig

from qlayers.errors import QlayersError
from study import build
from study.baselines.estimator_learner import EstimatorLearner
from study.config.memory import state_bytes
from study.config.names import plain
from study.config.references import references
from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.run.stages import plain_config, reason_of
from study.sweep.choice import REPEATS
from study.sweep.fit import without_test
from study.sweep.plan import Planned
from study.sweep.trial import Overhead, learner_step_seconds, overhead_of, step_seconds

# Writing the report on a core of 2.5 GHz: not measured anew, because a report of nothing tells nothing.
REPORT_SECONDS, PANEL_SECONDS = 3.0, 3.0


@dataclass(frozen=True)
class Estimate:
    """What is still to be done will take about so long; early stopping may end it sooner, a busy machine later.

    Attributes:
        jobs_seconds: of computing in the jobs, one after the other.
        start_seconds: until a process that a launcher starts trains its first step.
        controls_seconds: of the controls and the test part, which come after the jobs.
        report_seconds: of the report.
        untimed: how many jobs are not in it, because nothing says how long their models take.
        refused: the reasons of those that cannot even be built, by job number.
        bytes_a_job: of the states that the largest circuit holds at once.
    """

    jobs_seconds: float
    start_seconds: float
    controls_seconds: float
    report_seconds: float
    untimed: int
    refused: dict[int, str]
    bytes_a_job: int

    def launch_seconds(self, parallel: int, starts: int) -> float:
        """Until the last job is over, where a job waits for `starts` starts of a process one after the other."""
        return self.jobs_seconds / parallel + starts * self.start_seconds

    def seconds(self, parallel: int, starts: int) -> float:
        """Until the report is written."""
        return self.launch_seconds(parallel, starts) + self.controls_seconds + self.report_seconds


def estimate(jobs: Sequence[Planned], say: Callable[[str], None] = lambda _: None) -> Estimate:
    """Time each different circuit on the jobs' own data; the test part is not read."""
    started = time.process_time()  # what the imports and the plan have cost is what they cost a new process
    data: dict[str, Prepared] = {}
    reading: dict[str, float] = {}
    timed: dict[str, float | str | None] = {}
    overhead: Overhead | None = None
    splits: dict[str, tuple[DictConfig, Prepared]] = {}
    total, untimed, refused, largest = 0.0, 0, {}, 0
    for job in jobs:
        values = plain_config(job.config)
        data_key = json.dumps([values[name] for name in ("data", "split", "preprocessing")], sort_keys=True)
        trainer = {**job.config.trainer, "max_epochs": None, "patience": None}
        parts = [values["data"], values["model"], values["precision"], values["class_weight"], trainer]
        key = json.dumps(parts, sort_keys=True, default=str)
        try:
            if data_key not in data:
                # Twice, because the first time has imports in it, which a process makes once and not for every job.
                for _ in range(2):
                    begun = time.perf_counter()
                    config = job.config
                    data[data_key] = without_test(
                        prepare(build.dataset(config), build.split(config), build.preprocessor(config))
                    )
                    reading[data_key] = time.perf_counter() - begun
            if key not in timed:
                say(job.label)
                timed[key] = step_seconds(job.config.copy(), data[data_key])
            step = timed[key]
            if overhead is None and isinstance(step, float):
                overhead = overhead_of(job.config, data[data_key], step)
        except (StudyError, QlayersError) as error:
            timed[key] = reason_of(error)
        except Exception as error:  # whatever it is, it is for the job to fail with; the others go on
            timed[key] = f"{type(error).__name__}: {error}"
        found = timed[key]
        largest = max(largest, _bytes(job.config))
        if isinstance(found, str):
            refused[job.number] = found
            continue
        splits.setdefault(
            json.dumps([values["data"], values["split"]], sort_keys=True), (job.config, data[data_key])
        )
        if found is None:
            untimed += 1
        else:
            around = overhead or Overhead()
            total += reading[data_key] + around.fit_seconds(found, job.config, data[data_key])
    first = (overhead or Overhead()).first
    controls = 0.0
    if splits:
        config, prepared = next(iter(splits.values()))
        say("controls")
        controls = len(splits) * _controls_seconds(config, prepared, overhead or Overhead())
    return Estimate(
        total,
        started + first,
        controls,
        REPORT_SECONDS + PANEL_SECONDS * _panels(jobs),
        untimed,
        refused,
        largest,
    )


def _controls_seconds(config: DictConfig, data: Prepared, overhead: Overhead) -> float:
    """Of all controls on one split; one that cannot be built or timed is a result later, and nothing here."""
    config = config.copy()
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    total = 0.0
    for key in build.controls(config, data.task):
        try:
            learner = build.learner(config, key)
            if isinstance(learner, EstimatorLearner):
                total += learner.estimated_seconds(data, int(config.seed))
            elif (step := learner_step_seconds(learner, config, data)) is not None:
                total += overhead.fit_seconds(step, config, data)
        except Exception:  # a control of somebody else may raise anything
            continue
    return total


def _panels(jobs: Sequence[Planned]) -> int:
    """How many sets of figures the report has if no axes are asked for: two keys make one."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for key, value in job.values.items():
            if key not in REPEATS:
                values.setdefault(key, set()).add(str(value))
    return math.prod(sorted(map(len, values.values()))[:-2])


def _bytes(config: DictConfig) -> int:
    """Of the states of one batch, for a backend that holds them all at once; 0 without a circuit."""
    if "circuit" not in references(plain(config), "model"):
        return 0
    return state_bytes(int(config.n_qubits), int(config.trainer.batch_size))
