"""Constants taken from the training targets: their scale, and the weights that balance classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.errors import StudyError


@dataclass(frozen=True)
class TargetScale:
    """Mean and standard deviation of a regression's training targets.

    Every model is fitted to standardised targets, so that step sizes and penalties mean the same on any target.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, targets: np.ndarray) -> TargetScale:
        """Measure the training targets (n,); a constant target keeps a deviation of 1."""
        return cls(float(np.mean(targets)), float(np.std(targets)) or 1.0)

    def standardise(self, targets: np.ndarray) -> np.ndarray:
        return (targets - self.mean) / self.deviation

    def restore(self, standardised: np.ndarray) -> np.ndarray:
        return standardised * self.deviation + self.mean


def balanced_weights(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Weights (n_classes,) inversely proportional to the class frequencies, n / (n_classes · count).

    A class without a training row has weight 0: there is nothing to weigh.
    """
    counts = np.bincount(targets, minlength=n_classes)
    weights = len(targets) / (n_classes * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0.0)


def require_class_weight(value: str | None) -> str | None:
    """Return the option if it is one of those there are.

    Raises:
        StudyError: if it is not.
    """
    if value not in (None, "balanced"):
        raise StudyError(f"class_weight must be null or balanced, but is {value!r}.")
    return value
