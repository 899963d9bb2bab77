"""Whether a machine was the same at the end of a rung as at its start: one reference circuit, measured twice."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import torch

from qlayers import QuantumLayer
from qlayers.mitigation import uncorrected
from study.ladder.evidence import Drift
from study.ladder.theory import single_shot_variances

LEVEL = 0.01
ROUNDING = 1e-5  # outputs of an exact backend in single precision
LARGEST = 1.0  # the variance of an outcome that is 1 and -1 equally often


def measure(layer: QuantumLayer, features: torch.Tensor, circuits: int) -> np.ndarray:
    """Outputs of `circuits` copies of the circuit at these features (1, n_features): (circuits, n_outputs).

    They are not mitigated: it is the machine that is looked at, and what sampling does to its own values is known.
    """
    with torch.no_grad(), uncorrected():
        outputs = layer(features.expand(circuits, -1))
    found: np.ndarray = outputs.double().numpy(force=True)
    return found.reshape(circuits, -1)


def compared(layer: QuantumLayer, features: torch.Tensor, start: np.ndarray, end: np.ndarray) -> Drift:
    """The two measurements of the reference circuit, and how far sampling alone may put them apart.

    A quantity's mean over m copies of n shots has the variance σ²/(m·n), the difference of two means twice that; σ²
    follows from the mean of both. The quantile is taken for all quantities together (Bonferroni), so that about 1 % of
    the checks of a machine that does not drift say that it does.

    Args:
        layer: on the rung's backend.
        features: of the reference circuit, (1, n_features).
        start: outputs (circuits, n_outputs).
        end: the same.
    """
    shots = None if layer.backend is None else layer.backend.shots
    limit = ROUNDING
    if shots is not None:
        together = len(start) * shots
        pooled = (start.mean(axis=0) + end.mean(axis=0)) / 2
        variances = single_shot_variances(layer, features.double().numpy(force=True), pooled[None])
        largest = LARGEST if variances is None else float(variances.max())
        # A quantity that never came out otherwise has a variance all the same: about one count's.
        largest = min(LARGEST, max(largest, 4 / together))
        quantile = NormalDist().inv_cdf(1 - LEVEL / (2 * start.shape[1]))
        limit += quantile * float(np.sqrt(2 * largest / together))
    return Drift(len(start), start.mean(axis=0).tolist(), end.mean(axis=0).tolist(), limit)
