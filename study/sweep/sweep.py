"""The whole of a sweep: expanded, planned, launched, judged, reported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from rich.console import Console

from study.config.memory import available_bytes, readable
from study.config.program import Program
from study.errors import StudyError
from study.exit_codes import ExitCode
from study.sweep.expansion import Expansion
from study.sweep.job import Job
from study.sweep.launching import (
    check_launcher,
    parallel_jobs,
    starts_in_a_row,
    threads_a_job,
    workers_environment,
)
from study.sweep.running import cores, run_all
from study.terminal import Terminal

if TYPE_CHECKING:
    from study.sweep.estimate import Estimate


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
    from study.ablation.report import write_report
    from study.run.alone import alone_in
    from study.run.manifest import now
    from study.run.messages import interruptible
    from study.run.stores import prepare_stores
    from study.sweep.estimate import estimate
    from study.sweep.final import conclude
    from study.sweep.fit import threads_limited
    from study.sweep.plan import make_plan
    from study.sweep.purchase import sweep_purchase
    from study.sweep.telling import print_end, print_plan
    from study.sweep.watch import Watch

    # The stream as it is now: jobs in this process redirect sys.stdout while the progress line is drawn.
    console = console or Terminal(file=sys.stdout)
    base = Path.cwd()
    plan = make_plan(expansion, base)
    began = now()
    states = [job.state for job in plan.jobs]
    pending = [job for job, state in zip(plan.jobs, states, strict=True) if state.status != "finished"]
    parallel = parallel_jobs(expansion.launcher, expansion.hydra.launcher, max(1, len(pending)), cores())
    options = plan.jobs[0].config.sweep
    n_threads = options.threads or threads_a_job(
        expansion.launcher, expansion.hydra.launcher, parallel, cores()
    )
    bought = sweep_purchase(plan.jobs, pending) if pending else None
    if bought is not None:
        bought.tell(console)
        bought.check()
    with workers_environment(n_threads):
        # The trial is not given more threads than a job will have.
        with threads_limited(n_threads), console.status("timing") if console.is_terminal else _Nothing():
            found = estimate(pending)
        starts = starts_in_a_row(expansion.launcher, len(pending), parallel)
        print_plan(plan, states, found, parallel, starts, expansion.launcher, console)
        if pending:
            _check_limits(found, parallel, starts, options, len(states) == len(found.refused))
            plan.write()
            prepare_stores(plan.jobs[0].config)
            with (
                interruptible(console),
                Watch(plan.jobs, console, began, found.launch_seconds(parallel, starts), parallel),
            ):
                run_all(
                    plan.jobs,
                    lambda wait: Job(
                        program, config_dir, str(base), str(plan.folder), began, n_threads, wait
                    ),
                    program=program,
                    lines=lines,
                    config_dir=config_dir,
                    launcher=expansion.launcher,
                    hydra=expansion.hydra,
                    parallel=parallel,
                    began=began,
                    folder=plan.folder,
                    console=console,
                    record_death=_record_death,
                )
        plan.write()
        with alone_in(plan.folder, "output_dir", wait=True):
            with console.status("controls and the test part") if console.is_terminal else _Nothing():
                final = conclude(plan)
            report = write_report(plan.folder)
    failed = print_end(plan, final, report, console)
    return ExitCode.INCOMPLETE if failed else ExitCode.DONE


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _record_death(folder: Path, reason: str) -> None:
    from study.run.folder import RunFolder
    from study.run.manifest import now, update_manifest

    update_manifest(RunFolder(folder), status="failed", failure=reason, ended=now())


def _check_limits(found: Estimate, parallel: int, starts: int, options: DictConfig, hopeless: bool) -> None:
    if hopeless:
        raise StudyError(f"No job of the sweep can run: {next(iter(found.refused.values()))}")
    from study.sweep.watch import duration

    seconds = found.seconds(parallel, starts)
    if seconds > 3600 * options.max_hours and not options.confirmed:
        raise StudyError(
            f"The sweep may take {duration(seconds)}, and sweep.max_hours={options.max_hours:g} allows "
            f"{duration(3600 * options.max_hours)}. Choose fewer or smaller jobs or more of them at once, raise "
            "sweep.max_hours, or confirm with sweep.confirmed=true."
        )
    needed, available = found.bytes_a_job * parallel, available_bytes()
    if available is not None and needed > available:
        raise StudyError(
            f"{parallel} jobs at once need at least {readable(needed)} of memory for their states, and there are "
            f"{readable(available)}. Run fewer at once, or choose a smaller n_qubits or trainer.batch_size."
        )
