"""What a study with entrants on a paid backend will send and cost, reckoned before its first job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qlayers.errors import QlayersError
from study import build
from study.comparison.composing import EntrantComposer, first_values, with_values
from study.comparison.planning import Plan, Planned
from study.comparison.tuning import trials_of
from study.config.leaving import paid
from study.data.prepare import prepare
from study.data.sealed import sealed
from study.errors import StudyError
from study.run.purchase import Purchase, TrainingPlan, purchase_of, together

TUNED = (
    "reckoned with the values that tuning tries first; others may need more, and none more than the budget"
)


def study_purchase(plan: Plan, pending: Sequence[Planned], composer: EntrantComposer) -> TrainingPlan | None:
    """The plan of all that a study still sends: every trial of every entrant, and its look at the test part.

    Jobs on part of the rows count as if they had all. Entrants that cannot be built are not in it: they fail before
    they send anything.

    Args:
        plan: of the study.
        pending: the jobs that are still to be done.
        composer: of the entrants.

    Returns:
        None where nothing is paid for.

    Raises:
        StudyError: what an entrant sends cannot be found out.
    """
    splits = {(split.repeat, split.fold): split for split in plan.splits}
    tuning, seed = plan.config.study.tuning, int(plan.config.study.protocol.seeds[0])
    buying = [name for name, spec in plan.specs.items() if paid(composer.config(spec, 0, 0, seed))]
    known: dict[tuple[str, int, int, int], Purchase | None] = {}
    found: list[Purchase] = []
    for job in pending:
        if job.entrant not in buying:
            continue
        spec, parts = plan.specs[job.entrant], splits[job.repeat, job.fold].parts(plan.table)
        key = job.entrant, len(parts.train), len(parts.validation), len(parts.test)
        if key not in known:
            known[key] = _of_one_trial(plan, job, composer)
        if (one := known[key]) is not None:
            # Every trial is judged on the validation part, and the best one predicts it once more.
            trials = trials_of(int(tuning.trials), int(tuning.restarts), bool(spec.search))
            found.append(replace(one, trainings=trials, looks=trials + 1))
    if not found:
        return None
    searched = any(plan.specs[name].search for name in buying)
    return TrainingPlan(together(found), what="study", notes=(TUNED,) if searched else ())


def _of_one_trial(plan: Plan, job: Planned, composer: EntrantComposer) -> Purchase | None:
    spec = plan.specs[job.entrant]
    plain = composer.config(spec, job.repeat, job.fold, job.seed)
    config = with_values(plain, first_values(plain, spec))
    split = next(one for one in plan.splits if (one.repeat, one.fold) == (job.repeat, job.fold))
    data = sealed(prepare(plan.table, split, build.preprocessor(config)))
    try:
        build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
        learner = build.learner(config)
    except (StudyError, QlayersError):
        return None
    return purchase_of(spec.label, learner, data, job.seed)
