"""Finished studies that are read together: which models they share, and their mean scores."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from study.comparison.evidence import Entrant, Evidence
from study.comparison.load import load_evidence
from study.errors import StudyError
from study.report.words import counted, listed

OPTION = "studies"
FEWEST = 2
# Scores that are equal on paper may differ by rounding, and metrics are of single precision.
SAME = 1e-6
# Parts of what a study declares that neither models nor scores depend on; entrants are compared one by one.
NOT_COMPARED = frozenset(
    {"name", "entrants", "fit", "calibration", "metric", "max_hours", "confirmed", "threads", "folder"}
)
_ABSENT = object()


@dataclass(frozen=True)
class Studies:
    """Studies of one metric on different datasets.

    Attributes:
        by_data: evidence by the name of the dataset, in the order given.
        entrants: those that every study defines alike, the candidate first.
        scores: mean over the splits by entrant and dataset, greater is better (a loss is negated); None where an
            entrant lacks a score on some split, as the mean of the others might be of the easier ones.
        left_out: why other entrants are not compared, by label.
        remarks: what the studies did not have in common, in sentences.
    """

    by_data: Mapping[str, Evidence]
    entrants: Sequence[Entrant]
    scores: Mapping[str, Mapping[str, float | None]]
    left_out: Mapping[str, str]
    remarks: Sequence[str]

    @property
    def first(self) -> Evidence:
        return next(iter(self.by_data.values()))

    @property
    def candidate(self) -> Entrant:
        return self.entrants[0]

    @property
    def whole(self) -> list[Entrant]:
        """Entrants with a score on every dataset."""
        return [one for one in self.entrants if not self.lacking(one)]

    def lacking(self, entrant: Entrant) -> list[str]:
        """Datasets on which it has no score."""
        return [data for data, score in self.scores[entrant.name].items() if score is None]

    @property
    def digest(self) -> str:
        """Of the studies, in whatever order they were given."""
        keys = sorted(f"{one.seal}{one.fingerprint}{one.created}" for one in self.by_data.values())
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:8]


def read_studies(folders: Sequence[Path]) -> Studies:
    """Read the folders of finished studies.

    Raises:
        StudyError: fewer than two folders; one that is no study, is unfinished or void, or was changed; different
            metrics; a dataset given twice; a candidate that is not the same; fewer than two entrants in common.
    """
    if len(folders) < FEWEST:
        raise StudyError(
            f"{OPTION} takes the folders of two or more studies, each on another dataset, but has "
            f"{len(folders)}. The report of one study is in its folder report/."
        )
    found = [_finished(folder) for folder in folders]
    _one_metric(found)
    _different_data(found)
    by_data = dict(zip(_names(found), found, strict=True))
    candidate = found[0].candidate
    entrants, left_out = _in_common(by_data)
    if candidate.name not in [one.name for one in entrants]:
        labels = "; ".join(f"{one.candidate.label} on {name}" for name, one in by_data.items())
        raise StudyError(
            f"{OPTION}: the candidate is not the same in all of them, with the same settings and search ({labels}). "
            "Run the same study, with the same options, on each dataset."
        )
    if len(entrants) < FEWEST:
        why = f" ({'; '.join(f'{label} {reason}' for label, reason in left_out.items())})" if left_out else ""
        raise StudyError(
            f"{OPTION}: they have only {candidate.label} in common{why}. Run the same study, with the same entrants, "
            "on each dataset."
        )
    entrants = sorted(entrants, key=lambda one: one.name != candidate.name)
    return Studies(by_data, entrants, _scores(by_data, entrants), left_out, tuple(_remarks(by_data)))


def _finished(folder: Path) -> Evidence:
    evidence = load_evidence(folder)
    if evidence.leaks:
        raise StudyError(
            f"{OPTION}: a leak was found in {folder}, so that its scores mean nothing. Leave it out, or mend the leak "
            "and run the study again."
        )
    if evidence.missing:
        why = f", because {evidence.stopped.rstrip('.')}" if evidence.stopped else ""
        raise StudyError(
            f"{OPTION}: {folder} is not finished: {counted(evidence.missing, 'job')} did not end{why}. Give the "
            "command that began it again, or leave it out."
        )
    return evidence


def _one_metric(found: Sequence[Evidence]) -> None:
    if len({one.metric for one in found}) > 1:
        named = ", ".join(f"{one.metric} in {one.folder}" for one in found)
        raise StudyError(
            f"{OPTION}: they were declared with different metrics ({named}), and ranks by different metrics do not add "
            "up. Leave some out, or run them with the same study.metric."
        )


def _different_data(found: Sequence[Evidence]) -> None:
    seen: dict[str, Evidence] = {}
    for one in found:
        before = seen.setdefault(one.fingerprint, one)
        if before is not one:
            raise StudyError(
                f"{OPTION}: {before.folder} and {one.folder} are of the same dataset, {one.data}, which would count "
                "twice. Leave one of them out."
            )


def _names(found: Sequence[Evidence]) -> list[str]:
    """Of the datasets, with the study's folder where two have the same."""
    counts = Counter(one.data for one in found)
    return [one.data if counts[one.data] == 1 else f"{one.data} ({one.folder.name})" for one in found]


