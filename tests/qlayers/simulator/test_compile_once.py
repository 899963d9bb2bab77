"""Kernels are compiled once and kept; where they cannot be, results are the same and it is said once."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import textwrap

import pytest
import torch

import qlayers
from qlayers import QuantumLayer
from qlayers.simulator import compile_once

# A kernel of a file of its own, since those of the simulator take half a minute; and without torch and PennyLane, which
# take seconds to import.
KERNEL = f"""
import sys, types

sys.modules["qlayers"] = types.ModuleType("qlayers")
sys.modules["qlayers"].__path__ = {list(qlayers.__path__)!r}

import numba
from qlayers.simulator.compile_once import keep

@keep
@numba.njit
def inner(x):
    return x * x

@keep
@numba.njit
def kernel(x):
    return inner(x) + 1
"""
CALL = "import kernel; print(kernel.kernel(3), kernel.kernel(3.0))"


@pytest.fixture
def python(tmp_path):
    """Run code in a new process that has the kernel, on a disk on which nothing was compiled."""
    (tmp_path / "kernel.py").write_text(KERNEL)

    def run(code, **options):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        environment.pop(compile_once.TOLD, None)  # of these tests' own process
        command = [sys.executable, "-c", textwrap.dedent(code)]
        options = {"capture_output": True, "text": True, "check": True, **options}
        path = os.pathsep.join([str(tmp_path), *sys.path])
        return subprocess.run(command, env=environment | {"PYTHONPATH": path}, cwd=tmp_path, **options)

    return run


def test_it_is_said_once_and_only_when_something_is_compiled(python):
    first, second = python(CALL), python(CALL)
    assert first.stdout == second.stdout == "10 10.0\n"
    assert first.stderr == f"{compile_once.MESSAGE} …\n"
    assert second.stderr == ""


def test_at_a_terminal_the_seconds_run_and_the_line_is_gone_at_the_end(python):
    ours, theirs = pty.openpty()
    python(CALL, capture_output=False, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    drawn = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "\r⠋ Compiling qlayers' kernels, once on this machine" in drawn
    assert "0 s so far" in drawn
    assert drawn.endswith("\r\x1b[K")
    assert "\n" not in drawn


def test_it_is_not_said_again_by_a_process_that_was_started(python):
    """The child has types to compile that its parent has not."""
    done = python("""
        import subprocess, sys
        import kernel
        kernel.kernel(3)
        child = "import kernel; print(kernel.kernel(3.0))"
        print(subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True))
    """)
    assert "stdout='10.0\\n', stderr=''" in done.stdout
    assert done.stderr == f"{compile_once.MESSAGE} …\n"


def test_it_is_not_drawn_after_it_was_written(python):
    """As where the first kernel is compiled under a progress bar, which stands in for stderr, and the next is not."""
    ours, theirs = pty.openpty()
    code = """
        import io, sys
        import kernel
        sys.stderr = io.StringIO()
        kernel.kernel(3)
        print(sys.stderr.getvalue(), end="")
        sys.stderr = sys.__stderr__
        kernel.kernel(3.0)
    """
    done = python(code, capture_output=False, stderr=theirs, stdout=subprocess.PIPE)
    os.set_blocking(ours, False)
    os.close(theirs)
    assert done.stdout == f"{compile_once.MESSAGE} …\n"
    with contextlib.suppress(OSError):  # nothing to read
        assert os.read(ours, 100_000) == b""
    os.close(ours)


UNWRITABLE = """
    import errno
    from numba.core import caching

    def refuse(self):
        raise OSError(errno.EROFS, "Read-only file system")

    caching._CacheLocator.ensure_cache_path = refuse
"""
FULL = """
    import errno
    from numba.core import caching

    def refuse(self, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    caching.IndexDataCacheFile._open_for_write = refuse
"""


@pytest.mark.parametrize(
    ("disk", "reason"), [(UNWRITABLE, "can be written"), (FULL, "No space left on device")]
)
def test_where_nothing_can_be_kept_results_are_right_and_it_is_said_once(python, disk, reason):
    for _ in range(2):
        done = python(textwrap.dedent(disk) + CALL)
        assert done.stdout == "10 10.0\n"
        assert done.stderr.count("cannot be kept on disk") == 1
        assert reason in done.stderr
        assert "NUMBA_CACHE_DIR" in done.stderr


def test_a_folder_that_is_a_file_leaves_the_place_beside_the_source(python, tmp_path):
    (tmp_path / "cache").write_text("")
    assert python(CALL).stderr == f"{compile_once.MESSAGE} …\n"
    assert python(CALL).stderr == ""


def test_a_damaged_file_is_compiled_anew(python, tmp_path):
    python(CALL)
    kept = list((tmp_path / "cache").rglob("kernel.*.nb?"))
    assert len(kept) > 2
    for path in kept:
        path.write_bytes(b"")
    assert python(CALL).stdout == "10 10.0\n"


def test_kernels_of_others_are_not_announced(capsys):
    import numba

    @numba.njit
    def foreign(x):
        return x + 1

    assert foreign(1) == 2
    assert capsys.readouterr().err == ""


def test_a_layer_says_nothing_once_its_kernels_are_kept(kernels_compiled):
    code = """
        import torch, qlayers
        torch.manual_seed(0)
        print(qlayers.QuantumLayer(2)(torch.zeros(1, 2)).tolist())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    torch.manual_seed(0)
    assert done.stdout == f"{QuantumLayer(2)(torch.zeros(1, 2)).tolist()}\n"
    assert done.stderr == ""
