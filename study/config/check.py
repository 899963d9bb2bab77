"""The first phase: everything that can be known of a run from its command line and `conf/` alone.

Fast, because it imports nothing that computes: a mistyped override is answered before torch would be loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from study.config.composition import Composer, composing, one_paragraph, parse_overrides, written
from study.config.names import check_choice, check_key, is_choice, plain
from study.config.program import Program, Request
from study.config.values import check_schema, check_type, conform
from study.errors import StudyError

# Where Hydra would put its own outputs; here a run makes its folder itself.
_HYDRA_FOLDERS = (
    "hydra.run",
    "hydra.run.dir",
    "hydra.sweep",
    "hydra.sweep.dir",
    "hydra.sweep.subdir",
    "hydra.job.chdir",
    "hydra.output_subdir",
)


@dataclass(frozen=True)
class Checked:
    """A configuration that was found good, without Hydra's own node, and what is to be said about it."""

    config: DictConfig
    remarks: tuple[str, ...]


def check(program: Program, lines: Sequence[str], config_dir: str | None = None) -> Checked:
    """Compose and check one run.

    Args:
        program: what is to be run.
        lines: overrides, as on the command line; no sweeps.
        config_dir: a folder with further options.

    Raises:
        StudyError: naming the first thing that is wrong.
    """
    overrides = parse_overrides(lines)
    with composing(program.name, config_dir) as composer:
        return check_with(program, overrides, composer)


def check_sweep(program: Program, lines: Sequence[str], config_dir: str | None = None) -> tuple[str, ...]:
    """Check a multirun: every value of every swept key once, not every combination.

    Combinations are what each job checks for itself when it starts. Ranges that only a sweeper can enumerate are
    left to the jobs too.

    Returns:
        The remarks on all jobs, each once.

    Raises:
        StudyError: naming the first thing that is wrong.
    """
    overrides = parse_overrides(lines)
    with composing(program.name, config_dir) as composer:
        jobs = [check_with(program, parse_overrides(job), composer) for job in _covering(overrides)]
    return tuple(dict.fromkeys(remark for job in jobs for remark in job.remarks))


def check_with(program: Program, overrides: Sequence[Override], composer: Composer) -> Checked:
    """As `check`, for overrides that are parsed and a Hydra that is set up: the jobs of a sweep share it."""
    _check_folders(overrides)
    ours = [override for override in overrides if not override.is_hydra_override()]
    for override in ours:
        if override.is_sweep_override():
            raise StudyError(
                f"{written(override)} names several values. Add -m for one run with each, or put the value in "
                f"quotes of its own if it is one text."
            )
    choices = [override for override in ours if is_choice(override, composer)]
    keys = [override for override in ours if override not in choices]
    for override in choices:
        check_choice(override, composer, program.schema)
    chosen = composer.chosen([written(o) for o in overrides if o in choices or o.is_hydra_override()])
    for override in keys:
        check_key(override, chosen.config, program.schema, composer.groups)
    config = composer.overridden(chosen, keys)
    for override in keys:
        if not override.is_delete():
            conform(override, config, chosen.config, program.schema)
            check_type(override, config, chosen.config, program.schema)
    _check_missing(config, chosen.options)
    values = _resolved(config)
    check_schema(values, program.schema)
    request = Request(ours, chosen.options, config, values)
    for rule in program.rules:
        rule(request)
    return Checked(config, tuple(line for remark in program.remarks for line in remark(request)))


def _check_folders(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.key_or_group in _HYDRA_FOLDERS:
            raise StudyError(
                f"{written(override)} would change nothing: runs are not kept in Hydra's folders. "
                "Say with output_dir=… where they go."
            )


def _covering(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """As many jobs as the longest sweep has values, in which every value of every sweep occurs."""
    columns: list[list[str]] = []
    for override in overrides:
        if not override.is_sweep_override():
            columns.append([written(override)])
        elif override.is_discrete_sweep():
            key = override.get_key_element()
            columns.append([f"{key}={value}" for value in override.sweep_string_iterator()])
    for number in range(max((len(column) for column in columns), default=1)):
        yield [column[number % len(column)] for column in columns]


def _check_missing(config: DictConfig, choices: Mapping[str, Any]) -> None:
    missing = [key for key, value in _leaves(plain(config)) if value == "???"]
    if missing:
        group = missing[0].split(".")[0]
        reason = f"{group}={choices[group]} needs" if group in choices else "What is still needed:"
        raise StudyError(f"{reason} {' and '.join(missing)}: add {' '.join(f'{key}=…' for key in missing)}.")


def _resolved(config: DictConfig) -> dict[str, Any]:
    try:
        values: Any = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise StudyError(f"A reference cannot be followed: {one_paragraph(error)}") from error
    return values


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _leaves(value, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, node
