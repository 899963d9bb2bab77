"""Every file in conf/ composes, says what it is, and brings the defaults that it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from study.config.check import Checked
from study.config.composition import CONFIG_DIR, Composer
from study.config.references import references
from study.config.schema import TrainConfig

Check = Callable[[str], Checked]

NOT_OF_TRAIN = {"hydra", "entrant", "gates", "ladder", "mitigation", "pricing", "study"}

OPTIONS = sorted(
    (path.parent.name, path.stem)
    for path in CONFIG_DIR.glob("*/*.yaml")
    if path.parent.name not in NOT_OF_TRAIN
)


def resolved(config: DictConfig) -> dict[str, Any]:
    values: Any = OmegaConf.to_container(config, resolve=True)
    return values


def test_options_were_found() -> None:
    assert {"data", "model", "encoding", "experiment", "controls"} <= {group for group, _ in OPTIONS}
    assert len(OPTIONS) > 50


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes(composers: dict[str, Composer], group: str, option: str) -> None:
    chosen = composers["train"].chosen([f"{group}={option}"])
    assert chosen.options[group] == option
    if group != "experiment":
        assert group in chosen.config


@pytest.mark.parametrize(
    "path", sorted(CONFIG_DIR.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIG_DIR))
)
class TestFile:
    def test_it_begins_with_what_it_is(self, path: Path) -> None:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
        assert lines[0].startswith("# "), "a comment header"

    def test_yaml_reads_its_numbers_as_numbers(self, path: Path) -> None:
        for key, value in leaves(yaml.safe_load(path.read_text())):
            assert not (isinstance(value, str) and is_number(value)), f"{key}: {value} is text; write 1.0e-3"


def test_numbers_that_are_text_are_seen() -> None:
    assert [
        value for _, value in leaves(yaml.safe_load("a: {b: [1e-3, 1.0e-3]}")) if isinstance(value, str)
    ] == ["1e-3"]
    assert is_number("1e-3")
    assert not is_number("adam")


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from leaves(value, f"{key}.{name}")
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, key)
    else:
        yield key, node


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("line", "reduction"),
    [
        ("", "torch.nn.Linear"),
        ("model=quantum", "models.reductions.pca.Pca"),
        ("encoding=basis", "models.reductions.pca_threshold.PcaThreshold"),
        ("model=quantum encoding=basis", "models.reductions.pca_threshold.PcaThreshold"),
        ("model=quantum reduction=none", "torch.nn.Identity"),
        ("encoding=basis reduction=pca", "models.reductions.pca.Pca"),
        ("reduction=linear model=quantum encoding=basis", "torch.nn.Linear"),
        ("experiment=breast_cancer_depth", "models.reductions.pca.Pca"),
        ("experiment=moons_reupload model=quantum", "torch.nn.Identity"),
    ],
)
def test_the_default_reduction_follows_model_and_encoding(
    composers: dict[str, Composer], line: str, reduction: str
) -> None:
    config = composers["train"].chosen(line.split()).config
    assert config.reduction._target_ == reduction
    assert config.model.reduction._target_ == reduction


def test_controls_hold_their_whole_configuration(checked: Check) -> None:
    controls = resolved(checked("").config)["controls"]
    assert list(controls) == ["logistic", "ridge", "rbf_svm", "gradient_boosting", "mlp", "separable"]
    assert all("_target_" in control for control in controls.values())
    assert checked("controls=none").config.controls == {}


class TestSeparableTwin:
    @pytest.mark.parametrize(
        "line", ["", "model=quantum", "depth=5 encoding=iqp reupload=true model.bound=false"]
    )
    def test_only_the_ansatz_differs(self, line: str, checked: Check) -> None:
        config = resolved(checked(line).config)
        model, twin = config["model"], config["controls"]["separable"]
        assert twin["circuit"].pop("ansatz") == {"_target_": "qlayers.ansaetze.separable.Separable"}
        assert model["circuit"].pop("ansatz") != {"_target_": "qlayers.ansaetze.separable.Separable"}
        assert twin == model

    def test_it_names_the_class_that_the_option_names(self, checked: Check) -> None:
        option = yaml.safe_load((CONFIG_DIR / "ansatz" / "separable.yaml").read_text())
        twin = resolved(checked("").config)["controls"]["separable"]
        assert twin["circuit"]["ansatz"] == option

    def test_it_learns_sizes_when_the_model_does(self, checked: Check) -> None:
        config = checked("").config
        config.dims.n_inputs = 30
        assert config.controls.separable.reduction.in_features == 30

    def test_an_added_key_reaches_it(self, checked: Check) -> None:
        config = checked("+circuit.init._target_=torch.nn.init.zeros_").config
        assert config.controls.separable.circuit.init._target_ == "torch.nn.init.zeros_"

    @pytest.mark.parametrize("line", ["ansatz=separable", "model=mlp", "model=logistic"])
    def test_there_is_none_where_nothing_would_differ(self, line: str, checked: Check) -> None:
        assert checked(line).config.controls.separable is None


def test_the_help_names_every_key() -> None:
    text = (CONFIG_DIR / "hydra" / "help" / "train.yaml").read_text()
    groups = {path.name for path in CONFIG_DIR.iterdir() if path.is_dir()}
    explained = {line.split()[0].split(".")[0] for line in text.splitlines() if line.strip()}
    assert set(TrainConfig.model_fields) - groups - {"dims", "circuit"} <= explained


def test_references_are_followed_and_end() -> None:
    raw = {"a": {"x": ["${b.y}"]}, "b": "${c}", "c": "${a}", "d": 1}
    assert references(raw, "a") == {"a", "b", "c"}
    assert references(raw, "d") == set()
