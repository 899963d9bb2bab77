"""The second phase: what is to be built exists and takes these arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from study.config.check import Checked
from study.config.construction import check_construction
from study.config.hints import accepts, argument_hints, takes_instances_of
from study.config.targets import check_targets, target_nodes
from study.errors import StudyError

MISTAKES = [
    (
        "reduction._target_=torch.nn.Linaer",
        ["reduction._target_=torch.nn.Linaer", "Nearest: torch.nn.Linear"],
    ),
    ("reduction._target_=torch.mn.Linear", ["torch has no mn", "Nearest: torch."]),
    ("reduction._target_=nowhere.Linear", ["there is no module nowhere"]),
    ("reduction._target_=3", ["not the dotted name of a class"]),
    ("reduction._target_=math.pi", ["reduction._target_=math.pi is a float"]),
    ("+optimizer.amsgrd=true", ["optimizer.amsgrd", "Nearest: amsgrad", "lr, betas"]),
    ("+optimizer.amsgrad=3", ["optimizer.amsgrad=3", "torch.optim.Adam takes bool"]),
    ("+optimizer.betas=[0.9,x]", ["optimizer.betas=[0.9, 'x']"]),
    ("+data.n_samples=3", ["data.n_samples: study.data.breast_cancer.BreastCancer does not take n_samples"]),
    ("data=file data.path=a data.target=b data.missing=guess", ["data.missing='guess'", "most_frequent"]),
    ("preprocessing.scale=large", ["preprocessing.scale='large'", "standard"]),
    (
        "model=custom model._target_=torch.nn.Linear",
        ["model: torch.nn.Linear needs in_features and out_features"],
    ),
    ("model=mlp model.hidden=[8,x]", ["model.hidden=[8, 'x']"]),
    (
        "encoding=custom encoding._target_=torch.nn.Identity",
        ["circuit.encoding", "qlayers.encodings.Encoding", "torch.nn.Identity builds none"],
    ),
    ("+controls.mine.width=3", ["controls.mine needs a class"]),
    ("+trainer.acelerator=cpu", ["trainer.acelerator", "accelerator"]),
    ("data=moons data.n_samples=-1", ["data.n_samples=-1"]),
    ("n_features=9", ["n_qubits=4", "n_features=9"]),
    ("encoding=amplitude n_features=17", ["n_qubits=4", "n_features=17"]),
    ("encoding.rotation=q", ["encoding.rotation='q'", "x, y, z"]),
]


@pytest.mark.parametrize(("line", "fragments"), MISTAKES)
def test_a_mistake_is_named(line: str, fragments: list[str], checked: Callable[[str], Checked]) -> None:
    config = checked(f"logger=none {line}").config
    with pytest.raises(StudyError) as caught:
        check_construction(config)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "logger=[mlflow,csv,tensorboard]",
        "model=mlp n_features=9",
        "model=mlp model.hidden=[8,8]",
        "model=quantum encoding=basis measurement=probs",
        "data=file data.path=nowhere.csv data.target=y data.drop=[a,b]",
        "optimizer=sgd +optimizer.nesterov=true",
        "+optimizer.betas=[0.9,0.99] +trainer.accumulate_grad_batches=2",
        "+circuit.init._target_=torch.nn.init.zeros_ +circuit.init._partial_=true",
        "+model@controls.wide=mlp controls.wide.hidden=64",
        "split=group split.group=clinic",
    ],
)
def test_what_can_be_built_is_accepted(line: str, checked: Callable[[str], Checked]) -> None:
    check_construction(checked(line).config)


def test_a_module_that_fails_to_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qlayers_test_broken.py").write_text("1 / 0\n")
    (tmp_path / "qlayers_test_needy.py").write_text("import qlayers_test_absent\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module, reason in (
        ("broken", "ZeroDivisionError"),
        ("needy", "qlayers_test_absent, which is not installed"),
    ):
        config = OmegaConf.create({"reduction": {"_target_": f"qlayers_test_{module}.Thing"}})
        with pytest.raises(StudyError, match=reason):
            check_targets(config)


def test_what_is_not_known_yet_is_taken_on_trust() -> None:
    config = OmegaConf.create(
        {"n": None, "a": {"_target_": "torch.nn.Linear", "in_features": "${n}", "out_features": 2}}
    )
    check_targets(config)
    config.n = "four"
    with pytest.raises(StudyError, match=r"a\.in_features='four'"):
        check_targets(config)


def test_nodes_are_found_at_any_depth() -> None:
    tree = {"a": {"_target_": "x", "b": [{"_target_": "y"}]}, "c": 1}
    assert [key for key, _ in target_nodes(tree)] == ["a", "a.b[0]"]


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [1], [1.5, "1", True, None]),
        (float, [1, 1.5], ["1", True]),
        (bool, [True], [1, "true"]),
        (str, ["a"], [1]),
        (int | None, [1, None], ["1"]),
        (Literal["a", "b"], ["a"], ["c"]),
        (Sequence[float], [[1, 2.5]], [["x"], 1]),
        (tuple[int, int], [[1, 2]], [[1], [1, 2, 3]]),
        (dict[str, int], [{"a": 1}], [{"a": "x"}]),
        (Any, [1, "x", None], []),
    ],
)
def test_values_are_judged_by_hints(hint: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not accepts(hint, value)] == []
    assert [value for value in bad if accepts(hint, value)] == []


def test_classes_are_judged_by_hints() -> None:
    import torch

    assert takes_instances_of(torch.nn.Module, torch.nn.Linear)
    assert takes_instances_of(str | torch.nn.Module | None, torch.nn.Linear)
    assert not takes_instances_of(torch.nn.Module, dict)
    assert takes_instances_of(Callable[..., Any], torch.nn.Linear)
    assert takes_instances_of(torch.nn.Module, len), "a function does not tell what it makes"
    assert argument_hints(torch.nn.Linear)["in_features"] is int
    assert argument_hints(len) == {}
