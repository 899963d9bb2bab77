from __future__ import annotations

import csv
import inspect
import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as RidgeRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from study.baselines.gaussian_process import GaussianProcess
from study.baselines.gradient_boosting import GradientBoosting
from study.baselines.k_nearest import KNearest
from study.baselines.logistic import Logistic
from study.baselines.random_forest import RandomForest
from study.baselines.random_fourier import RandomFourier
from study.baselines.rbf_svm import RbfSvm
from study.baselines.ridge import Ridge
from study.baselines.tuning import Trial, best, inner_folds, points
from study.errors import StudyError
from study.fitting.seeding import derive
from study.metrics import evaluate

SMALL = {
    Logistic: {"C": [0.01, 1.0, 100.0]},
    Ridge: {"alpha": [1000.0, 10.0, 0.1]},
    RbfSvm: {"C": [1.0, 10.0], "gamma": [0.1, 1.0]},
    GradientBoosting: {"learning_rate": [0.1], "max_leaf_nodes": [3, 7], "max_iter": [15]},
    KNearest: {"n_neighbors": [15, 5], "p": [2.0]},
    RandomForest: {"max_features": [0.5], "min_samples_leaf": [3, 1], "n_estimators": [20]},
    GaussianProcess: {"length_scale": [1.0, 0.3], "variance": [1.0, 30.0]},
    RandomFourier: {"gamma": [0.1, 1.0], "C": [0.1, 10.0], "n_components": [60]},
}
PAIRS = [(kind, task) for kind in SMALL for task in sorted(kind.tasks)]


