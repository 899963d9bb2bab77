"""The report of a study as files: its numbers recomputed, its pages complete, whatever is missing."""

from __future__ import annotations

import base64
import io
import math
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.comparison.evidence import Entrant, Outcome
from study.comparison.report.differences import compare
from study.comparison.report.forest import forest_plot
from study.comparison.report.limits import recommended_rows, what_is_open
from study.comparison.report.pooled import Pooled, pool, read_all
from study.comparison.report.ranks import Ranks, groups, ranks_of
from study.comparison.report.report import write_report
from study.comparison.report.terminal import print_summary
from study.errors import StudyError
from study.gates.verdict import reach_verdict
from study.metrics import evaluate
from study.statistics.rows import RowsNeeded
from study.statistics.undecided import Undecided
from study.terminal import Terminal
from tests.study.comparison.report.make_evidence import ENTRANTS, SPLITS, Gate, Made, Verdict, make
from tests.study.report.browser import CHROMIUM, PROBE, opened
from tests.study.report.pages import Page

T_9, T_9_POWER = 2.262157, 0.883404  # points of Student's t with 9 degrees of freedom: 0.975 and 0.8
BASELINES = [one for one in ENTRANTS if one.role == "baseline"]


def write(made: Made) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return write_report(made.evidence, made.verdict, made.fit, made.predictions, made.trials)


