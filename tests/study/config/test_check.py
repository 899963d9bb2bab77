"""The first phase: what each mistake on the command line is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import compose
from omegaconf import OmegaConf

from study.config import rules
from study.config.check import check, check_sweep, check_with
from study.config.composition import Composer, parse_overrides
from study.config.program import Program
from study.config.rules import COMPARE, PREDICT, TRAIN
from study.errors import StudyError


def mistake(composers: dict[str, Composer], program: Program, line: str) -> str:
    with pytest.raises(StudyError) as caught:
        check_with(program, parse_overrides(words(line)), composers[program.name])
    message = str(caught.value)
    assert "\n" not in message, "one paragraph"
    return message


def words(line: str) -> list[str]:
    return [word.replace("␣", " ") for word in line.split()]


TRAIN_MISTAKES = [
    # options
    ("encoding=angel", ["encoding=angel", "Nearest: angle", "amplitude, angle, basis, custom, iqp"]),
    ("model=nothing_like_it", ["model=nothing_like_it", "Options of model", "hybrid"]),
    ("experiment=moons", ["moons_reupload"]),
    ("logger=[csv,tensorbord]", ["logger=tensorbord", "Nearest: tensorboard"]),
    ("logger=null", ["logger=null", "none"]),
    ("encoding=", ["encoding= is not an option"]),
    ("model={_target_:x}", ["is not an option", "hybrid"]),
    ("+model=mlp", ["write model=mlp without the +"]),
    ("~logger", ["logger cannot be removed"]),
    ("hydra/launcher=nope", ["hydra/launcher", "basic"]),
    # keys
    ("modle=mlp", ["modle is not a key", "Nearest: model"]),
    ("max_epochs=3", ["Nearest: trainer.max_epochs"]),
    ("lr=0.1", ["Nearest: optimizer.lr"]),
    ("trainer.max_epoch=3", ["Nearest: trainer.max_epochs", "Keys of trainer: accelerator, batch_size"]),
    ("+n_qubit=3", ["n_qubit is not a key", "Nearest: n_qubits"]),
    ("++n_qubit=3", ["n_qubit is not a key", "Nearest: n_qubits"]),
    ("~n_qubit", ["n_qubit is not a key", "Nearest: n_qubits"]),
    ("+gibberish=1", ["gibberish is not a key", "Keys: ", "depth", "n_qubits"]),
    ("optimizer.amsgrad=true", ["optimizer.amsgrad is not a key", "add it with +optimizer.amsgrad=true"]),
    ("encoding.n_repeats=2", ["encoding.n_repeats is not a key", "Keys of encoding: rotation"]),
    ("+dims.extra=2", ["dims.extra is not a key"]),
    ("+depth=3", ["write depth=3 without the +"]),
    ("~depth", ["depth cannot be removed"]),
    # Hydra's own
    ("hydra.run.dir=x", ["hydra.run.dir=x", "output_dir="]),
    ("++hydra.run.dir=x", ["hydra.run.dir=x", "output_dir="]),
    ("hydra.run={dir:x}", ["hydra.run={dir:x}", "output_dir="]),
    ("hydra.sweep.dir=x", ["hydra.sweep.dir=x", "output_dir="]),
    ("hydra.sweep.subdir=x", ["hydra.sweep.subdir=x", "output_dir="]),
    ("hydra.job.chdir=true", ["hydra.job.chdir=true", "output_dir="]),
    ("hydra.output_subdir=x", ["hydra.output_subdir=x", "output_dir="]),
    ("=", ["empty name", "key=value"]),
    ("=3", ["empty name", "'=3'"]),
    ("+=3", ["empty name"]),
    # types and ranges
    ("depth=two", ["depth must be a whole number, 1 or more", "'two'"]),
    ("depth=-1", ["depth must be a whole number, 1 or more", "-1"]),
    ("depth=true", ["depth must be a whole number", "true"]),
    ("depth=null", ["depth must be a whole number", "null"]),
    ("n_qubits=0", ["n_qubits must be a whole number, 1 or more"]),
    ("n_features=1.5", ["n_features must be a whole number"]),
    ("seed=1.5", ["seed must be a whole number"]),
    ("seed=-1", ["seed must be a whole number from 0"]),
    ("reupload=maybe", ["reupload must be true or false", "'maybe'"]),
    ("precision=float16", ["precision must be float32 or float64"]),
    ("class_weight=equal", ["class_weight must be null or balanced"]),
    ("trainer.max_epochs=ten", ["trainer.max_epochs must be a whole number", "'ten'"]),
    ("trainer.batch_size=0", ["trainer.batch_size must be a whole number, 1 or more"]),
    ("trainer.patience=0", ["trainer.patience must be a whole number, 1 or more, or null"]),
    ("split.fold=9", ["split.fold=9 does not exist", "folds 0 to 4"]),
    ("split.n_folds=1", ["split.n_folds must be a whole number, 2 or more"]),
    ("split.validation_fraction=1", ["split.validation_fraction must be a number between 0 and 1"]),
    ("optimizer.lr=fast", ["optimizer.lr must be a number above 0"]),
    ("optimizer.lr=-1", ["optimizer.lr must be a number above 0"]),
    ("data=moons data.noise=high", ["data.noise must be a number", "0.1", "'high'"]),
    ("data=moons data.n_samples=1.5", ["data.n_samples must be a whole number"]),
    ("encoding=iqp encoding.n_repeats=x", ["encoding.n_repeats must be a whole number"]),
    ("dims.n_inputs=3", ["dims.n_inputs must be left alone"]),
    # what is missing
    ("data=file", ["data=file needs data.path and data.target"]),
    ("data=file data.path=x.csv", ["data=file needs data.target: add data.target="]),
    ("split=group", ["split=group needs split.group"]),
    ("model=custom", ["model=custom needs model._target_"]),
    # what contradicts itself
    ("resume=runs/x depth=3", ["resume=runs/x", "depth=3 would change nothing"]),
    ("depth=${nope}", ["reference", "nope"]),
    # what cannot be read
    ("depth=[1,", ["'depth=[1,' cannot be read as key=value"]),
    ("depth", ["'depth' cannot be read as key=value"]),
    ("data.path=~/x.csv", ["cannot be read as key=value", "in quotes"]),
    ("depth=1,2", ["depth=1,2 names several values", "-m"]),
]


@pytest.mark.parametrize(("line", "fragments"), TRAIN_MISTAKES)
def test_a_mistake_is_named(composers: dict[str, Composer], line: str, fragments: list[str]) -> None:
    message = mistake(composers, TRAIN, line)
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("line", "fragments"),
    [
        ("", ["run and input and output"]),
        ("run=a input=b", ["output", "add output="]),
        ("run=a input=b output=c treshold=0.5", ["Nearest: threshold"]),
        (
            "run=a input=b output=c +depth=2",
            ["depth is not a key", "input, output, run, seal, threshold, trust"],
        ),
        ("run= input=b output=c", ["run is empty: give a run folder"]),
        ("run=a input= output=c", ["input is empty: give a CSV or Parquet file"]),
        ("run=[a] input=b output=c", ["run must be a run folder, but is ['a']"]),
        ("run=a input=b output=c hydra.run.dir=x", ["hydra.run.dir=x"]),
        ("run=a input=b output=c threshold=0", ["threshold must be a number above 0 and up to 1, or null"]),
        ("run=a input=b output=c threshold=1.5", ["threshold must be a number above 0 and up to 1, or null"]),
        ("run=a input=b output=c threshold=high", ["threshold must be a number"]),
    ],
)
def test_a_mistake_in_a_prediction_is_named(
    composers: dict[str, Composer], line: str, fragments: list[str]
) -> None:
    message = mistake(composers, PREDICT, line)
    for fragment in fragments:
        assert fragment in message


def good(
    composers: dict[str, Composer], line: str, program: Program = TRAIN
) -> tuple[object, tuple[str, ...]]:
    checked = check_with(program, parse_overrides(words(line)), composers[program.name])
    return checked.config, checked.remarks


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("", "depth", 2),
        ("n_qubits=6", "n_features", 6),
        ("depth=${n_qubits}", "depth", 4),
        ("optimizer.lr=1e-5", "optimizer.lr", 1e-5),
        ('optimizer.lr="1e-5"', "optimizer.lr", 1e-5),
        ("optimizer.lr=1", "optimizer.lr", 1),
        ("data=moons data.noise=1", "data.noise", 1),
        ("data=file data.path=a.csv data.target=2024.10", "data.target", "2024.10"),
        ("data=file data.path=a.csv data.target=true", "data.target", "true"),
        ("split=group split.group=3", "split.group", "3"),
        ("output_dir=2024", "output_dir", "2024"),
        ("data.confidentiality=3", "data.confidentiality", "3"),
        ("split.fold=9 split.n_folds=10", "split.fold", 9),
        ("trainer.patience=null", "trainer.patience", None),
        ("+optimizer.amsgrad=true", "optimizer.amsgrad", True),
        ("+trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches", 2),
        ("model=mlp model.hidden=[8,8]", "model.hidden", [8, 8]),
        ("+model@controls.wide=mlp controls.wide.hidden=64", "controls.wide.hidden", 64),
        ("resume=runs/x", "resume", "runs/x"),
        ("depth=1 depth=3", "depth", 3),
        ("model=custom model._target_=a.B +model.width=3", "model.width", 3),
    ],
)
def test_what_was_meant_is_what_is_configured(
    composers: dict[str, Composer], line: str, key: str, value: object
) -> None:
    config, remarks = good(composers, line)
    found = OmegaConf.select(config, key)
    assert found == value
    assert OmegaConf.is_config(found) or type(found) is type(value)
    assert remarks == ()


@pytest.mark.parametrize(
    "line",
    [
        "encoding=iqp encoding.n_repeats=3 model=quantum depth=5 +optimizer.amsgrad=true ~data.confidentiality",
        "+model@controls.wide=mlp ++controls.wide.hidden=64 optimizer.lr=1e-5 trainer.patience=null +trainer.devices=1",
        "experiment=digits n_qubits=3 +optimizer.betas=[0.5,0.9] model.circuit.depth=${n_qubits}",
    ],
)
def test_the_checked_configuration_is_the_one_that_hydra_composes(
    composers: dict[str, Composer], line: str
) -> None:
    config, _ = good(composers, line)
    assert config == compose("train", words(line))


def test_a_prediction_that_is_right_is_accepted(composers: dict[str, Composer]) -> None:
    config, _ = good(composers, "run=a input=b output=2024 threshold=1", PREDICT)
    asked = {"run": "a", "input": "b", "output": "2024", "threshold": 1}
    assert config == {**asked, "trust": [], "seal": {"key": None}}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("model=mlp depth=3 encoding=iqp seed=1", "depth=3, encoding=iqp (model=mlp"),
        ("model=logistic head=none", "head=none (model=logistic"),
        ("model=mlp encoding.rotation=x precision=float64", "encoding.rotation=x (model=mlp"),
    ],
)
def test_an_option_that_does_nothing_is_remarked_on(
    composers: dict[str, Composer], line: str, named: str
) -> None:
    _, remarks = good(composers, line)
    assert remarks == (f"no effect: {named} has no such part).",)


class TestMemory:
    @pytest.fixture(autouse=True)
    def _small_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "available_bytes", lambda: 16 * 2**20 * 32)  # 20 qubits at a batch of 32

    def test_what_fits_exactly_is_accepted(self, composers: dict[str, Composer]) -> None:
        good(composers, "n_qubits=20")

    def test_both_sizes_are_named(self, composers: dict[str, Composer]) -> None:
        message = mistake(composers, TRAIN, "n_qubits=21")
        assert "n_qubits=21 needs at least 1.0 GiB of memory" in message
        assert "trainer.batch_size=32, and there are 512.0 MiB" in message

    def test_the_batch_counts(self, composers: dict[str, Composer]) -> None:
        good(composers, "n_qubits=21 trainer.batch_size=16")
        mistake(composers, TRAIN, "n_qubits=20 trainer.batch_size=33")

    def test_lightning_holds_one_state_at_a_time(self, composers: dict[str, Composer]) -> None:
        good(composers, "n_qubits=25 backend=lightning")
        message = mistake(composers, TRAIN, "n_qubits=26 backend=lightning")
        assert "batch" not in message

    def test_a_model_without_a_circuit_needs_none(self, composers: dict[str, Composer]) -> None:
        _, remarks = good(composers, "n_qubits=40 model=mlp")
        assert remarks

    def test_any_number_of_qubits_can_be_written(self, composers: dict[str, Composer]) -> None:
        assert "2^4009 bytes" in mistake(composers, TRAIN, "n_qubits=4000")


class TestSweep:
    def test_every_value_is_checked_before_a_job_starts(self) -> None:
        with pytest.raises(StudyError, match="'two'"):
            check_sweep(TRAIN, ["depth=1,2,two", "encoding=angle,iqp"])

    def test_remarks_are_made_once(self) -> None:
        assert len(check_sweep(TRAIN, ["model=mlp", "depth=3", "seed=0,1,2"])) == 1

    def test_what_only_a_sweeper_can_enumerate_is_left_to_the_jobs(self) -> None:
        assert check_sweep(TRAIN, ["optimizer.lr=interval(0.001,0.1)"]) == ()


def test_a_folder_of_own_options_is_searched(tmp_path: Path) -> None:
    (tmp_path / "encoding").mkdir()
    (tmp_path / "encoding" / "mine.yaml").write_text("_target_: my_package.Mine\n")
    config = check(TRAIN, ["encoding=mine"], str(tmp_path)).config
    assert config.circuit.encoding._target_ == "my_package.Mine"
    with pytest.raises(StudyError, match=re.escape("--config-dir=/nowhere is not a folder")):
        check(TRAIN, [], "/nowhere")


def test_keys_of_a_presets_file_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\ndepht: 3\n")
    with pytest.raises(StudyError, match=r"depht is not a key\. Nearest: depth"):
        check(TRAIN, ["experiment=mine"], str(tmp_path))


@pytest.mark.parametrize(
    ("line", "fragments"),
    [
        ("study=fit", ["study.name is missing", "The study that was chosen does not set it"]),
        (
            "study.entrants.logistic.search={model.length_scale:{low:0.1,high:1}}",
            ["study.entrants.logistic.search has no key 'model.length_scale'", "--config-dir"],
        ),
    ],
)
def test_a_mistake_in_a_study_is_named(line: str, fragments: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        check(COMPARE, [line], None)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "struct" not in str(caught.value)
