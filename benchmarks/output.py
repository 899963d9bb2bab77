"""Tables on the terminal and in README.md, and what machine they were measured on."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from sides import HERE

README = HERE / "README.md"


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def show(self, console: Console) -> None:
        """Print it."""
        drawn = RichTable(title=self.title)
        for number, name in enumerate(self.header):
            drawn.add_column(name, justify="right" if number else "left")
        for row in self.rows:
            drawn.add_row(*map(escape, row))  # what stands in brackets is no markup
        console.print(drawn)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)

    def markdown(self) -> str:
        """As README.md has it."""
        lines = [f"{self.title}:", "", f"| {' | '.join(self.header)} |", "|" + "---|" * len(self.header)]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)


def machine(versions: Mapping[str, str]) -> str:
    """Processor, cores, system and versions, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    described = f"{_processor()}, {cores} cores, {platform.system()}"
    if threads := os.environ.get("OMP_NUM_THREADS"):
        described += f", OMP_NUM_THREADS={threads}"
    found = {"Python": platform.python_version(), **versions}
    return f"{described}; " + ", ".join(f"{name} {version}" for name, version in found.items())


def add_write_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--write``."""
    parser.add_argument(
        "--write", action="store_true", help="put the tables into benchmarks/README.md as well"
    )


def console_and_tell() -> tuple[Console, Console]:
    """Where tables go, and where progress is told: standard output and standard error."""
    width = int(os.environ.get("COLUMNS", "0")) or 200
    return Console(width=width), Console(width=width, stderr=True, style="dim")


def publish(
    section: str,
    tables: Sequence[Table],
    versions: Mapping[str, str],
    console: Console,
    write: bool,
    quick: bool,
    readme: Path = README,
) -> None:
    """Print the tables and, if asked to, replace the section of README.md between its two marks.

    Raises:
        ValueError: If README.md has no such section.
    """
    for table in tables:
        table.show(console)
    console.print(machine(versions), highlight=False)
    if not write:
        return
    how = "To be measured in full; this is a quick run of" if quick else "Measured on"
    when = f"{how} {date.today().isoformat()}: {machine(versions)}."
    replace(readme, section, "\n\n".join([*(table.markdown() for table in tables), when]))


def replace(readme: Path, section: str, text: str) -> None:
    """Put text between ``<!-- begin section -->`` and ``<!-- end section -->``."""
    page = readme.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {section} -->", f"<!-- end {section} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"{readme} must hold the marks {begin} and {end} once each.")
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.split(':', 1)[1].strip()} ({platform.machine()})"
    return platform.processor() or platform.machine()
