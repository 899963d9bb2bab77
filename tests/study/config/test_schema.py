"""The types of our keys; and that the checks fail where the schema or the values are wrong."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import create_model

from study.config.check import check
from study.config.nearest import nearest
from study.config.rules import TRAIN
from study.config.schema import (
    OpenSection,
    PredictConfig,
    Section,
    TrainConfig,
    annotation,
    description,
    is_required,
)
from study.config.values import check_schema, fits
from study.errors import StudyError


def fields(schema: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in schema.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


@pytest.mark.parametrize("schema", [TrainConfig, PredictConfig])
def test_every_value_says_what_it_must_be(schema: type[Section]) -> None:
    mappings = {"logger", "controls"}
    silent = [key for key, field in fields(schema) if not field.description and key not in mappings]
    assert silent == []


def test_a_wrong_schema_is_noticed() -> None:
    """The checks judge by the schema: with another one they accept what they refused, and refuse what they accepted."""
    lax = create_model("Lax", __base__=TrainConfig, depth=(Any, ...))
    strict = create_model("Strict", __base__=TrainConfig, depth=(str, ...))
    with pytest.raises(StudyError):
        check(TRAIN, ["depth=-1"])
    assert check(dataclasses.replace(TRAIN, schema=lax), ["depth=-1"]).config.depth == -1
    with pytest.raises(StudyError, match="depth must be"):
        check(dataclasses.replace(TRAIN, schema=strict), [])


def test_a_key_without_a_place_in_the_schema_is_noticed() -> None:
    shorter = create_model("Shorter", __base__=Section, depth=(int, ...))
    with pytest.raises(StudyError, match="is not a key"):
        check(dataclasses.replace(TRAIN, schema=shorter), [])


def test_a_key_that_only_the_schema_has_is_noticed() -> None:
    longer = create_model("Longer", __base__=TrainConfig, n_shots=(int, ...))
    with pytest.raises(StudyError, match="n_shots is missing"):
        check(dataclasses.replace(TRAIN, schema=longer), [])


def test_keys_are_looked_up_through_sections() -> None:
    assert annotation(TrainConfig, "trainer.max_epochs") is int
    assert annotation(TrainConfig, "trainer.accelerator") is None
    assert annotation(TrainConfig, "depth.more") is None
    assert description(TrainConfig, "depth") == "a whole number, 1 or more"
    assert is_required(TrainConfig, "depth")
    assert not is_required(TrainConfig, "split.group")
    assert issubclass(annotation(TrainConfig, "data"), OpenSection)


def test_text_is_no_number_and_true_is_none_either() -> None:
    assert fits(1, 2.5)
    assert not fits(2.5, 1)
    assert not fits(True, 1)
    assert not fits("1", 1)
    with pytest.raises(StudyError, match=r"run must be a run folder, but is 3\."):
        check_schema({"run": 3, "input": "a", "output": "b", "threshold": None}, PredictConfig)


def test_the_nearest_come_first_and_the_vague_stay_away() -> None:
    keys = ["trainer.max_epochs", "trainer.batch_size", "encoding", "circuit.encoding", "depth"]
    assert nearest("encodings", keys)[0] == "encoding"
    assert nearest("batchsize", keys) == ["trainer.batch_size"]
    assert nearest("zzz", keys) == []
    assert nearest("anything", []) == []


@pytest.mark.parametrize("name", ["hints", "memory", "nearest", "references", "values"])
def test_examples_in_docstrings_are_true(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"study.config.{name}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0
