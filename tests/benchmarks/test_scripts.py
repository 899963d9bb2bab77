"""The scripts run, on tiny sizes and with our own sides; what they write stays in its place."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import epoch
import output
import plots
import pytest
import shares
import sides
import start
import turns

from tests.architecture.test_imports import declared, third_party

BENCHMARKS = Path(sides.__file__).parent
ROOT = BENCHMARKS.parent
SECTIONS = ("layers", "circuits", "clients", "epoch", "start", "shares", "promotion")
OF_PEERS = {"deepquantum", "jax", "pyqtorch", "tensorcircuit"}


@pytest.mark.long
@pytest.mark.slow
def test_layers_runs_sides_in_their_processes() -> None:
    command = [
        sys.executable,
        str(BENCHMARKS / "layers.py"),
        "--quick",
        "--sides",
        "linear",
        "--seconds",
        "0.1",
    ]
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    for expected in ("4, 2, 32", "Overhead", "QuantumLayer", "torch ", "Left out: TorchLayer, default.qubit"):
        assert expected in done.stdout


@pytest.mark.long
def test_shares(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shares, "SIZES", {"tiny": (2, 1, 4)})
    monkeypatch.setattr(shares, "MATRIX", 64)
    monkeypatch.setattr(sys, "argv", ["shares.py", "--seconds", "0.02"])
    shares.main()
    printed = capsys.readouterr().out
    assert re.search(r"tiny: 2, 1, 4 .*%.*%.*%", printed)
    assert "GFLOP/s" in printed


def test_kernels_are_given_back() -> None:
    from qlayers.simulator import on_cpu

    before = dict(vars(on_cpu))
    with shares.timed_kernels() as clock:
        pass
    assert clock.seconds == 0
    assert vars(on_cpu) == before


def test_two_threads_inside_at_once_count_once() -> None:
    clock = shares.Clock()
    inner = clock.wrap(lambda: None)
    clock.wrap(lambda: (inner(), inner()))()
    once = clock.seconds
    assert once > 0
    assert clock._inside == 0


@pytest.mark.long
def test_epoch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["epoch.py", "--quick"])
    epoch.main()
    printed = capsys.readouterr().out
    assert re.search(r"hybrid.*158.*×", printed)
    assert re.search(r"classical twin.*167.*1\.00×", printed)


def test_start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["start.py", "--quick"])
    monkeypatch.setattr(start, "one_process", lambda: dict.fromkeys(start.PARTS, 0.25))
    start.main()
    assert "it is 0.5 of that" in capsys.readouterr().out


@pytest.mark.slow
def test_start_measures_a_new_process() -> None:
    found = start.one_process()
    assert set(found) == set(start.PARTS)
    assert found["first"] == pytest.approx(found["build"] + found["forward"] + found["backward"])


def test_plots_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {name: [[2, 1e-3 * place], [4, 2e-3 * place]] for place, name in enumerate(sides.SIDES, 1)}
    found = {"lines": lines, "notes": ["Nobody ends."], "machine": "a processor; Python 3", "quick": True}
    for axis in plots.AXES:
        (tmp_path / f"{axis.name}.json").write_text(json.dumps(found))
    monkeypatch.setattr(sys, "argv", ["plots.py", "--redraw", "--folder", str(tmp_path)])
    plots.main()
    for axis in plots.AXES:
        assert (tmp_path / f"{axis.name}.svg").read_text().rstrip().endswith("</svg>")


def test_a_line_that_ends_says_why() -> None:
    slow = turns.Measured(sides.SIDES["lightning"], [7.0])
    failed = turns.Measured(sides.SIDES["linear"], failure="out of memory")
    ours = turns.Measured(sides.OURS, [0.1])
    asked: list[list[str]] = []

    class Party:
        versions: ClassVar[dict[str, str]] = {}

        def measure(
            self, problem: object, effort: object, tell: object, only: list[str]
        ) -> list[turns.Measured]:
            asked.append(list(only))
            return [measured for measured in (ours, slow, failed) if measured.side.name in only]

    chosen = [ours.side, slow.side, failed.side]
    found = plots.measure(plots.AXES[0], Party(), chosen, turns.QUICK, 5.0, True, print)  # type: ignore[arg-type]
    assert asked == [["quantum_layer", "lightning", "linear"], ["quantum_layer"], ["quantum_layer"]]
    assert found["lines"] == {
        "quantum_layer": [(2, 0.1), (4, 0.1), (6, 0.1)],
        "lightning": [(2, 7.0)],
        "linear": [],
    }
    assert found["notes"] == [
        "TorchLayer, lightning.qubit ends at qubits 2: a step takes 7.0 s.",
        "nn.Linear ends at qubits 2: out of memory.",
    ]


def test_redraw_needs_something_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "argv", ["plots.py", "--redraw", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit):
        plots.main()
    assert "qubits.json is missing. Leave --redraw out" in capsys.readouterr().err


def test_every_side_has_a_colour() -> None:
    assert set(plots.COLOURS) == set(sides.SIDES)


# --- README.md ---------------------------------------------------------------------------------------------------


def test_readme_has_a_place_for_every_table() -> None:
    page = output.README.read_text(encoding="utf-8")
    assert re.findall(r"<!-- begin (\w+) -->", page) == re.findall(r"<!-- end (\w+) -->", page)
    assert set(re.findall(r"<!-- begin (\w+) -->", page)) == set(SECTIONS)


def test_a_table_replaces_its_section_only(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n")
    table = output.Table("Times", ["size", "ms"], [["2", "0.1"]], ["A note."])
    output.replace(page, "a", table.markdown())
    expected = "Times:\n\n| size | ms |\n|---|---|\n| 2 | 0.1 |\n\nA note."
    assert page.read_text() == f"before\n<!-- begin a -->\n{expected}\n<!-- end a -->\nafter\n"
    with pytest.raises(ValueError, match="must hold the marks"):
        output.replace(page, "b", "text")


# --- environments ------------------------------------------------------------------------------------------------


def pins(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " ", "-"))]
    return dict(line.split("==", 1) for line in lines)


def test_peers_are_pinned_and_rest_on_our_versions() -> None:
    peers = pins((BENCHMARKS / "peers/requirements.txt").read_text())
    ours = pins((ROOT / "requirements/run.txt").read_text())
    torch = re.search(r"^TORCH := torch==(.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert torch is not None
    assert (peers["torch"], peers["numpy"], peers["pennylane"]) == (
        torch[1],
        ours["numpy"],
        ours["pennylane"],
    )


def test_only_the_peers_modules_import_peers() -> None:
    folders = {"programs", "workers"}
    local = {path.stem for path in BENCHMARKS.glob("*.py")} | folders
    inside = [path for folder in sorted(folders) for path in (BENCHMARKS / folder).glob("*.py")]
    for path in [*BENCHMARKS.glob("*.py"), *inside]:
        found = third_party(path, at_import=False) - local
        if path.name.startswith(("with_", "jax_")):
            assert found <= OF_PEERS | {"numpy", "pennylane", "torch"}, path
        else:
            assert found <= declared("workbench", "plot"), path


def test_all_names_scripts_that_exist() -> None:
    scripts = runpy.run_path(str(BENCHMARKS / "all.py"))["SCRIPTS"]
    assert all((BENCHMARKS / script).is_file() for script in scripts)
