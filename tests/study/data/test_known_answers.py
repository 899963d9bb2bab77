"""The datasets with a known answer: what is said of them is found again by other means."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pennylane as qp
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

import study.data
from qlayers import QuantumLayer
from study.data.ad_hoc import AdHoc
from study.data.bars_and_stripes import BarsAndStripes
from study.data.hidden_manifold import HiddenManifold
from study.data.hyperplanes_parity import HyperplanesParity
from study.data.known_answer import KnownAnswer
from study.data.linear_target import LinearTarget
from study.data.linearly_separable import LinearlySeparable
from study.data.quantum_target import QuantumTarget
from study.data.two_curves import TwoCurves
from study.errors import StudyError

KNOWN: dict[str, Any] = {
    name: dataset for name, dataset in study.data.available().items() if issubclass(dataset, KnownAnswer)
}


def test_they_are_found() -> None:
    assert len(KNOWN) == 8


@pytest.mark.parametrize("name", KNOWN)
def test_a_table_depends_on_options_and_seed_alone(name: str) -> None:
    make = KNOWN[name]
    first = make(seed=1, n_samples=40).load()
    np.random.seed(3)
    state = np.random.get_state()[1].copy()
    assert first.fingerprint == make(seed=1, n_samples=40).load().fingerprint
    assert first.fingerprint != make(seed=2, n_samples=40).load().fingerprint
    assert np.array_equal(state, np.random.get_state()[1])
    assert (first.name, first.classes, len(first.target)) == (name, ["-1", "1"], 40)
    assert first.target.dtype == np.int64
    assert list(first.features) == [f"x{i}" for i in range(1, first.features.shape[1] + 1)]


@pytest.mark.parametrize("name", KNOWN)
def test_no_row_occurs_twice(name: str) -> None:
    """A row in two parts of a split would be a leak."""
    for seed in range(5):
        points, _ = KNOWN[name](seed=seed).points()
        assert len(np.unique(points, axis=0)) == len(points)


@pytest.mark.parametrize("name", sorted(KNOWN.keys() - {"linearly_separable", "bars_and_stripes"}))
def test_half_of_the_rows_are_of_each_class(name: str) -> None:
    _, labels = KNOWN[name](n_samples=60, seed=1).points()
    assert np.unique(labels, return_counts=True)[1].tolist() == [30, 30]
    with pytest.raises(StudyError, match=r"^data\.n_samples=61 is odd, and must be even, because half"):
        KNOWN[name](n_samples=61)


BAD: dict[str, list[tuple[str, Any]]] = {
    "linearly_separable": [("n_features", 0), ("margin", -1), ("margin", 4), ("margin", "wide")],
    "hidden_manifold": [("n_features", 1.5), ("manifold_dimension", 0)],
    "hyperplanes_parity": [("n_features", 0), ("n_hyperplanes", 0), ("dim_hyperplanes", True)],
    "two_curves": [("n_features", 0), ("degree", 0), ("offset", -1), ("noise", float("nan"))],
    "bars_and_stripes": [("height", 0), ("width", "4"), ("noise", -0.5)],
    "ad_hoc": [("n_features", 4), ("n_features", True), ("gap", 1), ("gap", -0.1), ("repeats", 1)],
    "quantum_target": [
        ("n_features", 11),
        ("margin", 1.0),
        ("label_noise", 0.5),
        ("depth", 0),
        ("reupload", "yes"),
    ],
    "linear_target": [("n_features", 0), ("margin", -0.1), ("label_noise", 0.6), ("label_noise", None)],
}


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [(name, *bad) for name in KNOWN for bad in [*BAD[name], ("seed", -1), ("seed", 2**32), ("n_samples", 0)]],
)
def test_a_bad_option_is_one_clear_error(name: str, option: str, value: Any) -> None:
    with pytest.raises(StudyError, match=rf"^data\.{option}=.* is not ") as caught:
        KNOWN[name](**{option: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (LinearlySeparable(n_features=2, margin=1.9), r"^data\.margin=1\.9 leaves \d+ of 600"),
        (HyperplanesParity(n_hyperplanes=1, dim_hyperplanes=1), r"^data\.seed=0 draws 1 hyperplanes"),
        (AdHoc(gap=0.99), r"^data\.gap=0\.99 leaves \d+ grid points"),
        (LinearTarget(margin=0.999), r"^data\.margin=0\.999 leaves \d+ of \d+ points"),
    ],
)
def test_rows_that_do_not_exist_are_not_waited_for(dataset: KnownAnswer, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        dataset.points()


# ---------------------------------------------------------------- each rule, recomputed


@pytest.mark.parametrize("n_features", [2, 10, 20])
def test_linearly_separable_data_are(n_features: int) -> None:
    points, labels = LinearlySeparable(n_features=n_features, seed=n_features).points()
    assert np.abs(points).max() <= 1
    assert (labels == np.where(points.sum(axis=1) > 0, -1, 1)).all()
    assert np.abs(points.sum(axis=1)).min() > 0.02 * n_features
    model = LinearSVC(C=1e6, max_iter=100_000).fit(points, labels)
    assert model.score(points, labels) == 1


def test_hidden_manifold_points_and_labels() -> None:
    """The stream taken apart once more, one row at a time."""
    dataset = HiddenManifold(n_samples=50, n_features=4, manifold_dimension=3, seed=8)
    points, labels = dataset.points()
    random = np.random.RandomState(8)
    f, c = random.standard_normal((3, 4)), random.standard_normal((50, 3))
    b = random.uniform(-1, 1, 4)
    w, v = random.standard_normal((3, 3)), random.standard_normal(3)
    for row in range(50):
        on_manifold = [sum(c[row, i] * f[i, j] for i in range(3)) / 3**0.5 - b[j] for j in range(4)]
        assert np.arctanh(points[row]) == pytest.approx(on_manifold, abs=1e-6)
    outputs = np.array([sum(v[i] * np.tanh(w[i] @ row) for i in range(3)) / 3**0.5 for row in c])
    assert ((outputs > np.median(outputs)) == (labels == 1)).all()
    # Three dimensions, once the nonlinearity is undone and the biases are taken off.
    inner = np.arctanh(points) + b
    assert np.linalg.svd(inner, compute_uv=False)[3] < 1e-6 * np.linalg.norm(inner)


def test_hyperplanes_parity_is_that_of_the_hyperplanes() -> None:
    dataset = HyperplanesParity(n_samples=60, n_features=5, n_hyperplanes=4, dim_hyperplanes=2, seed=3)
    points, labels = dataset.points()
    random = np.random.RandomState(3)
    w, b = random.uniform(size=(4, 2)), random.uniform(size=4)
    z = random.standard_normal((240, 2))
    sides = [[sum(w[k] * row) + b[k] > 0 for k in range(4)] for row in z]
    parity = np.array([sum(row) % 2 for row in sides])
    chosen = np.concatenate([z[parity == 0][:30], z[parity == 1][:30]])
    assert (labels == np.repeat([-1, 1], 30)).all()
    # The features are an affine function of z and nothing else, with mean 0 and variance 1.
    design = np.column_stack([chosen, np.ones(60)])
    residual = points - design @ np.linalg.lstsq(design, points, rcond=None)[0]
    assert np.abs(residual).max() < 1e-10
    assert np.allclose([points.mean(axis=0), points.var(axis=0)], [[0] * 5, [1] * 5])


def test_two_curves_are_one_curve_and_its_shift() -> None:
    """Without noise, and before they are standardised, both are trigonometric polynomials of the degree in πt."""
    dataset = TwoCurves(n_samples=80, n_features=3, degree=2, offset=0.4, noise=0.0, seed=5)
    points, labels = dataset.points()
    random = np.random.RandomState(5)
    coefficients = random.uniform(size=(3, 3, 2))
    coefficients /= (coefficients**2).sum() ** 0.5
    t = []
    for _ in range(80):
        t.append(random.uniform())
        random.standard_normal(3)
    expected = np.zeros((80, 3))
    for feature in range(3):
        (a0, b0), (a1, b1), (a2, b2) = coefficients[feature]
        for row, time in enumerate(t):
            x = np.pi * time
            wave = a1 * np.cos(x) + b1 * np.sin(x) + a2 * np.cos(2 * x) + b2 * np.sin(2 * x)
            expected[row, feature] = a0 + b0 + wave + 0.4 * (labels[row] == 1)
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    assert np.allclose(points, expected, atol=1e-12)
    noisy, _ = dataclasses.replace(dataset, noise=0.1).points()
    assert not np.allclose(noisy, expected, atol=1e-2)


def test_bars_and_stripes_are_bars_and_stripes() -> None:
    points, labels = BarsAndStripes(n_samples=4000, height=3, width=4, noise=0.0, seed=2).points()
    images = points.reshape(-1, 3, 4)
    assert set(np.unique(images)) == {-1, 1}
    stripes, bars = images[labels == 1], images[labels == -1]
    assert (stripes == stripes[:, :, :1]).all()
    assert (bars == bars[:, :1, :]).all()
    # 2^3 stripes and 2^4 bars, all of them, equally often: chi-squared with 7 and 15 degrees of freedom, 1 in 10^4.
    for kind, n_kinds, limit in ((stripes, 8, 29.9), (bars, 16, 44.3)):
        counts = np.unique(kind.reshape(len(kind), -1), axis=0, return_counts=True)[1]
        assert len(counts) == n_kinds
        expected = len(kind) / n_kinds
        assert ((counts - expected) ** 2).sum() / expected < limit
    assert abs(len(bars) - 2000) < 4 * np.sqrt(1000)


def test_nobody_tells_an_empty_image_of_bars_from_one_of_stripes() -> None:
    """The best accuracy of the docstring: the more frequent label of every image, each with its true probability."""
    kinds: dict[bytes, dict[int, float]] = {}
    for label, size in ((1, 4), (-1, 4)):
        for code in range(2**size):
            lit = np.array([code >> bit & 1 for bit in range(size)])
            image = np.broadcast_to(lit[:, None] if label == 1 else lit, (4, 4)).tobytes()
            kinds.setdefault(image, {})[label] = 0.5 * 2.0**-size
    best = sum(max(probabilities.values()) for probabilities in kinds.values())
    assert best == 0.9375 == 1 - 2.0**-4
    points, labels = BarsAndStripes(n_samples=20_000, noise=0.0).points()
    _, image = np.unique(points, axis=0, return_inverse=True)
    hits = sum(
        np.unique(labels[image == kind], return_counts=True)[1].max() for kind in range(image.max() + 1)
    )
    assert hits / 20_000 == pytest.approx(best, abs=4 * np.sqrt(best * (1 - best) / 20_000))


def test_noise_on_images_has_its_standard_deviation() -> None:
    noisy = BarsAndStripes(n_samples=500, noise=0.3, seed=4).points()[0]
    residual = noisy - np.where(noisy > 0, 1, -1)  # a flip needs more than three standard deviations
    assert residual.std() == pytest.approx(0.3, rel=0.05)


# ---------------------------------------------------------------- ad hoc


# The first three and the last two grid points of 50 rows a class, and the sum of coordinates times row numbers, as
# ad_hoc_data of qiskit-machine-learning 0.9.1 returns them for a gap of 0.3.
QISKIT: dict[tuple[int, int], tuple[list[list[int]], list[list[int]], int]] = {
    (2, 0): ([[87, 13], [57, 72], [7, 93]], [[19, 67], [37, 57]], 522907),
    (2, 7): ([[96, 69], [53, 26], [96, 88]], [[23, 83], [12, 6]], 541341),
    (3, 0): ([[5, 16, 11], [19, 12, 7], [18, 2, 16]], [[3, 6, 15], [9, 13, 0]], 136279),
    (3, 7): ([[6, 6, 18], [6, 2, 5], [1, 19, 4]], [[5, 5, 14], [19, 4, 8]], 138207),
}


@pytest.mark.parametrize(("n_features", "seed"), QISKIT)
def test_ad_hoc_data_equal_qiskits(n_features: int, seed: int) -> None:
    points, labels = AdHoc(n_samples=100, n_features=n_features, seed=seed, repeats=True).points()
    places = points / (2 * np.pi / {2: 100, 3: 20}[n_features])
    assert np.allclose(places, np.rint(places), atol=1e-9)
    first, last, total = QISKIT[n_features, seed]
    assert np.rint(places[:3]).astype(int).tolist() == first
    assert np.rint(places[-2:]).astype(int).tolist() == last
    assert np.rint(places).sum(axis=1) @ np.arange(1, 101) == total
    assert labels.tolist() == [1] * 50 + [-1] * 50


@pytest.mark.parametrize("n_features", [2, 3])
def test_ad_hoc_labels_are_signs_of_a_measured_parity(n_features: int) -> None:
    """The circuit gate by gate on default.qubit, in the basis V as a gate, with the parity measured after it."""
    dataset = AdHoc(n_samples=40, n_features=n_features, seed=11)
    points, labels = dataset.points()
    random = np.random.default_rng(11)
    size = 2**n_features
    square = random.random((size, size)) + 1j * random.random((size, size))
    values, basis = np.linalg.eig(square.conj().T @ square)
    basis = basis[:, np.argsort(-values.real)]
    wires = range(n_features)

    @qp.qnode(qp.device("default.qubit"))
    def circuit(x: np.ndarray) -> Any:
        for _ in range(2):
            for wire in wires:
                qp.Hadamard(wire)
            for j in wires:
                qp.RZ(-2 * x[j], j)
                for k in range(j + 1, n_features):
                    qp.IsingZZ(-2 * (np.pi - x[j]) * (np.pi - x[k]), wires=[j, k])
        qp.QubitUnitary(basis, wires=wires)
        return qp.expval(qp.prod(*(qp.Z(wire) for wire in wires)))

    measured = np.array([circuit(x) for x in points])
    assert (np.sign(measured) == labels).all()
    assert np.abs(measured).min() > 0.3
    grid = dataset.expectations(dataset.observable(np.random.default_rng(11)))
    places = tuple(np.rint(points / dataset.axis[1]).astype(int).T)
    assert np.allclose(grid[places], measured, atol=1e-10)


def test_the_kernel_of_the_feature_map_separates_ad_hoc_data() -> None:
    points, labels = AdHoc(n_samples=200, seed=2).points()

    @qp.qnode(qp.device("default.qubit"))
    def state(x: np.ndarray) -> Any:
        for _ in range(2):
            for wire in (0, 1):
                qp.Hadamard(wire)
                qp.PhaseShift(-2 * x[wire], wire)
            qp.IsingZZ(-2 * (np.pi - x[0]) * (np.pi - x[1]), wires=[0, 1])
        return qp.state()

    states = np.array([state(x) for x in points])
    fidelities = np.abs(states.conj() @ states.T) ** 2
    train, test = np.arange(200) % 2 == 0, np.arange(200) % 2 == 1
    kernel = SVC(kernel="precomputed", C=1e4).fit(fidelities[np.ix_(train, train)], labels[train])
    assert kernel.score(fidelities[np.ix_(test, train)], labels[test]) > 0.95
    assert LogisticRegression().fit(points[train], labels[train]).score(points[test], labels[test]) < 0.8


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize("reupload", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
def test_quantum_target_is_the_sign_of_an_expectation(depth: int, reupload: bool) -> None:
    dataset = QuantumTarget(n_samples=40, n_features=3, depth=depth, reupload=reupload, margin=0.02, seed=6)
    points, labels = dataset.points()
    weights = dataset.weights(np.random.default_rng(6).spawn(4)[0])
    assert weights.shape == (depth, 3, 3)

    @qp.qnode(qp.device("default.qubit"))
    def circuit(x: np.ndarray) -> Any:
        for layer in range(depth):
            if layer == 0 or reupload:
                for wire in range(3):
                    qp.RY(x[wire], wire)
            for wire in range(3):
                qp.Rot(*weights[layer, wire], wire)
            for wire in range(3):
                qp.CNOT([wire, (wire + layer % 2 + 1) % 3])
        return qp.expval(qp.Z(0))

    measured = np.array([circuit(x) for x in points])
    assert (np.sign(measured) == labels).all()
    assert np.abs(measured).min() > 0.02
    assert np.allclose(dataset.scores(points, weights), measured, atol=1e-10)


@pytest.mark.parametrize(("depth", "reupload"), [(1, False), (2, True)])
def test_a_layer_with_the_targets_weights_is_right_on_every_row(depth: int, reupload: bool) -> None:
    """What the docstring promises of `model=quantum`, whose head reads off the first qubit."""
    dataset = QuantumTarget(n_samples=60, n_features=4, depth=depth, reupload=reupload, seed=2)
    points, labels = dataset.points()
    layer = QuantumLayer(
        n_qubits=4,
        encoding="angle",
        ansatz="strongly_entangling",
        depth=depth,
        reupload=reupload,
        measurement="z",
        precision="float64",
    )
    with torch.no_grad():
        (parameter,) = layer.parameters()
        parameter.copy_(torch.from_numpy(dataset.weights(np.random.default_rng(2).spawn(4)[0])))
        measured = layer(torch.from_numpy(points))[:, 0].numpy()
    assert (np.sign(measured) == labels).all()
    assert np.abs(measured).min() > 0.05


def test_a_shallow_quantum_target_is_a_product_of_cosines() -> None:
    """The docstring's closed form for one layer: the CNOT ring carries Z of the first qubit to Z on all the others."""
    dataset = QuantumTarget(n_features=4)
    random = np.random.default_rng(0)
    points, weights = random.uniform(-np.pi, np.pi, (50, 4)), random.uniform(0, 2 * np.pi, (1, 4, 3))
    product = np.ones(50)
    for qubit in (1, 2, 3):
        phi, theta, _ = weights[0, qubit]
        product *= np.cos(theta) * np.cos(points[:, qubit]) - np.sin(theta) * np.cos(phi) * np.sin(
            points[:, qubit]
        )
    assert np.allclose(dataset.scores(points, weights), product, atol=1e-12)


