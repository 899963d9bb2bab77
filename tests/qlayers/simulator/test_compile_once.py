"""Kernels are compiled once and kept; where they cannot be, results are the same and it is said once."""

from __future__ import annotations

import os
import pickle
import pty
import re
import shutil
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
import torch

import qlayers
from qlayers import QuantumLayer
from qlayers.simulator import compile_once, kernel_cache
from qlayers.simulator.kernels import compiling

# Kernels of a file of their own, since those of the simulator take long; and without torch and PennyLane, which take
# seconds to import. The last one calls the first.
KERNEL = f"""
import sys, types

sys.modules["qlayers"] = types.ModuleType("qlayers")
sys.modules["qlayers"].__path__ = {list(qlayers.__path__)!r}

import pathlib
import numba
from qlayers.simulator.compile_once import keep

SOURCES = [pathlib.Path(__file__)]

@numba.njit
def inner(x):
    return x * x

def square_and(x):
    return inner(x) + 1

kernel = keep(numba.njit(square_and), SOURCES, work=0.5)
"""
CALL = "import kernel; print(kernel.kernel(3), kernel.kernel(3.0))"
RESULT = "10 10.0\n"
SAID = re.compile(
    r"Compiling qlayers' kernels \(square_and, int64\), once on this machine: about \d+ s …\n"
    r"Compiling qlayers' kernels \(square_and, float64\), once on this machine: about \d+ s …\n"
)


@pytest.fixture
def python(tmp_path):
    """Run code in a new process that has the kernel, on a disk on which nothing was compiled."""
    return runner(tmp_path)


def runner(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "kernel.py").write_text(KERNEL)

    def run(code, folder=tmp_path / "code", cache=tmp_path / "cache", start=subprocess.run, **options):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        path = os.pathsep.join([str(folder), *sys.path])
        environment = environment_of(QLAYERS_CACHE_DIR=str(cache), PYTHONPATH=path)
        return start(command, env=environment, cwd=tmp_path, **options)

    return run


def environment_of(**changed):
    """Variables for a process that announces what it compiles, though this one may have said that it does."""
    return {name: value for name, value in os.environ.items() if name != compile_once.TOLD} | changed


def kept_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A disk on which both types were compiled."""
    folder = tmp_path_factory.mktemp("compiled")
    done = runner(folder)(CALL)
    assert done.stdout == RESULT
    assert SAID.fullmatch(done.stderr)
    return folder / "cache"


@pytest.fixture
def kept(compiled, tmp_path):
    """The files of a copy of it, where the processes of this test look."""
    shutil.copytree(compiled, tmp_path / "cache")
    return kept_in(tmp_path / "cache")


def test_each_type_is_announced_and_a_second_process_compiles_nothing(python, kept):
    assert len(kept) == 2  # the first process is that of the fixture
    second = python(CALL)
    assert (second.stdout, second.stderr) == (RESULT, "")


def test_only_the_user_can_read_and_write_what_is_kept(kept):
    for path in (*kept, kept[0].parent, kept[0].parent.parent):
        assert path.stat().st_mode & 0o077 == 0


def test_another_copy_of_the_code_uses_what_was_compiled_from_the_first(python, tmp_path, kept):
    shutil.copytree(tmp_path / "code", tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    done = python(CALL, folder=tmp_path / "copy")
    assert (done.stdout, done.stderr) == (RESULT, "")


def test_changed_code_is_compiled(python, tmp_path, kept):
    """Also where the change is not in the function itself, but in one that it calls."""
    (tmp_path / "code" / "kernel.py").write_text(KERNEL.replace("x * x", "x * x * x"))
    done = python(CALL)
    assert done.stdout == "28 28.0\n"
    assert SAID.fullmatch(done.stderr)


def flip(content, position):
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: flip(content, 0),
        lambda content: flip(content, 20),
        lambda content: flip(content, len(content) // 2),
        lambda content: content[:-1],
        lambda content: b"",
    ],
    ids=["magic", "checksum", "middle", "truncated", "empty"],
)
def test_a_damaged_file_is_found_and_rebuilt(python, tmp_path, kept, damage):
    damaged = [damage(path.read_bytes()) for path in kept]
    for path, content in zip(kept, damaged, strict=True):
        path.write_bytes(content)
    done = python(CALL)
    assert done.stdout == RESULT
    assert SAID.fullmatch(done.stderr)
    assert kept_in(tmp_path / "cache") == kept
    assert all(path.read_bytes() != content for path, content in zip(kept, damaged, strict=True))


def test_a_file_in_the_place_of_another_is_found_and_rebuilt(python, kept):
    first, second = kept
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    done = python(CALL)
    assert done.stdout == RESULT
    assert SAID.fullmatch(done.stderr)


def test_nothing_is_unpickled_whose_checksum_is_wrong(python, tmp_path, kept):
    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "unpickled",)

    for path in kept:
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"\n") + 33] + pickle.dumps(Payload()))
    assert python(CALL).stdout == RESULT
    assert not (tmp_path / "unpickled").exists()


def test_two_processes_at_once_compile_and_keep_the_same(python, tmp_path):
    both = [python(CALL, start=subprocess.Popen) for _ in range(2)]
    for process in both:
        stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0
        assert stdout == RESULT
        assert "Traceback" not in stderr
        assert "Warning" not in stderr
    assert len(kept_in(tmp_path / "cache")) == 2
    third = python(CALL)
    assert (third.stdout, third.stderr) == (RESULT, "")


# ---------------------------------------------------------------- folders that nothing can be kept in or loaded from


def warned_once(done, *words):
    assert done.stdout == RESULT
    assert done.stderr.count("cannot be kept on disk") == 1
    assert "once on this machine" not in done.stderr
    for word in (*words, "QLAYERS_CACHE_DIR"):
        assert word in done.stderr


@pytest.mark.parametrize(("level", "mode"), [(1, 0o770), (0, 0o702)], ids=["of all kernels", "of one key"])
def test_nothing_is_loaded_from_a_folder_that_others_can_write(python, kept, level, mode):
    folder = kept[0].parents[level]
    folder.chmod(mode)
    warned_once(python(CALL), str(folder), "can be written by other users", "chmod 700")
    folder.chmod(0o700)
    assert python(CALL).stderr == ""


def test_nothing_is_loaded_from_a_file_that_others_can_write(python, kept):
    kept[0].chmod(0o666)
    done = python(CALL)
    assert done.stdout == RESULT
    assert done.stderr.count("can be written by other users") == 1


# As if it belonged to another user, which only root could arrange.
ANOTHER_USER = """
    import os

    own = os.geteuid()
    os.geteuid = lambda: own + 1