def text_of(made: Made) -> str:
    return write(made).with_suffix(".md").read_text(encoding="utf-8").replace("\\", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    found = make(tmp_path_factory.mktemp("study"))
    write(found)
    return found


def page(made: Made) -> Page:
    return Page((made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8"))


def section(made: Made, heading: str) -> str:
    """One section of report.md, without escapes."""
    text = (made.evidence.folder / "report" / "report.md").read_text(encoding="utf-8").replace("\\", "")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def accuracies(made: Made, entrant: str) -> np.ndarray:
    """Of each split, the mean over its seeds, from the predictions themselves."""
    hits: dict[tuple[int, int], list[float]] = {}
    for one in made.evidence.outcomes:
        if one.entrant == entrant and one.folder in made.kept:
            _, test = made.kept[one.folder]
            hits.setdefault(one.split, []).append(float(np.mean(test.outputs.argmax(axis=1) == test.targets)))
    return np.array([np.mean(hits[split]) for split in SPLITS])


# --- numbers -------------------------------------------------------------------------------------------------------


def test_differences_are_those_of_the_predictions(made: Made) -> None:
    rows = page(made).table("candidate minus", "95% interval")
    assert [row["candidate minus"] for row in rows] == [one.label for one in ENTRANTS[1:]]
    for entrant, row in zip(ENTRANTS[1:], rows, strict=True):
        values = accuracies(made, "candidate") - accuracies(made, entrant.name)
        half = T_9 * values.std(ddof=1) * math.sqrt(1 / 10 + 40 / 160)
        low, high = map(float, row["95% interval"].split(" to "))
        assert float(row["difference"]) == pytest.approx(values.mean(), abs=5.1e-5)
        assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=5.1e-5)
        folds = [int(part) for part in row["better / tied / worse folds"].split(" / ")]
        assert folds == [
            int(np.sum(values > 1e-9)),
            int(np.sum(abs(values) < 1e-9)),
            int(np.sum(values < -1e-9)),
        ]
        shares = [float(row[name].rstrip("%")) for name in ("P(better)", "P(within ± 0.02)", "P(worse)")]
        assert sum(shares) == pytest.approx(100, abs=0.2)


def test_scores_have_a_mean_and_an_interval(made: Made) -> None:
    rows = page(made).table("model", "accuracy ↑", "log-loss ↓")
    for entrant, row in zip(ENTRANTS, rows, strict=True):
        values = accuracies(made, entrant.name)
        half = T_9 * values.std(ddof=1) * math.sqrt(1 / 10 + 40 / 160)
        mean, low, high = map(float, re.findall(r"\d\.\d+", row["accuracy ↑"]))
        expected = (values.mean(), values.mean() - half, values.mean() + half)
        assert (mean, low, high) == pytest.approx(expected, abs=5.1e-4)


def test_calibration_is_of_the_pooled_test_predictions(made: Made) -> None:
    rows = page(made).table("model", "method", "log-loss, pooled")
    row = next(row for row in rows if (row["model"], row["method"]) == ("RBF-SVM", "temperature"))
    tests = [made.kept[one.folder][1] for one in made.evidence.of("rbf_svm")]
    softer = [one.outputs**0.5 / (one.outputs**0.5).sum(axis=1, keepdims=True) for one in tests]
    true = np.concatenate([p[np.arange(len(p)), one.targets] for p, one in zip(softer, tests, strict=True)])
    assert float(row["log-loss, pooled"]) == pytest.approx(-np.log(true).mean(), abs=5.1e-4)
    assert row["test predictions"] == "800"


def test_the_two_calibration_errors_are_not_taken_for_one(made: Made) -> None:
    """The mean over folds and the one of all rows are different numbers, and each says where the other is."""
    tests = [made.kept[one.folder][1] for one in made.evidence.of("rbf_svm")]
    whole = evaluate(
        "classification",
        np.concatenate([one.targets for one in tests]),
        np.concatenate([one.outputs for one in tests]),
        2,
    )["calibration_error"]
    mean = np.mean([one.metrics["calibration_error"] for one in made.evidence.of("rbf_svm")])
    pooled = page(made).table("model", "calibration error, pooled")
    row = next(row for row in pooled if (row["model"], row["method"]) == ("RBF-SVM", "as predicted"))
    by_fold = next(
        row for row in page(made).table("model", "calibration error ↓") if row["model"] == "RBF-SVM"
    )
    assert float(row["calibration error, pooled"]) == pytest.approx(whole, abs=5.1e-4)
    assert float(by_fold["calibration error ↓"].split("(")[0]) == pytest.approx(mean, abs=5.1e-4)
    assert mean > whole + 0.001
    models, calibration = (
        section(made, name) for name in ("Every model", "Are the probabilities what they say?")
    )
    assert (
        "all folds pooled, before and after calibration, is under “Are the probabilities what they say?”"
        in models
    )
    assert "Those under “Every model” are means over the folds" in calibration


def test_without_pooled_predictions_nothing_points_at_them(tmp_path: Path) -> None:
    made = make(tmp_path, entrants=ENTRANTS[:2], seeds=[0], conditions=(), predicted=False)
    assert "pooled" not in text_of(made)


def test_a_row_that_was_predicted_four_times_counts_once(made: Made) -> None:
    pooled = pool(read_all(made.evidence, made.predictions)["candidate"], "none")
    assert isinstance(pooled, Pooled)
    assert (len(pooled.targets), pooled.copies) == (800, 4)  # 200 rows, 2 repeats, 2 seeds


def test_what_keeps_a_method_from_one_fit_is_not_said_of_all(made: Made) -> None:
    """The fixture's isotonic calibration refuses validation rows that all have the same probability."""
    pairs = [*read_all(made.evidence, made.predictions)["candidate"][:3]]
    validation, test = pairs[1]
    pairs[1] = (replace(validation, outputs=np.full_like(validation.outputs, 0.5)), test)
    found = pool(pairs, "isotonic")
    assert isinstance(found, Undecided)
    assert found.reason == "on 1 of 3 fits: all validation rows have the same probability"


def test_learning_curves_are_over_the_splits_that_have_every_point(made: Made) -> None:
    row = page(made).table("model", "0.25", "0.5", "1")[0]
    assert row["splits"] == "3"
    assert float(row["1"]) == pytest.approx(accuracies(made, "candidate")[:3].mean(), abs=5.1e-4)


@pytest.mark.parametrize("rope", [1e-6, 0.02])
def test_the_band_of_no_practical_difference_is_seen_however_narrow(
    made: Made, tmp_path: Path, rope: float
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    path = tmp_path / "forest.png"
    assert forest_plot(
        path, [replace(one, rope=rope) for one in compare(made.evidence)], "Hybrid", "accuracy"
    )
    pixels = np.abs(imread(path)[:, :, :3] - to_rgb("#e3e3e3")).max(axis=2) < 1e-3
    # In rows that are not those of the legend, at 150 dots an inch: 5 points are 10, the line at 0 takes about 2.
    widths = np.sort(pixels[: len(pixels) // 2].sum(axis=1))
    assert 6 <= widths[-10] <= 10 if rope < 0.01 else widths[-10] > 30


def test_every_outcome_is_a_row_of_the_table(made: Made) -> None:
    folder = made.evidence.folder / "report"
    csv, parquet = pd.read_csv(folder / "results.csv"), pd.read_parquet(folder / "results.parquet")
    assert len(csv) == len(parquet) == len(made.evidence.outcomes)
    assert list(csv.columns) == list(parquet.columns)
    assert csv["test.accuracy"].tolist() == pytest.approx(
        [one.metrics["accuracy"] for one in made.evidence.outcomes]
    )


@pytest.mark.parametrize(("exact", "said"), [(800, 800), (916, 920), (15, 15), (7, 7), (12_301, 13_000)])
def test_rows_are_recommended_with_two_digits_and_rounded_up(exact: int, said: int) -> None:
    assert recommended_rows(RowsNeeded(exact, 10, 0.05, 0.8, 0.05)) == said


def test_a_bar_links_neighbours_without_any_difference_between_them() -> None:
    names = ["a", "b", "c", "d"]
    pairs = pd.DataFrame(1.0, index=names, columns=names)
    for one, other in (("a", "c"), ("b", "d")):
        pairs.loc[one, other] = pairs.loc[other, one] = 0.01
    # a and d do not differ, but b and c between them do from one of them: no bar may pass over these.
    found = groups(Ranks(10, dict(zip(names, [1.5, 2.0, 3.0, 3.5], strict=True)), pairs, ()))
    assert found == [("a", "b"), ("b", "c"), ("c", "d")]


def test_ranks_are_averages_over_folds(made: Made) -> None:
    found = ranks_of(made.evidence)
    assert isinstance(found, Ranks)
    table = pd.DataFrame({one.name: accuracies(made, one.name).round(9) for one in ENTRANTS})
    assert dict(found.averages) == pytest.approx(table.rank(axis=1, ascending=False).mean().to_dict())


# --- pages ---------------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first_as_a_word(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert text.index("EXPLORE") < text.index("The interval against RBF-SVM") < text.index("<h2>")
    assert headings == [
        "Does the use case fit?", "How much better, and how sure?", "Every model", "Tests and probabilities",
        "Learning curves", "Label noise", "Slices", "What the settings do", "Are the probabilities what they say?",
        "Abstaining", "Ranks over folds", "Seed against split", "What was tuned, and with which budget", "Protocol",
        "Environment and data", "Limits", "What could not be concluded", "Package versions",
    ]  # fmt: skip


def test_gates_and_statistics_say_that_their_p_values_are_not_the_same(made: Made) -> None:
    assert "The p-values of gates are one-sided" in section(made, "EXPLORE")
    assert "those under “Tests and probabilities” are two-sided" in section(made, "EXPLORE")
    statistics = section(made, "Tests and probabilities")
    assert "The p-values of this table are two-sided" in statistics
    assert "those of the gates are one-sided" in statistics


def test_package_versions_come_last(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "| torch | 2.9 |" in section(made, "Package versions")
    assert text.index("## What could not be concluded") < text.index("## Package versions")
    assert text.count("torch") == 1
    assert page(made).table("package", "version") == [{"package": "torch", "version": "2.9"}]
    assert not any(
        "torch" in row for table in page(made).tables if table[0] == ["key", "value"] for row in table
    )
    assert "| python | 3.12 |" in section(made, "Environment and data").replace("\\", "")


def test_it_holds_everything_itself(made: Made) -> None:
    found = page(made)
    anchors = [link for link in found.links if link.startswith("#")]
    assert all(link.startswith("data:") for link in found.links if link not in anchors)
    assert len(found.images) == 12
    assert all(len(image["alt"]) > 40 for image in found.images)
    text = (made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{link[1:]}"' in text for link in anchors)


def test_figures_are_whole_pictures_and_markdown_shows_them_too(made: Made) -> None:
    from PIL import Image

    folder = made.evidence.folder / "report"
    text = (folder / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((figures/.*?)\)", text)
    assert len(shown) == len(page(made).images)
    for name, image in zip(shown, page(made).images, strict=True):
        data = base64.b64decode(image["src"].partition(",")[2])
        assert (folder / name).read_bytes() == data
        Image.open(io.BytesIO(data)).load()
    assert {path.name for path in (folder / "figures").iterdir()} == {name.split("/")[1] for name in shown}


def test_markdown_has_the_same_tables(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.md").read_text(encoding="utf-8")
    assert text.count("| --- |") + text.count("| ---: |") >= len(page(made).tables)
    assert "yes \\| always" in text


def test_text_from_a_configuration_is_no_markup(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "&lt;b&gt;a|b&lt;/b&gt;" in text


def test_it_says_what_the_folds_resolve(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.md").read_text(encoding="utf-8").replace("\\", "")
    values = accuracies(made, "candidate") - accuracies(made, "rbf_svm")
    found = re.search(r"10 folds of 200 rows cannot resolve differences of accuracy under ([\d.]+)%", text)
    assert found
    # The noncentral t at 80% power lies near t(0.975) + t(0.8) of central ones, 9 degrees of freedom.
    near = (T_9 + T_9_POWER) * values.std(ddof=1) * math.sqrt(1 / 10 + 40 / 160)
    assert float(found[1]) / 100 == pytest.approx(near, rel=0.05)


def test_finite_shots_have_a_curve_of_the_models_with_circuits(tmp_path: Path) -> None:
    made = make(tmp_path, splits=SPLITS[:3], seeds=[0], conditions=(), predicted=False)
    circuits = {"candidate", "separable"}
    outcomes = [
        replace(one, sampled={"1000": {"accuracy": 0.61}, "100": {"accuracy": 0.52}})
        if one.entrant in circuits
        else one
        for one in made.evidence.outcomes
    ]
    made = replace(made, evidence=replace(made.evidence, outcomes=outcomes))
    write(made)
    [header, *rows] = next(table for table in page(made).tables if "exact" in table[0])
    assert header == ["model", "100", "1,000", "exact", "splits"]
    shown = {row[0]: row[1:3] for row in rows}
    assert shown["Hybrid model"] == ["0.520", "0.610"]
    assert shown["RBF-SVM"] == ["–", "–"]
    assert (tmp_path / "report" / "figures" / "finite_shots.png").exists()


def test_a_second_report_removes_the_figures_of_the_first(tmp_path: Path) -> None:
    few = ENTRANTS[:1]
    write(make(tmp_path, entrants=few, splits=SPLITS[:3], seeds=[0]))
    assert (tmp_path / "report" / "figures" / "label_noise.png").exists()
    write(make(tmp_path, entrants=few, splits=SPLITS[:3], seeds=[0], conditions=()))
    assert not (tmp_path / "report" / "figures" / "label_noise.png").exists()


def test_a_folder_that_cannot_be_written_gets_one_message(tmp_path: Path) -> None:
    made = make(tmp_path, splits=SPLITS[:1], seeds=[0], conditions=(), predicted=False)
    (tmp_path / "report").write_text("a file in the way")
    with pytest.raises(StudyError, match=r"The report cannot be written to .*report \(Not a directory\)"):
        write(made)


# --- what is missing -------------------------------------------------------------------------------------------------


def failing(name: str) -> Any:
    def fails(outcome: Outcome) -> str | None:
        return "did not converge" if outcome.entrant == name else None

    return fails


def failing_once(outcome: Outcome) -> str | None:
    return "out of memory" if (outcome.entrant, outcome.split) == ("rbf_svm", (0, 1)) else None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"entrants": ENTRANTS[:1]}, "There is one model only"),
        ({"entrants": ENTRANTS[:2]}, "There is no baseline"),
        ({"splits": SPLITS[:1]}, "it takes at least 2 folds, and there is one"),
        ({"fails": failing("rbf_svm")}, "RBF-SVM failed on 10 of 10 fits (did not converge)"),
        ({"fails": failing("candidate")}, "Hybrid model failed on 10 of 10 fits"),
        ({"fails": failing_once}, "RBF-SVM has no score on 1 of 10 splits"),
        ({"fails": lambda _: "no"}, "Hybrid model failed on 10 of 10 fits (no)"),
        ({"constant": ["rbf_svm"]}, "RBF-SVM predicts the same for every row on 10 of 10 splits"),
        ({"constant": ["candidate", "separable", "rbf_svm"]}, "are zero, so that there is no spread"),
        ({"tied": True}, "the differences of all 10 folds are zero"),
        ({"predicted": False}, "No predictions were kept"),
        ({"task": "regression"}, "a difference of 5% of its RMSE"),
        ({"task": "regression", "constant": ["candidate"]}, "Hybrid model predicts the same"),
        ({"metric": "log_loss"}, "Differences of negated log-loss"),
        ({"metric": "accuracy", "seeds": [0]}, "Every split has one seed"),
        (
            {"more": {"missing": 3, "stopped": "1 hour is over"}},
            "3 jobs did not end, and are in no number here",
        ),
        ({"more": {"stopped": "1 hour is over"}}, "The study ended early: 1 hour is over."),
        ({"more": {"leaks": ["row 3 stands in two folds."]}}, "Leak found: Row 3 stands in two folds."),
    ],
)
def test_what_cannot_be_concluded_is_said(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    few = [ENTRANTS[at] for at in (0, 1, 4)]
    made = make(tmp_path, **{"entrants": few, "seeds": [0], "conditions": (), **options})
    made.trials = made.trials.iloc[:0]
    text = text_of(made)
    assert sentence in text
    assert not re.search(r"\b(nan|inf)\b", text)
    assert page(made).tables
    print_summary(made.evidence, made.verdict, Terminal(file=io.StringIO(), width=100))


def test_without_any_outcome(tmp_path: Path) -> None:
    made = make(tmp_path, splits=SPLITS[:1], seeds=[0])
    nothing: dict[str, Any] = {"environment": {}, "declared": {}, "fingerprint": "", "created": ""}
    made.evidence = replace(made.evidence, outcomes=[], missing=60, **nothing)
    made.trials = made.trials.iloc[:0]
    made.verdict = Verdict("stop", "Nothing was computed.", (), (), None)
    text = text_of(made)
    assert "Hybrid model has no result at all." in text
    assert "60 jobs did not end" in text
    assert "No gates were declared." in text


def test_what_was_accepted_stands_beside_the_verdict_and_first_under_the_limits(tmp_path: Path) -> None:
    tolerated = ["leak: in 'two_curves' 3 pairs of rows are alike"]
    more = {"tolerated": tolerated}
    made = make(tmp_path, entrants=ENTRANTS[:1], seeds=[0], conditions=(), predicted=False, more=more)
    told = "Accepted before the start: In 'two_curves' 3 pairs of rows are alike."
    assert text_of(made).count(told) == 2 and "leak:" not in text_of(made)
    assert told in section(made, "EXPLORE")
    assert section(made, "Limits").strip().startswith(told)
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8").replace("&#39;", "'")
    assert html.count(told) == 2 and html.index(told) < html.index("<h2>")


def test_a_study_that_was_void_before_any_job_says_only_that(tmp_path: Path) -> None:
    few = [ENTRANTS[at] for at in (0, 4)]
    more = {"leaks": ["leak: rows 3 and 7 are alike"], "missing": 20}
    made = make(tmp_path, entrants=few, conditions=(), predicted=False, more=more)
    made.evidence = replace(made.evidence, outcomes=[])
    made.trials = made.trials.iloc[:0]
    made = replace(made, verdict=reach_verdict(made.evidence))
    text = text_of(made)
    assert text.count("ows 3 and 7 are alike.") == 1 and "leak:" not in text
    assert "No gates were declared" not in text and "read the test part" not in text
    assert text.count("| – not examined |") == len(made.verdict.gates) > 3
    assert re.findall(r"\n## (.*)", text) == [
        "STOP", "Does the use case fit?", "Protocol", "Environment and data", "Package versions",
    ]  # fmt: skip
    assert "| – |" not in text and "results.csv" not in text and "Tests and probabilities" not in text


def test_a_gate_that_is_not_decided_is_named(made: Made) -> None:
    text = (made.evidence.folder / "report" / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert "Gate “latency” is not decided: no latency was measured." in text
    rows = page(made).table("gate", "measured", "asked")
    assert [row["result"] for row in rows] == ["✓ passed", "✕ not passed", "? not decided"]


def test_what_is_left_open_is_said_once(tmp_path: Path) -> None:
    few = [ENTRANTS[at] for at in (0, 3, 4)]
    made = make(tmp_path, entrants=few, seeds=[0], conditions=(), tied=True, predicted=False)
    evidence = replace(made.evidence, declared={**made.evidence.declared, "gates": {}})
    lines = what_is_open(evidence, reach_verdict(evidence), compare(evidence), {})
    assert " ".join(lines).count("the differences of all 10 folds are zero") == 1
    assert "better than Logistic regression and RBF-SVM cannot be concluded: the differences" in lines[0]
    assert lines[1] == (
        "Gates “better than every baseline” and “survives Holm's correction” are not decided because of that."
    )


@pytest.mark.parametrize(
    ("decision", "word"), [("promote", "PROMOTE"), ("explore", "EXPLORE"), ("stop", "STOP")]
)
def test_the_terminal_says_the_same(tmp_path: Path, decision: Any, word: str) -> None:
    made = make(
        tmp_path,
        entrants=[Entrant("candidate", "A [bold] one", "candidate"), *BASELINES],
        seeds=[0],
        conditions=(),
    )
    verdict = Verdict(decision, "Headline.", (Gate("technical", "g", True, "", ""),), ("One reason.",), None)
    text = io.StringIO()
    print_summary(made.evidence, verdict, Terminal(file=text, width=110))
    said = text.getvalue()
    assert f"{word}" in said
    assert "One reason." in said
    assert "A [bold] one" in said
    assert f"{tmp_path}/report/report.html" in said
    assert "10 of 10" in said


# --- a browser -------------------------------------------------------------------------------------------------------

# A headless window is never narrower than 500 pixels; a frame is.
FRAME = """<!DOCTYPE html><title></title><body style="margin: 0">
<iframe style="width: {width}px; height: 2000px; border: 0" srcdoc="{page}"></iframe>
<script>addEventListener("load", () => {{
  const inside = document.querySelector("iframe").contentDocument, root = inside.documentElement;
  const images = [...inside.images].filter(image => image.complete && image.naturalWidth > 0).length;
  document.title = `images=${{images}} overflow=${{root.scrollWidth - root.clientWidth}}`;
}});</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
class TestBrowser:
    def test_every_figure_is_there_and_nothing_complains(self, made: Made, tmp_path: Path) -> None:
        text = (made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8")
        copy = tmp_path / "report.html"
        copy.write_text(text.replace("</body>", PROBE), encoding="utf-8")
        title, console = opened(copy, 1280, tmp_path / "profile")
        assert console == []
        assert title == "images=12 overflow=0"

    def test_on_a_phone_only_tables_scroll(self, made: Made, tmp_path: Path) -> None:
        from html import escape

        text = (made.evidence.folder / "report" / "report.html").read_text(encoding="utf-8")
        framed = tmp_path / "frame.html"
        framed.write_text(FRAME.format(width=400, page=escape(text)), encoding="utf-8")
        title, console = opened(framed, 500, tmp_path / "profile")
        assert console == []
        assert title == "images=12 overflow=0"
