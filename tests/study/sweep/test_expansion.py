"""From the command line to the jobs, and the answer to each mistake."""

from __future__ import annotations

import itertools

import pytest

from study.config.rules import TRAIN
from study.errors import StudyError
from study.sweep.expansion import expand
from study.sweep.launching import check_launcher, parallel_jobs, threads_a_job


def test_jobs_are_the_product_of_the_axes() -> None:
    found = expand(TRAIN, ["encoding=angle,iqp", "n_qubits=2", "depth=range(1,4)", "optimizer.lr=1e-2,0.1"])
    assert found.axes == {"encoding": ["angle", "iqp"], "depth": [1, 2, 3], "optimizer.lr": [0.01, 0.1]}
    assert [tuple(job.values.values()) for job in found.jobs] == list(
        itertools.product(["angle", "iqp"], [1, 2, 3], [0.01, 0.1])
    )
    assert all(job.config.n_qubits == 2 for job in found.jobs)
    assert [job.config.depth for job in found.jobs[:4]] == [1, 1, 2, 2]
    assert found.launcher == "basic"


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("reupload=true,false", ["reupload=true", "reupload=false"]),
        ("optimizer.lr=1e-2,0.1", ["optimizer.lr=1e-2", "optimizer.lr=0.1"]),
        ("depth=range(1,3)", ["depth=1", "depth=2"]),
        ("depth=choice(1,2)", ["depth=1", "depth=2"]),
    ],
)
def test_a_job_has_its_values_as_they_were_typed(word: str, typed: list[str]) -> None:
    assert [job.overrides[0] for job in expand(TRAIN, [word, "seed=0,1"]).jobs[::2]] == typed


def test_a_preset_brings_its_sweep_and_the_command_line_wins() -> None:
    found = expand(TRAIN, ["experiment=ablation_depth_encoding", "depth=8", "seed=0,1"])
    assert found.axes == {"encoding": ["angle", "iqp", "amplitude"], "seed": [0, 1]}
    assert {job.config.depth for job in found.jobs} == {8}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("depth=2", "no jobs"),
        ("depth=range(0,0)", "no jobs: depth=range(0,0) names no value"),
        ("depth=", "no jobs: no key has several values, and depth came empty"),
        ("dept=1,2", "dept is not a key. Nearest: depth"),
        ("encoding=angle,nope", "encoding=nope is not an option"),
        ("depth=1,2 depth=3,4", "depth is given twice: depth=1,2 and depth=3,4"),
        ("depth=1,2 resume=runs/x", "goes on when the same command is given again"),
        ("output_dir=a,b", "output_dir does not change"),
        ("sweep.max_hours=1,2", "sweep.max_hours does not change"),
        ("optimizer.lr=interval(0.1,0.2)", "names no list of values"),
        ("split.n_folds=2,5 split.fold=0,3", "split.fold=3 does not exist"),
        ("depth=1,2 hydra/launcher=nope", "nope"),
    ],
)
def test_a_mistake_is_one_message(line: str, words: str) -> None:
    with pytest.raises(StudyError) as caught:
        expand(TRAIN, line.split())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_launcher_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.sweep.launching._installed", lambda module: False)
    with pytest.raises(StudyError, match=r"hydra/launcher=ray is not installed.*\[ray\]"):
        check_launcher("ray")
    check_launcher("basic")


def test_parallel_jobs_and_their_threads() -> None:
    ray = {"ray": {"init": {"num_cpus": 8}, "remote": {"num_cpus": 2}}}
    assert parallel_jobs("ray", ray, 10, 2) == 4
    assert parallel_jobs("basic", {}, 10, 8) == 1
    assert parallel_jobs("joblib", {"n_jobs": -2}, 10, 8) == 7
    assert parallel_jobs("submitit_local", {"cpus_per_task": 1}, 10, 2) == 2
    assert threads_a_job("joblib", {}, 16, 8) == 1
