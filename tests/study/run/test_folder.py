from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from study.errors import StudyError
from study.run.atomic import write_json
from study.run.folder import claim, open_run

MANIFEST = {
    "format": 1, "status": "finished", "failure": None, "started": "2026-01-01T00:00:00+00:00", "ended": None,
    "resumed": [], "data": {}, "split": {}, "models": {}, "loggers": {}, "code": {},
}  # fmt: skip


def note(text: str = "mine") -> Callable[[Path, str], None]:
    def fill(folder: Path, name: str) -> None:
        (folder / "note.txt").write_text(text)

    return fill


def test_a_name_that_is_taken_gets_a_number_and_the_old_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "moons-mlp-12345678").mkdir()
    (tmp_path / "moons-mlp-12345678" / "thesis.txt").write_text("somebody's")
    (tmp_path / "moons-mlp-12345678-2").write_text("even a file")
    taken = claim(tmp_path, "moons-mlp-12345678", note())
    assert taken.path.name == "moons-mlp-12345678-3"
    assert (tmp_path / "moons-mlp-12345678" / "thesis.txt").read_text() == "somebody's"
    assert [path.name for path in taken.path.iterdir()] == ["note.txt"]


def test_even_an_empty_folder_of_somebody_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert claim(tmp_path, "run", note()).path.name == "run-2"
    assert not any((tmp_path / "run").iterdir())


def test_a_fill_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fill(folder: Path, name: str) -> None:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        claim(tmp_path, "run", fill)
    assert not any(tmp_path.iterdir())


def claim_many(arguments: tuple[Path, int]) -> list[tuple[str, str]]:
    output_dir, worker = arguments
    taken = []
    for number in range(20):
        text = f"{worker}-{number}"
        taken.append((claim(output_dir, "run", note(text)).path.name, text))
    return taken


def test_two_processes_never_take_the_same_folder(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        taken = [pair for pairs in pool.map(claim_many, [(tmp_path, 0), (tmp_path, 1)]) for pair in pairs]
    assert len({name for name, _ in taken}) == 40
    for name, text in taken:
        assert (tmp_path / name / "note.txt").read_text() == text
    assert {path.name for path in tmp_path.iterdir()} == {name for name, _ in taken}


def test_an_output_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"output_dir=.*cannot be used"):
        claim(tmp_path / "file" / "runs", "run", note())


def as_run(path: Path, status: object = "finished") -> Path:
    path.mkdir()
    for name in ("config.yaml", "contract.json", "split.parquet"):
        (path / name).touch()
    write_json(path / "manifest.json", {**MANIFEST, "status": status})
    return path


def test_a_run_folder_opens(tmp_path: Path) -> None:
    assert open_run(as_run(tmp_path / "run"), "resume").path == tmp_path / "run"


@pytest.mark.parametrize("missing", ["config.yaml", "manifest.json", "contract.json", "split.parquet"])
def test_a_folder_without_one_of_its_files_is_named(tmp_path: Path, missing: str) -> None:
    (as_run(tmp_path / "run") / missing).unlink()
    with pytest.raises(StudyError, match=f"resume=.*is not a run folder: {missing} not found"):
        open_run(tmp_path / "run", "resume")


def test_no_folder_and_an_unreadable_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"run=.*nowhere is not a folder"):
        open_run(tmp_path / "nowhere", "run")
    run = as_run(tmp_path / "run")
    (run / "manifest.json").write_text('{"status": ')
    with pytest.raises(StudyError, match=r"manifest\.json is damaged"):
        open_run(run, "run")
    write_json(run / "manifest.json", {**MANIFEST, "status": "paused"})
    with pytest.raises(StudyError, match="status: input should be 'running', 'finished' or 'failed'"):
        open_run(run, "run")
    write_json(run / "manifest.json", {**MANIFEST, "format": 0})
    with pytest.raises(StudyError, match=r"manifest\.json is damaged or of another version: format"):
        open_run(run, "run")
