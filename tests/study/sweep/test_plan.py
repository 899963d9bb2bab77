"""What a job's name depends on, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from study.config.rules import TRAIN
from study.errors import StudyError
from study.sweep.expansion import expand
from study.sweep.plan import Plan, make_plan

Lines = Callable[..., list[str]]


def plan(lines: list[str]) -> Plan:
    return make_plan(expand(TRAIN, lines), Path.cwd())


def digests(found: Plan) -> list[str]:
    return [job.digest for job in found.jobs]


def test_what_does_not_change_the_outcome_does_not_change_the_digest(lines: Lines, tmp_path: Path) -> None:
    one = digests(plan(lines("depth=1,2")))
    assert len(set(one)) == 2
    for other in (
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["sweep.threads=3", "sweep.max_hours=1", "sweep.confirmed=true"],
        [f"sweep.folder={tmp_path}/elsewhere"],
    ):
        assert digests(plan(lines("depth=1,2", *other))) == one
    moved = [line for line in lines("depth=1,2") if not line.startswith(("output_dir", "logger", "controls"))]
    assert digests(plan([*moved, f"output_dir={tmp_path}/b", "logger=csv", "controls=default"])) == one


@pytest.mark.parametrize(
    "other", ["seed=1", "data.noise=0.2", "trainer.max_epochs=2", "encoding=iqp", "split.fold=1"]
)
def test_what_changes_the_outcome_changes_every_digest(lines: Lines, other: str) -> None:
    assert not set(digests(plan(lines("depth=1,2")))) & set(digests(plan(lines("depth=1,2", other))))


def test_sweeps_share_the_jobs_they_share(lines: Lines) -> None:
    small, large = plan(lines("depth=1,2")), plan(lines("depth=1,2,3"))
    assert {job.folder for job in small.jobs} < {job.folder for job in large.jobs}
    assert small.folder != large.folder


def test_a_value_named_twice_is_refused(lines: Lines) -> None:
    with pytest.raises(StudyError, match="depth=1 and depth=1 are the same job"):
        plan(lines("depth=1,1"))


def test_two_tasks_are_refused(lines: Lines) -> None:
    few = [line for line in lines() if not line.startswith("data")]
    with pytest.raises(StudyError, match="one task"):
        plan([*few, "data=moons,diabetes"])


def test_what_is_only_planned_is_refused(lines: Lines) -> None:
    with pytest.raises(StudyError, match="zeros, which nothing can be trained on"):
        plan(lines("depth=1,2", "backend=braket_sv1", "backend.dry_run=true"))
