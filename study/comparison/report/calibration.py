"""Are the probabilities what they say, before and after calibration, and what is gained by abstaining?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from study.comparison.evidence import Entrant
from study.comparison.report.pooled import NONE, Pooled
from study.metrics import calibration_bins, evaluate
from study.report.columns import three_decimals
from study.report.figures import wilson_interval
from study.report.palette import LINES, WIDTH, headline, legend_below, legible, look
from study.report.sheet import NOTHING, Sheet, without_empty_end
from study.report.style import GREY, bare, drawn
from study.statistics.undecided import Undecided
from study.text import in_figure

By = Mapping[str, Pooled | Undecided]  # by method
Risks = Mapping[
    tuple[str, str], tuple[np.ndarray, np.ndarray]
]  # (coverage, risk) by model and method, as labels
COVERAGES = (1.0, 0.9, 0.8, 0.5)


def calibration_sheet(found: Mapping[str, By], entrants: Sequence[Entrant], n_classes: int) -> Sheet:
    """Log-loss and calibration error of each entrant's pooled test predictions by each method."""
    header = [
        "model", "method", "log-loss, pooled", "calibration error, pooled", "test predictions", "undecided because",
    ]  # fmt: skip
    rows, marked = [], []
    for entrant in entrants:
        for method, pooled in found.get(entrant.name, {}).items():
            marked.append(isinstance(pooled, Undecided))
            if isinstance(pooled, Undecided):
                rows.append([entrant.label, spoken(method), NOTHING, NOTHING, NOTHING, pooled.reason])
                continue
            scores = evaluate("classification", pooled.targets, pooled.outputs, n_classes)
            values = [three_decimals(scores[key]) for key in ("log_loss", "calibration_error")]
            rows.append([entrant.label, spoken(method), *values, f"{len(pooled.targets):,}", ""])
    caption = (
        "Test predictions of all folds together; a method is fitted on the validation part of each fold, which also "
        "chose the settings. Lower is better for both"
    )
    return without_empty_end(Sheet(caption, header, [False, False, True, True, True, False], rows, marked))


def reliability(path: Path, label: str, by_method: By) -> str | None:
    """Draw how often the predicted class was right against the probability it was given, a line a method.

    Args:
        path: where the PNG goes.
        label: of the model.
        by_method: its pooled predictions.

    Returns:
        What it shows in words; None if there was nothing to draw.
    """
    drawable = {method: one for method, one in by_method.items() if isinstance(one, Pooled)}
    if not drawable:
        return None
    words = []
    with legible(), drawn(path, width=WIDTH, height=4.7) as figure:
        plot = bare(figure.subplots())
        plot.plot((0, 1), (0, 1), color=GREY, linestyle=":", linewidth=1.2, label="perfectly calibrated")
        left = 1.0
        for number, (method, pooled) in enumerate(drawable.items()):
            confidence = pooled.outputs.max(axis=1)
            correct = pooled.outputs.argmax(axis=1) == pooled.targets
            bins = calibration_bins(confidence)[1]
            style = look(number)
            inside = [bins == index for index in np.unique(bins)]
            x = [float(confidence[one].mean()) for one in inside]
            y = [float(correct[one].mean()) for one in inside]
            spans = [_span(correct[one], pooled.copies) for one in inside]
            below = [max(0.0, share - low) for share, (low, _) in zip(y, spans, strict=True)]
            above = [max(0.0, high - share) for share, (_, high) in zip(y, spans, strict=True)]
            plot.errorbar(
                x, y, yerr=[below, above], color=style.colour, marker=style.marker, markersize=5, capsize=2,
                linewidth=1.1, elinewidth=0.9, label=spoken(method),
            )  # fmt: skip
            left = min(left, *x)
            gap = float(np.average(np.abs(np.array(x) - y), weights=[one.sum() for one in inside]))
            words.append(f"{spoken(method)}: mean gap {gap:.3f}")
        plot.set(xlim=(max(0.0, left - 0.04), 1.01), ylim=(-0.02, 1.03))
        plot.set(xlabel="probability given to the predicted class", ylabel="share that was right")
        headline(
            figure, [f"{label}: reliability on the pooled test parts", "95% Wilson intervals of each bin"]
        )
        legend_below(figure)
    return f"Reliability diagram of {label}: share that was right against the probability given. {'; '.join(words)}."


def risk_curves(path: Path, found: Risks, what: str) -> str | None:
    """Draw the error of the answers that are given against the share of rows that get one, a line a model.

    Args:
        path: where the PNG goes.
        found: the curves.
        what: which predictions, in words.

    Returns:
        What it shows in words; None if there was nothing to draw.
    """
    if not found:
        return None
    words = []
    with legible(), drawn(path, width=WIDTH, height=3.6 + 0.1 * len(found)) as figure:
        plot = bare(figure.subplots())
        models, methods = (list(dict.fromkeys(keys)) for keys in zip(*found, strict=True))
        for (model, method), (coverage, risk) in found.items():
            style, label = look(models.index(model)), f"{model}, {method}"
            line = LINES[methods.index(method) % len(LINES)]
            plot.plot(
                coverage, risk, color=style.colour, linestyle=line, linewidth=1.5, label=in_figure(label)
            )
            ends = [at_coverage(coverage, risk, share) for share in (1.0, 0.8)]
            words.append(f"{label}: {ends[0]:.3f} on all rows, {ends[1]:.3f} on the surest 80%")
        plot.set(
            xlim=(0, 1.01),
            xlabel="coverage: share of rows that get an answer",
            ylabel="risk: share of these that is wrong",
        )
        plot.set_ylim(bottom=0)
        headline(figure, ["Risk and coverage, the surest rows first", what])
        legend_below(figure)
    return f"Risk–coverage curve. {'; '.join(words)}."


def risk_sheet(found: Risks) -> Sheet:
    """Error among the surest rows, for a few shares of them."""
    header = ["model", "method", *(f"risk at {share:.0%}" for share in COVERAGES)]
    rows = [
        [*key, *(three_decimals(at_coverage(coverage, risk, share)) for share in COVERAGES)]
        for key, (coverage, risk) in found.items()
    ]
    caption = "Share of wrong answers if only the surest share of the rows gets one"
    return Sheet(caption, header, [False, False, *[True] * len(COVERAGES)], rows, [False] * len(rows))


def _span(correct: np.ndarray, copies: float) -> tuple[float, float]:
    """Wilson's interval of a bin, in which a row that was predicted several times counts once."""
    return wilson_interval(correct.sum() / copies, len(correct) / copies)


def spoken(method: str) -> str:
    """A method in words."""
    return "as predicted" if method == NONE else method


def at_coverage(coverage: np.ndarray, risk: np.ndarray, share: float) -> float:
    """Risk at a share of the rows, between the points of the curve by a straight line."""
    order = np.argsort(coverage, kind="stable")
    return float(np.interp(share, np.asarray(coverage)[order], np.asarray(risk)[order]))
