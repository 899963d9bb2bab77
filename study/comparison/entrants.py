"""Entrants of a study as they are declared: `conf/entrant/<name>.yaml`, read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from omegaconf import DictConfig, OmegaConf
from pydantic import Field, ValidationError, field_validator, model_validator

from study.comparison.evidence import Role
from study.config.composition import CONFIG_DIR
from study.config.names import dotted_keys, exists, plain, suggestion
from study.config.nearest import nearest
from study.config.schema import Section
from study.config.values import fits
from study.errors import StudyError

ENTRANTS = CONFIG_DIR / "entrant"

Number = int | float
Scalar = bool | int | float | str | None

_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)*")


class Space(Section):
    """The values that tuning may try for one key: a range of numbers, or a list.

    A range whose ends are both whole is one of whole numbers: write `1.0` where `1` is an end of a range of numbers.

    Attributes:
        low: lower end, itself allowed.
        high: upper end, itself allowed.
        log: whether equal ratios are equally likely, and not equal differences.
        values: instead of a range, two different ones at least.
    """

    low: Annotated[Number | None, Field(description="a number")] = None
    high: Annotated[Number | None, Field(description="a number")] = None
    log: Annotated[bool, Field(description="true or false")] = False
    values: Annotated[
        list[Scalar] | None, Field(description="a list of numbers, words, true, false or null")
    ] = None

    @model_validator(mode="after")
    def _is_a_space(self) -> Space:
        if self.values is not None:
            if {"low", "high", "log"} & self.model_fields_set:
                raise ValueError("takes either low and high, or values, and got both")
            # True and 1 are equal in Python, and not here.
            if len({(isinstance(value, bool), value) for value in self.values}) < max(2, len(self.values)):
                raise ValueError(f"values must be two or more that differ, but are {self.values}")
        elif self.low is None or self.high is None:
            raise ValueError(
                "needs low and high, as in {low: 0.01, high: 10.0, log: true}, or values: [1, 2]"
            )
        elif not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, but low={self.low} and high={self.high}")
        elif self.log and self.low <= 0:
            raise ValueError(f"log: true takes numbers above 0, but low={self.low}")
        return self

    @property
    def is_integer(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: Any) -> bool:
        """Whether tuning may come to this value."""
        if self.values is not None:
            return any(
                value == other and isinstance(value, bool) == isinstance(other, bool) for other in self.values
            )
        assert self.low is not None
        assert self.high is not None
        if isinstance(value, bool) or not isinstance(value, int if self.is_integer else Number):
            return False
        return self.low <= value <= self.high


class EntrantSpec(Section):
    """One model that takes part in a study.

    Attributes:
        label: its name for people.
        role: candidate, twin or baseline.
        overrides: of train.py, on top of what all entrants share.
        search: what tuning varies, by key of train.py. For a key that holds a list, such as the grid of a baseline, a
            value v stands for the list [v].
    """

    label: Annotated[str, Field(min_length=1, description="text")]
    role: Annotated[Role, Field(description=f"{', '.join(get_args(Role)[:-1])} or {get_args(Role)[-1]}")]
    overrides: Annotated[
        list[str],
        Field(
            default_factory=list,
            description="a list of words of train.py's command line, as in [model=hybrid]",
        ),
    ]
    search: Annotated[
        dict[str, Space],
        Field(default_factory=dict, description="keys of train.py, each with low and high or with values"),
    ]

    @field_validator("search")
    @classmethod
    def _keys_are_plain(cls, search: dict[str, Space]) -> dict[str, Space]:
        for key in search:
            if not _KEY.fullmatch(key):
                raise ValueError(f"{key!r} is not a key of train.py, such as optimizer.lr")
        return search


def entrant_spec(name: str, node: Mapping[str, Any]) -> EntrantSpec:
    """Check what a file or a configuration declares.

    Args:
        name: of the entrant, for messages.
        node: plain values.

    Raises:
        StudyError: naming the first thing that is wrong.
    """
    try:
        return EntrantSpec.model_validate(node)
    except ValidationError as error:
        raise StudyError(f"entrant={name}: {_explained(error)}.") from error


def read_entrant(name: str, folders: Sequence[Path] = (ENTRANTS,)) -> EntrantSpec:
    """The entrant of this name, from the first of the folders that has its file.

    Raises:
        StudyError: if no folder has it, or it is none.
    """
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.is_file():
            try:
                node = OmegaConf.to_container(OmegaConf.load(path))
            except (
                Exception
            ) as error:  # YAML and OmegaConf share no base class for what may be wrong with a file
                raise StudyError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
            if not isinstance(node, dict):
                raise StudyError(f"{path} is no entrant: it needs label, role, overrides and search.")
            return entrant_spec(name, {str(key): value for key, value in node.items()})
    there = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    near = nearest(name, there)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    raise StudyError(f"entrant={name} is not an option.{hint} Entrants: {', '.join(there) or 'none'}.")


def check_search(name: str, spec: EntrantSpec, config: DictConfig) -> None:
    """Check that the search fits the entrant's own configuration.

    Args:
        name: of the entrant, for messages.
        spec: its declaration.
        config: composed with its overrides.

    Raises:
        StudyError: if a key does not exist there, or takes other values than the search would give it.
    """
    for key, space in spec.search.items():
        if not exists(config, key):
            known = list(dotted_keys(plain(config)))
            home = key.rpartition(".")[0]
            names = [k.rpartition(".")[2] for k in known if home and k.rpartition(".")[0] == home]
            hint = suggestion(key, known, home if names else "", names)
            raise StudyError(f"entrant={name} searches {key}, which is no key of its configuration. {hint}")
        default = _first(OmegaConf.select(config, key, throw_on_resolution_failure=False))
        if type(default) is float and space.is_integer:
            raise StudyError(
                f"entrant={name}: {key} takes any number, but a range from {space.low} to {space.high} holds whole "
                f"ones only. Write low: {float(space.low or 0)}."
            )
        tried = [space.low, space.high] if space.values is None else space.values
        if default is not None and not all(value is None or fits(value, default) for value in tried):
            raise StudyError(
                f"entrant={name} searches {key} among {', '.join(map(repr, tried))}, and its configuration has "
                f"{default!r} there, which is of another type."
            )


def _first(value: Any) -> Any:
    """A default, or the first of a grid of them."""
    if OmegaConf.is_list(value):
        return value[0] if len(value) else None
    return value


def _explained(error: ValidationError) -> str:
    """The first of pydantic's complaints, in our words."""
    problem = error.errors(include_url=False)[0]
    searched = problem["loc"][:1] == ("search",)
    # Behind the key pydantic names positions in lists and types that it tried.
    parts = [str(part) for part in problem["loc"][: 3 if searched else 1]]
    place, kind = ".".join(parts), Space if len(parts) == 3 else EntrantSpec
    if problem["type"] == "value_error":
        return f"{place}: {problem['ctx']['error']}"
    if problem["type"] == "missing":
        return f"{place} is missing; an entrant has label, role, overrides and search"
    if problem["type"] == "extra_forbidden":
        return f"{place} is not a key; there are {', '.join(kind.model_fields)}"
    if len(parts) == 2:
        example = "{low: 0.01, high: 10.0} or {values: [1, 2]}"
        return f"{place} must be a range or values, as in {example}, but is {problem['input']!r}"
    verb = "has" if isinstance(problem["loc"][-1], int) else "is"
    return f"{place} must be {kind.model_fields[parts[-1]].description}, but {verb} {problem['input']!r}"
