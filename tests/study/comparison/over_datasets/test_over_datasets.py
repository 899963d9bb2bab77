"""Several studies read together: the tests' numbers, the pages, and what cannot be put together."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.comparison.over_datasets.report import write_report
from study.comparison.over_datasets.studies import read_studies
from study.comparison.over_datasets.tested import compare_over
from study.config.positional import named
from study.errors import StudyError
from study.statistics.friedman import FriedmanNemenyi
from study.statistics.undecided import Undecided
from study.statistics.wilcoxon import SignedRanks
from tests.study.comparison.over_datasets.make_studies import LABELS, make_study
from tests.study.report.browser import CHROMIUM, PROBE, opened
from tests.study.report.pages import Page
from tests.study.statistics.test_several import DEMSAR

ROOT = Path(__file__).resolve().parents[4]
# The paper's C4.5+m is the candidate: table 2 tests it against C4.5.
VERSIONS = {"candidate": "C4.5+m", "logistic": "C4.5", "rbf_svm": "C4.5+cf", "k_nearest": "C4.5+m+cf"}
THREE = {"candidate": 0.9, "logistic": 0.8, "rbf_svm": 0.7}


def write(folders: list[Path], to: Path) -> tuple[str, list[str]]:
    """The text of report.md without its escapes, and the summary."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page, summary = write_report(folders, to)
    assert page == page.parent / "report.html"
    return page.with_suffix(".md").read_text(encoding="utf-8").replace("\\", ""), summary