"""
UNWRITABLE = """
    import errno, tempfile

    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    tempfile.TemporaryFile = tempfile.mkstemp = refuse
"""
NO_HOME = """
    import os, pathlib

    def home():
        raise RuntimeError("Could not determine home directory.")

    pathlib.Path.home = home
    for name in ("QLAYERS_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
"""


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        (ANOTHER_USER, ["belongs to another user"]),
        (UNWRITABLE, ["Read-only file system"]),
        (NO_HOME, ["home directory"]),
    ],
    ids=["another user's", "read-only", "no home"],
)
def test_where_nothing_can_be_kept_results_are_right_and_it_is_said_once(python, disk, words):
    warned_once(python(textwrap.dedent(disk) + CALL), *words)


def test_what_is_kept_on_a_disk_that_became_read_only_is_used(python, kept):
    done = python(textwrap.dedent(UNWRITABLE) + CALL)
    assert (done.stdout, done.stderr) == (RESULT, "")


def test_a_disk_that_is_full_leaves_no_part_of_a_file(python, tmp_path):
    full = """
        import errno, os

        def refuse(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        os.replace = refuse
    """
    done = python(textwrap.dedent(full) + CALL)
    assert done.stdout == RESULT
    assert done.stderr.count("cannot be kept on disk") == 1
    assert "No space left on device" in done.stderr
    assert kept_in(tmp_path / "cache") == []


def test_a_file_in_the_folders_place_is_said_once(python, tmp_path):
    (tmp_path / "cache").write_text("")
    warned_once(python(CALL), str(tmp_path / "cache"))


# ---------------------------------------------------------------- where the folder is


@pytest.mark.parametrize(
    ("platform", "variables", "wanted"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/qlayers"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/folks/.cache/qlayers"),
        ("linux", {}, "/folks/.cache/qlayers"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/folks/Library/Caches/qlayers"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/qlayers/Cache"),
        ("linux", {"NUMBA_CACHE_DIR": "/numba", "XDG_CACHE_HOME": "/x"}, "/numba/qlayers"),
        ("linux", {"QLAYERS_CACHE_DIR": "/own", "NUMBA_CACHE_DIR": "/numba"}, "/own"),
        ("darwin", {"QLAYERS_CACHE_DIR": "/own"}, "/own"),
    ],
)
def test_the_folder_follows_the_platform_and_the_variables(monkeypatch, platform, variables, wanted):
    for name in ("QLAYERS_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/folks"} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert kernel_cache.cache_folder() == Path(wanted)


@pytest.mark.parametrize(
    ("module", "name"), [("numba", "__version__"), ("llvmlite", "__version__"), ("numpy", "__version__")]
)
def test_another_version_has_another_key(monkeypatch, module, name):
    sources, processor = compiling.SOURCES, ("triple", "name", "+features")
    key = kernel_cache._key.__wrapped__
    before = key(sources, processor)
    assert key(tuple(reversed(sources)), processor) == before
    assert key(sources, ("triple", "name", "-features")) != before
    assert key(sources[1:], processor) != before
    monkeypatch.setattr(sys.modules[module], name, "0.0")
    assert key(sources, processor) != before


def test_all_files_that_kernels_are_compiled_from_are_in_the_key():
    """Every module of the package that a kernel's module imports, but those that only compile and keep."""
    code = """
        import sys, types
        sys.modules["qlayers"] = types.ModuleType("qlayers")
        sys.modules["qlayers"].__path__ = [{package!r}]
        import qlayers.simulator.kernels.circuits
        import qlayers.simulator.kernels.hyperdual
        print("\\n".join(module.__file__ for name, module in sys.modules.items() if name.startswith("qlayers.")))
    """
    package = Path(qlayers.__file__).parent
    code = textwrap.dedent(code).format(package=str(package))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others = {
        package / "errors.py",
        package / "simulator" / "__init__.py",
        package / "simulator" / "compile_once.py",
        package / "simulator" / "kernel_cache.py",
    }
    assert {Path(line) for line in done.stdout.splitlines()} - others == set(compiling.SOURCES)


# ---------------------------------------------------------------- what is said


def test_at_a_terminal_the_seconds_run_and_the_line_is_gone_at_the_end(python):
    ours, theirs = pty.openpty()
    often = "from qlayers.simulator import compile_once; compile_once._FRAME_S = 0.04"
    python(f"{often}\n{textwrap.dedent(CALL)}", stderr=theirs)
    os.close(theirs)
    parts = []
    with suppress(OSError):  # at the end
        while parts[-1:] != [b""]:  # each read gives a few thousand bytes
            parts.append(os.read(ours, 100_000))
    os.close(ours)
    drawn = b"".join(parts).decode()
    assert "\r⠋ Compiling qlayers' kernels (square_and, int64), once on this machine: 0 s" in drawn
    assert "\r⠋ Compiling qlayers' kernels (square_and, float64), once on this machine: 0 s" in drawn
    assert re.search(r"machine: \d+ s, of about \d+ s", drawn)
    assert drawn.endswith("\r\x1b[K")
    assert "\n" not in drawn


def test_it_is_not_said_by_a_process_that_was_started(python):
    """The child has types to compile that its parent has not."""
    done = python("""
        import subprocess, sys
        import kernel
        kernel.kernel(3)
        child = "import kernel; print(kernel.kernel(3.0))"
        print(subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True))
    """)
    assert "stdout='10.0\\n', stderr=''" in done.stdout
    assert done.stderr.count("Compiling") == 1


def test_a_stream_that_is_closed_does_not_stop_the_kernel(python):
    done = python("import sys; sys.stderr = open('/dev/full', 'w')\n" + CALL)
    assert done.stdout == RESULT


def test_the_estimate_is_the_samples_time_times_the_work(python):
    done = python("""
        import kernel
        from qlayers.simulator import compile_once
        compile_once._seconds_for_sample = lambda: 84.0
        kernel.kernel(3)
    """)
    assert "about 42 s …" in done.stderr


def test_kernels_of_others_are_not_announced(capsys):
    import numba

    @numba.njit
    def foreign(x):
        return x + 1

    assert foreign(1) == 2
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------- the simulator's own


def test_a_layer_says_nothing_once_its_kernels_are_kept(kernels_compiled):
    code = """
        import torch, qlayers
        torch.manual_seed(0)
        print(qlayers.QuantumLayer(2)(torch.zeros(1, 2)).tolist())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env=environment_of(),
    )
    torch.manual_seed(0)
    assert done.stdout == f"{QuantumLayer(2)(torch.zeros(1, 2)).tolist()}\n"
    assert done.stderr == ""


STEPS = """
    import torch
    import qlayers
    from qlayers.simulator.kernels import circuits

    print(qlayers.__file__)
    for precision in ("float32", "float64"):
        torch.manual_seed(0)
        layer = qlayers.QuantumLayer(3, precision=precision)
        inputs = torch.linspace(0, 1, 15, dtype=layer.dtype).reshape(5, 3).requires_grad_()
        layer(inputs).square().sum().backward()
        print(layer(inputs).tolist(), inputs.grad.tolist())
    print([sum(kernel.stats.cache_misses.values()) for kernel in (circuits.forward, circuits.backward)])
"""


@pytest.mark.long
def test_the_kernels_are_compiled_once_for_two_copies_of_the_package(tmp_path):
    """Each of two copies has a process; after that a byte of each file is flipped."""
    for name in ("one", "other"):
        shutil.copytree(
            Path(qlayers.__file__).parent,
            tmp_path / name / "qlayers",
            ignore=shutil.ignore_patterns("__pycache__"),
        )

    def run(name):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(STEPS)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment_of(
                QLAYERS_CACHE_DIR=str(tmp_path / "cache"),
                PYTHONPATH=os.pathsep.join([str(tmp_path / name), *sys.path]),
            ),
        )
        where, *results, compiled = done.stdout.splitlines()
        assert where == str(tmp_path / name / "qlayers" / "__init__.py")
        return results, compiled, done.stderr

    results, compiled, said = run("one")
    assert compiled == "[2, 2]"
    assert [re.search(r"\((.*)\)", line)[1] for line in said.splitlines()] == [
        "forward, float32",
        "backward, float32",
        "forward, float64",
        "backward, float64",
    ]
    assert run("other") == (results, "[0, 0]", "")
    kept = kept_in(tmp_path / "cache")
    assert len(kept) == 4
    for path in kept:
        path.write_bytes(flip(path.read_bytes(), len(path.read_bytes()) // 2))
    again = run("other")
    assert again[:2] == (results, "[2, 2]")
    assert run("one") == (results, "[0, 0]", "")
