"""What was declared before the study, and where it ran: nested values as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from study.comparison.evidence import MOST_COMPARED, Evidence
from study.report.sheet import NOTHING, Sheet, without_empty_end

PACKAGES = "packages"


def flat_rows(values: Mapping[str, Any], before: str = "") -> Iterator[list[str]]:
    """Rows (dotted key, value) of nested mappings."""
    for key, value in values.items():
        place = f"{before}.{key}" if before else str(key)
        if isinstance(value, Mapping) and value:
            yield from flat_rows(value, place)
        else:
            yield [place, text_of(value)]


def text_of(value: Any) -> str:
    """A plain value as people write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {text_of(one)}" for key, one in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text_of(one) for one in value) or "none"
    return str(value)


def protocol_sheet(evidence: Evidence) -> Sheet:
    """Protocol, stop-loss and gates as sealed."""
    parts = {
        key: evidence.declared[key] for key in ("protocol", "stop_loss", "gates") if key in evidence.declared
    }
    return _sheet("Declared before the study began", list(flat_rows(parts)))


def environment_sheet(evidence: Evidence) -> Sheet:
    """Machine and commit; the versions of packages have a table of their own."""
    own = {key: value for key, value in evidence.environment.items() if key != PACKAGES}
    return _sheet("Environment", list(flat_rows(own)))


def package_sheet(evidence: Evidence) -> Sheet:
    """The version of every installed package."""
    found = evidence.environment.get(PACKAGES) or {}
    rows = [[str(name), text_of(version)] for name, version in found.items()]
    caption = "Packages that were installed when the study began"
    return Sheet(caption, ["package", "version"], [False, False], rows, [False] * len(rows))


def entrant_sheet(evidence: Evidence) -> Sheet:
    """What each entrant is, by what distinguishes it from the others."""
    declared = evidence.declared.get("entrants", {})
    rows = [
        [one.label, one.name, one.role, text_of(declared.get(one.name, {}).get("overrides", ()))]
        for one in evidence.entrants
    ]
    return Sheet(
        "Entrants: what each sets on top of what all share", ["model", "name", "role", "sets"],
        [False] * 4, rows, [False] * len(rows),
    )  # fmt: skip


def backend_sheet(evidence: Evidence) -> Sheet | None:
    """Largest difference of a model's outputs from those of other backends; None if that was not looked at."""
    rows = []
    for entrant in evidence.entrants:
        found: dict[str, list[float | str]] = {}
        for one in evidence.of(entrant.name):
            for backend, value in one.backends.items():
                found.setdefault(backend, []).append(value)
        for backend, values in found.items():
            numbers = [value for value in values if not isinstance(value, str)]
            texts = sorted({value for value in values if isinstance(value, str)})
            worst = f"{max(numbers):.1e}" if numbers else NOTHING
            rows.append([entrant.label, backend, worst, str(len(numbers)), "; ".join(texts)])
    if not rows:
        return None
    caption = (
        f"Outputs for the first {MOST_COMPARED} rows of each test part, computed again on other backends"
    )
    header = ["model", "backend", "largest difference", "fits", "could not run"]
    marked = [bool(row[-1]) for row in rows]
    return without_empty_end(Sheet(caption, header, [False, False, True, True, False], rows, marked))


def _sheet(caption: str, rows: list[list[str]]) -> Sheet:
    return Sheet(caption, ["key", "value"], [False, False], rows, [False] * len(rows))
