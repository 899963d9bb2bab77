"""Hydra, asked for a configuration without being allowed to talk to the user."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from study.config.resolvers import register_resolvers
from study.errors import StudyError

# How lines of Hydra's and OmegaConf's messages begin that say nothing to somebody who does not debug them.
_NOISE = ("See https", "Set the environment variable", "object_type=", "Config search path", "provider=")

CONFIG_DIR = Path(__file__).resolve().parents[2] / "conf"


def load_plugins() -> None:
    """Import Hydra's plugins once, in silence: what is wrong with one that is not used concerns nobody."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Plugins.instance()


def parse_overrides(lines: Sequence[str]) -> list[Override]:
    """Read `key=value` words with Hydra's own grammar.

    Raises:
        StudyError: naming the word that is none.
    """
    parser = OverridesParser.create()
    parsed = []
    for line in lines:
        try:
            read = parser.parse_overrides([line])
            if not read[0].key_or_group:
                raise StudyError(f"{line!r} has an empty name. Options are given as key=value.")
            parsed.extend(read)
        except OverrideParseException as error:
            raise StudyError(
                f"{line!r} cannot be read as key=value ({_reason(error)}). Put a value with brackets, commas, '=' or "
                "'~' in quotes of its own, as in 'data.path=\"a, b.csv\"'."
            ) from error
    return parsed


def written(override: Override) -> str:
    """The override as it stands on the command line."""
    assert override.input_line is not None  # set by the parser
    return override.input_line


@dataclass(frozen=True)
class Chosen:
    """A composed configuration without Hydra's own node, the option of each group, and that node."""

    config: DictConfig
    options: Mapping[str, Any]
    hydra: DictConfig


class Composer:
    """The options and configurations of one program. Use it inside `composing`."""

    def __init__(self, program: str, search_path: Sequence[str]) -> None:
        self._program = program
        self._extra = [f"hydra.searchpath=[{','.join(map(repr, search_path))}]"] if search_path else []
        self._chosen: dict[tuple[str, ...], Chosen] = {}
        self._found: dict[tuple[str, ObjectType], list[str]] = {}

    @cached_property
    def groups(self) -> list[str]:
        """The groups that are ours, not Hydra's."""
        return [name for name in self._listed("", ObjectType.GROUP) if name != "hydra"]

    def options(self, group: str) -> list[str]:
        """The options of a group."""
        return self._listed(group, ObjectType.CONFIG)

    def chosen(self, lines: Sequence[str]) -> Chosen:
        """The configuration of the chosen options, no key overridden yet.

        Composing takes most of the time of a check. The jobs of a sweep share what is composed here.

        Args:
            lines: overrides that choose options, and Hydra's own.

        Raises:
            StudyError: with Hydra's reason, as one paragraph.
        """
        if tuple(lines) not in self._chosen:
            with _explained():
                config = compose(self._program, [*self._extra, *lines], return_hydra_config=True)
            options = dict(config.hydra.runtime.choices)
            hydra = config.hydra
            with open_dict(config):
                del config["hydra"]
            self._chosen[tuple(lines)] = Chosen(config, options, hydra)
        return self._chosen[tuple(lines)]

    @staticmethod
    def overridden(chosen: Chosen, overrides: Sequence[Override]) -> DictConfig:
        """A copy with these keys overridden, as Hydra does it when it has composed the options.

        Raises:
            StudyError: with Hydra's reason, as one paragraph.
        """
        config = copy.deepcopy(chosen.config)
        with _explained():
            ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)
        return config

    def _listed(self, group: str, kind: ObjectType) -> list[str]:
        # Hydra composes everything for a list, and the jobs of a sweep ask for the same ones.
        if (group, kind) not in self._found:
            loader = GlobalHydra.instance().config_loader()
            self._found[group, kind] = sorted(
                loader.get_group_options(group, kind, self._program, self._extra)
            )
        return list(self._found[group, kind])


@contextlib.contextmanager
def composing(program: str, config_dir: str | None = None) -> Iterator[Composer]:
    """Hydra set up for `conf/<program>.yaml`, with a folder of the user's own options besides ours."""
    load_plugins()
    register_resolvers()
    if config_dir is not None and not os.path.isdir(config_dir):
        raise StudyError(f"--config-dir={config_dir} is not a folder.")
    search_path = [] if config_dir is None else [f"file://{os.path.abspath(config_dir)}"]
    with _undisturbed(), initialize_config_dir(str(CONFIG_DIR), job_name=program):
        yield Composer(program, search_path)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Set Hydra's one global instance aside: a job of a multirun is checked while that multirun is running."""
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)


_OVERRIDDEN = re.compile(r"Could not override '([^']+)'")
_NOT_THERE = re.compile(r"Key '([^']+)' is not in struct")


def one_paragraph(error: BaseException) -> str:
    """An exception's message and its direct cause's on one line, without Hydra's pointers to itself."""
    unknown = _NOT_THERE.search(str(error.__cause__ or error))
    whole = _OVERRIDDEN.search(str(error))
    if unknown and whole:
        return (
            f"{whole[1]} has no key {unknown[1]!r}, and a mapping given there changes only keys that are there. "
            f"Put {whole[1]} in a file of your own, and give its folder with --config-dir."
        )
    messages = [str(error)]
    if isinstance(error.__cause__, OmegaConfBaseException):
        messages.append(str(error.__cause__))
    lines = [line.strip() for message in messages for line in message.splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(_NOISE))


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise StudyError(one_paragraph(error)) from error


def _reason(error: OverrideParseException) -> str:
    """What the grammar stumbled over, without the position in a list of one."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Error ", "See ", "^", "LexerNoViable"))]
    return said[0] if said else "an unexpected character"
