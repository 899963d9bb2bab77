"""The report at the end of a run: circuit, table and verdict, on the terminal and as files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from study.report.circuit import circuit_report
from study.report.table import comparison
from study.report.verdict import verdict
from study.run.atomic import write_text
from study.run.folder import RunFolder
from study.run.place import place
from study.run.results import Results
from study.run.stored import using
from study.terminal import Terminal
from study.text import visible

FILE_WIDTH = 110
# Rich's pictures load a font from a server; without it they use the viewer's monospace font, and nothing is fetched.
_LOADED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def print_report(folder: RunFolder, results: Results, manifest: Mapping[str, Any], console: Console) -> None:
    """Print the whole report; a model without a circuit begins with the table."""
    model = manifest["models"].get(results.main.name, {})
    drawing = folder.circuit_text
    if model.get("circuit") and drawing.exists():
        with using(drawing):
            text = drawing.read_text(encoding="utf-8")
        console.print(circuit_report(text, model, console))
    console.print(_table_and_verdict(results, console))
    # A path broken by the terminal cannot be copied.
    console.print(f"Run folder: {place(folder.path)}", soft_wrap=True)


def save_report(folder: RunFolder, results: Results) -> None:
    """Write the table and the verdict as table.svg and table.txt."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        recorder = Terminal(
            record=True, width=FILE_WIDTH, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        recorder.print(_table_and_verdict(results, recorder))
    title = f"{results.data}: {results.main.label} and its controls"
    write_text(folder.path / "table.svg", _LOADED_FONT.sub("", recorder.export_svg(title=visible(title))))
    write_text(folder.path / "table.txt", as_text(results))


def as_text(results: Results, width: int = FILE_WIDTH) -> str:
    """Table and verdict as plain text of at most `width` columns."""
    text = io.StringIO()
    console = Terminal(file=text, width=width, color_system=None)
    console.print(_table_and_verdict(results, console))
    return "\n".join(line.rstrip() for line in text.getvalue().split("\n"))


def _table_and_verdict(results: Results, console: Console) -> RenderableType:
    return Group(comparison(results, console), Text(), Text(verdict(results), style="bold"), Text())
