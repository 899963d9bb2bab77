"""The predictions of all folds put together, as they were and after calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study.comparison.evidence import Evidence, Outcome, Predictions
from study.report.words import counted
from study.statistics.undecided import Undecided

Reader = Callable[[Outcome], tuple[Predictions, Predictions] | None]
Pairs = Sequence[tuple[Predictions, Predictions]]  # (validation, test) of each fit
NONE = "none"


@dataclass(frozen=True)
class Pooled:
    """Test predictions of one entrant over its fits.

    Attributes:
        targets: class positions or numbers, (n,).
        outputs: probabilities (n, n_classes) or numbers (n,).
        copies: how many times a row is among them on average: once a repeat and seed.
    """

    targets: np.ndarray
    outputs: np.ndarray
    copies: float


def read_all(evidence: Evidence, predictions: Reader) -> dict[str, Pairs]:
    """What each entrant's fits of the comparison itself predicted, as far as it was kept."""
    found: dict[str, Pairs] = {}
    for entrant in evidence.entrants:
        pairs = [predictions(one) for one in evidence.of(entrant.name) if one.failure is None]
        kept = [pair for pair in pairs if pair is not None and len(pair[1].targets)]
        if kept:
            found[entrant.name] = kept
    return found


def pool(pairs: Pairs, method: str) -> Pooled | Undecided:
    """Put the test parts of all fits together, each calibrated on the validation part of its own fit.

    Args:
        pairs: (validation, test) of each fit.
        method: one of `study.calibration.calibrator.METHODS`; "none" leaves outputs as they are.

    Returns:
        Undecided if the method cannot be fitted on some validation part, with the number of fits it fails on.
    """
    outputs = []
    reasons: list[str] = []
    for validation, test in pairs:
        if method == NONE:
            outputs.append(np.asarray(test.outputs))
            continue
        from study.calibration.calibrator import calibrated

        one = calibrated(method, validation, test.outputs)
        if isinstance(one, Undecided):
            reasons.append(one.reason)
        else:
            outputs.append(np.asarray(one))
    if reasons:
        # What holds for one fit is not said of the model.
        return Undecided(
            "; ".join(
                f"on {count} of {counted(len(pairs), 'fit')}: {reason}"
                for reason, count in Counter(reasons).items()
            )
        )
    rows = np.concatenate([test.rows for _, test in pairs])
    copies = len(rows) / len(np.unique(rows))
    return Pooled(np.concatenate([test.targets for _, test in pairs]), np.concatenate(outputs), copies)


def pool_methods(pairs: Pairs, methods: Sequence[str]) -> Mapping[str, Pooled | Undecided]:
    """`pool` by every method, "none" first."""
    return {method: pool(pairs, method) for method in dict.fromkeys([NONE, *methods])}


def constant_fits(pairs: Pairs) -> int:
    """How many fits say the same of every row of their test part, where it has two or more."""
    return sum(
        len(test.targets) > 1 and bool(np.ptp(np.asarray(test.outputs, dtype=float), axis=0).max() <= 1e-12)
        for _, test in pairs
    )
