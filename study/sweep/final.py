"""The end of a sweep: controls once a split, and one look at the test part for the configuration that was chosen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from study import build
from study.ablation.sweep import Final
from study.config.stored import own_trust
from study.data.prepare import Prepared
from study.errors import refuse_full_disk
from study.run.alone import alone_in
from study.run.atomic import plain, write_json
from study.run.description import encoding_entangles
from study.run.entrants import MAIN_KEY, Entrant, entrants
from study.run.environment import REPORTING, code_digest
from study.run.folder import RunFolder
from study.run.judging import failed, judge
from study.run.rebuild import prepare_again, stored_config
from study.run.results import ModelResult
from study.run.stages import plain_config, reason_of
from study.run.stored import read_json
from study.sweep.choice import Choice, choose
from study.sweep.fit import without_test
from study.sweep.plan import Plan, Planned

FINAL = "final.json"


def conclude(plan: Plan, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Choose, fit the controls, judge, and write final.json; or read it, if nothing changed since it was written."""
    path = plan.folder / FINAL
    choice = choose(plan)
    basis = _basis(plan, choice)
    try:
        before = read_json(path, dict[str, Any])
        if before.get("basis") == basis and Final.model_validate(before):
            return dict(before)
    except ValueError:
        pass  # it is damaged, or not there, and made again
    splits = [_judge_split(jobs, plan, say) for jobs in _by_split(choice.jobs)]
    final = {
        "chosen": choice.values,
        "reason": choice.reason,
        "over": choice.over,
        "splits": splits,
        "basis": basis,
    }
    write_json(path, final)
    return final


def _judge_split(jobs: list[Planned], plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """All models on one split, the chosen jobs first."""
    first = jobs[0]
    config = stored_config(_opened(first))
    # The job's configuration is complete but for the controls, which the sweep fits for all of its jobs.
    data = prepare_again(_opened(first), config)
    models = [_judge_job(job, data) for job in jobs]
    complete = first.config.copy()
    build.fill_dims(complete, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    entangles = encoding_entangles(build.learner(complete, MAIN_KEY))
    for entrant in entrants(complete, data.task, entangles)[1:]:
        say(entrant.label)
        models.append(_judge_control(entrant, complete, data))
    return {"split": _split(first), "rows": len(data.test.rows), "models": models}


def _opened(job: Planned) -> RunFolder:
    """The job's folder, in which what the sweep's own command line names is trusted."""
    return RunFolder(job.folder, own_trust(job.config, job.folder))


def _judge_job(job: Planned, data: Prepared) -> dict[str, Any]:
    folder = _opened(job)
    folder.seal.check([*folder.sealed, *folder.models(folder.path)])
    config = stored_config(folder)
    learner = build.learner(config, MAIN_KEY)
    learner.restore(folder.path)
    result, _ = judge(entrants(config, data.task)[0], learner, data)
    return _entry(result, job.config.seed)


def _judge_control(entrant: Entrant, config: DictConfig, data: Prepared) -> dict[str, Any]:
    """A control, fitted now or by an earlier sweep with the same control, data and code."""
    try:
        learner = build.learner(config, entrant.key)
        node = OmegaConf.to_container(OmegaConf.select(config, entrant.key), resolve=True)
        values = plain_config(config)
        shared = ("seed", "split", "preprocessing", "optimizer", "trainer", "precision", "class_weight")
        basis = [node, data.fingerprint, code_digest(without=REPORTING), *(values[name] for name in shared)]
        digest = hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).hexdigest()
        place = Path(config.output_dir) / "controls" / f"{data.name}-{entrant.name}-{digest[:8]}"
        with alone_in(place, "output_dir", wait=True):
            if (place / "fitted.json").exists():
                learner.restore(place)
            else:
                resume = (place / "steps.csv").exists()
                learner.fit(without_test(data), place, seed=config.seed, progress=False, resume=resume)
                learner.save(place)
                write_json(place / "fitted.json", {"name": entrant.name, "digest": digest})
        result, _ = judge(entrant, learner, data)
    except Exception as error:  # a control's failure is a result
        refuse_full_disk(error)
        result = failed(entrant, reason_of(error))
    return _entry(result, config.seed)


def _entry(result: ModelResult, seed: int) -> dict[str, Any]:
    return {**plain(result), "seed": int(seed)}


def _by_split(jobs: list[Planned]) -> list[list[Planned]]:
    groups: dict[str, list[Planned]] = {}
    for job in sorted(
        jobs, key=lambda job: (job.config.split.repeat, job.config.split.fold, job.config.seed)
    ):
        groups.setdefault(json.dumps(_split(job)), []).append(job)
    return list(groups.values())


def _split(job: Planned) -> dict[str, int]:
    return {"fold": int(job.config.split.fold), "repeat": int(job.config.split.repeat)}


def _basis(plan: Plan, choice: Choice) -> str:
    """A digest of what final.json rests on: the finished jobs, the choice among them and the controls."""
    finished = [job.digest for job in plan.jobs if job.state.status == "finished"]
    controls = OmegaConf.to_yaml(plan.jobs[0].config.controls)
    text = json.dumps([finished, choice.values, choice.reason, controls], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
