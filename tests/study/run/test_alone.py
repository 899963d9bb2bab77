from __future__ import annotations

import threading
from pathlib import Path

import pytest

from study.errors import BusyError
from study.exit_codes import ExitCode
from study.run.alone import alone_in


def test_a_second_process_is_told_that_the_first_is_at_work(tmp_path: Path) -> None:
    with (
        alone_in(tmp_path, "resume"),
        pytest.raises(BusyError, match="Another process is at work") as told,
        alone_in(tmp_path, "resume"),
    ):
        pass
    assert told.value.exit_code == ExitCode.BUSY
    with alone_in(tmp_path, "resume"):
        pass


def test_who_wants_to_wait_waits(tmp_path: Path) -> None:
    begun, order = threading.Event(), []

    def first() -> None:
        with alone_in(tmp_path, "resume"):
            begun.set()
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    begun.wait()
    with alone_in(tmp_path, "resume", wait=True):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_of_a_block_that_wrote_nothing_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), alone_in(tmp_path / "new" / "folder", "folder"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with alone_in(tmp_path / "new" / "folder", "folder"):
        (tmp_path / "new" / "folder" / "result").touch()
    assert (tmp_path / "new" / "folder" / "result").exists()


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    with alone_in(tmp_path, "folder"):
        pass
    assert tmp_path.is_dir()
