"""One Hydra for all requests of a test file: setting it up takes longer than a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from study.config.check import Checked, check_with
from study.config.composition import Composer, composing, parse_overrides
from study.config.rules import TRAIN


# Not for the whole session: elsewhere Hydra is started in earnest, and there is only one of it in a process.
@pytest.fixture(scope="module")
def composers() -> Iterator[dict[str, Composer]]:
    """By program. Hydra's loader serves both; only the name of the primary config differs."""
    with composing("train"):
        yield {name: Composer(name, []) for name in ("train", "predict")}


@pytest.fixture
def checked(composers: dict[str, Composer]) -> Callable[[str], Checked]:
    """Check a command line of train.py, its words separated by spaces."""
    return lambda line: check_with(TRAIN, parse_overrides(line.split()), composers["train"])
