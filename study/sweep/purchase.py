"""What a sweep whose circuits run on a paid backend will send and cost, reckoned before its first job."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from omegaconf import DictConfig

from qlayers.errors import QlayersError
from study import build
from study.config.construction import check_construction
from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.fitting.learner import Learner
from study.run.description import encoding_entangles
from study.run.entrants import MAIN_KEY, entrants
from study.run.purchase import Purchase, TrainingPlan, purchase_of, together
from study.run.stages import plain_config
from study.sweep.choice import REPEATS
from study.sweep.fit import without_test
from study.sweep.plan import Planned


def sweep_purchase(jobs: Sequence[Planned], pending: Sequence[Planned]) -> TrainingPlan | None:
    """The plan of all that a sweep still sends: its jobs, its controls, and the one look at the test part.

    Jobs that cannot be built are not in it: they fail before they send anything.

    Args:
        jobs: of the sweep.
        pending: those that are not finished.

    Returns:
        None where nothing is paid for.

    Raises:
        StudyError: what a job sends cannot be found out.
    """
    data: dict[str, Prepared] = {}
    splits: dict[str, tuple[DictConfig, Prepared]] = {}
    sizes: Counter[str] = Counter()
    trained: list[Purchase] = []
    tested: list[Purchase] = []
    for job in jobs:
        config = job.config.copy()
        values = plain_config(config)
        key = json.dumps([values[name] for name in ("data", "split", "preprocessing")], sort_keys=True)
        try:
            if key not in data:
                data[key] = without_test(
                    prepare(build.dataset(config), build.split(config), build.preprocessor(config))
                )
            splits.setdefault(
                json.dumps([values["data"], values["split"]], sort_keys=True), (job.config, data[key])
            )
            learner = _built(config, data[key])
        except (StudyError, QlayersError):
            continue
        label = " ".join(job.words(without=REPEATS)) or "the one configuration"
        found = purchase_of(label, learner, data[key], int(config.seed))
        if found is None:
            continue
        trained += [replace(found, looks=1, tests=0)] if job in pending else []
        tested.append(found)
        sizes[label] += 1
    if not tested:
        return None
    dearest = max(tested, key=lambda one: (one.test_amount.usd, one.test_amount.tasks))
    chosen = replace(
        dearest, label="the chosen configuration", trainings=0, looks=0, tests=max(sizes.values())
    )
    controls = [one for config, prepared in splits.values() for one in _controls(config, prepared)]
    return TrainingPlan(together([*trained, chosen, *controls]), what="sweep")


def _built(config: DictConfig, data: Prepared) -> Learner:
    without = config.copy()
    without.controls = {}
    check_construction(without)
    build.fill_dims(without, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    return build.learner(without, MAIN_KEY)


def _controls(config: DictConfig, data: Prepared) -> list[Purchase]:
    """Of one split; a control that cannot be built is a result later, and sends nothing."""
    complete = config.copy()
    build.fill_dims(complete, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    found = []
    for entrant in entrants(complete, data.task, encoding_entangles(build.learner(complete, MAIN_KEY)))[1:]:
        try:
            learner = build.learner(complete, entrant.key)
        except (StudyError, QlayersError):
            continue
        found.append(purchase_of(entrant.label, learner, data, int(complete.seed)))
    return [one for one in found if one is not None]
