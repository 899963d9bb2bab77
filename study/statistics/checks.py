"""Arguments that are wrong whatever the scores are."""

from __future__ import annotations

import math

from study.errors import StudyError


def require_share(name: str, value: float) -> float:
    """Return a number strictly between 0 and 1.

    Raises:
        StudyError: on anything else.
    """
    if not 0 < value < 1:
        raise StudyError(f"{name} must lie between 0 and 1, such as 0.95, but is {value!r}.")
    return value


def require_positive(name: str, value: float, *, zero: bool = False) -> float:
    """Return a finite number above 0, or from 0 on with `zero`.

    Raises:
        StudyError: on anything else.
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise StudyError(f"{name} must be {'0 or more' if zero else 'above 0'} and finite, but is {value!r}.")
    return value


def held_out_ratio(n_train: int, n_test: int) -> float:
    """Rows of a test part over rows of the training part beside it; 1 / (k - 1) in k-fold cross-validation.

    Raises:
        StudyError: if one of them is not positive.
    """
    if n_train < 1 or n_test < 1:
        raise StudyError(
            f"A split has one or more rows on both sides, but n_train={n_train}, n_test={n_test}."
        )
    return n_test / n_train
