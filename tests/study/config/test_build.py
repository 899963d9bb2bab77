"""From a configuration to objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from omegaconf import DictConfig, OmegaConf

from models.classical.mlp import Mlp
from models.hybrid.hybrid import Hybrid
from qlayers import QuantumLayer
from qlayers.ansaetze.separable import Separable
from study import build
from study.baselines.logistic import Logistic
from study.config.check import Checked
from study.config.variables import inert_text
from study.data.breast_cancer import BreastCancer
from study.data.preprocessing import Preprocessor
from study.data.splits.stratified import Stratified
from study.errors import StudyError
from study.fitting.torch_learner import TorchLearner

Composed = Callable[..., DictConfig]


@pytest.fixture
def composed(checked: Callable[[str], Checked]) -> Composed:
    """A configuration whose sizes are known."""

    def compose(line: str = "", n_inputs: int = 30, n_outputs: int = 2) -> DictConfig:
        config = checked(f"logger=none {line}").config
        build.fill_dims(config, n_inputs=n_inputs, n_outputs=n_outputs, run_name="a-run")
        return config

    return compose


def module(config: DictConfig, key: str = "model") -> torch.nn.Module:
    learner = build.learner(config, key)
    assert isinstance(learner, TorchLearner)
    return learner.model


def n_trainable(model: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


def test_data_parts_are_built_as_configured(composed: Composed) -> None:
    config = composed("split.fold=3 preprocessing.scale=minmax")
    assert build.dataset(config) == BreastCancer()
    assert build.split(config) == Stratified(fold=3)
    assert build.preprocessor(config) == Preprocessor(scale="minmax")


def test_dims_are_those_of_data_circuit_and_model(composed: Composed) -> None:
    config = composed("measurement=probs n_qubits=3", n_inputs=7, n_outputs=5)
    dims: Any = OmegaConf.to_container(config.dims)
    circuit = build.circuit(config)
    assert isinstance(circuit, QuantumLayer)
    # By hand: 7·3 + 3 in the reduction, 2 layers of 3 qubits with 3 angles, 8·5 + 5 in the head.
    assert dims == {
        "n_inputs": 7, "n_outputs": 5, "n_measured": 8, "n_parameters": 24 + 18 + 45, "run_name": "a-run"
    }  # fmt: skip
    assert n_trainable(module(config)) == 87


def test_a_model_without_a_circuit_has_none_of_its_sizes(composed: Composed) -> None:
    config = composed("model=mlp n_qubits=40")
    assert config.dims.n_measured is None
    assert config.dims.n_parameters is None


def test_without_a_circuit_the_head_is_as_wide_as_the_features(composed: Composed) -> None:
    config = composed(
        "model=without_circuit n_features=3 measurement=probs n_qubits=5", n_inputs=7, n_outputs=5
    )
    assert config.dims.n_measured == 3
    assert n_trainable(module(config)) == (7 * 3 + 3) + (3 * 5 + 5)


def test_a_replaced_circuit_gives_as_many_numbers_as_the_circuit(composed: Composed) -> None:
    config = composed("model=replaced_circuit n_qubits=3 depth=3 measurement=probs", n_inputs=7, n_outputs=5)
    assert config.dims.n_measured == 8
    # For 27 angles, a width of 2: 2 (3 + 1 + 8) + 8.
    assert config.dims.n_parameters == (7 * 3 + 3) + 32 + (8 * 5 + 5)


def test_twins_begin_where_the_hybrid_does(composed: Composed) -> None:
    hybrid, frozen, replaced = (
        module(composed(f"model={name}")).state_dict()
        for name in ("hybrid", "frozen_circuit", "replaced_circuit")
    )
    assert hybrid.keys() == frozen.keys()
    assert all(torch.equal(hybrid[name], frozen[name]) for name in hybrid)
    around = [name for name in hybrid if not name.startswith("circuit.")]
    assert len(around) == 4
    assert all(torch.equal(hybrid[name], replaced[name]) for name in around)


def test_the_twin_differs_in_its_ansatz_alone(composed: Composed) -> None:
    config = composed("depth=3 ansatz=hardware_efficient")
    model, twin = module(config), module(config, "controls.separable")
    assert isinstance(model, Hybrid)
    assert isinstance(twin, Hybrid)
    assert isinstance(twin.circuit.spec.ansatz, Separable)  # type: ignore[union-attr]
    assert type(twin.reduction) is type(model.reduction)
    assert torch.equal(twin.reduction.weight, model.reduction.weight), "drawn from the same seed"  # type: ignore[arg-type]


def test_the_classical_twin_has_as_many_parameters_as_its_width_allows(composed: Composed) -> None:
    config = composed()
    twin = module(config, "controls.mlp")
    assert isinstance(twin, Mlp)
    one_unit = 30 + 1 + 2
    assert abs(n_trainable(twin) - config.dims.n_parameters) <= one_unit / 2


def test_initial_weights_are_a_function_of_the_seed(composed: Composed) -> None:
    def first(line: str) -> torch.Tensor:
        torch.rand(3)  # whatever else has drawn numbers
        return torch.cat([weights.flatten() for weights in module(composed(line)).parameters()])

    assert torch.equal(first("seed=1"), first("seed=1"))
    assert not torch.equal(first("seed=1"), first("seed=2"))


def test_a_baseline_is_built_as_it_is(composed: Composed) -> None:
    assert isinstance(build.learner(composed("model=logistic")), Logistic)


@pytest.mark.parametrize(
    ("line", "task", "names"),
    [
        ("", "classification", ["logistic", "rbf_svm", "gradient_boosting", "mlp", "separable"]),
        ("", "regression", ["ridge", "rbf_svm", "gradient_boosting", "mlp", "separable"]),
        ("model=logistic", "classification", ["rbf_svm", "gradient_boosting", "mlp"]),
        ("model=mlp", "classification", ["logistic", "rbf_svm", "gradient_boosting"]),
        ("ansatz=separable", "classification", ["logistic", "rbf_svm", "gradient_boosting", "mlp"]),
        ("controls=none", "classification", []),
        # Without gates there is no twin that has fewer of them.
        ("model=replaced_circuit", "regression", ["ridge", "rbf_svm", "gradient_boosting", "mlp"]),
        ("model=without_circuit", "regression", ["ridge", "rbf_svm", "gradient_boosting", "mlp"]),
    ],
)
def test_controls_serve_the_task_and_differ_from_the_model(
    line: str, task: str, names: list[str], composed: Composed
) -> None:
    assert build.controls(composed(line), task) == [f"controls.{name}" for name in names]


def test_what_is_resolved_builds_the_same_without_anything_else(composed: Composed) -> None:
    config = composed("encoding=iqp reupload=true")
    text = inert_text(config)
    assert "${" not in text
    again = OmegaConf.create(text)
    assert isinstance(again, DictConfig)
    for key in ("model", "controls.separable", "controls.mlp"):
        ours, theirs = module(config, key).state_dict(), module(again, key).state_dict()
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_loggers_know_the_run(tmp_path: Path, composed: Composed, checked: Callable[[str], Checked]) -> None:
    config = composed(f"output_dir={tmp_path}")
    assert build.loggers(config) == []
    config = checked(f"logger=csv output_dir={tmp_path}").config
    config.dims.run_name = "a-run"
    (logger,) = build.loggers(config)
    assert isinstance(logger, CSVLogger)
    assert logger.name == "a-run"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("model=custom model._target_=builtins.dict", "model builds a dict"),
        ("model=mlp model.hidden=0", "hidden widths must be at least 1"),
        ("encoding=basis reduction=linear", "reduction=pca_threshold"),
        (
            "model=custom model._target_=torch.nn.Linear +model.in_features=2 +model.out_features=-1",
            "model cannot be built",
        ),
    ],
)
def test_what_cannot_be_built_is_named(line: str, message: str, composed: Composed) -> None:
    with pytest.raises(StudyError, match=message):
        build.learner(composed(line))


@pytest.mark.parametrize("target", ["builtins.eval", "os.system"])
def test_a_configuration_does_not_run_code(target: str, composed: Composed) -> None:
    """Run folders travel, and are rebuilt from their config.yaml."""
    config = composed("")
    OmegaConf.set_struct(config, False)
    config.data, config.stored = {"_target_": target, "_args_": ["1"]}, {"trust": [], "folder": "runs/a"}
    with pytest.raises(StudyError, match=r"data\._target_=.* was not imported"):
        build.dataset(config)
