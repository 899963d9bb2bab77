"""Who won, in one sentence, and what that sentence is worth."""

from __future__ import annotations

from collections.abc import Sequence

from study.report.columns import Column, primary_column
from study.run.results import ModelResult, Results

ONE_SPLIT = (
    "One split is not evidence: another fold or seed can turn the order round, "
    "so compare over several before deciding."
)
NO_CONTROLS = "No controls were run (controls=none), so this run says nothing about benefit."


def verdict(results: Results) -> str:
    """The sentence under the table, by the primary metric alone; equal values are called a tie."""
    column = primary_column(results.task)
    if not results.controls:
        return f"{_on_its_own(results.main, column)} {NO_CONTROLS}"
    judged = [model for model in results.models if model.failure is None and column.value(model) is not None]
    if results.main not in judged:
        return f"{results.main.label} has no {column.name} on this test part, so nothing can be compared."
    if len(judged) == 1:
        return f"{_on_its_own(results.main, column)} Every control failed: nothing to compare it with."
    return f"{_who_won(results.main, judged, column)} {ONE_SPLIT}"


def _who_won(main: ModelResult, judged: Sequence[ModelResult], column: Column) -> str:
    values = [_value(column, model) for model in judged]
    best = max(values) if column.higher_is_better else min(values)
    winners = [model for model, value in zip(judged, values, strict=True) if value == best]
    score = f"{column.name} {column.text(best)} on the test part"
    if len(winners) == len(judged):
        return f"A tie of all {len(judged)} models: {score}."
    if len(winners) > 1:
        names = _listed([model.label for model in winners])
        sentence = f"A tie between {names}: {score}"
    else:
        sentence = f"{winners[0].label} won: {score}"
    if main in winners:
        return f"{sentence}."
    return f"{sentence}; {main.label} reached {column.text(_value(column, main))}."


def _on_its_own(main: ModelResult, column: Column) -> str:
    value = column.value(main)
    if value is None:
        return f"{main.label} has no {column.name} on this test part."
    return f"{main.label} reached {column.name} {column.text(value)} on the test part."


def _value(column: Column, model: ModelResult) -> float:
    value = column.value(model)
    if value is None:
        raise ValueError(f"{model.name} was not judged by {column.key}")
    return value


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
