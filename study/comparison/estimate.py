"""How long a study may take: a step or a fit of every entrant, timed on its own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from study import build
from study.baselines.estimator_learner import EstimatorLearner
from study.comparison.composing import EntrantComposer, first_values, with_values
from study.comparison.planning import Plan, Planned
from study.comparison.tuning import trials_of
from study.config.memory import state_bytes
from study.config.names import plain
from study.config.references import references
from study.data.prepare import prepare
from study.data.sealed import sealed
from study.sweep.estimate import PANEL_SECONDS, REPORT_SECONDS
from study.sweep.trial import Overhead, learner_step_seconds, overhead_of

JOB_SECONDS = 1.5  # composing, reading the data, the trials' store, latency, files: not part of any trial
FIGURES = 10


@dataclass(frozen=True)
class Estimate:
    """Early stopping may end it sooner, a busy machine later.

    Attributes:
        jobs_seconds: of computing in the jobs, one after the other.
        start_seconds: until a process that a launcher starts trains its first step.
        trial_seconds: of one trial on all training rows, by entrant; None where nothing could be timed.
        bytes_a_job: of the states that the largest circuit holds at once.
    """

    jobs_seconds: float
    start_seconds: float
    trial_seconds: Mapping[str, float | None]
    bytes_a_job: int

    @property
    def report_seconds(self) -> float:
        return REPORT_SECONDS + FIGURES * PANEL_SECONDS / 3

    def seconds(self, parallel: int, starts: int) -> float:
        """Until the report is written."""
        return self.jobs_seconds / parallel + starts * self.start_seconds + self.report_seconds


def estimate(plan: Plan, pending: Sequence[Planned], composer: EntrantComposer, started: float) -> Estimate:
    """Time each entrant once.

    Args:
        plan: of the study.
        pending: the jobs that are still to be done.
        composer: of the entrants.
        started: seconds that the imports took, which a new process has to spend again.
    """
    split = plan.splits[0]
    data = sealed(prepare(plan.table, split, build.preprocessor(plan.config)))
    seed = int(plan.config.study.protocol.seeds[0])
    seconds: dict[str, float | None] = {}
    overhead: Overhead | None = None
    largest = 0
    for name in dict.fromkeys(job.entrant for job in pending):
        spec = plan.specs[name]
        try:
            plain_config = composer.config(spec, split.repeat, split.fold, seed)
            config = with_values(plain_config, first_values(plain_config, spec))
            build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
            learner = build.learner(config)
            if isinstance(learner, EstimatorLearner):
                seconds[name] = learner.estimated_seconds(data, seed)
                continue
            step = learner_step_seconds(learner, config, data)
            if step is None:
                seconds[name] = None
                continue
            overhead = overhead or overhead_of(config, data, step)
            seconds[name] = overhead.fit_seconds(step, config, data)
            if "circuit" in references(plain(config), "model"):
                largest = max(largest, state_bytes(int(config.n_qubits), int(config.trainer.batch_size)))
        except Exception:  # what is wrong is for the job to find and to record
            seconds[name] = None
    total = sum(
        JOB_SECONDS + job.condition.fraction * _trials(plan, job) * (seconds[job.entrant] or 0.0)
        for job in pending
    )
    return Estimate(total, started + (overhead or Overhead()).first, seconds, largest)


def _trials(plan: Plan, job: Planned) -> int:
    tuning = plan.config.study.tuning
    return trials_of(int(tuning.trials), int(tuning.restarts), bool(plan.specs[job.entrant].search))
