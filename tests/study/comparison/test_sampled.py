"""Fitted circuits measured a finite number of times: the spread is that of a mean of coin flips."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from qlayers import QuantumLayer
from study.comparison.sampled import sampled_predictions


class Fitted:
    """As much of a learner as is read."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.model(torch.as_tensor(inputs)).numpy()


def learner(**options):
    torch.manual_seed(3)
    layer = QuantumLayer(2, depth=1, precision="float64", **options)
    return Fitted(nn.Sequential(nn.Tanh(), nn.Sequential(layer)))


@pytest.mark.parametrize("shots", [50, 2000])
def test_the_variance_is_that_of_so_many_measurements(shots):
    """(1 - ⟨Z⟩²) / shots for each qubit and row, every row drawn by itself."""
    fitted = learner()
    inputs = np.repeat(np.array([[0.3, -1.2], [1.5, 0.4]]), 400, axis=0)
    exact = fitted.predict(inputs)
    errors = (sampled_predictions(fitted, inputs, shots, seed=1) - exact) / np.sqrt((1 - exact**2) / shots)
    n = errors.size
    assert abs(errors.mean()) < 4 / np.sqrt(n)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], n) / n
    assert low < (errors**2).mean() < high
    assert not np.array_equal(errors[0], errors[1]), "two rows must not share their samples"


def test_the_seed_decides_and_the_model_stays_as_it_was():
    fitted = learner(encoding="iqp")
    inputs = np.random.default_rng(0).uniform(-1, 1, (6, 2))
    before = fitted.predict(inputs)
    first = sampled_predictions(fitted, inputs, 100, seed=1)
    np.testing.assert_array_equal(sampled_predictions(fitted, inputs, 100, seed=1), first)
    assert not np.array_equal(sampled_predictions(fitted, inputs, 100, seed=2), first)
    np.testing.assert_array_equal(fitted.predict(inputs), before)
    assert isinstance(fitted.model[1][0], QuantumLayer) and fitted.model[1][0].qnode.shots.total_shots is None
