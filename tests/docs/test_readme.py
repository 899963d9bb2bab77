"""The README keeps its word: its commands and its code run as they stand, its options are the ones there are."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.docs.markdown import Block, blocks, commands, mentioned
from tests.docs.workspace import ROOT, Workspace
from tests.preloaded import Preloaded

README = (ROOT / "README.md").read_text(encoding="utf-8")
# A test cannot run the tests it is one of.
TEST_COMMANDS = {"make test", 'pytest -m "not slow"'}
# Their commands take minutes, need nothing from the chapters before them, and have a test of their own.
LONG_CHAPTERS = ["Compare"]


def left_to_run(text: str) -> list[Block]:
    """The blocks of a page that a test runs: all but those that only hold the test command."""
    return [block for block in blocks(text) if not set(commands([block])) & TEST_COMMANDS]


def chapter(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found, f"no chapter {heading!r}"
    return found[1]


def never_run(text: str) -> set[str]:
    """Commands that a page shows and no test runs, the test command aside."""
    run = set(commands(left_to_run(text)))
    shown = set(commands(blocks(text))) | mentioned(text)
    # `python train.py` alone, in a sentence, names the script that other commands run.
    return {command for command in shown - run - TEST_COMMANDS if not any(c.startswith(command) for c in run)}


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path: Path, preloaded: Preloaded) -> None:
    workspace = Workspace(tmp_path)
    apart = {block for heading in LONG_CHAPTERS for block in left_to_run(chapter(README, heading))}
    first, *others = [block for block in left_to_run(README) if block not in apart]
    printed = {first: workspace.run(first)}
    workspace.preload(preloaded)
    printed |= {block: workspace.run(block) for block in others}

    default = next(text for block, text in printed.items() if block.code == "make train\n")
    for expected in ("Gradient", "one split"):
        assert expected.lower() in default.lower(), default
    assert workspace.runs()
    answers = pd.read_parquet(tmp_path / "out.parquet")
    assert len(answers) == 69
    assert "refused" in answers


@pytest.mark.long
@pytest.mark.parametrize("heading", LONG_CHAPTERS)
def test_every_block_of_a_long_chapter_runs(heading: str, tmp_path: Path, preloaded: Preloaded) -> None:
    workspace = Workspace(tmp_path)
    workspace.preload(preloaded)
    for block in left_to_run(chapter(README, heading)):
        workspace.run(block)


def test_every_command_is_run() -> None:
    assert never_run(README) == {"python train.py --help"}  # run below
    assert {"make train", "make test"} <= set(commands(blocks(README)))


@pytest.mark.slow
def test_help_lists_the_groups(tmp_path: Path) -> None:
    printed = Workspace(tmp_path).run(Block("bash", "python train.py --help"))
    for group in documented_options(README):
        assert group in printed


def documented_options(text: str) -> dict[str, set[str]]:
    """The options in the table of override groups, by group."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.M)
    return {group: set(re.findall(r"`(\w+)`", options)) for group, options in rows}


def test_the_table_of_options_is_the_one_in_conf() -> None:
    documented = documented_options(README)
    groups = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "hydra"}
    assert set(documented) == groups
    for group, options in documented.items():
        assert options == {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} - {"custom"}, group


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


# --- the checkers can fail ---------------------------------------------------------------------------------------


def test_a_command_in_a_sentence_counts() -> None:
    assert never_run("Try `python train.py depth=9` or `make test`; `depth` is a key.\n") == {
        "python train.py depth=9"
    }
    assert never_run("Try `python train.py depth=9`.\n\n```bash\npython train.py depth=9\n```\n") == set()


def test_a_command_beside_the_test_command_counts() -> None:
    assert never_run("\n```bash\nmake test\npython predict.py run=x\n```\n") == {"python predict.py run=x"}


def test_a_chapter_ends_where_the_next_begins() -> None:
    page = "# T\n\n## A\n\none\n\n### B\n\ntwo\n\n## C\n\nthree\n"
    assert chapter(page, "A") == "\none\n\n### B\n\ntwo\n\n"
    assert chapter(page, "C") == "\nthree\n"
    with pytest.raises(AssertionError, match="B"):
        chapter(page, "B")


@pytest.mark.parametrize(
    "page", ["\n```\nmake train\n```\n", "\n```console\n$ make\n```\n", "\n```bash\nmake train\n"]
)
def test_a_block_that_no_test_would_run_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"no test would|not closed"):
        blocks(page)


def test_a_failing_block_fails(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.run(Block("bash", "echo yes; pwd")).splitlines() == ["yes", str(tmp_path)]
    for block in (
        Block("bash", "false\necho no"),
        Block("bash", "make train ARGS=nonsense=1"),
        Block("python", "import nothing_there"),
        Block("yaml", "a: 1", "conf/train.yaml"),
    ):
        with pytest.raises(AssertionError):
            workspace.run(block)


def test_options_are_read_from_the_table() -> None:
    assert documented_options("| Group | x |\n| `data` | `a`, `b_2` | from `c` |\n") == {"data": {"a", "b_2"}}
