from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.errors import QlayersError
from study.config.check import check
from study.config.rules import TRAIN
from study.errors import StudyError
from study.experiment import train
from study.fitting.history import History
from study.run import stages
from study.run.atomic import write_json
from study.run.folder import RunFolder
from study.run.predictions import read_output, write_predictions
from study.run.rebuild import rebuild, reproduces
from study.run.results import Results
from study.run.seal import Seal
from study.run.stored import read_json
from study.terminal import Terminal

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = ("data=moons", "data.n_samples=120", "n_qubits=2", "depth=1", "trainer.max_epochs=2", "logger=none")
TWO_CONTROLS = (
    "~controls.ridge",
    "~controls.rbf_svm",
    "~controls.gradient_boosting",
    "~controls.mlp",
)


def run(output_dir: Path, *overrides: str, base: Sequence[str] = SMALL) -> tuple[RunFolder, str]:
    """Train in this process; returns the folder and what was printed."""
    text = io.StringIO()
    config = check(TRAIN, [*base, f"output_dir={output_dir}", *overrides]).config
    return train(config, Terminal(file=text, width=100)), text.getvalue()


def resume(folder: RunFolder) -> tuple[RunFolder, str]:
    text = io.StringIO()
    config = check(TRAIN, [f"resume={folder.path}"]).config
    return train(config, Terminal(file=text, width=100)), text.getvalue()


def weights(folder: RunFolder) -> dict[str, torch.Tensor]:
    return torch.load(folder.path / "model.pt", weights_only=True)["model"]


