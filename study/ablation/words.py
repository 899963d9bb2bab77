"""The report in plain words: what was swept, what came of it, and what cannot be concluded."""

from __future__ import annotations

from collections.abc import Sequence

from study.ablation.cells import Cell, Grid
from study.ablation.collect import FAILED, FINISHED, MISSING, UNFINISHED, Collected
from study.ablation.measures import Measure, measure, over_words
from study.ablation.sweep import REPEATS, SPLIT_KEYS, Final, label
from study.ablation.tested import TestedModel, tested_models
from study.report.words import counted, listed

NO_BENEFIT = (
    "An ablation compares configurations of one model with each other. It shows no benefit of a quantum part, whatever "
    "its numbers are; that takes the controls, on the test part, over several splits."
)


def what_was_swept(collected: Collected) -> list[str]:
    """The axes, the repeats and what became of the jobs."""
    sweep = collected.sweep
    axes = [f"{key} ({', '.join(label(value) for value in sweep.axes[key])})" for key in sweep.questions]
    repeats = [f"{key} ({', '.join(label(value) for value in sweep.axes[key])})" for key in sweep.repeats]
    swept = f"Swept: {listed(axes)}" if axes else "Swept: nothing but repeats"
    over = (
        f", each repeated over {listed(repeats)}"
        if repeats and axes
        else f": {listed(repeats)}"
        if repeats
        else ""
    )
    return [f"{swept}{over}.", jobs_line(collected)]


def jobs_line(collected: Collected) -> str:
    """As in "27 jobs: 25 finished, 1 failed, 1 missing."."""
    parts = [f"{collected.count(FINISHED)} finished"]
    for status, word in ((FAILED, "failed"), (UNFINISHED, "unfinished"), (MISSING, "missing")):
        if collected.count(status):
            parts.append(f"{collected.count(status)} {word}")
    return f"{counted(len(collected.table), 'job')}: {', '.join(parts)}."


def what_validation_says(grid: Grid, measure: Measure) -> list[str]:
    """The best mean on validation, and which configurations its interval does not tell from it."""
    judged = [(cell, cell.interval) for cell in grid.cells if cell.interval]
    if not judged:
        return ["No job has a validation result, so there is nothing to compare."]
    if measure.higher is None:
        return []
    best_mean = measure.best([interval.mean for _, interval in judged])
    best, interval = next((cell, interval) for cell, interval in judged if interval.mean == best_mean)
    span = measure.range_text(interval)
    over = over_words(grid.axes.over)
    worth = (
        f" (95% interval {span} over {over}, n = {interval.n})"
        if span
        else f" (n = {interval.n}, no interval)"
    )
    direction = "highest" if measure.higher else "lowest"
    lines = [
        f"The {direction} mean validation {measure.name} is {measure.text(interval.mean)}{worth}: {grid.name(best)}."
    ]
    if len(judged) > 1:
        lines.append(_ties(grid, best, [cell for cell, _ in judged if cell is not best]))
    return lines


def what_was_chosen(final: Final, collected: Collected) -> list[str]:
    """The chosen configuration and its test results beside the controls'."""
    sweep = collected.sweep
    chosen = (
        ", ".join(f"{key}={label(value)}" for key, value in final.chosen.items()) or "the one configuration"
    )
    reason = f" ({final.reason.rstrip('.')})" if final.reason else ""
    lines = [f"Chosen on validation: {chosen}{reason}."]
    missing = int((collected.table["status"] == MISSING).sum())
    if missing:
        are = "is" if missing == 1 else "are"
        lines.append(
            f"That was when all jobs were there; {counted(missing, 'job')} {are} missing now, so the numbers above may "
            "name another configuration."
        )
    models = tested_models(final)
    failures = [f"{model.name} failed ({'; '.join(model.failures)})." for model in models if model.failures]
    main = next((model for model in models if model.role == "main"), None)
    if main is None or sweep.metric not in main.intervals:
        return [*lines, "It has no result on the test part.", *failures]
    declared = measure(sweep.task, sweep.metric)
    lines.append(f"On the test part, read once, it reached {declared.name} {_tested(main, declared)}.")
    controls = [model for model in models if model.role == "control" and sweep.metric in model.intervals]
    if not controls:
        return [*lines, "No control was judged beside it, so this says nothing about benefit.", *failures]
    best_mean = declared.best([model.intervals[sweep.metric].mean for model in controls])
    best = [model for model in controls if model.intervals[sweep.metric].mean == best_mean]
    names = listed([model.name for model in best])
    which = "The one control judged" if len(controls) == 1 else f"The best of {len(controls)} controls"
    return [*lines, f"{which}: {names} with {_tested(best[0], declared)}.", *failures]


