"""Every option in conf/ and every preset composes, builds what it names and trains; found there, not listed here.

What is paid for is planned instead.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from study.config.check import check
from study.config.composition import CONFIG_DIR
from study.config.construction import check_construction
from study.config.rules import TRAIN
from study.config.targets import locate
from study.errors import StudyError
from study.experiment import plan, train
from study.fitting.settings import TrainerSettings
from study.run import manifest, stages
from study.run.folder import RunFolder
from study.run.results import Results
from study.run.stored import read_json
from study.terminal import Terminal

PRESETS = "experiment"

# Two numeric columns and two classes, for a circuit of two qubits: the sizes meet whatever reduction or head is chosen.
SMALL = ("n_qubits=2", "depth=1")
QUICK = {"trainer": "trainer=debug", "controls": "controls=none", "logger": "logger=none"}
CLASSES, QUANTITY = ("data=moons", "data.n_samples=60"), ("data=diabetes",)

# Classes for the options that leave the class to the user. The module has no other way to be found than its name.
OWN_CLASSES = """
from dataclasses import dataclass
import pennylane as qp
import torch
from models.classical.mlp import Mlp as Model
from qlayers.ansaetze.basic_entangler import BasicEntangler
from qlayers.encodings.angle import Angle
from study.data.iris import Iris

class Reduction(torch.nn.Linear): ...
class Head(torch.nn.Linear): ...
@dataclass(frozen=True)
class Encoding(Angle): ...
@dataclass(frozen=True)
class Ansatz(BasicEntangler): ...
@dataclass(frozen=True)
class Data(Iris): ...
"""

# What a key of an option needs that leaves its value to the user, by key; an option with a new such key says so.
NEEDED = {
    "data._target_": ["data._target_=own_classes.Data"],
    "data.path": ["data.path={table}"],
    "data.target": ["data.target=label"],
    "encoding._target_": ["encoding._target_=own_classes.Encoding"],
    "ansatz._target_": ["ansatz._target_=own_classes.Ansatz"],
    "model._target_": [
        "model._target_=own_classes.Model",
        "+model.in_features=${{dims.n_inputs}}",
        "+model.out_features=${{dims.n_outputs}}",
        "+model.hidden=3",
    ],
    "reduction._target_": [
        "reduction._target_=own_classes.Reduction",
        "+reduction.in_features=${{dims.n_inputs}}",
        "+reduction.out_features=${{n_features}}",
    ],
    "head._target_": [
        "head._target_=own_classes.Head",
        "+head.in_features=${{dims.n_measured}}",
        "+head.out_features=${{dims.n_outputs}}",
    ],
    "split.group": ["split.group=site", "data=file", "data.path={table}", "data.target=label"],
}

# What is set besides for backends that run one circuit after the other: two circuits a row for all angles together.
CHEAPER = {("backend", name): {"gradient": "spsa"} for name in ("aer", "braket_local", "cirq", "ibm")}


def groups(conf: Path, program: str = "train") -> set[str]:
    """The groups that a program's configuration is made of: those in its defaults, Hydra's own left out."""
    defaults = yaml.safe_load((conf / f"{program}.yaml").read_text())["defaults"]
    names = [str(name) for entry in defaults if isinstance(entry, Mapping) for name in entry]
    return {name.removeprefix("optional ") for name in names if not name.startswith("override ")}


def options(conf: Path, among: set[str]) -> list[tuple[str, str]]:
    """Every option file of these groups, as (group, option)."""
    return sorted((group, path.stem) for group in among for path in (conf / group).glob("*.yaml"))


OPTIONS = options(CONFIG_DIR, groups(CONFIG_DIR))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV with numbers, categories, groups and times."""
    random = np.random.default_rng(0)
    size = random.normal(size=60)
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    pd.DataFrame(
        {
            "size": size,
            "colour": random.choice(["red", "green"], 60),
            "site": [f"site {row % 12}" for row in range(60)],
            "day": random.permutation(60),
            "label": np.where(size + 0.3 * random.normal(size=60) > 0, "yes", "no"),
        }
    ).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module", autouse=True)