def prepared(inputs, targets, task, classes=()):
    """Thirds of shuffled rows, scaled on the first; duck-typed like `study.data.prepare.Prepared`."""
    order = np.random.default_rng(0).permutation(len(targets))
    thirds = np.array_split(order, [len(order) * 6 // 10, len(order) * 8 // 10])
    scaler = StandardScaler().fit(inputs[thirds[0]])
    train, validation, test = (
        SimpleNamespace(inputs=scaler.transform(inputs[rows]), targets=targets[rows], rows=rows)
        for rows in thirds
    )
    return SimpleNamespace(
        name="sample",
        task=task,
        classes=list(classes),
        n_inputs=inputs.shape[1],
        n_outputs=len(classes) or 1,
        train=train,
        validation=validation,
        test=test,
    )


@pytest.fixture(scope="module")
def samples():
    iris, diabetes = load_iris(), load_diabetes()
    return {
        "classification": prepared(iris.data, iris.target, "classification", iris.target_names.tolist()),
        "regression": prepared(diabetes.data, diabetes.target, "regression"),
    }


@pytest.fixture(scope="module")
def fitted(samples, tmp_path_factory):
    found = {}
    for kind, task in PAIRS:
        folder = tmp_path_factory.mktemp(kind.__name__)
        learner = kind(**SMALL[kind])
        learner.fit(samples[task], folder, seed=0, progress=False)
        found[kind, task] = learner, folder
    return found


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_it_learns(fitted, samples, kind, task):
    learner, _ = fitted[kind, task]
    data = samples[task]
    found = evaluate(task, data.test.targets, learner.predict(data.test.inputs), data.n_outputs)
    if task == "classification":
        assert found["accuracy"] > 0.85
        assert found["log_loss"] < 0.5
    else:
        assert found["r2"] > 0.3


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_same_seed_same_predictions(fitted, samples, tmp_path, kind, task):
    learner, _ = fitted[kind, task]
    again = kind(**SMALL[kind])
    np.random.rand()  # what the process drew before must not matter
    again.fit(samples[task], tmp_path, seed=0, progress=False, resume=True)
    inputs = samples[task].test.inputs
    np.testing.assert_array_equal(again.predict(inputs), learner.predict(inputs))


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_only_the_training_part_is_read(fitted, samples, tmp_path, kind, task):
    data = samples[task]
    nothing = SimpleNamespace(inputs=np.empty((0, data.n_inputs)), targets=data.test.targets[:0])
    alone = SimpleNamespace(**{**vars(data), "validation": nothing, "test": None})
    learner = kind(**SMALL[kind])
    learner.fit(alone, tmp_path, seed=0, progress=False)
    reference, _ = fitted[kind, task]
    np.testing.assert_array_equal(learner.predict(data.test.inputs), reference.predict(data.test.inputs))
    assert "the validation part is not used" in learner.describe()["selection"]


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_a_restored_one_predicts_the_same(fitted, samples, tmp_path, kind, task):
    learner, _ = fitted[kind, task]
    path = learner.save(tmp_path)
    assert b"pickle" not in path.read_bytes()
    again = kind()
    again.restore(tmp_path)
    inputs = samples[task].test.inputs
    np.testing.assert_array_equal(again.predict(inputs), learner.predict(inputs))
    assert again.n_parameters == learner.n_parameters
    assert {**again.describe(), "grid": None} == {**learner.describe(), "grid": None}
    assert again.fit_seconds == learner.fit_seconds > 0


@pytest.mark.parametrize(
    ("kind", "estimator", "grid", "task", "scoring"),
    [
        (
            Logistic,
            LogisticRegression(max_iter=10_000),
            {"C": [0.01, 1.0, 100.0]},
            "classification",
            "neg_log_loss",
        ),
        (Ridge, RidgeRegression(), {"alpha": [1000.0, 10.0, 0.1]}, "regression", "neg_mean_squared_error"),
    ],
)
def test_tuning_equals_scikit_learns_grid_search(fitted, samples, kind, estimator, grid, task, scoring):
    learner, folder = fitted[kind, task]
    data = samples[task]
    targets = data.train.targets
    if task == "regression":
        targets = (targets - targets.mean()) / targets.std()
    folds = inner_folds(targets, 5, derive(0, "inner folds"), task == "classification")
    search = GridSearchCV(estimator, grid, scoring=scoring, cv=folds).fit(data.train.inputs, targets)
    assert learner.chosen == search.best_params_
    with (folder / "tuning.csv").open() as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose(
        [float(row["loss"]) for row in rows], -search.cv_results_["mean_test_score"], rtol=1e-9
    )
    np.testing.assert_allclose(
        [float(row["loss_std"]) for row in rows], search.cv_results_["std_test_score"], rtol=1e-7
    )
    predictions = learner.predict(data.test.inputs)
    if task == "classification":
        np.testing.assert_allclose(predictions, search.predict_proba(data.test.inputs), rtol=1e-9)
    else:
        scale = data.train.targets.std()
        np.testing.assert_allclose(
            predictions, search.predict(data.test.inputs) * scale + data.train.targets.mean()
        )


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_a_single_setting_is_fitted_once(samples, tmp_path, monkeypatch, kind, task):
    data = samples[task]
    single = {name: values[-1:] for name, values in SMALL[kind].items()}
    sizes = []
    whole = kind.fit_rows

    def fit_rows(self, estimator, inputs, targets, weights):
        sizes.append(len(inputs))
        return whole(self, estimator, inputs, targets, weights)

    monkeypatch.setattr(kind, "fit_rows", fit_rows)
    monkeypatch.setattr("study.baselines.estimator_learner.inner_folds", None)
    learner = kind(**single)
    assert learner.estimated_seconds(data, seed=0) > 0
    # The calibrated machines are fitted by scikit-learn, which is given the whole training part too.
    expected = [] if (kind, task) == (RbfSvm, "classification") else [len(data.train.targets)]
    assert sizes == expected
    learner.fit(data, tmp_path, seed=0, progress=False)
    assert sizes == 2 * expected
    assert not (tmp_path / "tuning.csv").exists()
    description = learner.describe()
    assert description["chosen"] == {name: value for name, [value] in single.items()}
    assert description["tuning_loss"] is None
    assert description["at_edge"] == []
    assert "fitted once" in description["selection"]
    assert "cross-validation" not in description["selection"]
    learner.save(tmp_path)
    again = kind(**single)
    again.restore(tmp_path)
    assert again.describe() == description


def test_number_of_parameters_is_what_is_held(fitted, samples):
    assert fitted[Logistic, "classification"][0].n_parameters == 3 * 4 + 3
    assert fitted[Ridge, "regression"][0].n_parameters == 10 + 1
    machine = fitted[RbfSvm, "regression"][0]
    vectors = machine.estimator.n_support_.sum()
    assert machine.n_parameters == vectors * 10 + vectors + 1
    machines = fitted[RbfSvm, "classification"][0]
    counts = [
        one.n_support_.sum() for one in machines.estimator.calibrated_classifiers_[0].estimator.estimators_
    ]
    assert len(counts) == 3
    assert machines.n_parameters == sum(count * (4 + 1) + 1 for count in counts) + 1
    # A binary tree with k leaves has k - 1 inner nodes: 2 (k - 1) + k numbers.
    for task, trees, guesses in (("classification", 3 * 15, 3), ("regression", 15, 1)):
        boosting = fitted[GradientBoosting, task][0]
        leaves = [tree.get_n_leaf_nodes() for step in boosting.estimator._predictors for tree in step]
        assert len(leaves) == trees
        assert boosting.n_parameters == sum(3 * k - 2 for k in leaves) + guesses
    # The training parts are 90 rows of iris and 265 of diabetes.
    assert fitted[KNearest, "classification"][0].n_parameters == 90 * (4 + 1)
    assert fitted[KNearest, "regression"][0].n_parameters == 265 * (10 + 1)
    assert fitted[GaussianProcess, "classification"][0].n_parameters == 3 * 90 * (4 + 1)
    assert fitted[GaussianProcess, "regression"][0].n_parameters == 265 * (10 + 1)
    assert fitted[RandomFourier, "classification"][0].n_parameters == 60 * (4 + 1) + 3 * (60 + 1)
    assert fitted[RandomFourier, "regression"][0].n_parameters == 60 * (10 + 1) + 60 + 1
    for task, outputs in (("classification", 3), ("regression", 1)):
        forest = fitted[RandomForest, task][0]
        leaves = [tree.get_n_leaves() for tree in forest.estimator.estimators_]
        assert len(leaves) == 20
        assert forest.n_parameters == sum(2 * (k - 1) + outputs * k for k in leaves)


@pytest.mark.parametrize("kind", [Logistic, RbfSvm, GradientBoosting, RandomForest, RandomFourier])
def test_balanced_class_weights_are_honoured(kind, tmp_path):
    inputs, targets = make_classification(
        600, 5, n_redundant=0, weights=[0.93], class_sep=0.6, flip_y=0.02, random_state=0
    )
    data = prepared(inputs, targets, "classification", ["many", "few"])
    found = []
    for weight in (None, "balanced"):
        learner = kind(**SMALL[kind], class_weight=weight)
        learner.fit(data, tmp_path, seed=0, progress=False)
        chosen = learner.predict(data.test.inputs).argmax(axis=1)
        found.append((chosen[data.test.targets == 1] == 1).mean())
    assert found[1] > found[0] + 0.2, "the rare class must be found more often"


def test_logistic_weights_are_scikit_learns(samples, tmp_path):
    data = samples["classification"]
    kept = np.r_[np.flatnonzero(data.train.targets != 0), np.flatnonzero(data.train.targets == 0)[:5]]
    train = SimpleNamespace(inputs=data.train.inputs[kept], targets=data.train.targets[kept])
    learner = Logistic([1.0], class_weight="balanced")
    learner.fit(SimpleNamespace(**{**vars(data), "train": train}), tmp_path, seed=0, progress=False)
    reference = LogisticRegression(C=1.0, max_iter=10_000, class_weight="balanced").fit(
        train.inputs, train.targets
    )
    np.testing.assert_allclose(
        learner.predict(data.test.inputs), reference.predict_proba(data.test.inputs), rtol=1e-6
    )


def test_a_class_without_training_rows_has_probability_zero(samples, tmp_path):
    data = samples["classification"]
    train = SimpleNamespace(
        inputs=data.train.inputs[data.train.targets != 1], targets=data.train.targets[data.train.targets != 1]
    )
    for kind in (kind for kind in SMALL if "classification" in kind.tasks):
        learner = kind(**SMALL[kind])
        learner.fit(SimpleNamespace(**{**vars(data), "train": train}), tmp_path, seed=0, progress=False)
        probabilities = learner.predict(data.test.inputs)
        assert probabilities.shape == (len(data.test.targets), 3)
        assert (probabilities[:, 1] == 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_data_that_cannot_be_served_is_refused(samples):
    with pytest.raises(StudyError, match=r"Ridge serves regression.*asks for classification"):
        Ridge().check(samples["classification"])
    data = samples["classification"]
    rows = np.r_[np.flatnonzero(data.train.targets != 2), np.flatnonzero(data.train.targets == 2)[:1]]
    train = SimpleNamespace(inputs=data.train.inputs[rows], targets=data.train.targets[rows])
    rare = SimpleNamespace(**{**vars(data), "train": train})
    for learner in (Logistic(), RbfSvm([1.0], [0.1])):  # whose temperature takes rows held out
        with pytest.raises(StudyError, match="'virginica' has one row"):
            learner.check(rare)
    Logistic([1.0]).check(rare)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Logistic, {"C": []}, "Logistic: C is a list of positive numbers"),
        (Logistic, {"C": 1.0}, "such as .*but is 1.0"),
        (Logistic, {"C": ["1e-5"]}, "'1e-5'"),  # what YAML makes of a number without a dot
        (RbfSvm, {"gamma": [0.1, -1]}, "RbfSvm: gamma"),
        (Ridge, {"inner_folds": 1}, "inner_folds must be at least 2, but is 1"),
        (GradientBoosting, {"class_weight": "heavy"}, "class_weight must be null or balanced"),
        (
            KNearest,
            {"class_weight": "balanced"},
            "KNearest cannot weigh classes, but class_weight is balanced",
        ),
        (GaussianProcess, {"class_weight": "balanced"}, "Set class_weight=null, or leave the model out"),
    ],
)
def test_bad_options_are_refused(kind, options, message):
    with pytest.raises(StudyError, match=message):
        kind(**options)


