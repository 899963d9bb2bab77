"""What is to be known of a run's configuration and data, whoever runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from study.data.prepare import Prepared
from study.fitting.learner import Learner
from study.run.circuits import layers_of


def located(config: DictConfig, base: Path | None = None) -> DictConfig:
    """A copy whose paths do not depend on the folder in which the command was given: a run is resumed from any.

    Args:
        config: of the run.
        base: the folder that relative paths start from; None for the current one.
    """
    config = config.copy()
    base = base or Path.cwd()
    config.output_dir = str((base / Path(config.output_dir).expanduser()).resolve())
    if config.data.get("path") is not None:
        config.data.path = str((base / Path(config.data.path).expanduser()).resolve())
    return config


def describe_data(data: Prepared) -> dict[str, Any]:
    return {
        "name": data.name,
        "task": data.task,
        "task_reason": data.task_reason,
        "confidentiality": data.confidentiality,
        "fingerprint": data.fingerprint,
        "n_inputs": data.n_inputs,
        "classes": data.classes,
        "dropped_rows": data.dropped_rows,
    }


def encoding_entangles(learner: Learner) -> bool:
    return any(layer.encoding is not None and layer.encoding.entangling for layer in layers_of(learner))
