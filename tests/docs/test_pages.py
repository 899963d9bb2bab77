"""The pages in docs/ keep their word: their code runs as it stands, their links lead somewhere, and they stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, commands, mentioned
from tests.docs.workspace import ROOT, Workspace

PAGES = sorted((ROOT / "docs").glob("*.md"))
MOST_LINES = 120


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs_in_order(page: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for block in blocks(page.read_text(encoding="utf-8")):
        workspace.run(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert mentioned(text) <= set(commands(blocks(text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_there_is_a_page() -> None:
    assert "coming_from_torchlayer" in {page.stem for page in PAGES}
