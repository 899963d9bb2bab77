"""What an evaluation says on the terminal: the plan before, the ladder after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from study.ladder.certainty import shows_intervals, too_few, unflipped
from study.ladder.evidence import Climbed
from study.ladder.folder import EvaluationFolder
from study.ladder.judging import Judged
from study.ladder.planning import Reckoned
from study.ladder.rung import Rung
from study.ladder.words import cells, dollars, header, is_priced, stand_in
from study.report.table import UNBOUNDED
from study.report.words import counted
from study.run.place import place
from study.sweep.watch import duration

ANGLES = "angles sent"
STYLES = {"failed": "red", "classical": "yellow"}


def print_plan(
    rungs: Sequence[Rung],
    plans: Mapping[str, Reckoned],
    n_rows: int,
    done: int,
    planning_seconds: float,
    console: Console,
) -> None:
    """Print what every pending rung will take, and all together.

    Args:
        rungs: all of them, the lowest first.
        plans: of those that are pending, by name.
        n_rows: chosen rows.
        done: rungs that are climbed already.
        planning_seconds: that reading the run and planning have taken so far.
        console: to print on.
    """
    if not plans:
        console.print(f"All {counted(len(rungs), 'rung')} are climbed already.")
        return
    leaving = [ANGLES] if any(rung.backend.outside for rung in rungs if rung.name in plans) else []
    names = ["rung", "runs on", "circuits", "shots", "tasks", "price", *leaving, "time"]
    rows = []
    for rung in rungs:
        plan = plans.get(rung.name)
        if plan is None:
            continue
        outside = rung.backend.outside
        angles = f"{plan.values_sent:,}" if outside else ""
        rows.append(
            [
                rung.label,
                ("outside" if outside else "this machine") + (", planned only" if rung.dry_run else ""),
                f"{plan.circuits:,}",
                f"{plan.shots:,}" if plan.shots else "exact",
                f"{plan.tasks:,}" if plan.tasks else "",
                dollars(plan.usd, plan.usd_at_most) if outside else "",
                *[angles][: len(leaving)],
                "unknown" if plan.seconds is None else duration(plan.seconds),
            ]
        )
    _print_table(names, rows, console, right_from=2)
    climbing = [plans[rung.name] for rung in rungs if rung.name in plans and not rung.dry_run]
    seconds = sum(plan.seconds or 0.0 for plan in climbing)
    price = dollars(sum(plan.usd for plan in climbing), sum(plan.usd_at_most for plan in climbing))
    sent = sum(plan.values_sent for plan in climbing)
    kept = f", {done} climbed already" if done else ""
    only = [plans[rung.name] for rung in rungs if rung.name in plans and rung.dry_run]
    planned = sum(plan.values_sent for plan in only)
    leaves = (
        f"{sent:,} encoded angles of these rows leave this machine" if sent else "Nothing leaves this machine"
    )
    would = f"; {planned:,} encoded angles would on rungs that are planned only" if planned else ""
    console.print(
        f"{counted(n_rows, 'test row')}, {counted(len(climbing), 'rung')} to climb{kept}: about {duration(seconds)} "
        f"and {price}{_planned_only(only)}. {leaves}{would}. The time is that of the climb: starting and planning took "
        f"{duration(planning_seconds)} before it, and the report comes after.",
        soft_wrap=True,
    )
    for rung in rungs:
        if rung.name in plans and plans[rung.name].lines:
            lines = "\n".join(plans[rung.name].lines)
            console.print(lines, soft_wrap=True, style="dim")


def _planned_only(plans: Sequence[Reckoned]) -> str:
    """What the rungs would take that are planned only, in a clause; nothing where there are none."""
    if not plans:
        return ""
    known = [plan.seconds for plan in plans if plan.seconds is not None]
    price = dollars(sum(plan.usd for plan in plans), sum(plan.usd_at_most for plan in plans))
    time = f"about {duration(sum(known))}" if len(known) == len(plans) else "an unknown time"
    return f"; {counted(len(plans), 'rung')} planned only would take {time} and {price}"


def outcome_of(record: Climbed) -> str:
    """How a rung ended, in a clause."""
    paid = record.execution.get("usd") or 0.0
    if record.failure is not None and record.status == "classical":
        return (
            f"no answers ({record.failure['kind']}), {counted(record.answered_classically, 'row')} answered by "
            f"{record.answered_by}" + (f", at most {dollars(paid)}" if paid else ", $0")
        )
    if record.failure is not None:
        return f"failed ({record.failure['kind']}): {record.failure['reason']}"
    drifted = record.drift is not None and record.drift.drifted
    fell_back = record.execution.get("fell_back") or 0
    return (
        f"{record.execution['executions']:,} circuits"
        + (f", {dollars(paid)}" if record.outside else "")
        + (f", {fell_back:,} of them on a simulator of this machine instead" if fell_back else "")
        + (", its reference circuit drifted" if drifted else "")
    )


def print_ladder(
    judged: Sequence[Judged], task: str, n_rows: int, folder: EvaluationFolder, console: Console
) -> None:
    """Print one row a rung, and where everything is."""
    if all(one.record.status == "planned" for one in judged):
        console.print(
            f"Planned only, nothing was climbed. Report: {place(folder.page)}",
            soft_wrap=True,
        )
        return
    console.print()
    priced = is_priced(judged)
    names, rows = header(task, priced), [cells(one, task, priced) for one in judged]
    styles = [STYLES.get(one.record.status) for one in judged]
    _print_table(names, rows, console, right_from=1, styles=styles)
    few, none = too_few(n_rows), unflipped(judged, n_rows)
    intervals = ["Intervals: 95 %, from drawing rows again."] if shows_intervals(judged) else []
    console.print(
        " ".join(
            [
                *intervals,
                "Error: of the circuits' outputs, root mean square; × sampling: of what so many shots make by theory.",
                *[line for line in (few, none) if line is not None],
            ]
        ),
        style="dim",
    )
    for one in judged:
        if one.record.status == "classical":
            console.print(
                f"{stand_in(one.record)} (the device is asked again next time)",
                style="yellow",
                soft_wrap=True,
            )
        elif one.record.failure is not None:
            console.print(
                f"{one.record.label} failed: {one.record.failure['reason']} (climbed again next time)",
                style="red",
                soft_wrap=True,
            )
    # A path broken by the terminal cannot be copied.
    console.print(f"Report: {place(folder.page)}", soft_wrap=True)
    console.print(f"Table:  {place(folder.table)}", soft_wrap=True)


def _print_table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    console: Console,
    right_from: int,
    styles: Sequence[str | None] = (),
) -> None:
    """Print a table; in parts, below one another, where the console is too narrow for it without breaking lines.

    Args:
        names: of the columns. The first, which says what a row is about, is in every part.
        rows: their cells.
        console: to print on.
        right_from: the first column that is aligned to the right.
        styles: of the rows; none for none.
    """

    def table(columns: Sequence[int]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, header_style="bold")
        for number in columns:
            right = number >= right_from
            made.add_column(
                names[number], justify="right" if right else "left", overflow="fold", vertical="bottom"
            )
        for row, style in zip(rows, styles or [None] * len(rows), strict=True):
            made.add_row(*(row[number] for number in columns), style=style)
        return made

    def fits(columns: Sequence[int]) -> bool:
        unbounded = console.options.update(width=UNBOUNDED)
        return Measurement.get(console, unbounded, table(columns)).maximum <= console.width

    part = [0]
    for number in range(1, len(names)):
        if len(part) > 1 and not fits([*part, number]):
            console.print(table(part))
            console.print()
            part = [0]
        part.append(number)
    console.print(table(part))