def _own_classes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_classes.py").write_text(OWN_CLASSES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        # Half the time of so short a run; others test them.
        patch.setattr(stages, "draw_gallery", lambda *arguments: None)
        patch.setattr(manifest, "package_versions", dict)
        yield


def written(group: str, option: str, conf: Path) -> dict[str, Any]:
    return yaml.safe_load((conf / group / f"{option}.yaml").read_text())


def command_line(group: str, option: str, table: Path, conf: Path = CONFIG_DIR) -> list[str]:
    """The words after `python train.py` with which this option is trained, for one epoch, on what it can serve."""
    node = written(group, option, conf)
    missing = [f"{group}.{key}" for key, value in node.items() if value == "???"]
    needed = [word.format(table=table) for key in missing for word in NEEDED[key]]
    cheaper = [f"{group}.{key}={value}" for key, value in CHEAPER.get((group, option), {}).items()]
    chosen = [f"{group}={option}", *needed, *cheaper]
    quick = [word for name, word in QUICK.items() if name != group]
    if group == "trainer":
        chosen.append("trainer.max_epochs=1")
    if is_paid_for(node):
        chosen.append(f"{group}.dry_run=true")
    if group == PRESETS:
        return [*chosen, "trainer.max_epochs=1", *(word for word in quick if not word.startswith("trainer"))]
    brings_data = any(word.startswith("data=") for word in chosen)
    return [*([] if brings_data else data_for(node)), *SMALL, *quick, *chosen]


def is_paid_for(node: Mapping[str, Any]) -> bool:
    """Whether the option is planned here and not trained: that takes a budget, and a service."""
    return "dry_run" in node


def data_for(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Classes to tell apart, unless the option's class predicts quantities alone."""
    return CLASSES if serves_classes(node) else QUANTITY


def serves_classes(node: Mapping[str, Any]) -> bool:
    target = node.get("_target_", "???")
    return target == "???" or "classification" in getattr(locate(target, "?"), "tasks", {"classification"})


def composed(words: list[str], output_dir: Path, conf: Path | None = None) -> DictConfig:
    words = [*words, f"output_dir={output_dir}"]
    return check(TRAIN, words, None if conf is None else str(conf)).config


def fitted(config: DictConfig) -> RunFolder:
    check_construction(config)
    return train(config, Terminal(file=io.StringIO()))


def trained(words: list[str], output_dir: Path, conf: Path | None = None) -> RunFolder:
    """What `python train.py` does with these words, in this process."""
    return fitted(composed(words, output_dir, conf))


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], RunFolder]:
    """As `trained`, but one run for all options that make the same configuration, as those in the defaults do."""
    runs: dict[str, RunFolder] = {}

    def trained_once(words: list[str]) -> RunFolder:
        config = composed(words, tmp_path_factory.mktemp("runs"))
        key = OmegaConf.to_yaml(OmegaConf.masked_copy(config, sorted({*map(str, config)} - {"output_dir"})))
        if key not in runs:
            runs[key] = fitted(config)
        return runs[key]

    return trained_once


def assert_trained(folder: RunFolder) -> None:
    record = read_json(folder.manifest)
    assert record["status"] == "finished"
    results = Results.read(folder.results)
    assert [model.failure for model in results.models] == [None] * len(results.models)
    predictions = pd.read_parquet(folder.predictions)
    assert len(predictions) == record["split"]["test"] > 0
    assert not predictions.isna().any(axis=None)
    for model in results.models:
        assert f"{model.name}.prediction" in predictions
        probabilities = predictions.filter(regex=rf"^{model.name}\.probability\.").to_numpy()
        assert probabilities.shape[1] == len(record["data"]["classes"])
        if probabilities.size:
            assert probabilities.sum(axis=1) == pytest.approx(1)
    if "gradients" in record["models"][results.main.name]["selection"]["selection"]:
        assert len(pd.read_csv(folder.path / "steps.csv")) >= 1


