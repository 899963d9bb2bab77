"""What the checks know of a program: its primary config, the types of its keys, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from study.config.schema import Section


@dataclass(frozen=True)
class Request:
    """One composed run: what was asked for, and what came out.

    Attributes:
        overrides: the command line, without Hydra's own keys.
        choices: the option of each group.
        config: the configuration, interpolations in place.
        values: the same as plain values, interpolations resolved.
    """

    overrides: Sequence[Override]
    choices: Mapping[str, Any]
    config: DictConfig
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """A command: `conf/<name>.yaml`, and what is true of every configuration that it accepts.

    Attributes:
        schema: the types and ranges of its keys.
        rules: what has to hold between keys; each raises StudyError.
        remarks: what is allowed but deserves a line on the terminal.
    """

    name: str
    schema: type[Section]
    rules: tuple[Callable[[Request], None], ...] = ()
    remarks: tuple[Callable[[Request], list[str]], ...] = ()
