"""Which test rows are taken up the ladder."""

from __future__ import annotations

import numpy as np

from study.errors import StudyError


def choose_rows(targets: np.ndarray, rows: int | None, seed: int) -> np.ndarray:
    """Positions of `rows` rows, in ascending order, spread over the targets as the whole part is.

    Rows are put in random order, sorted by target (stably, so that equal ones stay in random order), and taken at even
    steps from a random start: each class has its share up to one row, and numbers are covered from low to high.
    (Systematic sampling of an ordered frame; Cochran, Sampling Techniques, 1977, chapter 8.)

    Args:
        targets: of the test part, class positions or numbers, (n,).
        rows: how many; None for all.
        seed: of the choice.

    Raises:
        StudyError: there are not so many.
    """
    if rows is None:
        return np.arange(len(targets))
    if rows > len(targets):
        raise StudyError(
            f"rows={rows} is more than the test part has: {len(targets)} rows. Choose fewer, or rows=null for all."
        )
    random = np.random.default_rng(seed)
    order = random.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    places = np.floor((random.uniform() + np.arange(rows)) * len(targets) / rows).astype(np.int64)
    return np.sort(order[places])