def assert_planned(group: str, option: str, table: Path, folder: Path) -> None:
    """The plan of the whole training is printed, and that is all."""
    ledger = f"{group}.ledger={folder / 'ledger.sqlite'}"
    config = composed([*command_line(group, option, table), ledger], folder / "runs")
    check_construction(config)
    text = io.StringIO()
    found = plan(config, Terminal(file=text, width=200))
    assert found.plan.circuits > found.gradient_circuits > 0
    assert found.plan.usd_at_most > 0
    for line in (
        f"with {group}={option}",
        f"circuits     {found.plan.circuits}",
        "Planned only: nothing was sent",
    ):
        assert line in text.getvalue()
    assert not (folder / "runs").exists()


# Keys that the command line above sets to something else than the file.
CHANGED = ("trainer.max_epochs",)


def assert_built(folder: RunFolder, group: str, node: Mapping[str, Any]) -> None:
    """The run's own configuration has what the option file says."""
    config = OmegaConf.load(folder.config)
    assert isinstance(config, DictConfig)
    part: Any = config if group == PRESETS else config[group]
    for key, value in node.items():
        left_open = key == "defaults" or (isinstance(value, str) and (value == "???" or "${" in value))
        if not left_open and not isinstance(value, Mapping) and f"{group}.{key}" not in CHANGED:
            assert part[key] == value, key


# Datasets, presets and other vendors' backends have tests of their own, and a training of each takes minutes in all.
TRAINED_IN_LONG_TESTS = {"data", "experiment", "backend", "noise"}
TRAINED_ALWAYS = {
    ("data", "breast_cancer"),
    ("data", "file"),
    ("experiment", "backends"),
    ("noise", "readout"),
} | {("backend", name) for name in ("auto", "default_qubit", "lightning", "shots", "noisy", "braket_qpu")}


def parameters() -> list[Any]:
    """Every option, those that only a long test trains marked so."""
    late = [
        group in TRAINED_IN_LONG_TESTS and (group, option) not in TRAINED_ALWAYS for group, option in OPTIONS
    ]
    marks: list[Any] = [pytest.mark.long if one else () for one in late]
    return [
        pytest.param(*found, id="-".join(found), marks=mark)
        for found, mark in zip(OPTIONS, marks, strict=True)
    ]


@pytest.mark.parametrize(
    ("group", "option"),
    [pytest.param(*found, id="-".join(found)) for found in OPTIONS if found[0] in TRAINED_IN_LONG_TESTS],
)
def test_it_can_be_built(group: str, option: str, table: Path, tmp_path: Path) -> None:
    config = composed(command_line(group, option, table), tmp_path)
    check_construction(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("group", "option"), parameters())
def test_it_trains(
    group: str, option: str, table: Path, trained_once: Callable[[list[str]], RunFolder], tmp_path: Path
) -> None:
    if is_paid_for(written(group, option, CONFIG_DIR)):
        assert_planned(group, option, table, tmp_path)
        return
    folder = trained_once(command_line(group, option, table))
    assert_trained(folder)
    assert_built(folder, group, {**written(group, option, CONFIG_DIR), **CHEAPER.get((group, option), {})})
    config = OmegaConf.load(folder.config)
    entered = {model.name for model in Results.read(folder.results).models[1:]}
    assert entered == {name for name, node in config.controls.items() if node and serves_classes(node)}
    siblings = folder.path.parent.iterdir()
    beside = {path for path in siblings if not path.name.startswith(".")} - {folder.path}
    assert bool(beside) == bool(config.logger), "a tracker keeps its records, and nobody else leaves any"


def test_rows_are_ordered_by_a_column(table: Path, tmp_path: Path) -> None:
    data = ("data=file", f"data.path={table}", "data.target=label")
    folder = trained([*data, *SMALL, *QUICK.values(), "split=time", "split.time=day"], tmp_path)
    assert_trained(folder)
    days = pd.read_csv(table)["day"]
    parts = pd.read_parquet(folder.split).groupby("part")["row"].agg(list)
    assert days[parts["train"]].max() < days[parts["validation"]].min()
    assert days[parts["validation"]].max() < days[parts["test"]].min()


# ---------------------------------------------------------------- these tests would notice


def test_the_groups_are_those_of_a_training_configuration() -> None:
    assert {group for group, _ in OPTIONS} >= {"data", "split", "model", "encoding", "logger", "experiment"}
    overridden = {"hydra"}  # whose folder explains our groups, and is none of them
    folders = {path.name for path in CONFIG_DIR.iterdir() if path.is_dir()}
    of_others = {"entrant", "gates", "ladder", "mitigation", "pricing", "study"}
    assert folders - of_others == groups(CONFIG_DIR) | overridden


