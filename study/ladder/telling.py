"""What an evaluation says on the terminal: the plan before, the ladder after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from study.ladder.evidence import Climbed
from study.ladder.folder import EvaluationFolder
from study.ladder.judging import Judged
from study.ladder.planning import Reckoned
from study.ladder.rung import Rung
from study.ladder.words import TOTAL, cells, dollars, header, is_priced, stand_in
from study.report.table import UNBOUNDED
from study.report.words import counted
from study.sweep.watch import duration


def print_plan(
    rungs: Sequence[Rung], plans: Mapping[str, Reckoned], n_rows: int, done: int, console: Console
) -> None:
    """Print what every pending rung will take, and all together."""
    if not plans:
        console.print(f"All {counted(len(rungs), 'rung')} are climbed already.", highlight=False)
        return
    table = _table("rung", "runs on", "circuits", "shots", "tasks", "price", "time", right_from=2)
    for rung in rungs:
        plan = plans.get(rung.name)
        if plan is None:
            continue
        table.add_row(
            escape(rung.label),
            ("outside" if rung.backend.outside else "this machine")
            + (", planned only" if rung.dry_run else ""),
            f"{plan.circuits:,}",
            f"{plan.shots:,}" if plan.shots else "exact",
            f"{plan.tasks:,}" if plan.tasks else "",
            dollars(plan.usd, plan.usd_at_most) if rung.backend.outside else "",
            "unknown" if plan.seconds is None else duration(plan.seconds),
        )
    console.print(table)
    climbing = [plans[rung.name] for rung in rungs if rung.name in plans and not rung.dry_run]
    seconds = sum(plan.seconds or 0.0 for plan in climbing)
    price = dollars(sum(plan.usd for plan in climbing), sum(plan.usd_at_most for plan in climbing))
    sent = sum(plan.values_sent for plan in climbing)
    kept = f", {done} climbed already" if done else ""
    console.print(
        f"{counted(n_rows, 'test row')}, {counted(len(climbing), 'rung')} to climb{kept}: about {duration(seconds)} "
        f"and {price}. "
        + (
            f"{sent:,} encoded angles of these rows leave this machine."
            if sent
            else "Nothing leaves this machine."
        ),
        highlight=False,
        soft_wrap=True,
    )
    for rung in rungs:
        if rung.name in plans and plans[rung.name].lines:
            lines = "\n".join(plans[rung.name].lines)
            console.print(lines, highlight=False, soft_wrap=True, markup=False, style="dim")


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


def print_ladder(judged: Sequence[Judged], task: str, folder: EvaluationFolder, console: Console) -> None:
    """Print one row a rung, and where everything is."""
    if all(one.record.status == "planned" for one in judged):
        console.print(
            f"Planned only, nothing was climbed. Report: {folder.page}", soft_wrap=True, highlight=False
        )
        return
    console.print()
    priced = is_priced(judged)
    names, rows = header(task, priced), [cells(one, task, priced) for one in judged]
    failed = [one.record.status == "failed" for one in judged]
    half = names.index(TOTAL)
    whole = _filled(names, rows, failed)
    if Measurement.get(console, console.options.update(width=UNBOUNDED), whole).maximum <= console.width:
        console.print(whole)
    else:
        console.print(_filled(names[:half], [row[:half] for row in rows], failed))
        console.print(_filled([names[0], *names[half:]], [[row[0], *row[half:]] for row in rows], failed))
    console.print(
        "Intervals: 95 %, from drawing rows again. Error: of the circuits' outputs, root mean square; × sampling: of "
        "what so many shots make by theory.",
        style="dim",
        highlight=False,
    )
    for one in judged:
        if one.record.status == "classical":
            console.print(
                f"{stand_in(one.record)} (the device is asked again next time)",
                style="yellow",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
        elif one.record.failure is not None:
            console.print(
                f"{one.record.label} failed: {one.record.failure['reason']} (climbed again next time)",
                style="red",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
    # A path broken by the terminal cannot be copied.
    console.print(f"Report: {folder.page}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Table:  {folder.table}", soft_wrap=True, highlight=False, markup=False)


def _filled(names: Sequence[str], rows: Sequence[Sequence[str]], failed: Sequence[bool]) -> Table:
    table = _table(*names, right_from=1)
    for row, is_failed in zip(rows, failed, strict=True):
        table.add_row(*map(escape, row), style="red" if is_failed else None)
    return table


def _table(*names: str, right_from: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, header_style="bold")
    for number, name in enumerate(names):
        right = number >= right_from
        table.add_column(name, justify="right" if right else "left", overflow="fold", vertical="bottom")
    return table