def test_no_option_is_swallowed():
    for kind in SMALL:
        parameters = inspect.signature(kind).parameters.values()
        assert all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)


def test_tuning_takes_the_first_of_equals():
    assert points({"a": [1, 2], "b": [3, 4]})[1] == {"a": 1, "b": 4}
    trials = [Trial({"a": a}, losses) for a, losses in ((1, (2.0, 4.0)), (2, (1.0, 3.0)), (3, (3.0, 1.0)))]
    assert best(trials).values == {"a": 2}


def test_inner_folds_partition_the_rows_and_keep_classes():
    targets = np.array([0] * 20 + [1] * 3)
    folds = inner_folds(targets, 5, seed=0, stratified=True)
    assert len(folds) == 3  # as many as the smallest class has rows
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(23))
    for rows, held_out in folds:
        assert not set(rows) & set(held_out)
        assert 1 in targets[held_out]


# Files that are not ours.


def test_a_file_that_asks_for_other_types_is_not_loaded(tmp_path):
    skops.io.dump({"learner": "Logistic", "estimator": io.StringIO}, tmp_path / "model.skops")
    types = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert types, "the trap must be one"
    with pytest.raises(StudyError, match=r"was not loaded: it asks for .*StringIO"):
        Logistic().restore(tmp_path)


