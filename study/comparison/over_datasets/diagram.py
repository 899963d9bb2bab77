"""The critical-difference diagram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from study.report.rank_diagram import draw_rank_diagram
from study.statistics.friedman import FriedmanNemenyi


def draw_diagram(path: Path, ranks: FriedmanNemenyi, labels: Mapping[str, str], metric: str) -> str:
    """Draw average ranks, bars over models that Nemenyi's test does not tell apart, and the critical difference.

    Args:
        path: where the PNG goes.
        ranks: what is drawn.
        labels: of the entrants, by name; all different.
        metric: that was ranked by, in words.

    Returns:
        What it shows, in words.
    """
    averages = {labels[name]: rank for name, rank in ranks.ranks.items()}
    groups = [tuple(labels[name] for name in group) for group in ranks.groups]
    draw_rank_diagram(
        path,
        averages,
        groups,
        [
            f"Average rank over {ranks.n} datasets, by {metric}",
            "1 is best; a bar links what Nemenyi's test does not tell apart",
        ],
        ranks.critical_difference,
    )
    order = ", ".join(f"{label} {rank:.2f}" for label, rank in averages.items())
    bars = "; ".join(", ".join(group) for group in groups)
    return (
        f"Critical-difference diagram, average ranks over {ranks.n} datasets, 1 is best: {order}. Critical difference "
        f"{ranks.critical_difference:.2f}. {f'Not told apart: {bars}' if bars else 'All are told apart'}."
    )
