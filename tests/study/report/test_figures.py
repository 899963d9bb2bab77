from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.stats import binomtest

from study.metrics import evaluate
from study.report import figures, style


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, to look inside them."""
    figures_saved: list[Figure] = []
    real = style.save
    monkeypatch.setattr(
        style, "save", lambda figure, path: (figures_saved.append(figure), real(figure, path))
    )
    return figures_saved


def is_picture(path: Path) -> bool:
    pixels = imread(path)
    return min(pixels.shape[:2]) > 300 and pixels.std() > 0.01


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_learning_curves_show_the_history_and_the_best_epoch(
    tmp_path: Path, kept: list[Figure], n_epochs: int
) -> None:
    history = pd.DataFrame(
        {
            "epoch": range(n_epochs),
            "train_loss": [0.9, 0.5, 0.4][:n_epochs],
            "val_loss": [0.8, 0.6, 0.7][:n_epochs],
            "gradient_norm": [1.0, 0.1, 0.01][:n_epochs],
        }
    )
    figures.learning_curves(tmp_path / "curves.png", history, "hybrid on moons")
    loss, gradient = kept[0].axes
    train, validation, best = loss.lines
    assert np.allclose(train.get_ydata(), history["train_loss"])
    assert np.allclose(validation.get_ydata(), history["val_loss"])
    assert list(train.get_xdata()) == list(range(n_epochs))
    assert best.get_xdata()[0] == min(n_epochs - 1, 1)
    assert np.allclose(gradient.lines[0].get_ydata(), history["gradient_norm"])
    assert is_picture(tmp_path / "curves.png")


def test_a_vanished_gradient_and_a_loss_without_validation_are_drawn(tmp_path: Path) -> None:
    history = pd.DataFrame(
        {"epoch": [0, 1], "train_loss": [1.0, 1.0], "val_loss": np.nan, "gradient_norm": [0.1, 0.0]}
    )
    figures.learning_curves(tmp_path / "curves.png", history, "stuck")
    assert is_picture(tmp_path / "curves.png")


def test_the_confusion_matrix_counts(tmp_path: Path, kept: list[Figure]) -> None:
    from sklearn.metrics import confusion_matrix

    rng = np.random.default_rng(0)
    classes = ["a", "b", "never seen"]
    targets, predicted = rng.choice(classes[:2], 50), rng.choice(classes, 50)
    figures.confusion_matrix(tmp_path / "confusion.png", targets, predicted, classes, "test part")
    written = [int(text.get_text()) for text in kept[0].axes[0].texts]
    assert written == confusion_matrix(targets, predicted, labels=classes).ravel().tolist()
    assert is_picture(tmp_path / "confusion.png")


def test_the_reliability_diagram_shows_share_against_confidence(tmp_path: Path, kept: list[Figure]) -> None:
    confidence = np.array([0.54, 0.58, 0.94, 0.95, 0.97, 1.0])
    correct = np.array([True, False, True, True, False, True])
    figures.reliability_diagram(tmp_path / "reliability.png", correct, confidence, "test part")
    points = [container.lines[0].get_xydata()[0] for container in kept[0].axes[0].containers]
    assert np.allclose(points, [(0.56, 0.5), (confidence[2:].mean(), 0.75)])
    assert is_picture(tmp_path / "reliability.png")


@pytest.mark.parametrize("digits", [1, 8])
def test_the_reliability_diagram_is_of_the_calibration_errors_bins(
    tmp_path: Path, kept: list[Figure], digits: int
) -> None:
    """Its points, weighted by the rows drawn below them, give the number; with digits=1 some rows lie on edges."""
    rng = np.random.default_rng(3)
    positive = np.append(rng.random(60).round(digits), [1.0, 0.0, 0.6])
    targets = rng.integers(0, 2, len(positive))
    shares = np.stack([1 - positive, positive], axis=1)
    confidence, correct = shares.max(axis=1), shares.argmax(axis=1) == targets
    figures.reliability_diagram(tmp_path / "reliability.png", correct, confidence, "test part")
    upper, lower = kept[0].axes
    means, right = np.array([container.lines[0].get_xydata()[0] for container in upper.containers]).T
    rows = np.array([bar.get_height() for bar in lower.patches])
    assert rows.sum() == len(positive)
    gap = (rows[rows > 0] * abs(means - right)).sum() / rows.sum()
    number = evaluate("classification", targets, shares, 2)["calibration_error"]
    assert number == pytest.approx(gap)


def test_the_parity_plot_shows_every_row(tmp_path: Path, kept: list[Figure]) -> None:
    targets, predicted = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 2.5])
    figures.parity_plot(tmp_path / "parity.png", targets, predicted, "target", "test part")
    assert np.allclose(kept[0].axes[0].collections[0].get_offsets(), np.column_stack([targets, predicted]))
    assert is_picture(tmp_path / "parity.png")


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (3, 7), (90, 100)])
def test_the_interval_is_wilsons(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert figures.wilson_interval(successes, trials) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )


def test_figures_leave_no_global_state(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    settings, others = dict(matplotlib.rcParams), plt.get_fignums()
    figures.parity_plot(tmp_path / "parity.png", np.arange(3.0), np.arange(3.0), "target", "test part")
    assert plt.get_fignums() == others
    assert dict(matplotlib.rcParams) == settings
