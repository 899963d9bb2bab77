"""The page opens by itself, shows what the ladder found, and fits a phone."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from study.ladder.evidence import Climbed, Drift
from study.ladder.folder import EvaluationFolder
from study.ladder.judging import Error, Interval, Judged
from study.ladder.report.ladder_plot import ladder_plot
from study.ladder.report.report import _limits as limits
from study.ladder.report.score_plot import score_plot
from study.ladder.report.shots_plot import shots_plot
from study.ladder.report.spread_plot import spread_plot
from study.ladder.scorecard import Card
from study.ladder.table import ladder_table, written
from study.ladder.telling import print_ladder
from study.ladder.words import cells, dollars, header
from tests.study.ladder.conftest import Evaluated
from tests.study.report.browser import CHROMIUM, opened
from tests.study.report.pages import Page

Evaluate = Callable[..., Evaluated]


def judged(name: str, status: str = "climbed", outside: bool = False, value: float = 0.9) -> Judged:
    ran = {"executions": 10, "device": "d", "usd": 1.25 if outside else 0.0, "tasks": 2}
    plan = {"circuits": 10, "usd": 3.5, "usd_at_most": 4.0, "seconds": 20.0}
    if status != "climbed":
        failure = {"kind": "timeout", "reason": "no answer"} if status == "failed" else None
        return Judged(Climbed(name, name, status, {}, outside, 100, plan=plan, failure=failure))  # type: ignore[arg-type]
    record = Climbed(
        name, name, "climbed", {}, outside, 100, ran, {"n_qubits": 2, "circuit_depth": 5}, plan, 3.0, 0.1,
        Drift(2, [0.1], [0.4], 0.2),
    )  # fmt: skip
    metrics = {"balanced_accuracy": Interval(value, value - 0.1, value + 0.05), "roc_auc": Interval(0.8)}
    error = Error(0.05, 0.2, 0.02, Interval(2.5, 2.0, 3.0))
    differences = {} if name == "exact" else {"balanced_accuracy": Interval(-0.1, -0.2, -0.01)}
    return Judged(record, metrics, differences, 3, Interval(0.1), Interval(0.04, 0.03, 0.05), 0.01, error)


LADDER = [
    judged("exact"),
    judged("paid", outside=True, value=0.8),
    judged("later", "planned", True),
    judged("broken", "failed"),
]


def test_every_row_has_a_cell_a_column() -> None:
    for priced in (True, False):
        names = header("classification", priced)
        assert {len(cells(one, "classification", priced)) for one in LADDER} == {len(names)}
    paid, later, broken = (
        dict(zip(header("classification", True), cells(one, "classification", True), strict=True))
        for one in LADDER[1:]
    )
    assert (paid["price"], paid["flips"], paid["circuits"]) == ("$1.25", "3", "10")
    assert paid["minus exact"] == "-0.100 (-0.200 to -0.010)"
    assert paid["× sampling"] == "2.50 (2.00 to 3.00)"
    assert (later["balanced accuracy"], later["price"]) == ("planned only", "$3.50")
    assert broken["balanced accuracy"] == "failed"


def test_the_table_has_every_number(tmp_path: Path) -> None:
    table = ladder_table(LADDER).set_index("rung")
    assert table.loc["paid", "balanced_accuracy_low"] == pytest.approx(0.7)
    assert table.loc["paid", "drift"] == pytest.approx(0.3)
    assert table.loc["later", "planned_usd_at_most"] == 4.0
    assert table.loc["broken", "failure_kind"] == "timeout"


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_cell_is_broken_by_the_terminal(width: int) -> None:
    """Every cell stands whole in a line; the rung's name is in every part of the table."""
    text = io.StringIO()
    console = Console(file=text, width=width)
    print_ladder(LADDER, "classification", EvaluationFolder(Path("there")), console)
    lines = text.getvalue().splitlines()
    assert all(len(line) <= width for line in lines if "Report" not in line and "Table" not in line)
    names = header("classification", True)
    heads = [line for line in lines if line.strip().startswith("rung ")]
    assert sorted(name for name in names[1:] for head in heads if name in head) == sorted(names[1:])
    assert (len(heads) == 1) == (width >= 160)
    for one in LADDER:
        shown = " ".join(line for line in lines if line.strip().startswith(one.record.label))
        assert all(cell in shown for cell in cells(one, "classification", True))
        assert sum(line.strip().startswith(one.record.label + " ") for line in lines) >= len(heads)