def what_cannot_be_concluded(collected: Collected, grid: Grid, measure: Measure) -> list[str]:
    """What the numbers are worth, and what they leave open."""
    lines = [_splits(collected), _intervals(grid)]
    lines += _shape(grid, measure)
    lines += _controls(collected)
    if sum(1 for cell in grid.cells if cell.interval) > 1:
        lines.append(
            "Intervals are each for one configuration, not adjusted for how many there are; the best of many means is "
            "partly luck, so expect less of it on new data."
        )
    if any(cell.words and cell.interval for cell in grid.cells):
        lines.append(
            "Where some jobs of a cell gave no value, its mean is of the others alone, which may be the easier ones."
        )
    if any(cell.words and not cell.interval for cell in grid.cells):
        lines.append("A cell without any value is shown as such; nothing is interpolated.")
    lines.append(NO_BENEFIT)
    return lines


def _controls(collected: Collected) -> list[str]:
    """Controls have one fit a split, whatever the chosen configuration has."""
    if collected.final is None:
        return []
    models = tested_models(collected.final)
    controls = [model for model in models if model.role == "control"]
    most = max((model.n_fits for model in models if model.role == "main"), default=0)
    fewest = min((model.n_fits for model in controls), default=most)
    if fewest >= most:
        return []
    return [
        f"Controls are fitted once a split, with one seed ({counted(fewest, 'fit')} each), and the chosen "
        f"configuration {counted(most, 'time')}. How much a control that depends on the seed, such as the MLP or "
        "the separable twin, varies with it is not known here; train.py with the chosen values and several seeds "
        "would tell."
    ]


def _ties(grid: Grid, best: Cell, others: Sequence[Cell]) -> str:
    assert best.interval is not None
    verdicts = [(cell, best.interval.overlaps(cell.interval)) for cell in others if cell.interval]
    tied = [cell for cell, overlap in verdicts if overlap]
    unknown = [cell for cell, overlap in verdicts if overlap is None]
    if len(unknown) == len(verdicts):
        return (
            "Without intervals on both sides, no difference between configurations can be told from chance."
        )
    without = f" {_sentence_counted(len(unknown))} no interval to compare." if unknown else ""
    if not tied:
        apart = len(verdicts) - len(unknown)
        return f"Its interval overlaps with none of the {counted(apart, 'other')} that have one.{without}"
    many = f"all {len(tied)}" if len(tied) == len(others) else f"{len(tied)} of the {len(others)}"
    if len(others) == 1:
        other = grid.name(tied[0])
        return f"A tie within the intervals: that of {other} overlaps with it, so this sweep does not tell them apart."
    names = [grid.name(cell) for cell in tied[:3]]
    if len(tied) > 3:
        names.append(f"{len(tied) - 3} more")
    return (
        f"A tie within the intervals: {many} other configurations overlap with it "
        f"({'; '.join(names)}), so this sweep does not tell them apart.{without}"
    )


def _sentence_counted(number: int) -> str:
    return "One has" if number == 1 else f"{number} have"


def _tested(model: TestedModel, declared: Measure) -> str:
    interval = model.intervals[declared.key]
    span = declared.range_text(interval)
    if span:
        return f"{declared.text(interval.mean)} (mean of {interval.n}, 95% interval {span})"
    return declared.text(interval.mean)


def _splits(collected: Collected) -> str:
    rows = " or ".join(f"{n:,}" for n in collected.validation_rows)
    on = f" ({rows} rows)" if rows else ""
    swept = [key for key in SPLIT_KEYS if len(collected.sweep.axes.get(key, [])) > 1]
    if swept:
        return (
            f"Validation metrics of several splits{on}, varied by {listed(swept)}. Splits of the same data share rows, "
            "so runs are not independent and intervals are narrower than they should be."
        )
    return (
        f"Validation metrics of one split{on}: every job was judged on the same rows, so how much the result depends "
        "on these rows is not in any interval."
    )


def _intervals(grid: Grid) -> str:
    over = grid.axes.over
    if not over:
        return f"No interval: no repeats ({', '.join(REPEATS)}) were swept, so chance cannot be told from effect."
    if all(cell.n < 2 for cell in grid.cells):
        return f"No interval: no configuration has two values or more over {over_words(over)}."
    counts = sorted({cell.n for cell in grid.cells if cell.n > 1})
    runs = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Intervals are 95% Student-t intervals of the mean over {over_words(over)} ({runs} runs each)."


def _shape(grid: Grid, measure: Measure) -> list[str]:
    """What a t-interval does to few, bounded or equal values."""
    intervals = [cell.interval for cell in grid.cells if cell.interval and cell.interval.known]
    lines = []
    if any(interval.n < 5 for interval in intervals):
        lines.append(
            "With fewer than five runs a t-interval is wide, and rests on the values being normally distributed."
        )
    least, most = measure.bounds
    if any((i.high or 0) > most or (i.low or 0) < least for i in intervals):
        lines.append(
            f"Some intervals reach beyond what {measure.name} can be: tables have them as computed, figures cut them "
            "there, with an arrow."
        )
    if any(interval.low == interval.high for interval in intervals):
        lines.append(
            "Where all runs gave the same value the interval has no width; that is no proof of certainty."
        )
    return lines
