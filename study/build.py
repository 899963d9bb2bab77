"""From a configuration to objects. Every function takes the whole configuration of a run.

Models depend on the sizes of the data: call `fill_dims` before `learner`, `controls` and `loggers`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from qlayers.errors import QlayersError
from study.config import variables
from study.config.components import find
from study.config.composition import one_paragraph
from study.config.names import plain
from study.config.references import references
from study.config.stored import OPENED, check_addresses
from study.config.targets import HYDRAS
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

    def optimizer(parameters: Any) -> Any:
        # Not before it is needed: who predicts needs none, and a stored configuration may name anything.
        return _built(config, "optimizer")(parameters)

    return TorchLearner(
        model,
        optimizer=optimizer,
        trainer=_plain_node(config, "trainer"),
        precision=config.precision,
        class_weight=config.class_weight,
        loggers=loggers,
    )


def check_loggers(config: DictConfig) -> None:
    """Refuse, before anything is done, trackers of a stored configuration that its reader did not name.

    Raises:
        StudyError: naming the address.
    """
    for name in config.logger:
        _checked(config, f"logger.{name}")


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


def _control_keys(config: DictConfig) -> Iterator[str]:
    for name in config.controls:
        if config.controls[name] is not None:  # null: a twin that would not differ
            yield f"controls.{name}"


def serves(config: DictConfig, key: str, task: str) -> bool:
    """Whether the control's class serves the task; a torch module serves any."""
    built = find(OmegaConf.select(config, f"{key}._target_"), key, *_reader(config))
    return task in getattr(built, "tasks", (task,))


def _plain_node(config: DictConfig, key: str) -> dict[str, Any]:
    node: Any = OmegaConf.to_container(OmegaConf.select(config, key), resolve=True)
    return node


def _built(config: DictConfig, key: str) -> Any:
    """Build the node at a dotted key; of a stored configuration, only what it may name and its reader trusts.

    Raises:
        StudyError: naming the node that could not be built, and why.
    """
    return from_node(_checked(config, key), key, *_reader(config))


def _checked(config: DictConfig, key: str) -> dict[str, Any]:
    """The plain values at a dotted key, which name no address that the reader of a run folder did not."""
    try:
        node = _plain_node(config, key)
    except OmegaConfBaseException as error:
        raise StudyError(f"{key} cannot be built: {one_paragraph(error)}") from error
    source = OmegaConf.select(config, OPENED)
    if source is not None:
        check_addresses(node, key, Path(source.folder), source.trust)
    return node


def _reader(config: DictConfig) -> tuple[Sequence[str] | None, Path | None]:
    """What the reader of a stored configuration trusts, and where its run is kept; None for one that is composed."""
    source = OmegaConf.select(config, OPENED)
    return (None, None) if source is None else (list(source.trust), Path(source.folder).parent)


def from_node(
    node: dict[str, Any], key: str, trust: Sequence[str] | None = None, output_dir: Path | None = None
) -> Any:
    """Build what plain values describe, the innermost objects first, as Hydra does.

    Args:
        node: a mapping with a `_target_`, the dotted name of what is called with the other entries.
        key: where it stands in the configuration.
        trust: what the reader of a stored configuration trusts; None where a user has written the node.
        output_dir: where runs are kept; nothing is imported from there.

    Raises:
        StudyError: naming the node that could not be built, and why.
    """

    def built(value: Any, at: str) -> Any:
        if isinstance(value, list):
            return [built(one, f"{at}[{number}]") for number, one in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if variables.KEY in value:
            variables.refuse_variables(value, at)
        inner = {name: built(one, f"{at}.{name}") for name, one in value.items() if name not in HYDRAS}
        if "_target_" not in value:
            return inner
        called = find(value["_target_"], at, trust, output_dir)
        positional = built(value.get("_args_", []), f"{at}._args_")
        if not isinstance(positional, list):
            raise StudyError(f"{at}._args_ must be a list of arguments.")
        try:
            if value.get("_partial_"):
                return functools.partial(called, *positional, **inner)
            return called(*positional, **inner)
        except (StudyError, QlayersError) as error:
            raise StudyError(str(error)) from error  # these name the option themselves
        except Exception as error:
            # A file may hold anything; what else a user's own class raises is a bug of theirs, with its traceback.
            if trust is None and not isinstance(error, TypeError | ValueError | RuntimeError | OSError):
                raise
            raise StudyError(f"{at} cannot be built: {type(error).__name__}: {error}") from error

    return built(node, key)