def test_the_pictures_are_drawn(tmp_path: Path) -> None:
    ladder_plot(tmp_path / "ladder.png", LADDER, "classification", "exact", ["$a title"])
    assert spread_plot(tmp_path / "spread.png", LADDER, ["title"])
    assert not spread_plot(tmp_path / "none.png", LADDER[2:], ["title"])
    from study.ladder.curve import Point

    shots_plot(tmp_path / "shots.png", [Point(10, 0.3, 0.2, 0.4, None)], LADDER, ["title"])
    cards = [
        Card("a", "A", usd=10.0, seconds=3.0, estimated_fidelity=0.8),
        Card("b", "B", refused="too small"),
    ]
    score_plot(tmp_path / "score.png", cards, ["title"])
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "ladder.png",
        "spread.png",
        "shots.png",
        "score.png",
    }


def test_the_table_is_written_without_rests_of_arithmetic() -> None:
    """0.8666666746139526 is what single precision makes of 13/15."""
    one = judged("paid", outside=True, value=float(np.float32(13 / 15)))
    plan = {"usd": 12345.670525, "usd_at_most": 0.1 + 0.2, "shots": 12_345_678}
    record = dataclasses.replace(one.record, plan=plan)
    table = ladder_table([judged("exact"), dataclasses.replace(one, record=record)])
    rows = list(csv.DictReader(written(table).splitlines()))
    assert rows[1]["balanced_accuracy"] == "0.866667"
    assert [rows[1][name] for name in ("planned_usd", "planned_usd_at_most")] == ["12345.670525", "0.3"]
    assert float(rows[1]["planned_shots"]) == 12_345_678
    assert rows[1]["failure"] == ""


@pytest.mark.parametrize(("n_rows", "told"), [(1, False), (2, True), (9, True), (10, False)])
def test_intervals_of_few_rows_are_said_to_be_too_narrow(n_rows: int, told: bool) -> None:
    part = limits(SimpleNamespace(positions=range(n_rows)), LADDER)  # type: ignore[arg-type]
    said = f"Intervals from {n_rows} rows are too narrow" in " ".join(part.sentences)
    assert said is told


def test_prices_are_read_as_prices() -> None:
    assert [dollars(0.0), dollars(19.6), dollars(3533.2), dollars(0.0004)] == [
        "$0",
        "$19.60",
        "$3,533.20",
        "$0.0004",
    ]


def test_the_page_has_everything_in_it(evaluate: Evaluate, tmp_path: Path) -> None:
    _, _, folder = evaluate("ladder.curve.shots=[20,80]", pages=True)
    text = (folder / "evaluation.html").read_text()
    page = Page(text)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert len(page.images) == 3
    assert all(image["alt"] for image in page.images)
    rows = page.table("rung", "flips", "× sampling")
    assert [row["rung"] for row in rows] == ["exact", "the same again", "sampled"]
    assert rows[1]["flips"] == "0"
    markdown = (folder / "evaluation.md").read_text()
    assert "![Ladder plot of balanced accuracy" in markdown
    assert "figures/ladder.png" in markdown
    for line in ("exact", "sampled", "What these numbers cannot show"):
        assert line in markdown
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    for width in (400, 1280):
        title, console = opened(folder / "evaluation.html", width, tmp_path / f"profile-{width}")
        assert console == []
        assert title.startswith("From exact values to hardware")
        probed = tmp_path / f"{width}.html"
        from tests.study.report.browser import PROBE

        probed.write_text(text.replace("</body>", PROBE))
        title, _ = opened(probed, width, tmp_path / f"probe-{width}")
        assert title == "images=3 overflow=0"
