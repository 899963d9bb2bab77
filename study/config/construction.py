"""The second phase: what can only be known once torch and PennyLane are imported, and still before data are read."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from study import build
from study.config.leaving import check_leaving
from study.config.names import plain
from study.config.references import references
from study.config.targets import check_targets
from study.errors import StudyError
from study.fitting.settings import TrainerSettings


def check_construction(config: DictConfig) -> None:
    """Raise StudyError unless everything that the configuration names can be built, the circuit included."""
    raw = plain(config)
    for group in ("controls", "logger"):
        for name, node in raw[group].items():
            if not isinstance(node, dict | str) or (isinstance(node, dict) and "_target_" not in node):
                raise StudyError(f"{group}.{name} needs a class: add +{group}.{name}._target_=….")
    check_targets(config)
    check_leaving(config)  # before a circuit is built, which on some backends asks somebody else's service
    for build_it in (build.dataset, build.split, build.preprocessor):
        build_it(config)
    if "circuit" in references(raw, "model"):
        build.circuit(config)
    # Last, because it imports Lightning.
    TrainerSettings.from_mapping(OmegaConf.to_container(config.trainer, resolve=True))  # type: ignore[arg-type]
