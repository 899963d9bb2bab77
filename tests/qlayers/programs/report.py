"""What became of many programs: shares, and each kind of failure with its plainest example."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.qlayers.programs.judge import Judge, Outcome, judge, simplify


def shares(outcomes: Sequence[Outcome]) -> str:
    """Return how many ran natively, as written, were refused by kind, and what they were compared with."""
    counted = Counter(outcome.status for outcome in outcomes)
    lines = [f"{n} programs" for n in (len(outcomes),)]
    lines += [f"  {status}: {n} ({n / len(outcomes):.1%})" for status, n in counted.most_common()]
    refused = Counter(outcome.reason for outcome in outcomes if outcome.status == "refused")
    lines += [f"  refused, {reason}: {n}" for reason, n in refused.most_common()]
    compared = Counter(outcome.reference for outcome in outcomes if outcome.reference)
    lines.append("  compared with " + ", ".join(f"{name}: {n}" for name, n in compared.most_common()))
    return "\n".join(lines)


def share(outcomes: Sequence[Outcome], *statuses: str) -> float:
    """Return the share of programs with one of these statuses."""
    return sum(outcome.status in statuses for outcome in outcomes) / len(outcomes)


def failures(outcomes: Sequence[Outcome], judge: Judge = judge, most: int = 10) -> str:
    """Return the failures by kind, the most frequent first, each with an example that is as plain as possible."""
    kinds: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.fails:
            kinds[outcome.kind].append(outcome)
    by_frequency = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    parts = [f"{len(found)} × {kind}" for kind, found in by_frequency]
    for kind, found in by_frequency[:most]:
        plainest = min(found, key=lambda outcome: len(outcome.program.settings()))
        parts.append(
            f"\n{'=' * 100}\n{len(found)} × {kind}, for example\n{simplify(plainest, judge).describe()}"
        )
    return "\n".join(parts)
