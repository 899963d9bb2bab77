"""A model from its run folder alone, in any later process, predicting to the bit what it predicted then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from omegaconf import DictConfig, OmegaConf

from study import build
from study.config.components import trusted
from study.config.leaving import outside
from study.config.schema import TrainConfig
from study.config.stored import OPENED, opened
from study.config.values import check_schema
from study.config.variables import without_variables
from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.fitting.learner import Learner
from study.run.entrants import MAIN_KEY
from study.run.folder import RunFolder
from study.run.interface import Interface
from study.run.manifest import read_manifest
from study.run.predictions import read_output
from study.run.results import Results
from study.run.split import read_split, same_split
from study.run.stored import NEW_RUN, read_yaml, using


@dataclass(frozen=True)
class Rebuilt:
    """A fitted learner and what stands before and behind it."""

    name: str
    learner: Learner
    interface: Interface


def rebuild(folder: RunFolder, name: str | None = None) -> Rebuilt:
    """The model `name` of a finished run, or the main model.

    Raises:
        StudyError: the run is not finished, was changed, or has no such model.
    """
    status = read_manifest(folder)["status"]
    if status != "finished":
        raise StudyError(
            f"The run in {folder.path} is not finished (its status is {status}). "
            f"Finish it first: python train.py resume={folder.path}"
        )
    folder.seal.check([*folder.sealed, folder.results.name, folder.predictions.name])
    results = Results.read(folder.results)
    usable = [model.name for model in results.models if model.failure is None]
    name = name or results.main.name
    if name not in usable:
        raise StudyError(f"The run in {folder.path} has no model {name!r}. It has {', '.join(usable)}.")
    is_main = name == results.main.name
    config, key = stored_config(folder), MAIN_KEY if is_main else f"controls.{name}"
    interface = Interface.read(folder.contract)
    _check_leaving(config, key, folder)
    with using(folder.config):
        learner = build.learner(config, key)
    place = folder.path if is_main else folder.control(name)
    folder.seal.check(folder.models(place))
    learner.restore(place)
    sizes = (learner.task, learner.n_outputs, config.dims.n_inputs)
    expected = (interface.task, len(interface.classes) or 1, len(interface.preprocessor.feature_names))
    if sizes != expected:
        raise StudyError(
            f"{folder.contract} and the model do not fit each other: task, outputs and inputs are {expected} there and "
            f"{sizes} here. {NEW_RUN}"
        )
    return Rebuilt(name, learner, interface)


def _check_leaving(config: DictConfig, key: str, folder: RunFolder) -> None:
    """Refuse a model whose circuits run elsewhere, with a budget that the folder itself names, until it is named."""
    node = OmegaConf.to_container(OmegaConf.select(config, key), resolve=True)
    for target in outside({key: node}, folder.trust):
        if not trusted(target, folder.trust):
            raise StudyError(
                f"The model of {folder.path} runs its circuits on other machines, by {target}, with your credentials "
                f"and the budget in its config.yaml. If that is meant: trust={target}"
            )


def stored_config(folder: RunFolder) -> DictConfig:
    """The configuration of the run, which names nothing but what this version knows and the folder's reader trusts.

    Raises:
        StudyError: config.yaml is damaged, holds what train.py would refuse, or something in it is refused; see
            `study.config.stored`.
    """
    stored = OmegaConf.to_container(read_yaml(folder.config), resolve=False)
    recorded = read_manifest(folder).get("brought", {})
    with using(folder.config):
        config = OmegaConf.create(opened(stored, folder.path, folder.trust, recorded))
        values = without_variables(OmegaConf.to_container(config, resolve=True))
        del values[OPENED]
        # A run fills its sizes, which nobody may give.
        check_schema({**values, "dims": dict.fromkeys(values["dims"])}, TrainConfig)
    return config


def prepare_again(folder: RunFolder, config: DictConfig) -> Prepared:
    """The data of the run, read and split as it was.

    Raises:
        StudyError: the data or their split are no longer those of the run.
    """
    manifest = read_manifest(folder)
    with using(folder.manifest):
        fingerprint = str(manifest["data"]["fingerprint"])
    with using(folder.config):
        data = prepare(build.dataset(config), build.split(config), build.preprocessor(config))
    if data.fingerprint != fingerprint:
        raise StudyError(
            f"The data {data.name!r} are not those that the run in {folder.path} began with (their fingerprint was "
            f"{fingerprint[:12]}… and is now {data.fingerprint[:12]}…). Put the original data back, or start a new run."
        )
    if not same_split(read_split(folder.split), data.parts):
        raise StudyError(
            f"The data {data.name!r} are split otherwise than when the run in {folder.path} began, so the code or the "
            "libraries that split them have changed. Start a new run."
        )
    return data


def reproduces(folder: RunFolder, name: str | None = None) -> bool:
    """Whether the rebuilt model predicts the test part exactly as stored, every bit of it.

    Raises:
        StudyError: as `rebuild` and `prepare_again`.
    """
    rebuilt = rebuild(folder, name)
    data = prepare_again(folder, stored_config(folder))
    stored = read_output(folder.predictions, rebuilt.name, rebuilt.interface.classes)
    return bool(np.array_equal(rebuilt.learner.predict(data.test.inputs), stored))
