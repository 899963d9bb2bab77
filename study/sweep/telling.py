"""What a sweep says before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from study.config.memory import readable
from study.run.place import place
from study.sweep.choice import REPEATS
from study.sweep.estimate import Estimate
from study.sweep.plan import Plan
from study.sweep.state import State
from study.sweep.watch import duration


def print_plan(
    plan: Plan,
    states: Sequence[State],
    found: Estimate,
    parallel: int,
    starts: int,
    launcher: str,
    console: Console,
) -> None:
    """What is to be done, and how long it may take."""
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
    )
    if finished < len(states):
        say(
            f"About {duration(found.seconds(parallel, starts))} on {launcher} with {parallel} at a time: "
            f"{', '.join(_shares(found, parallel, starts))}. Reckoned from a few timed steps of each circuit; early "
            "stopping ends sooner, and other work on the machine makes it longer."
            + (f" States of {readable(found.bytes_a_job * parallel)}." if found.bytes_a_job else ""),
            soft_wrap=True,
        )
    say(f"Sweep folder: {place(plan.folder)}", soft_wrap=True)


def _shares(found: Estimate, parallel: int, starts: int) -> list[str]:
    """What the estimate is made of."""
    shares = [f"jobs {duration(found.jobs_seconds / parallel)}"]
    if found.untimed:
        shares.append(f"not counting {found.untimed} whose models cannot be timed beforehand")
    if starts:
        shares.append(f"starting processes {duration(starts * found.start_seconds)}")
    if found.controls_seconds >= 0.5:
        shares.append(f"controls {duration(found.controls_seconds)}")
    return [*shares, f"report {duration(found.report_seconds)}"]


def print_end(plan: Plan, final: Mapping[str, Any], report: Path, console: Console) -> bool:
    """What became of it; whether any job is not finished."""
    broken = [job for job in plan.jobs if job.state.status != "finished"]
    for job in broken:
        state = job.state
        reason = state.failure if state.status == "failed" else "not finished"
        console.print(f"failed: {job.label}: {reason}", style="red", soft_wrap=True)
    if broken:
        console.print(f"{len(broken)} of {len(plan.jobs)} jobs failed; they are tried again next time.")
    if final["chosen"] is None:
        console.print(f"Nothing chosen: {final['reason']}.", soft_wrap=True)
    else:
        job = next(job for job in plan.jobs if final["chosen"].items() <= job.values.items())
        chosen = " ".join(job.words(without=REPEATS)) or "the one configuration"
        console.print(f"Chosen: {chosen} ({final['reason']}).", soft_wrap=True)
    console.print(f"Report: {place(report)}", soft_wrap=True)
    return bool(broken)
