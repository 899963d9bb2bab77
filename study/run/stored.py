"""Readers of what is stored, one for each kind of file: damage is named here, and goes no further."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from study.errors import StudyError
from study.run.atomic import replacing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from omegaconf import DictConfig

NEW_RUN = "Put the original file back, or start a new run."


@contextmanager
def using(path: Path, remedy: str = NEW_RUN) -> Iterator[None]:
    """Name `path` in whatever goes wrong in a block that reads it, or makes something of what it holds.

    Args:
        path: of the file.
        remedy: what to do, in sentences.

    Raises:
        StudyError: in place of any exception of the block.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing. {remedy}") from error
    except StudyError as error:
        if path.name in str(error):
            raise
        raise StudyError(f"{path} cannot be used: {error}") from error
    except Exception as error:  # what parsers and constructors raise on damage has no common base
        raise StudyError(f"{path} is damaged or of another version: {_reason(error)}. {remedy}") from error


@functools.cache
def checked(kind: Any) -> TypeAdapter[Any]:
    """Return what checks that plain values are of a type."""
    return TypeAdapter(kind)


def read_json(path: Path, kind: Any = Any, remedy: str = NEW_RUN) -> Any:
    """Return what a JSON file holds.

    Args:
        path: of the file.
        kind: the type of its content: a dataclass (with pydantic's `extra="forbid"`, since a key too many is damage
            as well), a pydantic model, or a hint such as `dict[str, float]`.
        remedy: what to do if it is damaged.

    Raises:
        StudyError: it cannot be read, or holds something else.
    """
    adapter = checked(kind)
    with using(path, remedy):
        return adapter.validate_python(json.loads(path.read_text(encoding="utf-8")))


def read_yaml(path: Path, remedy: str = NEW_RUN) -> DictConfig:
    """Return the configuration in a YAML file, as it is written. Raises StudyError as `read_json`."""
    from omegaconf import DictConfig, OmegaConf

    with using(path, remedy):
        config = OmegaConf.load(path)
        if not isinstance(config, DictConfig) or not config:
            raise ValueError("it holds no keys")
        return config


def read_csv(path: Path, columns: Sequence[str], remedy: str = NEW_RUN) -> pd.DataFrame:
    """Return a table of numbers that has these columns, and perhaps others. Raises StudyError as `read_json`."""
    import pandas as pd

    with using(path, remedy):
        return pd.read_csv(path).astype(dict.fromkeys(columns, "float64"))


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table with a checksum of each page, which `read_parquet` compares."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, write_page_checksum=True)


def read_parquet(path: Path, columns: Sequence[str] | None, remedy: str = NEW_RUN) -> pd.DataFrame:
    """Return these columns of a table, or all. Raises StudyError as `read_json`."""
    import pandas as pd

    with using(path, remedy):
        wanted = None if columns is None else list(columns)
        table = pd.read_parquet(path, columns=wanted, page_checksum_verification=True)
        return table if wanted is None else table[wanted]


def read_arrays(path: Path, remedy: str = NEW_RUN) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file. Raises StudyError as `read_json`."""
    import numpy as np

    with using(path, remedy), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _reason(error: Exception) -> str:
    """An exception in a few words."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg'].lower()}" if place else first["msg"].lower()
    text = " ".join(str(error).split())[:200].rstrip(".")
    # What a library says of an assumption that failed is for those who read its code.
    return text if isinstance(error, ValueError | OSError) and text else type(error).__name__
