"""From a command line to the jobs of a sweep, each composed and checked, before anything that computes is imported."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from study.config.check import check_with
from study.config.composition import Composer, composing, one_paragraph, parse_overrides, written
from study.config.names import is_choice
from study.config.program import Program
from study.errors import StudyError

# What decides where a job writes and who is told of it: swept, it would give the same job twice.
NOT_SWEPT = ("output_dir", "resume", "logger", "controls", "sweep")
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


@dataclass(frozen=True)
class Request:
    """One job as it was asked for.

    Attributes:
        overrides: the words that make it, without Hydra's own.
        values: of the swept keys, by key.
        config: composed and checked, without Hydra's node.
    """

    overrides: tuple[str, ...]
    values: dict[str, Any]
    config: DictConfig


@dataclass(frozen=True)
class Expansion:
    """All jobs of a sweep.

    Attributes:
        words: the overrides that name several values, as written.
        axes: the values of each swept key, in order.
        jobs: the product of the axes, the last one varying fastest.
        hydra: Hydra's own node, with launcher and sweeper.
        launcher: the chosen option of hydra/launcher.
        remarks: what is to be said about the jobs, each remark once.
    """

    words: list[str]
    axes: dict[str, list[Any]]
    jobs: list[Request]
    hydra: DictConfig
    launcher: str
    remarks: tuple[str, ...]


def expand(program: Program, lines: Sequence[str], config_dir: str | None = None) -> Expansion:
    """Compose and check every job of a sweep.

    The keys under `hydra.sweeper.params` of a preset are swept as well; one on the command line takes its place.

    Raises:
        StudyError: naming the first thing that is wrong.
    """
    overrides = parse_overrides(lines)
    with composing(program.name, config_dir) as composer:
        hydra, launcher = _hydra_of(overrides, composer)
        _check_hydra(hydra)
        overrides = [*_preset(hydra, overrides), *overrides]
        ours = [override for override in overrides if not override.is_hydra_override()]
        hydras = [written(override) for override in overrides if override.is_hydra_override()]
        swept = [override for override in ours if override.is_sweep_override()]
        _check_swept(ours, swept)
        if any(_key(override) == "resume" for override in ours):
            raise StudyError(
                "resume= goes on with one run. A sweep goes on when the same command is given again."
            )
        columns = [_values(override) for override in ours]
        if not swept or not all(columns):
            raise StudyError(f"The sweep has no jobs: {_no_jobs(ours, columns)}")
        jobs: list[Request] = []
        remarks: list[str] = []
        for words in itertools.product(*columns):
            try:
                checked = check_with(program, parse_overrides([*hydras, *words]), composer)
            except StudyError as error:
                raise StudyError(f"{error} (In the job {' '.join(words)}.)") from error
            pairs = zip(ours, words, strict=True)
            if checked.config.seal.key is not None:
                raise StudyError(
                    "seal.key is for single runs: jobs of a sweep are sealed without. Leave it out."
                )
            values = {_key(o): _value(o, word, checked.config, composer) for o, word in pairs if o in swept}
            jobs.append(Request(tuple(words), values, checked.config))
            remarks.extend(checked.remarks)
    axes = {_key(override): list(_distinct(job.values[_key(override)] for job in jobs)) for override in swept}
    return Expansion(
        [written(override) for override in swept], axes, jobs, hydra, launcher, tuple(dict.fromkeys(remarks))
    )


def _no_jobs(ours: Sequence[Override], columns: Sequence[Sequence[str]]) -> str:
    advice = "as in depth=1,2,4, or leave out -m."
    for override, words in zip(ours, columns, strict=True):
        if not words:
            return f"{written(override)} names no value. Name some, {advice}"
    for override in ours:
        if written(override).endswith("="):
            return f"no key has several values, and {_key(override)} came empty. Name its values, {advice}"
    return f"no key has several values. Name some, {advice}"


def _hydra_of(overrides: Sequence[Override], composer: Composer) -> tuple[DictConfig, str]:
    """Hydra's node as it is for all jobs, and the launcher's name."""
    fixed = [
        o
        for o in overrides
        if not o.is_sweep_override() and (o.is_hydra_override() or is_choice(o, composer))
    ]
    known = [o for o in fixed if o.is_hydra_override() or _exists(o, composer)]
    chosen = composer.chosen([written(override) for override in known])
    return chosen.hydra, str(chosen.options.get("hydra/launcher"))


def _exists(override: Override, composer: Composer) -> bool:
    """Whether a choice can be composed; one that cannot is reported, with its name, when the jobs are checked."""
    return override.is_delete() or str(override.value()) in [*composer.options(override.key_or_group), "None"]


def _check_hydra(hydra: DictConfig) -> None:
    if hydra.sweeper.get("_target_") != BASIC_SWEEPER:
        raise StudyError(
            "hydra/sweeper: only Hydra's basic sweeper is supported, which is the default. Leave it out."
        )


def _preset(hydra: DictConfig, given: Sequence[Override]) -> list[Override]:
    """The sweep that a preset brings, without the keys that the command line has itself."""
    taken = {_key(override) for override in given}
    params = OmegaConf.to_container(hydra.sweeper.get("params") or OmegaConf.create({}), resolve=True)
    assert isinstance(params, dict)
    found = parse_overrides([f"{key!s}={value}" for key, value in params.items()])
    return [override for override in found if _key(override) not in taken]


def _check_swept(ours: Sequence[Override], swept: Sequence[Override]) -> None:
    keys = [_key(override) for override in ours]
    for override in swept:
        key = _key(override)
        if keys.count(key) > 1:
            which = " and ".join(written(other) for other in ours if _key(other) == key)
            raise StudyError(f"{key} is given twice: {which}. Put all its values into one.")
        if key.split(".")[0] in NOT_SWEPT:
            raise StudyError(
                f"{written(override)}: {key} does not change what a job finds, so it is not swept."
            )
        if not override.is_discrete_sweep():
            raise StudyError(
                f"{written(override)} names no list of values. Write them out, as in depth=1,2,4 or depth=range(1,5)."
            )


def _values(override: Override) -> list[str]:
    """The words for the override's single values."""
    if not override.is_sweep_override():
        return [written(override)]
    # The words were read without Hydra's loader, and glob() asks it what there is.
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    try:
        [again] = parser.parse_overrides([written(override)])
        key = again.get_key_element()
        values = list(again.sweep_string_iterator())
    except (HydraException, ValueError) as error:
        raise StudyError(f"{written(override)} cannot be enumerated: {one_paragraph(error)}") from error
    # Hydra writes true as True and 1e-2 as 0.01; a plain list is taken as it was typed.
    typed = [word.strip() for word in written(override).partition("=")[2].split(",")]
    plain = len(typed) == len(values) and not any(mark in word for word in typed for mark in "()[]{}'\"\\")
    return [f"{key}={value}" for value in (typed if plain else values)]


def _key(override: Override) -> str:
    return override.key_or_group.replace("/", ".")


def _value(override: Override, word: str, config: DictConfig, composer: Composer) -> Any:
    """A swept key's value in one job: the option's name for a group, else what the configuration has now."""
    text = word.partition("=")[2]
    if is_choice(override, composer) or "${oc.env:" in text:  # whose values are written nowhere
        return text
    value = OmegaConf.select(config, override.key_or_group, throw_on_resolution_failure=False)
    return value if value is None or isinstance(value, bool | int | float | str) else text


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
