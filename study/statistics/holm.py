"""Several tests at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from study.errors import StudyError
from study.statistics.checks import require_share
from study.statistics.uncollected import uncollected
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class Holm:
    """Adjusted p-values, by the name of the comparison.

    Attributes:
        adjusted: p-value after the correction; compare it with `alpha`. Undecided where the comparison was.
        n: comparisons corrected for, undecided ones among them.
    """

    alpha: float
    n: int
    adjusted: Mapping[str, float | Undecided]

    @property
    def rejected(self) -> tuple[str, ...]:
        """Comparisons whose difference survives the correction."""
        return tuple(
            name for name, p in self.adjusted.items() if not isinstance(p, Undecided) and p <= self.alpha
        )

    def __str__(self) -> str:
        kept = ", ".join(self.rejected) or "none"
        return f"of {self.n} comparisons these survive Holm's correction at {self.alpha:g}: {kept}"


def holm(p_values: Mapping[str, float | Undecided], alpha: float = 0.05) -> Holm | Undecided:
    """Holm's step-down correction (1979), by statsmodels.

    Args:
        p_values: of each comparison of the family. An undecided one stays in the family as if its p-value were 1:
            a comparison that failed must not make the others easier.
        alpha: family-wise error rate.

    Raises:
        StudyError: if `alpha` is no share or a p-value is not between 0 and 1.
    """
    from statsmodels.stats.multitest import multipletests

    require_share("alpha", alpha)
    known = {name: 1.0 if isinstance(p, Undecided) else p for name, p in p_values.items()}
    for name, p in known.items():
        if not 0 <= p <= 1:
            raise StudyError(f"The p-value of {name!r} must lie between 0 and 1, but is {p!r}.")
    if all(isinstance(p, Undecided) for p in p_values.values()):
        return Undecided("no comparison has a p-value")
    with uncollected():
        _, adjusted, _, _ = multipletests(list(known.values()), alpha, method="holm")
    return Holm(
        alpha,
        len(known),
        {
            name: p if isinstance(p, Undecided) else float(new)
            for (name, p), new in zip(p_values.items(), adjusted, strict=True)
        },
    )
