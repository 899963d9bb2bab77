"""The whole of a study: planned, checked for leaks, sealed, launched, judged by its gates, reported."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from rich.console import Console

from study.config.composition import composing, parse_overrides, written
from study.config.memory import available_bytes, readable
from study.config.program import Program
from study.errors import StudyError
from study.exit_codes import ExitCode
from study.report.words import counted
from study.run.alone import alone_in
from study.run.place import place
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
    from study.comparison.composing import EntrantComposer
    from study.comparison.estimate import Estimate
    from study.comparison.planning import Plan, Planned


def run_study(
    program: Program,
    lines: Sequence[str],
    config_dir: str | None,
    config: DictConfig,
    console: Console | None = None,
) -> int:
    """Run a study whose configuration was checked, or go on with it, and write its report.

    Returns:
        The exit code: 0 for any verdict, 3 if a leak was found, so that there is none.

    Raises:
        StudyError: before any job is started; or because gates were changed since the study began.
    """
    launcher, hydra = _launcher(program, lines, config_dir)
    check_launcher(launcher)
    from study.comparison.composing import entrants_of
    from study.comparison.planning import make_plan, plain
    from study.comparison.report.report import write_report
    from study.comparison.report.terminal import print_summary
    from study.gates.fit import score_fit
    from study.gates.verdict import reach_verdict
    from study.run.messages import interruptible, plain_warnings

    console = console or Terminal(file=sys.stdout)
    started = time.process_time()
    base = Path.cwd()
    words = [written(override) for override in parse_overrides(lines) if not override.is_hydra_override()]
    with plain_warnings(console), entrants_of(lines, config_dir, base) as composer:
        fit = score_fit(plain(config.study.fit))
        console.print(f"Does the use case fit? {fit.advice}", soft_wrap=True)
        console.print("Reading the data, composing the entrants, looking for leaks …", style="dim")
        plan = make_plan(config, composer, words, base)
        _print_plan(plan, console)
        with alone_in(plan.folder, "output_dir"):
            _check_seal(plan)
            pending = [] if plan.leaks else [job for job in plan.jobs if job.state.status != "finished"]
            if pending:
                parallel = parallel_jobs(launcher, hydra.launcher, len(pending), cores())
                n_threads = config.study.threads or threads_a_job(launcher, hydra.launcher, parallel, cores())
                how = Launch(program, lines, config_dir, launcher, hydra, parallel, n_threads, base)
                with workers_environment(n_threads):
                    seconds = _reckon(how, plan, pending, composer, started, console)
                    _seal(plan, lines)
                    with interruptible(console):
                        _run(how, plan, seconds, console)
            _seal(plan, lines)
            from study.comparison.load import load_evidence, predictions_of, trials_of

            evidence = load_evidence(plan.folder)
            verdict = reach_verdict(evidence)
            with console.status("report") if console.is_terminal else _Nothing():
                write_report(
                    evidence,
                    verdict,
                    fit,
                    lambda outcome: predictions_of(plan.folder, list(evidence.classes), outcome),
                    trials_of(plan.folder),
                )
        print_summary(evidence, verdict, console)
    return ExitCode.INCOMPLETE if evidence.leaks else ExitCode.DONE


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _launcher(program: Program, lines: Sequence[str], config_dir: str | None) -> tuple[str, DictConfig]:
    overrides = parse_overrides(lines)
    with composing(program.name, config_dir) as composer:
        choices = [
            written(o) for o in overrides if o.is_hydra_override() or o.key_or_group in composer.groups
        ]
        chosen = composer.chosen(choices)
    return str(chosen.options.get("hydra/launcher")), chosen.hydra


@dataclass(frozen=True)
class Launch:
    """How jobs are started: what the command line says of it."""

    program: Program
    lines: Sequence[str]
    config_dir: str | None
    launcher: str
    hydra: DictConfig
    parallel: int
    n_threads: int
    base: Path


def _reckon(
    how: Launch,
    plan: Plan,
    pending: Sequence[Planned],
    composer: EntrantComposer,
    started: float,
    console: Console,
) -> float:
    """Say what the study will cost and how long it may take, in seconds; raise StudyError where that is too much."""
    from study.comparison.estimate import estimate
    from study.comparison.purchase import study_purchase
    from study.sweep.fit import threads_limited

    bought = study_purchase(plan, pending, composer)
    if bought is not None:
        bought.tell(console)
        bought.check()
    console.print("Timing a fit of each entrant …", style="dim")
    with threads_limited(how.n_threads):
        found = estimate(plan, pending, composer, started)
    starts = starts_in_a_row(how.launcher, len(pending), how.parallel)
    _print_estimate(found, plan, how.parallel, starts, how.launcher, console)
    _check_limits(found, how.parallel, starts, plan.config.study)
    return found.seconds(how.parallel, starts)


def _run(how: Launch, plan: Plan, seconds: float, console: Console) -> None:
    """Do all jobs that are not finished; `seconds` is the estimate that the progress line starts from."""
    from study.comparison.job import ComparisonJob
    from study.comparison.load import STORE
    from study.comparison.spent import begin_sitting
    from study.comparison.state import write_state
    from study.comparison.tuning import make_trials
    from study.run.manifest import now
    from study.sweep.watch import Watch

    make_trials(plan.folder / STORE)
    began = begin_sitting(plan.folder)

    def record_death(folder: Path, reason: str) -> None:
        write_state(folder, status="failed", ended=now(), failure=reason)

    def task(wait: bool) -> ComparisonJob:
        lines = tuple(how.lines)
        return ComparisonJob(
            lines, how.config_dir, str(how.base), str(plan.folder), began, how.n_threads, wait
        )

    with Watch(plan.jobs, console, began, seconds, how.parallel):
        run_all(
            plan.jobs,
            task,
            program=how.program,
            lines=how.lines,
            config_dir=how.config_dir,
            launcher=how.launcher,
            hydra=how.hydra,
            parallel=how.parallel,
            began=began,
            folder=plan.folder,
            console=console,
            record_death=record_death,
        )
    for job in plan.jobs:
        if job.state.status == "failed":
            console.print(
                f"failed: {job.folder.name}: {job.state.failure} (tried again next time)",
                style="red",
                soft_wrap=True,
            )


def _check_seal(plan: Plan) -> None:
    """Raise StudyError, naming what was changed, if the study began under another declaration."""
    from study.comparison.job import STUDY, read_study
    from study.gates.seal import check_seal

    if (plan.folder / STUDY).exists():
        before = read_study(plan.folder)
        check_seal(plan.declared, before["seal"], before["declared"])


def _seal(plan: Plan, lines: Sequence[str]) -> None:
    """Write study.json, unless it is there: what is declared now cannot be changed when jobs have begun."""
    from study.comparison.job import STUDY
    from study.gates.seal import seal
    from study.run.atomic import write_json
    from study.run.environment import code_version, machine, package_versions
    from study.run.manifest import now

    path = plan.folder / STUDY
    if path.exists():
        return
    write_json(
        path,
        {
            "format": 1,
            "name": str(plan.config.study.name),
            "created": now(),
            "overrides": list(lines),
            "declared": dict(plan.declared),
            "seal": seal(plan.declared),
            "data": plan.table.name,
            "task": plan.table.task,
            "metric": plan.metric,
            "classes": plan.table.classes,
            "n_rows": len(plan.table.target),
            "fingerprint": plan.table.fingerprint,
            "entrants": [{"name": one.name, "label": one.label, "role": one.role} for one in plan.entrants],
            "left_out": dict(plan.left_out),
            "splits": [[split.repeat, split.fold] for split in plan.splits],
            "jobs": [job.to_dict() for job in plan.jobs],
            "leaks": list(plan.leaks),
            "tolerated": list(plan.tolerated),
            "environment": {"code": code_version(), "machine": machine(), "packages": package_versions()},
        },
    )


def _print_plan(plan: Plan, console: Console) -> None:
    from study.comparison.evidence import finding

    states = [job.state for job in plan.jobs]
    done = sum(state.status == "finished" for state in states)
    unscored = sum(state.unscored is not None for state in states)
    splits = len(plan.splits)
    trials = plan.config.study.tuning.trials
    console.print(
        f"{counted(len(plan.specs), 'entrant')} on {counted(splits, 'split')} of {plan.table.name} "
        f"({counted(len(plan.table.target), 'row')}), {counted(trials, 'trial')} each: "
        f"{counted(len(plan.jobs), 'job')}, {done} finished already"
        + (f", {unscored} of them without a score." if unscored else "."),
        soft_wrap=True,
    )
    for label, reason in plan.left_out.items():
        console.print(f"Left out: {label}, which {reason}.", soft_wrap=True)
    # Leaks are told once, by the verdict, which follows at once.
    for sentence in plan.tolerated:
        console.print(f"Accepted: {finding(sentence)}", style="yellow", soft_wrap=True)
    console.print(f"Study folder: {place(plan.folder)}", soft_wrap=True)


def _print_estimate(
    found: Estimate, plan: Plan, parallel: int, starts: int, launcher: str, console: Console
) -> None:
    from study.report.words import listed
    from study.sweep.watch import duration

    untimed = [plan.specs[name].label for name, seconds in found.trial_seconds.items() if seconds is None]
    console.print(
        f"About {duration(found.seconds(parallel, starts))} on {launcher} with {parallel} at a time. Reckoned from a "
        "step or a fit of each entrant; early stopping ends sooner, and other work on the machine makes it longer."
        + (f" Not counted, as nothing timed them: {listed(untimed)}." if untimed else ""),
        soft_wrap=True,
    )


def _check_limits(found: Estimate, parallel: int, starts: int, options: DictConfig) -> None:
    from study.sweep.watch import duration

    seconds = found.seconds(parallel, starts)
    if seconds > 3600 * options.max_hours and not options.confirmed:
        raise StudyError(
            f"The study may take {duration(seconds)}, and study.max_hours={options.max_hours:g} allows "
            f"{duration(3600 * options.max_hours)}. Choose fewer entrants, splits or trials or more jobs "
            "at once, raise study.max_hours, or confirm with study.confirmed=true."
        )
    needed, available = found.bytes_a_job * parallel, available_bytes()
    if available is not None and needed > available:
        raise StudyError(
            f"{parallel} jobs at once need at least {readable(needed)} of memory for their states, and there are "
            f"{readable(available)}. Run fewer at once, or choose a smaller n_qubits or trainer.batch_size."
        )
