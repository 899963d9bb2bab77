"""A copy of the checkout in which the pages' blocks are run as a reader would run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import Block
from tests.preloaded import Preloaded

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 600  # seconds a block, on a machine that does other things as well


class Workspace:
    """The project's files in a folder of their own, with `.venv` standing for the environment the tests run in.

    The environment is declared finished to make, so that `make train` goes straight to training; how make installs
    is the subject of tests/packaging.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
            "\0"
        )
        for name in names:
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        # With the compiled kernels, which are good for a source file of the same age; they take half a minute.
        for kernel in ROOT.glob("qlayers/simulator/**/__pycache__/*.nb[ic]"):
            copy = folder / kernel.relative_to(ROOT)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(kernel, copy)
        python = folder / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/bash\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        subprocess.run(["make", "--touch", "train"], cwd=folder, check=True, capture_output=True)

    def preload(self, preloaded: Preloaded) -> None:
        """From now on, `python` starts with what the project depends on imported already."""
        preloaded.stand_in(self.folder / ".venv/bin/python")

    def run(self, block: Block) -> str:
        """Do what a block says, and return what it prints: write the file it is, or run its code.

        Raises:
            AssertionError: It fails; with all of its output.
        """
        if block.path is not None:
            path = self.folder / block.path
            assert not path.exists(), f"{block.path} would replace a file of the project"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
            return ""
        if block.language == "python":
            (self.folder / "block.py").write_text(block.code)
            command = ["python", "block.py"]
        else:
            command = ["bash", "-euo", "pipefail", "-c", self.filled_in(block.code)]
        path_variable = f"{self.folder / '.venv/bin'}:{os.environ['PATH']}"
        # COLUMNS: a terminal's width decides how a table is broken, and there is none here.
        environment = os.environ | {"PATH": path_variable, "COLUMNS": "160"}
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
        assert result.returncode == 0, f"exit code {result.returncode} from\n{block.code}\n{result.stdout}"
        return result.stdout

    def runs(self) -> list[Path]:
        """The run folders under the default output folder, oldest first."""
        return sorted((path.parent for path in self.folder.glob("runs/*/config.yaml")), key=os.path.getctime)

    def filled_in(self, code: str) -> str:
        """The code with RUN_FOLDER and SWEEP_FOLDER replaced by the newest of their kind."""
        sweeps = sorted(
            (path.parent for path in self.folder.glob("runs/sweeps/*/sweep.json")), key=os.path.getctime
        )
        for word, folders in {"RUN_FOLDER": self.runs(), "SWEEP_FOLDER": sweeps}.items():
            if folders:
                code = code.replace(word, str(folders[-1].relative_to(self.folder)))
        return code