def test_a_quantum_target_leaves_torchs_stream_alone() -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    QuantumTarget(n_samples=20).points()
    assert torch.equal(before, torch.get_rng_state())


def test_linear_target_is_linear() -> None:
    dataset = LinearTarget(n_features=6, n_samples=400, seed=9)
    points, labels = dataset.points()
    weights = dataset.weights(np.random.default_rng(9).spawn(4)[0])
    assert np.abs(weights).sum() * np.pi == pytest.approx(1)
    assert (np.sign([sum(weights * row) for row in points]) == labels).all()
    assert np.abs(points @ weights).min() > 0.05
    model = LinearSVC(C=1e6, max_iter=100_000).fit(points, labels)
    assert model.score(points, labels) == 1


@pytest.mark.parametrize("make", [QuantumTarget, LinearTarget])
def test_label_noise_turns_labels_and_nothing_else(make: Any) -> None:
    clean, truth = make(n_samples=4000, seed=1).points()
    noisy, labels = make(n_samples=4000, seed=1, label_noise=0.2).points()
    assert np.array_equal(clean, noisy)
    flipped = (labels != truth).mean()
    assert flipped == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 4000))
    # What is flipped at a lower rate is flipped at a higher one.
    fewer = make(n_samples=4000, seed=1, label_noise=0.05).points()[1]
    assert ((fewer != truth) <= (labels != truth)).all()
    assert np.abs(clean).max() <= np.pi


@pytest.mark.parametrize("make", [QuantumTarget, LinearTarget])
def test_more_rows_begin_with_the_same_points(make: Any) -> None:
    """A larger table is a superset, so that learning curves over its size are of one dataset."""
    small = make(n_samples=100, seed=3).points()[0]
    large = make(n_samples=200, seed=3).points()[0]
    assert {row.tobytes() for row in small} <= {row.tobytes() for row in large}