def own_conf(folder: Path, text: str) -> Path:
    """A folder with options, as for --config-dir: one new optimizer."""
    (folder / "optimizer").mkdir(parents=True)
    (folder / "optimizer" / "new.yaml").write_text(text)
    return folder


def test_a_new_file_is_found_and_trained(table: Path, tmp_path: Path) -> None:
    conf = own_conf(tmp_path / "conf", "_target_: torch.optim.RMSprop\n_partial_: true\nlr: 0.02\n")
    assert options(conf, groups(CONFIG_DIR)) == [("optimizer", "new")]
    folder = trained(command_line("optimizer", "new", table, conf), tmp_path / "runs", conf)
    assert_trained(folder)
    assert_built(folder, "optimizer", written("optimizer", "new", conf))
    with pytest.raises(AssertionError, match="lr"):
        assert_built(folder, "optimizer", {"lr": 0.01})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_target_: torch.optim.Adamm\n_partial_: true\n", "Nearest: torch.optim.Adam"),
        ("_target_: torch.optim.Adam\n_partial_: true\nrate: 0.1\n", "does not take rate"),
        (
            "_target_: torch.optim.Adam\n_partial_: true\nbetas: [2.0, 2.0]\n",
            "options under optimizer are refused",
        ),
        ("_target_: torch.nn.ReLU\n_partial_: true\n", "make a ReLU, which is no torch.optim.Optimizer"),
    ],
)
def test_a_file_that_cannot_be_trained_fails(table: Path, tmp_path: Path, text: str, message: str) -> None:
    conf = own_conf(tmp_path / "conf", text)
    with pytest.raises(StudyError, match=message):
        trained(command_line("optimizer", "new", table, conf), tmp_path / "runs", conf)


def test_a_run_that_lost_a_control_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from study.baselines.logistic import Logistic

    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Logistic, "fit", broken)
    others = [f"~controls.{name}" for name in ("ridge", "rbf_svm", "gradient_boosting", "mlp", "separable")]
    folder = trained([*CLASSES, *SMALL, "trainer=debug", "logger=none", *others], tmp_path)
    with pytest.raises(AssertionError):
        assert_trained(folder)


# ---------------------------------------------------------------- one value in two places


# Where a file deliberately says something else than its class, as (group, option, key), and why.
DELIBERATE = {
    ("model", "mlp", "hidden"): "the class wants a width or a number of parameters, and has neither",
    **{
        ("backend", name, "budget"): "the same limits, as plain values that can be overridden one by one"
        for name in ("braket_qpu", "braket_sv1", "braket_dm1")
    },
}


def differences(conf: Path) -> set[tuple[str, str, str]]:
    """Keys of classes of ours whose value in the file is not the default of the class."""
    found = set()
    for group, option in options(conf, groups(CONFIG_DIR)):
        node = written(group, option, conf)
        if str(node.get("_target_")).startswith(("qlayers.", "models.", "study.")):
            parameters = inspect.signature(locate(node["_target_"], group)).parameters
            for key in node.keys() & parameters.keys():
                value, default = node[key], parameters[key].default
                left_open = isinstance(value, str) and (value == "???" or "${" in value)
                if not left_open and value != (list(default) if isinstance(default, tuple) else default):
                    found.add((group, option, key))
    return found


def test_files_and_classes_have_the_same_defaults(tmp_path: Path) -> None:
    assert differences(CONFIG_DIR) == set(DELIBERATE)
    settings = TrainerSettings.from_mapping(written("trainer", "default", CONFIG_DIR))
    assert settings == TrainerSettings(lightning=settings.lightning)
    (tmp_path / "model").mkdir()
    text = (CONFIG_DIR / "model" / "ridge.yaml").read_text()
    (tmp_path / "model" / "ridge.yaml").write_text(text.replace("inner_folds: 5", "inner_folds: 4"))
    assert differences(tmp_path) == {("model", "ridge", "inner_folds")}
