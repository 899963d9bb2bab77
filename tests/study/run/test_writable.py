"""Where no folder can be made, one message says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.errors import StudyError
from study.run.writable import make_folder


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b", "output_dir")
    make_folder(tmp_path / "a" / "b", "output_dir")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_its_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(StudyError, match=r"a/b cannot be made .*output_dir=…"):
        make_folder(tmp_path / "a" / "b", "output_dir")
