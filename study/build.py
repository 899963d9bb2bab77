"""From a configuration to objects. Every function takes the whole configuration of a run.

Models depend on the sizes of the data: call `fill_dims` before `learner`, `controls` and `loggers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import hydra.utils
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from qlayers.errors import QlayersError
from study.config.composition import one_paragraph
from study.config.names import plain
from study.config.references import references
from study.config.targets import locate, target_nodes
from study.errors import StudyError
from study.fitting.learner import Learner
from study.fitting.seeding import reseed

if TYPE_CHECKING:
    from lightning import LightningDataModule
    from lightning.pytorch.loggers import Logger

    from study.data.preprocessing import Preprocessor
    from study.data.splits.base import Split
    from study.data.table import Dataset


def dataset(config: DictConfig) -> Dataset | LightningDataModule:
    return _built(config, "data")


def split(config: DictConfig) -> Split:
    return _built(config, "split")


def preprocessor(config: DictConfig) -> Preprocessor:
    return _built(config, "preprocessing")


def circuit(config: DictConfig) -> nn.Module:
    """The circuit of the configuration by itself: to check it, to draw it, to learn its sizes."""
    return _built(config, "circuit")


def fill_dims(config: DictConfig, *, n_inputs: int, n_outputs: int, run_name: str | None = None) -> None:
    """Write into `config.dims` what the data and the circuit decide; models can be built afterwards.

    Args:
        config: changed in place.
        n_inputs: columns after preprocessing.
        n_outputs: the number of classes, or 1 in regression.
        run_name: the run folder's name, for the loggers.

    Raises:
        StudyError: if the circuit or the model cannot be built.
    """
    config.dims.update(n_inputs=n_inputs, n_outputs=n_outputs, run_name=run_name)
    parts = references(plain(config), "model")
    if "circuit" not in parts:
        if "head" in parts:
            config.dims.n_measured = (
                config.n_features
            )  # nothing measures, so the features are all there is to read
        return
    config.dims.n_measured = getattr(circuit(config), "n_outputs", None)
    model = _built(config, "model")
    config.dims.n_parameters = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def learner(config: DictConfig, key: str = "model", loggers: Sequence[Logger] = ()) -> Learner:
    """What is at `key`, ready to be fitted: a baseline as it is, a torch module in its training procedure.

    Initial weights are a function of `config.seed` alone.
    """
    from study.fitting.torch_learner import TorchLearner

    reseed(config.seed, "init")
    model = _built(config, key)
    if isinstance(model, Learner):
        return model
    if not isinstance(model, nn.Module):
        raise StudyError(
            f"{key} builds a {type(model).__name__}; it must be a torch.nn.Module or a study Learner."
        )
    return TorchLearner(
        model,
        optimizer=_built(config, "optimizer"),
        trainer=_plain_node(config, "trainer"),
        precision=config.precision,
        class_weight=config.class_weight,
        loggers=loggers,
    )


def loggers(config: DictConfig) -> list[Logger]:
    """The chosen trackers. Some of them create their store when they are built."""
    return [_built(config, f"logger.{name}") for name in config.logger]


def controls(config: DictConfig, task: str) -> list[str]:
    """The keys (`controls.logistic` …) of the controls that serve the task and differ from the model."""
    model = _plain_node(config, "model")
    return [
        key
        for key in _control_keys(config)
        if serves(config, key, task) and _plain_node(config, key) != model
    ]


def resolved(config: DictConfig) -> DictConfig:
    """A copy without references: all that is needed to build everything again, as plain values."""
    copy = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(copy, DictConfig)
    return copy


def _control_keys(config: DictConfig) -> Iterator[str]:
    for name in config.controls:
        if config.controls[name] is not None:  # null: a twin that would not differ
            yield f"controls.{name}"


def serves(config: DictConfig, key: str, task: str) -> bool:
    """Whether the control's class serves the task; a torch module serves any."""
    built = locate(OmegaConf.select(config, f"{key}._target_"), key)
    return task in getattr(built, "tasks", (task,))


def _plain_node(config: DictConfig, key: str) -> dict[str, Any]:
    node: Any = OmegaConf.to_container(OmegaConf.select(config, key), resolve=True)
    return node


def _built(config: DictConfig, key: str) -> Any:
    """Build the node at a dotted key.

    Raises:
        StudyError: naming the node that could not be built, and why.
    """
    try:
        node = _plain_node(config, key)
    except OmegaConfBaseException as error:
        raise StudyError(f"{key} cannot be built: {one_paragraph(error)}") from error
    return from_node(node, key)


def from_node(node: dict[str, Any], key: str) -> Any:
    """Build what plain values describe; `key` is where they stand in the configuration.

    Raises:
        StudyError: naming the node that could not be built, and why.
    """
    try:
        allowed = _whitelist(node, key)
        return hydra.utils.instantiate(OmegaConf.create(node), _convert_="all", _execution_whitelist_=allowed)
    except (StudyError, QlayersError) as error:
        raise StudyError(str(error)) from error  # these name the option themselves
    except (HydraException, OmegaConfBaseException) as error:
        raise StudyError(f"{key} cannot be built: {one_paragraph(error)}") from error
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise StudyError(f"{key}{_place(error)} cannot be built: {type(error).__name__}: {error}") from error


def _whitelist(node: Any, key: str) -> list[str]:
    """What Hydra may build here: exactly what the configuration names, by the names given and by the real ones."""
    allowed = set()
    for _, inner in target_nodes(node):
        called = locate(inner["_target_"], key)
        allowed |= {inner["_target_"], f"{called.__module__}.{called.__qualname__}"}
    return sorted(allowed)


def _place(error: Exception) -> str:
    """Where inside the node a constructor failed, as Hydra notes it on the exception."""
    notes = " ".join(getattr(error, "__notes__", []))
    found = re.search(r"full_key: (\S+)", notes)
    return f".{found[1]}" if found else ""