def same_weights(one: RunFolder, other: RunFolder) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def only_run(output_dir: Path) -> RunFolder:
    (path,) = [path for path in output_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return RunFolder(path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    return run(tmp_path_factory.mktemp("runs"), *TWO_CONTROLS)


@pytest.fixture
def pictures() -> None:
    """Ask for it to have figures drawn."""


@pytest.fixture(autouse=True)
def no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the time of such a short run goes into its figures; the tests that look at them draw them."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(stages, "draw_gallery", lambda *arguments: None)


# ---------------------------------------------------------------- what a run leaves behind


def test_metrics_are_those_of_the_stored_predictions(finished: tuple[RunFolder, str]) -> None:
    from sklearn import metrics

    folder, _ = finished
    results = Results.read(folder.results)
    table = pd.read_parquet(folder.predictions)
    assert [model.name for model in results.models] == ["hybrid", "logistic", "separable"]
    for model in results.models:
        target, predicted = table["target"], table[f"{model.name}.prediction"]
        probabilities = table[[f"{model.name}.probability.{label}" for label in "01"]].to_numpy()
        assert probabilities.sum(axis=1) == pytest.approx(1)
        expected = {
            "accuracy": metrics.accuracy_score(target, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(target, predicted),
            "f1": metrics.f1_score(target, predicted, pos_label="1"),
            "roc_auc": metrics.roc_auc_score(target, probabilities[:, 1]),
            "log_loss": metrics.log_loss(target, probabilities),
        }
        assert {name: model.metrics[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_the_test_part_is_the_one_the_split_names(finished: tuple[RunFolder, str]) -> None:
    folder, _ = finished
    split = pd.read_parquet(folder.split)
    table = pd.read_parquet(folder.predictions)
    assert table["row"].tolist() == split.loc[split["part"] == "test", "row"].tolist()
    assert sorted(split["row"]) == list(range(120))
    described = read_json(folder.manifest)["split"]
    assert {part: described[part] for part in ("train", "validation", "test")} == split[
        "part"
    ].value_counts().to_dict()


def test_the_manifest_tells_what_ran(finished: tuple[RunFolder, str]) -> None:
    folder, _ = finished
    manifest = read_json(folder.manifest)
    assert manifest["status"] == "finished"
    assert manifest["name"] == folder.path.name == f"moons-hybrid-{manifest['digest'][:8]}"
    assert manifest["packages"]["torch"] == torch.__version__
    hybrid, twin = (manifest["models"][name] for name in ("hybrid", "separable"))
    entangled = QuantumLayer(n_qubits=2, ansatz="strongly_entangling", depth=1)
    separable = QuantumLayer(n_qubits=2, ansatz="separable", depth=1)
    assert hybrid["circuit"]["digest"] == entangled.digest
    assert twin["circuit"]["digest"] == separable.digest
    assert hybrid["circuit"]["gates"] == dict(entangled.counts.gates)
    assert hybrid["circuit"]["n_parameters"] == sum(p.numel() for p in entangled.parameters())
    split = manifest["split"]
    assert hybrid["execution"]["executions"] == 2 * (split["train"] + split["validation"])
    assert hybrid["execution"]["gradient_method"] == "adjoint"
    assert set(manifest["models"]) == {"hybrid", "logistic", "separable"}


def test_a_run_leaves_every_file_it_promises(finished: tuple[RunFolder, str]) -> None:
    folder, printed = finished
    expected = """config.yaml manifest.json contract.json seal.json split.parquet circuit.txt circuit.png metrics.csv
        steps.csv results.json predictions.parquet table.svg table.txt figures/learning_curves.png
        figures/confusion_matrix.png figures/reliability.png"""
    assert [name for name in expected.split() if not (folder.path / name).is_file()] == []
    assert "${" not in folder.config.read_text()
    assert str(folder.path) in printed.replace("\n", "")
    assert folder.circuit_text.read_text().rstrip() in printed
    words = " ".join(printed.split())
    for phrase in (
        "circuit executions",
        "adjoint",
        "separable twin",
        "logistic",
        "One split is not evidence",
    ):
        assert phrase in words


def test_a_new_process_reproduces_every_stored_prediction(finished: tuple[RunFolder, str]) -> None:
    folder, _ = finished
    code = (
        "import sys; from pathlib import Path; from study.run.folder import RunFolder;"
        "from study.run.rebuild import reproduces;"
        "print([reproduces(RunFolder(Path(sys.argv[1])), n) for n in ('hybrid', 'logistic', 'separable')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[True, True, True]"


def test_reproduction_notices_the_last_bit(finished: tuple[RunFolder, str], tmp_path: Path) -> None:
    folder, _ = run(tmp_path, "controls=none")
    values = read_output(folder.predictions, "hybrid", ["0", "1"]).copy()
    values[3, 0] = np.nextafter(values[3, 0], 1)
    table = pd.read_parquet(folder.predictions)
    targets = table["target"].astype(int).to_numpy()
    assert reproduces(folder)
    write_predictions(folder.predictions, table["row"].to_numpy(), targets, {"hybrid": values}, ["0", "1"])
    Seal(folder.path).add("predictions.parquet")
    assert not reproduces(folder)


def test_the_same_seed_gives_the_same_run_in_a_folder_of_its_own(finished: tuple[RunFolder, str]) -> None:
    folder, _ = finished
    again, _ = run(folder.path.parent, *TWO_CONTROLS)
    other, _ = run(folder.path.parent, "seed=1", "controls=none")
    assert again.path.name == f"{folder.path.name}-2"
    first, second = Results.read(folder.results), Results.read(again.results)
    assert [model.metrics for model in first.models] == [model.metrics for model in second.models]
    assert same_weights(folder, again)
    assert not same_weights(folder, other)
    assert read_json(again.manifest)["name"] == again.path.name


def test_a_regression_is_reported_in_its_own_terms(tmp_path: Path, pictures: None) -> None:
    from sklearn import metrics

    base = (
        "data=diabetes",
        "n_qubits=2",
        "depth=1",
        "trainer.max_epochs=1",
        "trainer.batch_size=128",
        "logger=none",
    )
    folder, printed = run(tmp_path, "controls=none", base=base)
    table = pd.read_parquet(folder.predictions)
    expected = {
        "mae": metrics.mean_absolute_error(table["target"], table["hybrid.prediction"]),
        "rmse": metrics.root_mean_squared_error(table["target"], table["hybrid.prediction"]),
        "r2": metrics.r2_score(table["target"], table["hybrid.prediction"]),
    }
    assert Results.read(folder.results).main.metrics == pytest.approx(expected, rel=1e-5)
    assert (folder.figures / "parity.png").is_file()
    assert not (folder.figures / "reliability.png").exists()
    assert "RMSE" in printed
    assert "says nothing about benefit" in " ".join(printed.split())
    assert reproduces(folder)


# ---------------------------------------------------------------- controls


def test_the_matched_network_has_the_parameters_of_the_model(tmp_path: Path) -> None:
    others = [
        f"~controls.{name}" for name in ("logistic", "ridge", "rbf_svm", "gradient_boosting", "separable")
    ]
    folder, _ = run(tmp_path, "n_qubits=4", "depth=3", *others)
    main, mlp = Results.read(folder.results).models
    assert mlp.label == "MLP (matched)"
    # One more hidden unit would cost n_inputs + n_outputs + 1 = 5 parameters, so half of that is the best match.
    assert abs(mlp.n_parameters - main.n_parameters) <= 2.5


def test_a_control_that_fails_is_shown_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from study.baselines.logistic import Logistic

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("the solver gave up")

    monkeypatch.setattr(Logistic, "fit", broken)
    folder, printed = run(tmp_path, *TWO_CONTROLS)
    results = Results.read(folder.results)
    failures = {model.name: model.failure for model in results.models}
    assert failures == {"hybrid": None, "logistic": "RuntimeError: the solver gave up", "separable": None}
    assert read_json(folder.manifest)["status"] == "finished"
    assert "logistic failed: RuntimeError: the solver gave up" in " ".join(printed.split())
    with pytest.raises(StudyError, match="has no model 'logistic'"):
        rebuild(folder, "logistic")


@pytest.mark.parametrize(
    ("overrides", "label"),
    [
        (["ansatz=separable"], None),
        (["model=mlp"], None),
        ([], "separable twin"),
        (["encoding=iqp"], "separable twin (its encoding entangles)"),
    ],
)
def test_the_separable_twin_takes_part_where_it_says_something(
    overrides: list[str], label: str | None
) -> None:
    from study import build
    from study.run.entrants import entrants

    config = check(TRAIN, [*SMALL, *overrides]).config
    build.fill_dims(config, n_inputs=2, n_outputs=2)
    entangles = bool(overrides) and overrides[0] == "encoding=iqp"
    found = {e.name: e.label for e in entrants(config, "classification", entangles)}
    assert found.get("separable") == label


# ---------------------------------------------------------------- refusals before anything is written


def write_csv(path: Path, rows: Sequence[tuple[float, float]]) -> Path:
    table = pd.DataFrame(rows, columns=["a", "b"]).assign(
        label=["yes" if a + b > 1.5 else "no" for a, b in rows]
    )
    table.to_csv(path, index=False)
    return path


ROWS = [(0.1 + 0.9 * (i % 7) / 7, 0.2 + 0.8 * (i % 5) / 5) for i in range(60)]
FILE = ("data=file", "data.target=label", "n_qubits=2", "depth=1", "trainer.max_epochs=1", "logger=none")


def refused(tmp_path: Path, *overrides: str, rows: Sequence[tuple[float, float]] = ROWS) -> str:
    path = write_csv(tmp_path / "rows.csv", rows)
    with pytest.raises((StudyError, QlayersError)) as caught:
        run(tmp_path / "runs", f"data.path={path}", "controls=none", *overrides, base=FILE)
    assert not (tmp_path / "runs").exists()
    return str(caught.value)


def test_a_row_of_zeros_for_amplitude_encoding_is_refused(tmp_path: Path) -> None:
    rows = [*ROWS[:41], (0.0, 0.0), *ROWS[41:]]
    message = refused(tmp_path, "encoding=amplitude", "reduction=none", "preprocessing.scale=none", rows=rows)
    assert "amplitude cannot encode a row of zeros" in message
    assert "Rows of the data that it cannot take: 41." in message


def test_data_that_are_no_bits_are_refused_for_basis_encoding(tmp_path: Path) -> None:
    assert "encoding=basis takes bits" in refused(tmp_path, "encoding=basis", "reduction=none")


def test_sizes_that_do_not_meet_are_both_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "n_qubits=3", "reduction=none")
    assert "2" in message
    assert "3" in message


# ---------------------------------------------------------------- resume


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it and go on."""


def interrupt_after(monkeypatch: pytest.MonkeyPatch, n_steps: int) -> None:
    real, done = History.step, []

    def step(self: History, *args: object) -> None:
        if len(done) == n_steps:
            raise Killed
        done.append(args)
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(History, "step", step)


def n_steps(folder: RunFolder) -> int:
    return len(pd.read_csv(folder.path / "steps.csv"))


@pytest.mark.parametrize("at_step", [0, 4])
def test_a_resumed_run_ends_as_if_nothing_had_happened(
    finished: tuple[RunFolder, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_step: int
) -> None:
    whole, _ = finished
    per_epoch = n_steps(whole) // 2
    with monkeypatch.context() as patch:
        interrupt_after(patch, at_step)
        with pytest.raises(Killed):
            run(tmp_path, *TWO_CONTROLS)
    folder = only_run(tmp_path)
    assert read_json(folder.manifest)["status"] == "failed"
    with pytest.raises(StudyError, match="not finished"):
        rebuild(folder)
    resumed, _ = resume(folder)
    assert resumed == folder
    assert same_weights(whole, folder)
    assert [m.metrics for m in Results.read(folder.results).models] == [
        m.metrics for m in Results.read(whole.results).models
    ]
    assert n_steps(folder) == n_steps(whole) + at_step % per_epoch
    manifest = read_json(folder.manifest)
    assert manifest["status"] == "finished"
    assert len(manifest["resumed"]) == 1
    for name in ("hybrid", "separable"):
        counted = [read_json(run.manifest)["models"][name]["execution"] for run in (folder, whole)]
        assert counted[0]["executions"] == counted[1]["executions"]
    assert reproduces(folder)


def test_what_was_fitted_is_not_fitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from study.baselines.logistic import Logistic

    def die(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(stages, "judge", die)
        with pytest.raises(Killed):
            run(tmp_path, *TWO_CONTROLS)
    folder = only_run(tmp_path)
    steps = n_steps(folder), (folder.control("separable") / "steps.csv").read_text()
    monkeypatch.setattr(Logistic, "fit", lambda *args, **options: pytest.fail("fitted twice"))
    _, printed = resume(folder)
    assert printed.count("was fitted before") == 3
    assert (n_steps(folder), (folder.control("separable") / "steps.csv").read_text()) == steps
    assert reproduces(folder, "logistic")


def test_a_finished_run_says_so_and_shows_its_table_again(finished: tuple[RunFolder, str]) -> None:
    folder, first = finished
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    _, printed = resume(folder)
    assert "is finished; nothing is left to do" in printed
    assert first[first.index("Circuit") :] in printed
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before


def test_a_changed_folder_or_changed_data_are_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(tmp_path / "rows.csv", ROWS)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        with pytest.raises(Killed):
            run(tmp_path / "runs", f"data.path={source}", "controls=none", base=FILE)
    folder = only_run(tmp_path / "runs")
    config = folder.config.read_text()
    folder.config.write_text(config.replace("max_epochs: 1", "max_epochs: 9"))
    with pytest.raises(StudyError, match=r"config\.yaml .* was changed since the run began"):
        resume(folder)
    folder.config.write_text(config)
    write_csv(source, [*ROWS[:-1], (0.3, 0.3)])
    with pytest.raises(StudyError, match=r"are not those that the run .* began with"):
        resume(folder)
    write_csv(source, ROWS)
    monkeypatch.chdir(tmp_path)  # paths in the folder do not depend on where the command is given
    assert read_json(resume(folder)[0].manifest)["status"] == "finished"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is not a folder"):
        resume(RunFolder(tmp_path / "nowhere"))
    write_json(tmp_path / "manifest.json", {})
    with pytest.raises(StudyError, match="is not a run folder"):
        resume(RunFolder(tmp_path))


# ---------------------------------------------------------------- trackers


def test_mlflow_is_told_everything_and_goes_on_with_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    with monkeypatch.context() as patch:
        interrupt_after(patch, 4)
        with pytest.raises(Killed):
            run(tmp_path / "runs", "controls=none", "logger=mlflow")
    folder = RunFolder(next((tmp_path / "runs").glob("moons-*")))
    resume(folder)
    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'qlayers'")
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert tracked.info.status == "FINISHED"
    assert tracked.info.run_name == folder.path.name
    assert tracked.data.params["depth"] == "1"
    history = client.get_metric_history(tracked.info.run_id, "val_loss")
    assert sorted({point.step: point.value for point in history}.items()) == list(
        pd.read_csv(folder.metrics).set_index("epoch")["val_loss"].items()
    )
    metrics = Results.read(folder.results).main.metrics
    assert tracked.data.metrics["test/accuracy"] == metrics["accuracy"]
