"""Baselines beside what they compute: the scikit-learn estimator fitted by hand, and where it is short, the formula."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression

from study.baselines.gaussian_process import MOST_ROWS, GaussianProcess
from study.baselines.k_nearest import KNearest
from study.baselines.random_forest import RandomForest
from study.baselines.random_fourier import RandomFourier
from study.errors import StudyError
from study.fitting.seeding import derive

SEED = 4


def prepared(bunch, task):
    order = np.random.default_rng(1).permutation(len(bunch.target))[:150]
    inputs = (bunch.data - bunch.data.mean(axis=0)) / bunch.data.std(axis=0)
    train, test = (
        SimpleNamespace(inputs=inputs[rows], targets=bunch.target[rows])
        for rows in (order[:100], order[100:])
    )
    classes = list(map(str, getattr(bunch, "target_names", []))) if task == "classification" else []
    return SimpleNamespace(
        name="sample", task=task, classes=classes, n_inputs=inputs.shape[1], n_outputs=len(classes) or 1, train=train
    ), test  # fmt: skip


WINE = prepared(load_wine(), "classification")
DIABETES = prepared(load_diabetes(), "regression")


def predictions(learner, sample, folder):
    data, test = sample
    learner.fit(data, folder, seed=SEED, progress=False)
    return learner.predict(test.inputs)


def standardised():
    targets = DIABETES[0].train.targets
    return (targets - targets.mean()) / targets.std(), lambda found: found * targets.std() + targets.mean()


def test_nearest_neighbours_are_counted_by_hand(tmp_path):
    data, test = WINE
    found = predictions(KNearest([7]), WINE, tmp_path)
    near = np.argsort(cdist(test.inputs, data.train.inputs), axis=1)[:, :7]
    votes = np.stack([(data.train.targets[near] == label).sum(axis=1) for label in range(3)], axis=1)
    np.testing.assert_allclose(found, (votes + 1) / (7 + 3))
    assert np.abs(found - votes / 7).max() > 0.05, "else the added vote would not be seen"
    other = predictions(KNearest([7], [1.0]), WINE, tmp_path)
    near = np.argsort(cdist(test.inputs, data.train.inputs, "cityblock"), axis=1)[:, :7]
    votes = np.stack([(data.train.targets[near] == label).sum(axis=1) for label in range(3)], axis=1)
    np.testing.assert_allclose(other, (votes + 1) / (7 + 3))
    assert not np.array_equal(other, found)
    data, test = DIABETES
    near = np.argsort(cdist(test.inputs, data.train.inputs), axis=1)[:, :7]
    found = predictions(KNearest([7]), DIABETES, tmp_path)
    np.testing.assert_allclose(found, data.train.targets[near].mean(axis=1))


def test_more_neighbours_than_rows_are_all_rows(tmp_path):
    data, _ = DIABETES
    found = predictions(KNearest([1000]), DIABETES, tmp_path)
    np.testing.assert_allclose(found, data.train.targets.mean())


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_the_forest_is_scikit_learns(tmp_path, weight):
    data, test = WINE
    found = predictions(RandomForest([0.5], [3], [12], class_weight=weight), WINE, tmp_path)
    counts = np.bincount(data.train.targets)
    rows = np.ones(100) if weight is None else (100 / (3 * counts))[data.train.targets]
    options = {"max_features": 0.5, "min_samples_leaf": 3, "n_estimators": 12}
    twin = RandomForestClassifier(**options, random_state=derive(SEED, "fit"))
    twin.fit(data.train.inputs, data.train.targets, sample_weight=rows)
    np.testing.assert_allclose(found, twin.predict_proba(test.inputs), rtol=1e-9)
    other = RandomForestClassifier(**options, random_state=SEED + 1).fit(
        data.train.inputs, data.train.targets
    )
    assert np.abs(found - other.predict_proba(test.inputs)).max() > 0.01


def test_the_forest_for_quantities_is_scikit_learns(tmp_path):
    data, test = DIABETES
    targets, restore = standardised()
    twin = RandomForestRegressor(
        max_features=0.5, min_samples_leaf=3, n_estimators=12, random_state=derive(SEED, "fit")
    )
    # Equal weights, and not none: with weights the rows of a tree are drawn by them.
    twin.fit(data.train.inputs, targets, sample_weight=np.ones(100))
    found = predictions(RandomForest([0.5], [3], [12]), DIABETES, tmp_path)
    np.testing.assert_allclose(found, restore(twin.predict(test.inputs)), rtol=1e-9)


def test_the_gaussian_process_is_its_formula(tmp_path):
    """K* (K + I)⁻¹ y, with the variance of the noise as the unit."""
    data, test = DIABETES
    targets, restore = standardised()
    unit = 10 * data.train.inputs.var()

    def kernel(first, second):
        return 5.0 * np.exp(-cdist(first, second, "sqeuclidean") / (2 * 0.7**2 * unit))

    weights = np.linalg.solve(kernel(data.train.inputs, data.train.inputs) + np.eye(100), targets)
    expected = restore(kernel(test.inputs, data.train.inputs) @ weights)
    found = predictions(GaussianProcess([0.7], [5.0]), DIABETES, tmp_path)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_the_gaussian_process_for_classes_is_scikit_learns(tmp_path):
    data, test = WINE
    kernel = ConstantKernel(5.0) * RBF(0.7 * np.sqrt(13 * data.train.inputs.var()))
    twin = GaussianProcessClassifier(kernel, optimizer=None).fit(data.train.inputs, data.train.targets)
    found = predictions(GaussianProcess([0.7], [5.0]), WINE, tmp_path)
    np.testing.assert_allclose(found, twin.predict_proba(test.inputs), rtol=1e-8)


def test_more_rows_than_a_matrix_has_room_for_are_refused():
    many = SimpleNamespace(inputs=np.zeros((MOST_ROWS + 1, 10)), targets=np.zeros(MOST_ROWS + 1))
    with pytest.raises(
        StudyError, match=r"up to 5000 training rows, but there are 5001\. Take model=random_fourier"
    ):
        GaussianProcess().check(SimpleNamespace(**{**vars(DIABETES[0]), "train": many}))


def test_random_fourier_is_a_linear_model_on_cosines(tmp_path):
    data, test = WINE
    sampler = RBFSampler(
        gamma=0.5 / (13 * data.train.inputs.var()), n_components=40, random_state=derive(SEED, "fit")
    ).fit(data.train.inputs)

    def features(rows):
        return np.sqrt(2 / 40) * np.cos(rows @ sampler.random_weights_ + sampler.random_offset_)

    found = predictions(RandomFourier([0.5], [3.0], [40]), WINE, tmp_path)
    twin = LogisticRegression(C=3.0, max_iter=10_000).fit(features(data.train.inputs), data.train.targets)
    np.testing.assert_allclose(found, twin.predict_proba(features(test.inputs)), rtol=1e-6)

    data, test = DIABETES
    sampler = RBFSampler(
        gamma=0.5 / (10 * data.train.inputs.var()), n_components=40, random_state=derive(SEED, "fit")
    ).fit(data.train.inputs)
    targets, restore = standardised()
    inner = features(data.train.inputs)
    middle = inner.mean(axis=0)
    coefficients = np.linalg.solve(
        (inner - middle).T @ (inner - middle) + np.eye(40) / 3, (inner - middle).T @ targets
    )
    expected = restore((features(test.inputs) - middle) @ coefficients + targets.mean())
    found = predictions(RandomFourier([0.5], [3.0], [40]), DIABETES, tmp_path)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
