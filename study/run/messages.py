"""Warnings as a user should see them: the sentence, once, without the line of code that raised it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console

from study.text import in_lines

SOURCES = ("qlayers", "models", "study")


@contextmanager
def plain_warnings(console: Console) -> Iterator[None]:
    """Within the block, print warnings of our own categories as one line each and the same one only once.

    Others are shown as Python shows them.
    """
    shown: set[str] = set()
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_plainly(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category.__module__.split(".")[0] not in SOURCES:
                show(in_lines(str(message)), category, filename, lineno, file, line)
            elif str(message) not in shown:
                shown.add(str(message))
                console.print(f"Warning: {message}", style="yellow")

        warnings.showwarning = show_plainly
        yield


@contextmanager
def interruptible(console: Console) -> Iterator[None]:
    """Around work that the same command takes up again: say so on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("To go on: give the same command again.")
        raise