def _in_common(by_data: Mapping[str, Evidence]) -> tuple[list[Entrant], dict[str, str]]:
    """Entrants that every study defines alike, and why the others are not among them."""
    common: list[Entrant] = []
    left_out: dict[str, str] = {}
    everybody = {one.name: one for evidence in by_data.values() for one in evidence.entrants}
    for name, entrant in everybody.items():
        defined = {data: _definition(evidence, name) for data, evidence in by_data.items()}
        lacking = [data for data, values in defined.items() if values is None]
        first = next(values for values in defined.values() if values is not None)
        other = [data for data, values in defined.items() if values is not None and values != first]
        if lacking:
            left_out[entrant.label] = f"takes no part on {listed(lacking)}"
        elif other:
            left_out[entrant.label] = f"has other settings or another search on {listed(other)}"
        else:
            common.append(entrant)
    return common, left_out


def _definition(evidence: Evidence, name: str) -> dict[str, Any] | None:
    """What an entrant is besides its label; None if it takes no part."""
    for entrant in evidence.entrants:
        if entrant.name == name:
            declared = evidence.declared.get("entrants", {}).get(name, {})
            return {**{key: value for key, value in declared.items() if key != "label"}, "role": entrant.role}
    return None


def _scores(
    by_data: Mapping[str, Evidence], entrants: Sequence[Entrant]
) -> dict[str, dict[str, float | None]]:
    table: dict[str, dict[str, float | None]] = {one.name: {} for one in entrants}
    for data, evidence in by_data.items():
        means: dict[str, float] = {}
        for entrant in entrants:
            scores = evidence.scores(entrant.name)
            if set(scores) == set(evidence.splits):
                means[entrant.name] = float(np.mean(list(scores.values())))
        equal = _together(means)
        for name, row in table.items():
            row[data] = equal.get(name)
    return table


def _together(means: Mapping[str, float]) -> dict[str, float]:
    """Give scores that agree but for rounding the same value; the others stay as they are."""
    tolerance = SAME * max(map(abs, means.values()), default=0.0)
    found: dict[str, float] = {}
    before: float | None = None
    for name, value in sorted(means.items(), key=lambda item: item[1]):
        before = value if before is None or value - before > tolerance else before
        found[name] = before
    return found


def _remarks(by_data: Mapping[str, Evidence]) -> Iterator[str]:
    counts = Counter(one.data for one in by_data.values())
    for name, count in counts.items():
        if count > 1:
            yield (
                f"{name} is there {count} times with different rows. The tests take datasets as independent problems, "
                "which variants of one are not: they will find too much."
            )
    (first, before), *others = by_data.items()
    for data, evidence in others:
        keys = sorted(_differing(_compared(before), _compared(evidence)))
        if keys:
            yield f"Declared differently for {first} and for {data}: {', '.join(keys)}."
    words = {data: _words(evidence) for data, evidence in by_data.items()}
    shared = set.intersection(*words.values())
    for data, own in words.items():
        if own - shared:
            yield f"Given on the command line for {data}, and not for all: {' '.join(sorted(own - shared))}."
    digests = {one.environment.get("code", {}).get("digest") for one in by_data.values()}
    if len(digests) > 1:
        yield "They were computed by different versions of the code."


def _compared(evidence: Evidence) -> dict[str, Any]:
    return {key: value for key, value in evidence.declared.items() if key not in NOT_COMPARED}


def _differing(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Dotted keys whose values differ."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in {*before, *now}:
            dotted = f"{key}.{name}" if key else str(name)
            yield from _differing(before.get(name, _ABSENT), now.get(name, _ABSENT), dotted)
    elif before != now:
        yield key


def _words(evidence: Evidence) -> set[str]:
    """Of the command line, what holds for the models; the data are meant to differ, and `study` is declared."""
    apart = ("data", "study", "hydra", "output_dir", "gates", "entrant")
    return {
        word for word in map(str, evidence.overrides) if not word.lstrip("+~").split("=")[0].startswith(apart)
    }