def test_a_prefix_is_not_enough_without_its_dot(tmp_path):
    """sklearn_evil is not scikit-learn."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "schema.json",
            '{"__class__": "Trap", "__module__": "sklearn_evil", "__loader__": "ObjectNode", "__id__": 1,'
            ' "content": null, "protocol": 2}',
        )
    (tmp_path / "model.skops").write_bytes(buffer.getvalue())
    with pytest.raises(StudyError, match=r"asks for sklearn_evil\.Trap"):
        Logistic().restore(tmp_path)


@pytest.mark.parametrize("wrapped", ["pipeline", "public function", "inner object"])
@pytest.mark.parametrize("kind", [Logistic, Ridge, GradientBoosting, RandomForest])
def test_the_types_of_a_learner_are_exact(kind, wrapped, fitted, tmp_path):
    """What skops trusts by itself is not enough: a pipeline of NumPy's functions is as good as a program."""
    task = "regression" if kind is Ridge else "classification"
    path = fitted[kind, task][0].save(tmp_path)
    state = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    if wrapped == "pipeline":
        state["estimator"] = make_pipeline(FunctionTransformer(np.negative), state["estimator"])
        expected = r"asks for .*Pipeline"
    elif wrapped == "public function":
        state["chosen"] = {"penalty": np.array_str}
        expected = r"asks for .*array_str"
    else:
        state["estimator"] = {"an": "object"}
        expected = "holds a builtins.dict in the place of the estimator"
    skops.io.dump(state, path)
    with pytest.raises(StudyError, match=expected):
        kind().restore(tmp_path)


