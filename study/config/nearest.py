"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(name: str, candidates: Iterable[str], limit: int = 3, least: float = 0.6) -> list[str]:
    """The candidates most like `name`, best first.

    A dotted candidate also counts by its last word, so that a key is found by somebody who forgot its group:

    >>> nearest("max_epoch", ["trainer.max_epochs", "depth"])
    ['trainer.max_epochs']
    """
    wanted = name.lower()
    scores = {candidate: _likeness(wanted, candidate.lower()) for candidate in candidates}
    # Next to an all but certain one, a vague likeness only distracts.
    least = max(least, max(scores.values(), default=0.0) - 0.2)
    likely = [candidate for candidate in scores if scores[candidate] >= least]
    return sorted(likely, key=lambda candidate: (-scores[candidate], candidate))[:limit]


def _likeness(wanted: str, candidate: str) -> float:
    whole = SequenceMatcher(None, wanted, candidate).ratio()
    # A little less than the same likeness of the whole, which names the place as well.
    last = SequenceMatcher(None, wanted.rpartition(".")[2], candidate.rpartition(".")[2]).ratio()
    begun = 0.8 if len(wanted) > 2 and candidate.startswith(wanted) else 0.0
    return max(whole, 0.95 * last, begun)
