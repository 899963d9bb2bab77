"""The commands on toy problems of a few seconds, in processes of their own, and what they leave behind.

Each toy gives a command line for an output folder; `found` reads all that must not depend on when it was interrupted:
tables, weights, predictions and records without what a clock or a process id decides.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tests.preloaded import Preloaded, Process

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
SMALL = ("data=moons", "data.n_samples=60", "n_qubits=2", "trainer.max_epochs=2", "trainer.batch_size=16")
STUDY = (
    "study=quick", "split.n_folds=2", "study.tuning.trials=2", "study.confirmed=true", "study.threads=1", "depth=1",
    "study.protocol.shots=[]", "study.protocol.backends=[]", "study.protocol.fractions=[]",
    "study.protocol.label_noise=[]", *(f"~study.entrants.{name}" for name in (
        "separable", "replaced_circuit", "gradient_boosting", "rbf_svm", "ridge")),
)  # fmt: skip
# What takes longest and writes only pages for people, by script.
SCRIPTS: Mapping[str, tuple[str, str]] = {
    "train": ("study.report.gallery", "draw_gallery"),
    "sweep": ("study.ablation.report", "write_report"),
    "compare": ("study.comparison.report.report", "write_report"),
    "evaluate": ("study.ladder.report.report", "write_report"),
}
# Of records and tables: what clocks, process ids and places decide, and how often somebody interrupted.
MEASURED = (
    "seconds", "bytes", "started", "ended", "begun", "created", "process", "resumed", "machine", "packages", "code",
    "loggers", "output_dir", "environment", "overrides", "folder",
)  # fmt: skip


# Rungs that need nothing but this machine.
CLIMBED = (
    *(f"ladder.rungs.{name}=null" for name in ("noisy", "braket_sv", "braket_dm", "garnet", "cepheus")),
    "ladder.curve.shots=[10,30]", "ladder.scorecard.computers=[iqm_garnet]",
)  # fmt: skip
TIMED = (*MEASURED, "executed")


@dataclass(frozen=True)
class Toy:
    """A command.

    Attributes:
        verb: train, sweep, compare, evaluate, predict or report.
        words: output folder → the command line.
        needs_run: whether it is about a trained run, which is then in the output folder.
    """

    verb: str
    words: Callable[[Path], list[str]]
    needs_run: bool = False

    def start(self, preloaded: Preloaded, output: Path, printed: Path, code: str | None = None) -> Process:
        """Start it; with `code`, that is run first in its process."""
        words = self.words(output)
        script = "train" if self.verb == "sweep" else self.verb
        body = f"import sys\nimport {script}\n"
        if self.verb == "report":
            body += "from study.config.positional import named\n"
            body += 'sys.argv[1:] = named("sweep", "studies", sys.argv[1:])\n'
        if self.verb in SCRIPTS:
            module, name = SCRIPTS[self.verb]
            body += f'from pathlib import Path\nimport {module} as module\nmodule.{name} = lambda *_, **__: Path("r")\n'
        if self.verb == "train":
            body += "import study.run.stages\nstudy.run.stages.draw_gallery = lambda *_: None\n"
        program = f"{code or ''}\n{body}{script}.main()\n"
        return preloaded.start(["-c", program, *words], cwd=ROOT, env=ENVIRONMENT, output=printed)


def _train(output: Path) -> list[str]:
    started = next(iter(sorted(output.glob("moons-*/manifest.json"))), None)
    if started is not None:
        return [f"resume={started.parent}"]
    return [*SMALL, "depth=1", "logger=mlflow", "~controls.rbf_svm", "~controls.gradient_boosting",
            f"output_dir={output}"]  # fmt: skip


def _sweep(launcher: str) -> Callable[[Path], list[str]]:
    launching = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    return lambda output: [
        "-m", *SMALL, "depth=1,2", "controls=none", "logger=none", "sweep.threads=1", *launching,
        f"output_dir={output}",
    ]  # fmt: skip


def run_in(output: Path) -> Path:
    [manifest] = output.glob("moons-*/manifest.json")
    return manifest.parent


TOYS = {
    "train": Toy("train", _train),
    "sweep": Toy("sweep", _sweep("basic")),
    "sweep joblib": Toy("sweep", _sweep("joblib")),
    "compare": Toy("compare", lambda output: [*SMALL, *STUDY, f"output_dir={output}"]),
    "evaluate": Toy("evaluate", lambda output: [f"run={run_in(output)}", "rows=8", *CLIMBED], needs_run=True),
    "predict": Toy(
        "predict",
        lambda output: [
            f"run={run_in(output)}",
            f"input={output / 'rows.csv'}",
            f"output={output / 'answers.csv'}",
        ],
        needs_run=True,
    ),
}


def prepared(toy: Toy, run: Path, output: Path) -> Path:
    """The output folder before the command: with a copy of a trained run where the command is about one."""
    output.mkdir(parents=True)
    if toy.needs_run:
        shutil.copytree(run, output / run.name)
        with (output / "rows.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("x", "y"), *((0.01 * n, -0.02 * n) for n in range(300))])
    return output


# ---------------------------------------------------------------- what is left behind


def found(output: Path) -> dict[str, Any]:
    """Everything in an output folder that has to be the same however often a command was interrupted."""
    kept: dict[str, Any] = {}
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        name = path.relative_to(output).as_posix()
        if any(part.startswith(".") for part in path.relative_to(output).parts):
            continue  # locks, and what a process that was killed had not finished writing
        if path.suffix == ".parquet":
            kept[name] = _table(pd.read_parquet(path))
        elif path.suffix == ".json" and path.name not in ("sittings.json", "seal.json", "note.json"):
            kept[name] = _plain(json.loads(path.read_text()))
        elif path.suffix in (".pt", ".ckpt"):
            kept[name] = _tensors(torch.load(path, weights_only=True))
        elif path.suffix == ".csv" and path.name not in ("steps.csv",):
            kept[name] = _table(pd.read_csv(path, float_precision="round_trip"))
        elif path.name == "tuning.sqlite":
            kept[name] = _trials(path)
        elif path.name == "mlflow.db":
            kept[name] = _whole(path)
    return kept


def _table(table: pd.DataFrame) -> str:
    measured = [name for name in table.columns if any(word in str(name) for word in MEASURED)]
    return table.drop(columns=measured).to_csv(index=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not any(word in key for word in MEASURED)}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _tensors(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _tensors(item) for key, item in value.items() if not any(w in str(key) for w in TIMED)}
    return [_tensors(item) for item in value] if isinstance(value, list) else value


def _trials(path: Path) -> Any:
    """Trials that ended with a record: their values and parameters by tuning and number."""
    from study.comparison.tuning import NUMBER, read_trials

    return {
        name: [(trial.user_attrs[NUMBER], trial.value, trial.params) for trial in trials]
        for name, trials in sorted(read_trials(path).items())
    }


def _whole(path: Path) -> str:
    with closing(sqlite3.connect(path)) as store:
        return str(store.execute("PRAGMA integrity_check").fetchall())


def end(process: Process, number: signal.Signals) -> int:
    """Send a signal, unless it has ended, and wait for the end."""
    if process.poll() is None:
        os.kill(process.pid, number)
    return process.wait(120)
