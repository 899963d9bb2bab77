"""Who takes part in a run: the model and its controls, each with a name, a label and its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from study import build
from study.run.folder import RunFolder
from study.run.results import Role

MAIN_KEY = "model"
SEPARABLE = "separable"
ABBREVIATIONS = frozenset({"mlp", "rbf", "svm"})


@dataclass(frozen=True)
class Entrant:
    """One model of a run.

    Attributes:
        key: where its configuration is.
        name: its name in files: predictions.parquet, results.json, controls/.
        label: its name for people.
        role: "main" or "control".
    """

    key: str
    name: str
    label: str
    role: Role

    def place(self, folder: RunFolder) -> Path:
        """Where its own files are."""
        return folder.path if self.role == "main" else folder.control(self.name)


def entrants(config: DictConfig, task: str, encoding_entangles: bool = False) -> list[Entrant]:
    """The model and the controls that serve the task, in the order of the report.

    Args:
        config: of the run, its dims filled.
        task: "classification" or "regression".
        encoding_entangles: whether the model's encoding entangles by itself, so that a separable ansatz does not
            make the circuit separable; the twin's label then says so.
    """
    controls = [_control(config, key, encoding_entangles) for key in build.controls(config, task)]
    name = main_name(config)
    if name in {control.name for control in controls}:
        name += "_main"
    return [Entrant(MAIN_KEY, name, _readable(name), "main"), *controls]


def main_name(config: DictConfig) -> str:
    """The model's class as a name in files."""
    return _snake_case(OmegaConf.select(config, f"{MAIN_KEY}._target_").rpartition(".")[2])


def _control(config: DictConfig, key: str, encoding_entangles: bool) -> Entrant:
    name = key.rpartition(".")[2]
    label = _readable(name)
    if name == SEPARABLE:
        label = "separable twin (its encoding entangles)" if encoding_entangles else "separable twin"
    elif OmegaConf.select(config, f"{key}.n_parameters") is not None:
        label += " (matched)"
    return Entrant(key, name, label, "control")


def _readable(name: str) -> str:
    return " ".join(word.upper() if word in ABBREVIATIONS else word for word in name.split("_"))


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
