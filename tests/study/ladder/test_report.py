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
from matplotlib.figure import Figure

from study.ladder.certainty import most_that_flip, unflipped
from study.ladder.evidence import Climbed, Drift
from study.ladder.folder import EvaluationFolder
from study.ladder.judging import Error, Interval, Judged
from study.ladder.report import ladder_plot as ladder_plot_module
from study.ladder.report.ladder_plot import ladder_plot
from study.ladder.report.report import _limits as limits
from study.ladder.report.report import _lost as lost
from study.ladder.report.score_plot import score_plot
from study.ladder.report.shots_plot import shots_plot
from study.ladder.report.spread_plot import spread_plot
from study.ladder.scorecard import Card
from study.ladder.table import ladder_table, written
from study.ladder.telling import print_ladder
from study.ladder.words import cells, dollars, header
from study.terminal import Terminal
from tests.study.ladder.conftest import Evaluated
from tests.study.report.browser import CHROMIUM, opened
from tests.study.report.pages import Page

Evaluate = Callable[..., Evaluated]


def judged(name: str, status: str = "climbed", outside: bool = False, value: float = 0.9) -> Judged:
    ran = {"executions": 10, "device": "d", "usd": 1.25 if outside else 0.0, "tasks": 2}
    plan = {"circuits": 10, "usd": 3.5, "usd_at_most": 4.0, "seconds": 20.0}
    if status != "climbed":
        failure = {"kind": "timeout", "reason": "no answer"} if status == "failed" else None
        spent = {"executions": 2, "usd": 0.59 if outside else 0.0} if status == "failed" else {}
        seconds = 1.5 if status == "failed" else None
        return Judged(
            Climbed(name, name, status, {}, outside, 100, spent, {}, plan, seconds, failure=failure)
        )  # type: ignore[arg-type]
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
    judged("broken", "failed", True),
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
    # What was reckoned says so in its cell; what failed has what ran and was spent, not its plan.
    planned = ("planned only", "planned: 10", "planned: $3.50", "planned: 20 s")
    assert tuple(later[name] for name in ("balanced accuracy", "circuits", "price", "time")) == planned
    ran = ("failed", "2", "$0.59", "1.5 s")
    assert tuple(broken[name] for name in ("balanced accuracy", "circuits", "price", "time")) == ran


def test_the_table_has_every_number(tmp_path: Path) -> None:
    table = ladder_table(LADDER).set_index("rung")
    assert table.loc["paid", "balanced_accuracy_low"] == pytest.approx(0.7)
    assert table.loc["paid", "drift"] == pytest.approx(0.3)
    assert table.loc["later", "planned_usd_at_most"] == 4.0
    assert table.loc["broken", "failure_kind"] == "timeout"


@pytest.mark.parametrize("width", [80, 100, 180])
def test_no_cell_is_broken_by_the_terminal(width: int) -> None:
    """Every cell stands whole in a line; the rung's name is in every part of the table."""
    text = io.StringIO()
    console = Terminal(file=text, width=width)
    print_ladder(LADDER, "classification", 12, EvaluationFolder(Path("there")), console)
    lines = text.getvalue().splitlines()
    assert all(len(line) <= width for line in lines if "Report" not in line and "Table" not in line)
    names = header("classification", True)
    heads = [line for line in lines if line.strip().startswith("rung ")]
    assert sorted(name for name in names[1:] for head in heads if name in head) == sorted(names[1:])
    assert (len(heads) == 1) == (width >= 180)
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


@pytest.mark.parametrize(("n_rows", "told"), [(1, "one row"), (3, "3 rows"), (9, "9 rows"), (10, None)])
def test_nothing_is_concluded_from_few_rows(n_rows: int, told: str | None) -> None:
    worse = [judged("exact"), judged("paid", outside=True)]
    said = lost(worse, "classification", n_rows)
    if told is None:
        assert "With 95% confidence, balanced accuracy is worse than exact on paid" in said[0]
    else:
        assert len(said) == 1 and said[0].startswith(
            f"From {told} no interval is shown and nothing concluded"
        )
    shown = limits(SimpleNamespace(positions=range(n_rows)), [judged("exact")])  # type: ignore[arg-type]
    assert "Intervals are about" in " ".join(shown.sentences)


def without_intervals(name: str, flips: int) -> Judged:
    """A perfect rung, of which every row says the same."""
    differences = {} if name == "exact" else {"balanced_accuracy": Interval(0.0)}
    record = dataclasses.replace(judged(name).record)
    return Judged(record, {"balanced_accuracy": Interval(1.0)}, differences, flips if differences else None)


def test_intervals_are_not_spoken_of_where_there_are_none() -> None:
    perfect = [without_intervals("exact", 0), without_intervals("a", 0), without_intervals("b", 0)]
    said = " ".join(lost(perfect, "classification", 10))
    assert "the intervals" not in said and "no proof that nothing is lost." in said
    assert "On a and b, 0 of 10 rows flipped: with 95% confidence fewer than 31 in 100 would." in said
    flipped = " ".join(lost([perfect[0], without_intervals("a", 1)], "classification", 10))
    assert "rows flipped" not in flipped
    shown = limits(SimpleNamespace(positions=range(10)), perfect)  # type: ignore[arg-type]
    assert "Intervals" not in " ".join(shown.sentences)
    text = io.StringIO()
    console = Terminal(file=text, width=200)
    print_ladder(perfect, "classification", 10, EvaluationFolder(Path("there")), console)
    said = " ".join(text.getvalue().split())
    assert "Intervals" not in said and "fewer than 31 in 100" in said


@pytest.mark.parametrize(("n_rows", "share"), [(10, "31 in 100"), (100, "4 in 100"), (1000, "4 in 1,000")])
def test_the_bound_of_flips_is_exact(n_rows: int, share: str) -> None:
    """A share p gives none of n with the probability (1-p)^n: 2.5 % at the end of a 95 % interval."""
    bound = most_that_flip(n_rows)
    assert (1 - bound) ** n_rows == pytest.approx(0.025)
    assert f"{n_rows:,} rows flipped: with 95% confidence fewer than {share} would" in str(
        unflipped([without_intervals("a", 0)], n_rows)
    )


def drawn_ladder(rungs: list[Judged], monkeypatch: pytest.MonkeyPatch, path: Path) -> Figure:
    """The figure of a ladder plot before it is closed."""
    figures = []
    monkeypatch.setattr(ladder_plot_module, "headline", lambda figure, _: figures.append(figure))
    ladder_plot(path, rungs, "classification", "exact", ["title"])
    return figures[0]


def test_the_axis_of_accuracy_ends_at_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    perfect = [without_intervals("exact", 0), without_intervals("a", 0)]
    metric = drawn_ladder(perfect, monkeypatch, tmp_path / "ladder.png").axes[0]
    assert metric.get_ylim()[1] == 1.0
    assert metric.get_ylabel() == "balanced accuracy"
    metric = drawn_ladder(LADDER, monkeypatch, tmp_path / "other.png").axes[0]
    assert metric.get_ylabel() == "balanced accuracy\nwith 95% interval"


def test_a_rung_that_failed_is_no_planned_one_in_the_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, seconds, price = drawn_ladder(LADDER, monkeypatch, tmp_path / "ladder.png").axes
    assert [line.get_xdata()[0] for line in seconds.lines if line.get_fillstyle() == "none"] == [2]
    assert [text.get_text().replace("\\", "") for text in price.texts] == [
        "$0", "$1.25", "plan:\n$3.50", "$0.59",
    ]  # fmt: skip


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
