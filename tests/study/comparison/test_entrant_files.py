"""Every entrant is declared well, and its search is one of its own configuration, to the ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from study import build
from study.baselines.estimator_learner import EstimatorLearner
from study.comparison.entrants import ENTRANTS, Space, check_search, entrant_spec, read_entrant
from study.config.check import check_with
from study.config.composition import composing, parse_overrides
from study.config.rules import TRAIN
from study.config.targets import check_targets
from study.data.prepare import prepare
from study.errors import StudyError

NAMES = sorted(path.stem for path in ENTRANTS.glob("*.yaml"))
GOOD = {"label": "Somebody", "role": "baseline", "overrides": ["model=logistic"]}
TWINS = ("separable", "frozen_circuit", "replaced_circuit", "without_circuit")

Compose = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def composed() -> Iterator[Compose]:
    """What train.py would make of these words."""
    with composing("train") as composer:
        yield lambda *words: check_with(TRAIN, parse_overrides(words), composer).config


def words_at(name: str, config: DictConfig, end: int) -> list[str]:
    """The overrides that put every searched key to one end of its space."""
    words = []
    for key, space in read_entrant(name).search.items():
        value: Any = (space.values or [space.low, space.high])[end]
        # A key that holds a list is a grid; the value is the whole of it.
        words.append(
            f"{key}=[{value}]" if OmegaConf.is_list(OmegaConf.select(config, key)) else f"{key}={value}"
        )
    return words


def test_all_entrants_are_here() -> None:
    roles = {name: read_entrant(name).role for name in NAMES}
    assert {name for name in NAMES if roles[name] == "candidate"} == {"hybrid", "quantum"}
    assert {name for name in NAMES if roles[name] == "twin"} == set(TWINS)
    assert len(NAMES) == 15
    assert len({read_entrant(name).label for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_search_is_one_of_the_configuration(name: str, composed: Compose) -> None:
    spec = read_entrant(name)
    config = composed(*spec.overrides)
    assert 1 <= len(spec.search) <= 4
    check_search(name, spec, config)
    for key, space in spec.search.items():
        default = OmegaConf.select(config, key)
        if not OmegaConf.is_list(default):
            assert space.contains(default), f"tuning starts at {key}={default}, which it could not come to"
    for end in (0, -1):
        tried = composed(*spec.overrides, *words_at(name, config, end))
        check_targets(tried)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if read_entrant(name).role == "baseline" and name != "mlp"]
)
def test_a_baseline_is_fitted_at_both_ends_of_its_search(
    name: str, composed: Compose, tmp_path: Path
) -> None:
    spec = read_entrant(name)
    data = ["data=diabetes"] if name == "ridge" else ["data=moons", "data.n_samples=60"]
    for end in (0, -1):
        words = [*spec.overrides, *words_at(name, composed(*spec.overrides), end)]
        config = composed(*data, *words, "logger=none", "controls=none")
        prepared = prepare(build.dataset(config), build.split(config), build.preprocessor(config))
        build.fill_dims(config, n_inputs=prepared.n_inputs, n_outputs=prepared.n_outputs)
        learner = build.learner(config)
        assert isinstance(learner, EstimatorLearner)
        assert not learner.tunes
        learner.fit(prepared, tmp_path, seed=0, progress=False)
        assert np.isfinite(learner.predict(prepared.validation.inputs)).all()


def test_twins_are_searched_as_the_hybrid_is() -> None:
    hybrid = read_entrant("hybrid").search
    for name in TWINS:
        search = read_entrant(name).search
        assert search == {key: space for key, space in hybrid.items() if key in search}
        assert hybrid.keys() - search.keys() == ({"depth"} if name == "without_circuit" else set())


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "boss"}, r"entrant=x: role must be candidate, twin or baseline, but is 'boss'\."),
        ({"label": ""}, "label must be text, but is ''"),
        ({"roll": "twin"}, "roll is not a key; there are label, role, overrides, search"),
        ({"overrides": "model=mlp"}, r"overrides must be a list of words .* but is 'model=mlp'"),
        ({"overrides": ["a=b", 3]}, r"overrides must be a list of words .* but has 3"),
        ({"search": [1]}, r"search must be keys of train.py.* but is \[1\]"),
        ({"search": {"a.b": 3}}, r"search.a.b must be a range or values, as in {low.* but is 3"),
        ({"search": {"+a.b": {"values": [1, 2]}}}, r"'\+a.b' is not a key of train.py, such as optimizer.lr"),
        ({"search": {"a.b": {}}}, "search.a.b: needs low and high, as in .*, or values"),
        ({"search": {"a.b": {"low": 1}}}, "search.a.b: needs low and high"),
        (
            {"search": {"a.b": {"low": 1, "height": 2}}},
            "search.a.b.height is not a key; there are low, high, log",
        ),
        ({"search": {"a.b": {"low": 1, "high": "2"}}}, "search.a.b.high must be a number, but is '2'"),
        ({"search": {"a.b": {"low": True, "high": 2}}}, "search.a.b.low must be a number, but is True"),
        ({"search": {"a.b": {"low": 2, "high": 2}}}, "low must be below high, but low=2 and high=2"),
        ({"search": {"a.b": {"low": 0.0, "high": float("inf")}}}, "low must be below high"),
        (
            {"search": {"a.b": {"low": 0, "high": 2, "log": True}}},
            "log: true takes numbers above 0, but low=0",
        ),
        ({"search": {"a.b": {"values": [1]}}}, r"values must be two or more that differ, but are \[1\]"),
        ({"search": {"a.b": {"values": [1, 2, 1.0]}}}, "two or more that differ"),
        ({"search": {"a.b": {"values": [1, 2], "log": True}}}, "takes either low and high, or values"),
    ],
)
def test_a_bad_declaration_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    entrant_spec("x", GOOD)
    with pytest.raises(StudyError, match=message):
        entrant_spec("x", {**GOOD, **changes})


def test_what_is_left_out_is_named() -> None:
    with pytest.raises(StudyError, match="role is missing; an entrant has label, role"):
        entrant_spec("x", {"label": "Somebody"})


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            {"model.c": {"low": 0.1, "high": 1.0}},
            r"entrant=x searches model.c, which is no key .*Nearest: model.C",
        ),
        ({"depths": {"low": 1, "high": 2}}, r"searches depths, which .*Nearest: depth"),
        ({"model.C": {"low": 1, "high": 10}}, r"model.C takes any number.*Write low: 1\.0"),
        ({"depth": {"low": 1.0, "high": 2.0}}, "searches depth among 1.0, 2.0, and .* has 2 there"),
        ({"model.C": {"values": ["a", "b"]}}, "searches model.C among 'a', 'b', and .* another type"),
        ({"reupload": {"values": [0, 1]}}, "searches reupload among 0, 1, and .* has False there"),
    ],
)
def test_a_search_that_the_configuration_cannot_take_is_refused(
    search: dict[str, Any], message: str, composed: Compose
) -> None:
    spec = entrant_spec("x", {**GOOD, "search": search})
    with pytest.raises(StudyError, match=message):
        check_search("x", spec, composed(*spec.overrides))


def test_entrants_are_looked_for_in_the_users_folder_first(tmp_path: Path) -> None:
    (tmp_path / "hybrid.yaml").write_text("label: Mine\nrole: candidate\n")
    (tmp_path / "broken.yaml").write_text("label: [\n")
    (tmp_path / "list.yaml").write_text("- 1\n")
    folders = (tmp_path, ENTRANTS)
    assert read_entrant("hybrid", folders).label == "Mine"
    assert read_entrant("mlp", folders).label == "MLP"
    with pytest.raises(
        StudyError, match=r"entrant=hibrid is not an option\. Nearest: hybrid.* Entrants: broken"
    ):
        read_entrant("hibrid", folders)
    with pytest.raises(StudyError, match=r"broken\.yaml cannot be read"):
        read_entrant("broken", folders)
    with pytest.raises(StudyError, match=r"list\.yaml is no entrant"):
        read_entrant("list", folders)


def test_what_a_space_contains() -> None:
    whole, any_number = Space(low=1, high=4), Space(low=0.5, high=4.0, log=True)
    assert whole.is_integer
    assert not any_number.is_integer
    assert [whole.contains(value) for value in (1, 4, 5, 2.5, True)] == [True, True, False, False, False]
    assert [any_number.contains(value) for value in (0.5, 4, 2.5, 4.1, "2")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert [Space(values=[False, True]).contains(value) for value in (True, 1)] == [True, False]
    assert Space(values=[0.0, 1e-3]).contains(0)
