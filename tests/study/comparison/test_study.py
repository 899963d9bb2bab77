"""A study from its command line to its evidence, in this process."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from study.comparison.evidence import Condition
from study.comparison.load import load_evidence, predictions_of, trials_of
from study.config.check import check
from study.config.rules import COMPARE
from study.errors import StudyError
from study.metrics import evaluate
from tests.study.comparison.small import folder_of, outcomes, read


def test_everybody_is_tuned_as_often_and_judged_on_the_same_rows(finished, tmp_path):
    code, printed = finished
    assert code == 0 and "6 jobs, 0 finished already" in printed
    folder = folder_of(tmp_path / "runs")
    evidence = load_evidence(folder)
    assert [entrant.role for entrant in evidence.entrants] == ["candidate", "baseline", "baseline"]
    assert evidence.missing == 0 and not evidence.leaks
    rows = {}
    for outcome in evidence.outcomes:
        assert outcome.failure is None and outcome.trials == 2 and outcome.failed_trials == 0
        validation, test = predictions_of(folder, list(evidence.classes), outcome)
        np.testing.assert_array_equal(rows.setdefault(outcome.split, test.rows), test.rows)
        found = evaluate(evidence.task, test.targets, test.outputs, len(evidence.classes))
        assert found["accuracy"] == outcome.metrics["accuracy"]
        assert not set(validation.rows) & set(test.rows)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(60)), "the folds cover the data once"
    [candidate] = evidence.role("candidate")
    for outcome in evidence.of(candidate.name):
        assert (
            set(outcome.sampled) == {"200"}
            and outcome.sampled["200"]["log_loss"] != outcome.metrics["log_loss"]
        )
        assert outcome.executions > 0 and outcome.backends["default_qubit"] < 1e-5 and outcome.steps >= 1
    for outcome in evidence.of("logistic"):
        assert outcome.executions == 0 and outcome.backends == {} and outcome.sampled == {}
    sampled = evidence.of(candidate.name, Condition(shots=200))
    assert [one.metrics for one in sampled] == [one.sampled["200"] for one in evidence.of(candidate.name)]
    trials = trials_of(folder)
    assert (trials.groupby(["entrant", "repeat", "fold"]).size() == 2).all()
    assert "Left out" in printed and "does not serve a classification" in printed


def test_a_second_start_repeats_nothing(finished, study, lines, tmp_path):
    folder = folder_of(tmp_path / "runs")
    before = {path: path.stat().st_mtime_ns for path in folder.glob("jobs/*/*")}
    code, printed = study(lines())
    assert code == 0 and "6 jobs, 6 finished already" in printed
    assert {path: path.stat().st_mtime_ns for path in folder.glob("jobs/*/*")} == before


def test_a_job_that_was_lost_is_done_again_with_the_same_numbers(finished, study, lines, tmp_path):
    folder = folder_of(tmp_path / "runs")
    before = outcomes(tmp_path / "runs")
    # As if the process had been killed before its outcome was written: its trials are in the store.
    for name in ("candidate-r0f1s0", "rbf_svm-r0f0s0"):
        (folder / "jobs" / name / "outcome.json").unlink()
    trials = len(trials_of(folder))
    study(lines())
    assert outcomes(tmp_path / "runs") == before and len(trials_of(folder)) == trials


def test_gates_cannot_be_moved_after_the_start(finished, study, lines):
    with pytest.raises(StudyError, match=r"gates\.statistical\.margin"):
        study(lines("study.gates.statistical.margin=0.1"))


def test_a_stop_loss_cannot_be_moved_either(finished, study, lines):
    with pytest.raises(StudyError, match=r"stop_loss\.hours"):
        study(lines("study.stop_loss.hours=50"))


def test_how_it_is_run_may_be_changed_under_way(finished, study, lines, tmp_path):
    more = ("study.max_hours=0.5", "study.confirmed=true", "study.threads=1")
    code, printed = study(lines(*more))
    assert code == 0 and "6 jobs, 6 finished already" in printed
    code, printed = study(lines(f"study.folder={folder_of(tmp_path / 'runs')}"))
    assert code == 0 and "6 jobs, 6 finished already" in printed


def test_the_remedy_of_a_refusal_is_accepted(study, lines, tmp_path, monkeypatch):
    with pytest.raises(StudyError, match=r"confirm with study\.confirmed=true"):
        study(lines("study.max_hours=1e-6"))
    assert not (tmp_path / "runs").exists(), "nothing was begun"
    begun = []
    monkeypatch.setattr("study.comparison.study._run", lambda how, plan, *_: begun.extend(plan.jobs))
    code, _ = study(lines("study.max_hours=1e-6", "study.confirmed=true"))
    assert code == 0 and len(begun) == 6


def test_another_name_is_another_study(finished, study, lines, tmp_path):
    with pytest.raises(StudyError, match=r"study\.name=ANOTHER_NAME"):
        study(lines("study.gates.statistical.margin=0.1"))
    with pytest.raises(StudyError, match=r"study\.confirmed=true"):  # as far as to the timing
        study(lines("study.gates.statistical.margin=0.1", "study.name=another", "study.max_hours=1e-6"))


def test_settings_of_the_backend_are_the_candidates_own(study, lines):
    """And not those of the other backends, on which the outputs are computed again."""
    with pytest.raises(StudyError, match=r"study\.confirmed=true"):
        study(lines("backend=shots", "backend.shots=50", "study.max_hours=1e-6"))


def test_a_study_file_that_was_edited_is_found(finished, tmp_path):
    path = folder_of(tmp_path / "runs") / "study.json"
    whole = read(path)
    whole["declared"]["gates"]["statistical"]["margin"] = 0.3
    path.write_text(json.dumps(whole))
    with pytest.raises(StudyError, match="changed after the study began"):
        load_evidence(path.parent)


def test_one_that_was_edited_and_sealed_anew_is_found_too(finished, tmp_path):
    from study.gates.seal import seal

    path = folder_of(tmp_path / "runs") / "study.json"
    whole = read(path)
    whole["declared"]["gates"]["statistical"]["margin"] = 0.3
    whole["seal"] = seal(whole["declared"])
    path.write_text(json.dumps(whole))
    with pytest.raises(StudyError, match="gates were changed"):
        load_evidence(path.parent)


def repeated_rows(lines, tmp_path):
    """The command of a study whose rows stand in several folds."""
    table = pd.DataFrame({"x": np.arange(60.0) % 20, "y": (np.arange(60.0) % 20) ** 2})
    table["target"] = np.where(np.arange(60) % 20 < 10, "low", "high")
    table.to_csv(tmp_path / "repeated.csv", index=False)
    words = [line for line in lines() if not line.startswith("data")]
    return [*words, "data=file", f"data.path={tmp_path}/repeated.csv", "data.target=target"]


def test_repeated_rows_end_the_study_without_a_job(study, lines, tmp_path):
    code, printed = study(repeated_rows(lines, tmp_path))
    assert code == 3 and printed.count("alike in every feature") == 1
    assert "leak: " not in printed and "No job was started." in printed
    assert not list(folder_of(tmp_path / "runs").glob("jobs/*"))


@pytest.mark.long
def test_repeated_rows_are_accepted_by_name(study, lines, tmp_path):
    code, printed = study([*repeated_rows(lines, tmp_path), "study.protocol.accept=[duplicates]"])
    assert code == 0 and "Accepted: In 'repeated' " in printed and "pairs of rows are alike" in printed


def test_a_model_that_reads_the_test_part_is_caught(study, lines, tmp_path, monkeypatch):
    from study.baselines.logistic import Logistic

    honest = Logistic.fit

    def greedy(self, data, folder, **options):
        assert len(data.test.inputs)
        honest(self, data, folder, **options)

    monkeypatch.setattr(Logistic, "fit", greedy)
    code, _ = study(lines())
    assert code == 3
    [leak, *_] = load_evidence(folder_of(tmp_path / "runs")).leaks
    assert (
        leak.startswith("logistic")
        and "inputs of the test part were asked for while the model was tuned" in leak
    )


def test_another_choice_after_a_look_at_the_test_part_is_caught(finished, study, lines, tmp_path):
    place = folder_of(tmp_path / "runs") / "jobs" / "logistic-r0f0s0"
    (place / "outcome.json").unlink()
    (place / "test_read.json").write_text(json.dumps({"chosen": {"model.C": 12345.0}}))
    code, _ = study(lines())
    assert code == 3
    [leak] = load_evidence(place.parent.parent).leaks
    assert "read more than once" in leak and "12345.0" in leak


def test_a_model_that_fails_is_a_result(study, lines, tmp_path, monkeypatch):
    from study.baselines.rbf_svm import RbfSvm

    def broken(self, *_, **__):
        raise RuntimeError("the matrix is singular")

    monkeypatch.setattr(RbfSvm, "fit", broken)
    code, _ = study(lines())
    assert code == 0
    for outcome in load_evidence(folder_of(tmp_path / "runs")).of("rbf_svm"):
        assert outcome.failure == "RuntimeError: the matrix is singular" and outcome.failed_trials == 2


@pytest.mark.long
def test_side_conditions_have_jobs_of_their_own(study, lines, tmp_path):
    study(lines("study.protocol.fractions=[0.5]", "study.protocol.label_noise=[0.2]"))
    evidence = load_evidence(folder_of(tmp_path / "runs"))
    whole = evidence.of("logistic")[0]
    [half] = evidence.of("logistic", Condition(fraction=0.5))
    [noisy] = evidence.of("logistic", Condition(label_noise=0.2))
    assert half.n_train == pytest.approx(whole.n_train / 2, abs=1) and half.n_test == whole.n_test
    assert noisy.n_train == whole.n_train and noisy.metrics != whole.metrics


@pytest.mark.long
def test_slices_are_judged_on_their_own_rows(study, lines, tmp_path):
    study(lines("+study.protocol.slices.left='x < 0.5'"))
    evidence = load_evidence(folder_of(tmp_path / "runs"))
    outcome = evidence.of("logistic")[0]
    assert set(outcome.slices) == {"left"} and outcome.slices["left"]["accuracy"] is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["+study.protocol.slices.odd='nothing > 3'"], "slices.odd='nothing > 3' cannot be read"),
        (["+study.protocol.slices.none='x > 1000'"], "has no row"),
        (["study.metric=rmse"], "study.metric=rmse is not a metric of a classification"),
        (
            ["study.max_hours=0.01"],
            r"The study may take \d+ s, and study\.max_hours=0\.01 allows 36 s\. Choose",
        ),
        (["~study.entrants.candidate"], "needs a candidate"),
        (["split=time"], "study.protocol.repeats=1"),
        (["backend=braket_sv1", "backend.dry_run=true"], "zeros, which nothing can be trained on"),
    ],
)
def test_nonsense_is_refused_before_any_job(study, lines, tmp_path, words, message):
    more = ["study.protocol.repeats=2"] if words == ["split=time"] else []
    with pytest.raises(StudyError, match=message):
        study(lines(*words, *more))
    assert not list((tmp_path / "runs").glob("studies/*/jobs/*"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=3", "a study has study.protocol.seeds"),
        ("split.fold=1", "goes through all folds"),
        ("resume=runs/x", "goes on when the same command is given again"),
        ("logger=csv", "keeps its own records"),
        ("controls=none", "has its entrants"),
        ("study.tuning.trials=0", "study.tuning.trials"),
        ("study.tuning.restarts=2", "study.tuning.restarts=2 must be fewer than study.tuning.trials=2"),
        ("study.protocol.fractions=[2.0]", "study.protocol.fractions"),
        ("study.protocol.seedz=[0]", "study.protocol.seedz is not a key"),
        ("study=defualt", "Nearest: default"),
        (
            "study.metric=acuracy",
            "study.metric=acuracy is not a metric. Nearest: accuracy. Metrics of a classif",
        ),
        ("study.metric=nonsense", "of a regression: mae, rmse, r2; or null for balanced_accuracy and rmse"),
    ],
)
def test_what_a_study_decides_itself_cannot_be_set(lines, word, message):
    with pytest.raises(StudyError, match=message):
        check(COMPARE, lines(word))
