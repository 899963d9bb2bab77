"""The whole of a sweep: expanded, planned, launched, judged, reported."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from study.config.memory import available_bytes, readable
from study.config.program import Program
from study.errors import StudyError
from study.sweep.expansion import Expansion
from study.sweep.job import Job
from study.sweep.launching import (
    check_launcher,
    launch,
    launcher_of,
    parallel_jobs,
    threads_a_job,
    workers_environment,
)

SOME_FAILED = 3


def sweep(
    program: Program,
    lines: Sequence[str],
    expansion: Expansion,
    config_dir: str | None = None,
    console: Console | None = None,
) -> int:
    """Run a sweep that was expanded and checked.

    Returns:
        The exit code: 0, or 3 if some jobs failed; the report is there in both cases.

    Raises:
        StudyError: before any job is started.
    """
    check_launcher(expansion.launcher)
    from study.run.manifest import now
    from study.sweep.estimate import estimate
    from study.sweep.final import conclude
    from study.sweep.plan import make_plan
    from study.sweep.stores import prepare_stores
    from study.sweep.watch import Watch

    # The stream as it is now: jobs in this process redirect sys.stdout while the progress line is drawn.
    console = console or Console(file=sys.stdout)
    base = Path.cwd()
    plan = make_plan(expansion, base)
    began = now()
    states = [job.state for job in plan.jobs]
    pending = [job for job, state in zip(plan.jobs, states, strict=True) if state.status != "finished"]
    parallel = parallel_jobs(expansion.launcher, expansion.hydra.launcher, max(1, len(pending)), _cores())
    options = plan.jobs[0].config.sweep
    n_threads = options.threads or threads_a_job(
        expansion.launcher, expansion.hydra.launcher, parallel, _cores()
    )
    with workers_environment(n_threads):
        found = estimate(pending)
        _print_plan(plan, states, found, parallel, expansion.launcher, console)
        if pending:
            _check_limits(found, parallel, options, len(states) == len(found.refused))
            plan.write()
            prepare_stores(plan.jobs[0].config)
            with Watch(plan.jobs, console, began, found.seconds / parallel, parallel):
                _run_all(
                    program, lines, config_dir, expansion, plan, began, n_threads, parallel, base, console
                )
        plan.write()
        with FileLock(plan.folder / ".lock"):
            with console.status("controls and the test part") if console.is_terminal else _Nothing():
                final = conclude(plan)
            report = _report(plan.folder)
    return _print_end(plan, final, report, console)


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _run_all(program, lines, config_dir, expansion, plan, began, n_threads, parallel, base, console) -> None:  # type: ignore[no-untyped-def]
    """Launch what is not finished until nothing is left that was not tried.

    Jobs that another process holds are left to it at first and waited for at the end. A worker that dies takes the
    rest of its launch with it, so the rest is launched again.
    """
    from study.sweep.state import LOCK

    at_once = (
        parallel if expansion.launcher == "submitit_local" else expansion.hydra.sweeper.get("max_batch_size")
    )
    wait = False
    while True:
        todo = [job for job in plan.jobs if not _over(job, began)]
        if not todo:
            return
        task = Job(program, config_dir, str(base), str(plan.folder), began, n_threads, wait)
        try:
            with launcher_of(program.name, lines, config_dir, plan.folder, task) as launcher:
                launch(launcher, [job.overrides for job in todo], at_once)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
            died = [job for job in todo if job.state.status == "running" and _abandoned(job.folder / LOCK)]
            for job in died:
                _record_death(job.folder, reason)
            if not died and all(not _over(job, began) for job in todo):
                raise StudyError(
                    f"hydra/launcher={expansion.launcher} could not run the jobs: {reason}"
                ) from error
            console.print(
                f"A worker ended: {reason}. The rest is launched again.", style="yellow", highlight=False
            )
            continue
        if wait:
            return
        wait = True


def _over(job, began: str) -> bool:  # type: ignore[no-untyped-def]
    """Whether the job was finished at any time, or failed since the sweep began."""
    state = job.state
    return state.status == "finished" or (state.status == "failed" and (state.ended or "") >= began)


def _abandoned(lock: Path) -> bool:
    """Whether nobody holds the lock: the process that did is gone."""
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


def _record_death(folder: Path, reason: str) -> None:
    from study.run.folder import RunFolder
    from study.run.manifest import now, update_manifest

    update_manifest(
        RunFolder(folder),
        status="failed",
        failure=f"its process ended without a word ({reason})",
        ended=now(),
    )


def _check_limits(found, parallel: int, options, hopeless: bool) -> None:  # type: ignore[no-untyped-def]
    if hopeless:
        raise StudyError(f"No job of the sweep can run: {next(iter(found.refused.values()))}")
    hours = found.seconds / parallel / 3600
    if hours > options.max_hours and not options.confirmed:
        raise StudyError(
            f"The sweep may take {hours:.3g} hours, and sweep.max_hours={options.max_hours:g}. Choose fewer or smaller "
            "jobs or more of them at once, raise sweep.max_hours, or confirm with sweep.confirmed=true."
        )
    needed, available = found.bytes_a_job * parallel, available_bytes()
    if available is not None and needed > available:
        raise StudyError(
            f"{parallel} jobs at once need at least {readable(needed)} of memory for their states, and there are "
            f"{readable(available)}. Run fewer at once, or choose a smaller n_qubits or trainer.batch_size."
        )


def _print_plan(plan, states, found, parallel: int, launcher: str, console: Console) -> None:  # type: ignore[no-untyped-def]
    from study.sweep.watch import duration

    finished = sum(state.status == "finished" for state in states)
    again = sum(state.status == "failed" for state in states)
    broken = sum(state.status == "running" for state in states)
    parts = [f"{len(states)} jobs", f"{finished} finished already"]
    if again:
        parts.append(f"{again} that failed to be tried again")
    if broken:
        parts.append(f"{broken} begun before")
    say = console.print
    say(
        f"{', '.join(parts)}; {' × '.join(f'{key} ({len(v)})' for key, v in plan.axes.items())}",
        highlight=False,
    )
    if finished < len(states):
        untimed = (
            f", not counting {found.untimed} whose models cannot be timed beforehand" if found.untimed else ""
        )
        say(
            f"At most about {duration(found.seconds / parallel)} on {launcher} with {parallel} at a time{untimed} (a "
            "few timed steps of each circuit, times all epochs; early stopping ends sooner)"
            + (f", states of {readable(found.bytes_a_job * parallel)}." if found.bytes_a_job else "."),
            highlight=False,
            soft_wrap=True,
        )
    say(f"Sweep folder: {plan.folder}", soft_wrap=True, highlight=False)


def _print_end(plan, final, report: Path | None, console: Console) -> int:  # type: ignore[no-untyped-def]
    broken = [job for job in plan.jobs if job.state.status != "finished"]
    for job in broken:
        state = job.state
        reason = state.failure if state.status == "failed" else "not finished"
        console.print(f"failed: {job.label}: {reason}", style="red", highlight=False, soft_wrap=True)
    if broken:
        console.print(
            f"{len(broken)} of {len(plan.jobs)} jobs failed; they are tried again next time.", highlight=False
        )
    if final["chosen"] is None:
        console.print(f"Nothing chosen: {final['reason']}.", highlight=False, soft_wrap=True)
    else:
        chosen = (
            " ".join(f"{key}={value}" for key, value in final["chosen"].items()) or "the one configuration"
        )
        console.print(f"Chosen: {chosen} ({final['reason']}).", highlight=False, soft_wrap=True)
    if report is not None:
        console.print(f"Report: {report}", highlight=False, soft_wrap=True)
    return SOME_FAILED if broken else 0


def _report(folder: Path) -> Path | None:
    if importlib.util.find_spec("study.ablation") is None:
        return None
    from study.ablation.report import write_report

    return write_report(folder)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