@pytest.mark.parametrize("loader", ["MethodNode", "FunctionNode", "PartialNode", "OperatorFuncNode"])
def test_other_kinds_of_nodes_are_refused(loader, fitted, tmp_path):
    """Under names of types that are allowed, skops would still bind a method or look up a function."""
    path = fitted[Logistic, "classification"][0].save(tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["schema.json"] = members["schema.json"].replace(b'"ObjectNode"', f'"{loader}"'.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(StudyError, match=f"{loader}|damaged"):
        Logistic().restore(tmp_path)


def test_a_learner_that_declares_too_little_cannot_be_saved(fitted, tmp_path, monkeypatch):
    learner = fitted[RandomForest, "classification"][0]
    monkeypatch.setattr(RandomForest, "parts", RandomForest.parts[:-1])
    with pytest.raises(
        StudyError, match=r"RandomForest cannot be saved: .*_tree\.Tree.* Add them to its `parts`"
    ):
        learner.save(tmp_path)
    assert not (tmp_path / "model.skops").exists()


def test_missing_damaged_and_foreign_files_are_refused(fitted, tmp_path):
    with pytest.raises(StudyError, match="is missing"):
        Logistic().restore(tmp_path)
    path = fitted[Logistic, "classification"][0].save(tmp_path)
    with pytest.raises(StudyError, match=r"asks for sklearn\.linear_model\._logistic\.LogisticRegression"):
        Ridge().restore(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StudyError, match="is damaged"):
        Logistic().restore(tmp_path)


@pytest.mark.parametrize(
    ("grid", "at_edge"), [([1e-9, 1.0, 2.0], []), ([1.0, 2.0, 3.0], ["C"]), ([1.0, 2.0], [])]
)
def test_a_choice_at_the_edge_of_its_range_is_named(samples, tmp_path, grid, at_edge, monkeypatch):
    learner = Logistic(C=grid)
    # Whichever value has the lowest loss is not the point.
    monkeypatch.setattr(
        "study.baselines.estimator_learner.best",
        lambda trials: next(trial for trial in trials if trial.values["C"] == 1.0),
    )
    learner.fit(samples["classification"], tmp_path, seed=0, progress=False)
    assert learner.describe()["chosen"] == {"C": 1.0}
    assert learner.describe()["at_edge"] == at_edge
