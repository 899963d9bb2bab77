"""Code in Markdown: what a page shows, block by block, and the commands it mentions in passing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What a reader would type into a terminal; other code spans name options, files and classes.
COMMAND = re.compile(r"(?:python3? |make |pytest\b|pip |\./|bash |git |\.ci/run)")
FENCE = re.compile(r"^(?:`(?P<path>[\w./-]+)`:\n\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
LANGUAGES = {"bash", "python", "yaml"}


@dataclass(frozen=True)
class Block:
    """A fenced block. `path` is the file it is said to be, on a line of its own above: "`folder/file.py`:"."""

    language: str
    code: str
    path: str | None = None


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order.

    Raises:
        ValueError: A block's language is not one that the tests know how to hold to its word.
    """
    found = [Block(match["language"], match["code"], match["path"]) for match in FENCE.finditer(text)]
    for block in found:
        if block.language not in LANGUAGES or (block.language == "yaml" and block.path is None):
            raise ValueError(f"no test would hold this block to its word:\n{block.code}")
    if text.count("\n```") != 2 * len(found):
        raise ValueError("a fence is not closed, or is indented")
    return found


def commands(found: Iterable[Block]) -> list[str]:
    """The command lines of all bash blocks."""
    shell = "".join(block.code for block in found if block.language == "bash").replace("\\\n", " ")
    return [line.strip() for line in shell.splitlines() if line.strip() and not line.startswith("#")]


def mentioned(text: str) -> set[str]:
    """Commands in running text, between single backticks."""
    prose = FENCE.sub("", text)
    return {span for span in re.findall(r"`([^`\n]+)`", prose) if COMMAND.match(span)}