@pytest.fixture(scope="module")
def demsar(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Studies with the scores of table 6 of Demšar (2006)."""
    folder = tmp_path_factory.mktemp("demsar")
    return [
        make_study(
            folder,
            f"set{at:02}",
            {name: DEMSAR[version][at] for name, version in VERSIONS.items()},
            metric="roc_auc",
        )
        for at in range(14)
    ]


@pytest.fixture(scope="module")
def written(demsar: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[str]]:
    to = tmp_path_factory.mktemp("runs")
    text, summary = write(demsar, to)
    [folder] = (to / "over_datasets").iterdir()
    return folder, text, summary


def some(folder: Path, n: int, **options: Any) -> list[Path]:
    return [make_study(folder, f"set{at}", THREE, **options) for at in range(n)]


# --- numbers -------------------------------------------------------------------------------------------------------


def test_the_numbers_are_demsars(demsar: list[Path]) -> None:
    found = compare_over(read_studies(demsar))
    assert isinstance(found.ranks, FriedmanNemenyi)
    # The last row of table 6, and the critical difference of section 3.2.2.
    published = {"logistic": 3.143, "candidate": 2.000, "rbf_svm": 2.893, "k_nearest": 1.964}
    assert dict(found.ranks.ranks) == pytest.approx(published, abs=5e-4)
    assert found.ranks.critical_difference == pytest.approx(1.25, abs=5e-3)
    [versus] = [one for one in found.versus if one.other.name == "logistic"]
    assert isinstance(versus.test, SignedRanks)
    assert (versus.test.for_first, versus.test.for_second) == (93, 12)
    assert (versus.wins, versus.ties, versus.losses) == (10, 2, 2)


def test_holm_is_over_all_other_entrants(demsar: list[Path]) -> None:
    found = compare_over(read_studies(demsar))
    raw = [one.test.p_value for one in found.versus if isinstance(one.test, SignedRanks)]
    order = np.argsort(raw)
    stepped = np.maximum.accumulate([(len(raw) - at) * raw[place] for at, place in enumerate(order)])
    adjusted = np.array([one.adjusted for one in found.versus], dtype=float)
    np.testing.assert_allclose(adjusted[order], np.minimum(1, stepped), rtol=1e-12)


def test_the_page_has_them(written: tuple[Path, str, list[str]]) -> None:
    folder, text, _ = written
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    ranks = {row["model"]: row["average rank"] for row in page.table("model", "average rank")}
    assert ranks == {"Hybrid": "2.00", "Logistic regression": "3.14", "RBF-SVM": "2.89", "k-NN": "1.96"}
    [row] = [row for row in page.table("Hybrid against") if row["Hybrid against"] == "Logistic regression"]
    assert (row["wins / ties / losses"], row["rank sums for / against"]) == ("10 / 2 / 2", "93 / 12")
    assert "critical difference of average ranks at 0.05: 1.25" in text
    assert len(page.table("dataset", "verdict")) == 14


def test_losses_are_ranked_from_the_lowest(tmp_path: Path) -> None:
    losses = {"candidate": 0.2, "logistic": 0.3, "rbf_svm": 0.4}
    folders = [make_study(tmp_path, f"set{at}", losses, metric="log_loss") for at in range(2)]
    studies = read_studies(folders)
    text, _ = write(folders, tmp_path)
    assert studies.scores["candidate"]["set0"] == pytest.approx(-0.2)
    assert "| Hybrid | candidate | 0.200 (1) | 0.200 (1) | 1.00 |" in text


def test_errors_with_units_are_compared_by_their_ratio(tmp_path: Path) -> None:
    """Of six targets one is in units a million times larger, and there the candidate is a little worse."""
    gains = [0.5, 0.6, 0.7, 0.8, 0.9, 1.01]
    folders = [
        make_study(
            tmp_path,
            f"set{at}",
            {"candidate": gain * 10.0 ** (at // 5 * 6), "logistic": 10.0 ** (at // 5 * 6), "rbf_svm": 3.0},
            metric="rmse",
        )
        for at, gain in enumerate(gains)
    ]
    [versus, _] = compare_over(read_studies(folders)).versus
    assert isinstance(versus.test, SignedRanks)
    assert versus.test.for_second == 1, "its ratio is the smallest, its difference the largest"
    assert versus.test.p_value == pytest.approx(stats.wilcoxon(np.log(gains)).pvalue)


# --- what cannot be concluded ----------------------------------------------------------------------------------------


def test_few_datasets_say_what_they_cannot_show(tmp_path: Path) -> None:
    text, summary = write(some(tmp_path, 3), tmp_path)
    # All signs alike have probability 2 · 2⁻³ = 0.25; 2 · 2⁻⁶ < 0.05; twice that for two comparisons takes a seventh.
    assert "cannot give a p-value under 0.25, even if one model wins on each: it takes 6 before" in text
    assert "and 7 for one of 2 after Holm's correction" in text
    assert "p-value under 0.05" in text  # chi-squared of 3 · 2 on 2 degrees of freedom: exp(-3)
    assert math.exp(-3) == pytest.approx(0.0498, abs=5e-5)
    assert summary[0].startswith(
        "Whether Hybrid is better than Logistic regression and RBF-SVM cannot be concluded"
    )
    assert not any(line.startswith("Over ") for line in summary)


def test_two_datasets_cannot_tell_any_pair_apart(tmp_path: Path) -> None:
    text, _ = write(some(tmp_path, 2), tmp_path)
    # q = 3.314 / √2 of Demšar's table 5a: 2.343 √(3 · 4 / 12) = 2.343 above 2; for three datasets 1.913.
    assert "critical difference is 2.34: no pair could have been told apart. It takes 3 datasets" in text
    assert "so that it could show nothing" in text


def test_ties_everywhere(tmp_path: Path) -> None:
    folders = [make_study(tmp_path, f"set{at}", dict.fromkeys(THREE, 0.5)) for at in range(7)]
    text, summary = write(folders, tmp_path)
    assert "the two models tie on all 7 datasets" in text
    assert "no diagram is drawn: all 3 models tie on all 7 datasets" in text
    assert "0 / 7 / 0" in text
    assert not re.search(r"\b(nan|inf)\b", text) and len(summary) == 3


def test_two_models_have_no_ranks_and_still_a_test(tmp_path: Path) -> None:
    folders = [
        make_study(tmp_path, f"set{at}", {"candidate": 0.8, "logistic": 0.7 - 0.01 * at}) for at in range(6)
    ]
    text, summary = write(folders, tmp_path)
    assert (
        summary[0]
        == "Over 6 datasets Hybrid is better than Logistic regression (signed-rank test, Holm, 5%)."
    )
    assert "average ranks compare three or more models, not 2" in text


def test_an_entrant_that_failed_once_is_not_ranked(tmp_path: Path) -> None:
    folders = [*some(tmp_path, 2), make_study(tmp_path, "set2", THREE, failed={"rbf_svm": [3]})]
    text, _ = write(folders, tmp_path)
    assert "| RBF-SVM | baseline | 0.700 | 0.700 | – | – |" in text
    assert "RBF-SVM has no score on some split of set2, and is not ranked" in text
    assert "2 / 0 / 0" in text, "won where both have a score"


def test_a_candidate_that_failed_is_said(tmp_path: Path) -> None:
    folders = [*some(tmp_path, 2), make_study(tmp_path, "set2", THREE, failed={"candidate": range(5)})]
    _, summary = write(folders, tmp_path)
    assert "cannot be concluded: Hybrid has no score on some split of set2." in summary[0]
    assert "; nothing that could be concluded on set2." in summary[-1]


# --- what is not alike -----------------------------------------------------------------------------------------------


def test_an_entrant_of_one_study_is_left_out_and_named(tmp_path: Path) -> None:
    one = make_study(tmp_path, "one", {**THREE, "k_nearest": 0.6})
    two = make_study(tmp_path, "two", THREE, search={"rbf_svm": {"model.C": {"values": [1]}}})
    text, _ = write([one, two], tmp_path)
    assert "k-NN is not compared: it takes no part on two." in text
    assert "RBF-SVM is not compared: it has other settings or another search on two." in text


def test_other_protocols_and_options_are_remarked(tmp_path: Path) -> None:
    one = make_study(tmp_path, "one", THREE)
    two = make_study(
        tmp_path,
        "two",
        THREE,
        declared={"tuning": {"trials": 9, "seconds": None}},
        more={"overrides": ["data=two", "n_qubits=6"], "environment": {"code": {"digest": "another"}}},
    )
    text, _ = write([one, two], tmp_path)
    assert "Declared differently for one and for two: tuning.trials." in text
    assert "Given on the command line for two, and not for all: n_qubits=6." in text
    assert "They were computed by different versions of the code." in text


def test_variants_of_a_dataset_are_told_apart_and_remarked(tmp_path: Path) -> None:
    one = make_study(tmp_path / "a", "moons", THREE)
    two = make_study(tmp_path / "b", "moons", THREE, more={"fingerprint": "other rows"})
    two = two.rename(two.parent / "moons-other")
    text, _ = write([one, two], tmp_path)
    assert "moons (moons-made)" in text and "moons (moons-other)" in text
    assert "moons is there 2 times with different rows" in text


def broken(tmp_path: Path) -> Mapping[str, tuple[list[Path], str]]:
    one = make_study(tmp_path, "one", THREE)

    def other(**options: Any) -> Path:
        name = f"other{len(list(tmp_path.iterdir()))}"
        return make_study(tmp_path, name, options.pop("means", THREE), **options)

    edited = other()
    whole = json.loads((edited / "study.json").read_text())
    whole["declared"]["gates"] = {"statistical": {"alpha": 0.2}}
    (edited / "study.json").write_text(json.dumps(whole))
    (tmp_path / "nothing").mkdir()
    return {
        "one": ([one], "two or more studies, each on another dataset, but has 1"),
        "nothing": ([one, tmp_path / "nothing"], "nothing is not the folder of a study"),
        "unfinished": ([one, other(unfinished=True)], "is not finished: 1 job did not end"),
        "leak": ([one, other(more={"leaks": ["leak: rows"]})], "a leak was found in"),
        "edited": ([one, edited], "was changed after the study began"),
        "metric": ([one, other(metric="accuracy")], "different metrics"),
        "twice": ([one, other(more={"fingerprint": "print of one"})], "of the same dataset"),
        "same": ([one, one], "of the same dataset, one, which would count twice"),
        "candidate": (
            [one, other(search={"candidate": {"depth": {"values": [1]}}})],
            "the candidate is not the same in all of them",
        ),
        "alone": (
            [one, other(means={"candidate": 0.9})],
            r"only Hybrid in common \(Logistic regression takes no part on",
        ),
    }


@pytest.mark.parametrize(
    "trouble",
    ["one", "nothing", "unfinished", "leak", "edited", "metric", "twice", "same", "candidate", "alone"],
)
def test_what_cannot_be_put_together_gets_one_message(tmp_path: Path, trouble: str) -> None:
    folders, message = broken(tmp_path)[trouble]
    with pytest.raises(StudyError, match=message):
        write_report(folders, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_place_that_cannot_be_written_gets_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StudyError, match=r"The report cannot be written to .*file/over_datasets.*output_dir="
    ):
        write_report(some(tmp_path, 2), tmp_path / "file")


# --- pages -----------------------------------------------------------------------------------------------------------


def test_the_page_is_whole_and_its_twin_shows_the_same(written: tuple[Path, str, list[str]]) -> None:
    from PIL import Image

    folder, text, summary = written
    html = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert all(link.startswith("data:") for link in page.links)
    [image] = page.images
    assert "Critical-difference diagram" in image["alt"] and "k-NN 1.96, Hybrid 2.00" in image["alt"]
    assert re.findall(r"\]\((figures/.*?)\)", text) == ["figures/critical_difference.png"]
    Image.open(io.BytesIO((folder / "figures/critical_difference.png").read_bytes())).load()
    assert all(line in text for line in summary)
    table = pd.read_parquet(folder / "results.parquet")
    assert len(table) == 14 * 4 and set(table["label"]) == {LABELS[name] for name in VERSIONS}


def test_the_same_studies_have_the_same_folder_in_any_order(demsar: list[Path], tmp_path: Path) -> None:
    first, _ = write_report(demsar[:3], tmp_path)
    again, _ = write_report(demsar[2::-1], tmp_path)
    assert first == again and re.fullmatch(r"3_datasets-[0-9a-f]{8}", first.parent.name)


def test_several_words_without_a_key_are_studies() -> None:
    assert named("sweep", "studies", ["a b", "output_dir=x", "c,d"]) == [
        "studies=['a b','c,d']",
        "output_dir=x",
    ]
    assert named("sweep", "studies", ["a", "x=depth"]) == ["sweep='a'", "x=depth"]


def test_the_command_writes_the_report(tmp_path: Path) -> None:
    folders = some(tmp_path / "it's, a [place]", 2)
    command = [sys.executable, str(ROOT / "report.py"), *map(str, folders)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    [folder] = (tmp_path / "runs/over_datasets").iterdir()
    assert f"Report written to runs/over_datasets/{folder.name}/report.html" in done.stdout
    assert "cannot be concluded" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
@pytest.mark.parametrize("width", [1280, 500])  # a headless window is never narrower than 500
def test_it_opens_in_a_browser(written: tuple[Path, str, list[str]], tmp_path: Path, width: int) -> None:
    text = (written[0] / "report.html").read_text(encoding="utf-8")
    copy = tmp_path / "report.html"
    copy.write_text(text.replace("</body>", PROBE), encoding="utf-8")
    assert opened(copy, width, tmp_path / "profile") == ("images=1 overflow=0", [])


def test_undecided_tests_leave_the_others_their_correction(tmp_path: Path) -> None:
    """One comparison without a p-value stays in Holm's family."""
    folders = [
        make_study(tmp_path, f"set{at}", {"candidate": 0.8, "logistic": 0.7 - 0.01 * at, "rbf_svm": 0.8})
        for at in range(7)
    ]
    first, second = compare_over(read_studies(folders)).versus
    assert isinstance(first.test, SignedRanks) and first.adjusted == pytest.approx(2 * 2**-6)
    assert isinstance(second.test, Undecided) and isinstance(second.adjusted, Undecided)
