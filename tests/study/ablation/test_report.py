"""The report as files: its numbers recomputed from the job folders, its pages complete and self-contained."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study.ablation import report as report_module
from study.ablation.report import write_report
from study.errors import StudyError
from tests.study.ablation.make_sweeps import Values, make_sweep
from tests.study.report.browser import CHROMIUM, PROBE, opened
from tests.study.report.pages import Page

ROOT = Path(__file__).resolve().parents[3]
AXES: dict[str, list[Any]] = {"encoding": ["angle", "iqp"], "depth": [1, 2], "seed": [0, 1, 2]}
T_2, T_1 = 4.302653, 12.706205  # two-sided 95% points of Student's t


def troubled(values: Values) -> str:
    if values["encoding"] == "iqp" and values["depth"] == 2:
        return "failed"
    return "gone" if values == {"encoding": "angle", "depth": 2, "seed": 1} else "finished"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_sweep(tmp_path_factory.mktemp("sweep"), AXES, status=troubled, final=True)
    write_report(made)
    return made


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the figures, which take most of the time, where only words and numbers are looked at."""
    monkeypatch.setattr(report_module, "draw_panel", lambda *_: [])


def page(sweep: Path) -> Page:
    return Page((sweep / "report" / "report.html").read_text(encoding="utf-8"))


def recomputed(sweep: Path) -> pd.DataFrame:
    """From the job folders alone, with nothing of ours: mean and interval of each configuration."""
    rows = []
    for job in json.loads((sweep / "sweep.json").read_text())["jobs"]:
        path = Path(os.path.normpath(sweep / job["folder"])) / "validation.json"
        if path.exists():
            rows.append(job["values"] | json.loads(path.read_text())["metrics"])
    grouped = pd.DataFrame(rows).groupby(["encoding", "depth"])["balanced_accuracy"]
    found = grouped.agg(["mean", "std", "count"])
    half = found["count"].map({3: T_2, 2: T_1}) * found["std"] / found["count"].map(math.sqrt)
    return found.assign(low=found["mean"] - half, high=found["mean"] + half)


def assert_cells(rows: list[dict[str, str]], expected: pd.DataFrame) -> None:
    judged = [row for row in rows if row["runs"] != "0"]
    assert len(judged) == len(expected)
    for row in judged:
        want = expected.loc[(row["encoding"], int(row["depth"]))]
        assert float(row["mean balanced accuracy"]) == pytest.approx(want["mean"], abs=5.1e-4)
        low, high = map(float, row["95% interval"].split(" to "))
        assert (low, high) == pytest.approx((want["low"], want["high"]), abs=5.1e-4)
        assert int(row["runs"]) == want["count"]


def test_the_numbers_are_those_of_the_job_folders(sweep: Path) -> None:
    assert_cells(page(sweep).table("95% interval", "runs"), recomputed(sweep))


@pytest.mark.parametrize("column", ["mean", "low", "high", "count"])
def test_the_comparison_tells_a_wrong_number(sweep: Path, column: str) -> None:
    wrong = recomputed(sweep)
    wrong[column] = wrong[column].astype(float)
    wrong.loc[wrong.index[0], column] += 1 if column == "count" else 0.002
    with pytest.raises(AssertionError):
        assert_cells(page(sweep).table("95% interval", "runs"), wrong)


def test_the_results_are_one_row_a_job(sweep: Path) -> None:
    parquet = pd.read_parquet(sweep / "report" / "results.parquet")
    csv = pd.read_csv(sweep / "report" / "results.csv")
    assert len(parquet) == len(csv) == 12
    assert list(parquet.columns) == list(csv.columns)
    pd.testing.assert_frame_equal(parquet, csv, check_dtype=False)
    assert set(AXES) <= set(parquet.columns)
    for row in parquet[parquet["status"] == "finished"].itertuples():
        metrics = json.loads((sweep / "report" / str(row.folder) / "validation.json").read_text())["metrics"]
        assert row.val_balanced_accuracy == metrics["balanced_accuracy"]


def test_the_page_needs_nothing_else(sweep: Path) -> None:
    text = (sweep / "report" / "report.html").read_text(encoding="utf-8")
    found = page(sweep)
    assert not re.search(r"https?:|@import|url\(|<script", re.sub(r"base64,[^\"]+", "", text))
    assert all(link.startswith("data:") for link in found.links)
    figures = sorted(path.read_bytes() for path in (sweep / "report" / "figures").glob("*.png"))
    images = [base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) for image in found.images]
    assert sorted(images) == figures
    assert len(figures) == 6
    assert all(len(image["alt"]) > 40 for image in found.images)


def test_markdown_has_the_same_figures_and_numbers(sweep: Path) -> None:
    text = (sweep / "report" / "report.md").read_text(encoding="utf-8")
    linked = re.findall(r"!\[.+\]\((\S+)\)", text)
    assert len(linked) == 6
    assert all((sweep / "report" / link).is_file() for link in linked)
    cells = {cell for table in page(sweep).tables for row in table for cell in row}
    in_markdown = {cell.strip().replace("\\", "") for line in text.splitlines() for cell in line.split("|")}
    assert cells <= in_markdown


def test_what_failed_is_shown(sweep: Path) -> None:
    text = (sweep / "report" / "report.md").read_text(encoding="utf-8")
    assert "12 jobs: 8 finished, 3 failed, 1 missing." in text
    assert "failed 3/3" in text
    assert "missing 1/3" in text
    assert "the loss is not finite after epoch 2" in text
    assert "nothing is interpolated" in text


def test_the_test_results_are_those_of_final(sweep: Path) -> None:
    final = json.loads((sweep / "final.json").read_text())
    values = [m["metrics"]["balanced_accuracy"] for m in final["splits"][0]["models"] if m["role"] == "main"]
    mean, half = statistics.mean(values), T_2 * statistics.stdev(values) / math.sqrt(3)
    rows = {row["model"]: row for row in page(sweep).table("model", "fits")}
    assert (
        rows["hybrid (chosen)"]["balanced accuracy"] == f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"
    )
    assert rows["logistic"]["balanced accuracy"] == "0.970"
    assert rows["rbf_svm"]["fits"] == "0 of 1"
    text = (sweep / "report" / "report.html").read_text(encoding="utf-8")
    assert "rbf_svm failed (it ran out of memory)." in text
    assert "Chosen on validation: encoding=iqp, depth=2" in text


def test_it_says_that_controls_have_fewer_fits(sweep: Path, tmp_path: Path) -> None:
    said = (
        "Controls are fitted once a split, with one seed (1 fit each), and the chosen configuration 3 times."
    )
    for name in ("report.md", "report.html"):
        text = (sweep / "report" / name).read_text(encoding="utf-8").replace("\\", "")
        assert said in text
    made = make_sweep(tmp_path, {"depth": [1]}, final=True, epochs=1)
    write_report(made)
    assert "Controls are fitted once" not in (made / "report" / "report.md").read_text()


@pytest.mark.usefixtures("undrawn")
def test_it_says_when_the_choice_was_made_on_jobs_that_are_gone(tmp_path: Path) -> None:
    axes = {"depth": [1, 2], "seed": [0, 1]}
    whole = make_sweep(tmp_path / "whole", axes, final=True, epochs=1)
    gone = {"depth": 2, "seed": 1}
    half = make_sweep(
        tmp_path / "half",
        axes,
        status=lambda job: "gone" if job == gone else "finished",
        final=True,
        epochs=1,
    )
    said = {}
    for sweep in (whole, half):
        write_report(sweep)
        said[sweep] = (
            "when all jobs were there; 1 job is missing now" in (sweep / "report" / "report.md").read_text()
        )
    assert said == {whole: False, half: True}


@pytest.mark.usefixtures("undrawn")
def test_the_title_has_the_keys_as_typed(tmp_path: Path) -> None:
    made = make_sweep(tmp_path, {"depth": [1, 2], "ansatz": ["a", "b"], "encoding": ["angle", "iqp"]})
    write_report(made)
    assert "# Ablation of depth × ansatz × encoding on made" in (made / "report" / "report.md").read_text()


def test_it_claims_no_benefit(sweep: Path) -> None:
    text = (sweep / "report" / "report.md").read_text(encoding="utf-8").lower()
    assert "validation metrics of one split" in text
    assert "shows no benefit of a quantum part" in text
    assert "advantage" not in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            lambda v: 0.9 + 0.01 * v["seed"],
            "A tie within the intervals: all 3 other configurations overlap with it",
        ),
        (lambda v: 0.2 * v["depth"] + 0.001 * v["seed"], "A tie within the intervals: 1 of the 3 other"),
        (
            lambda v: 0.2 * v["depth"] + 0.1 * (v["encoding"] == "iqp") + 0.001 * v["seed"],
            "Its interval overlaps with none of the 3 others that have one.",
        ),
    ],
)
def test_ties_are_called_ties(tmp_path: Path, outcome: Any, said: str) -> None:
    write_report(made := make_sweep(tmp_path, AXES, outcome=outcome))
    assert said in (made / "report" / "report.md").read_text()


@pytest.mark.usefixtures("undrawn")
def test_without_repeats_nothing_is_told_apart(tmp_path: Path) -> None:
    write_report(made := make_sweep(tmp_path, {"encoding": ["angle", "iqp"], "depth": [1, 2]}))
    text = (made / "report" / "report.md").read_text()
    assert "no difference between configurations can be told from chance" in text
    assert "No interval: no repeats" in text


@pytest.mark.usefixtures("undrawn")
def test_smaller_is_better_in_a_regression(tmp_path: Path) -> None:
    made = make_sweep(
        tmp_path, AXES, task="regression", outcome=lambda v: 50 + v["depth"] + 0.01 * v["seed"], final=True
    )
    write_report(made)
    text = (made / "report" / "report.md").read_text()
    assert "The lowest mean validation RMSE is 51.01 (95% interval 50.99 to 51.03 over seed, n = 3)" in text
    assert "encoding=angle, depth=1" in text


def test_a_sweep_that_is_gone_still_has_a_report(tmp_path: Path) -> None:
    made = make_sweep(tmp_path, AXES)
    shutil.rmtree(tmp_path / "jobs")
    write_report(made)
    text = (made / "report" / "report.md").read_text()
    assert "12 jobs: 0 finished, 12 missing." in text
    assert "No job has a validation result" in text
    assert len(page(made).images) == 1


SHAPES: list[dict[str, list[Any]]] = [
    {"seed": [0, 1]},
    {"depth": [3]},
    {"depth": ["shallow", "deep"], "seed": [0, 1]},
    {"encoding": ["angle", "iqp"], "seed": [0, 1]},
    {"optimizer.lr": [1e-4, 1e-3, 0.1], "split.fold": [0, 1], "seed": [0, 1]},
    {"model.hidden": [[16], [16, 8], None], "class_weight": [None, "balanced"]},
    {"encoding": ["a|b", "<b>&amp;</b>", "$\\x_1$", "*_`["], "depth": [1, 2]},
    {"reupload": [True, False], "n_qubits": [2], "encoding": ["angle"], "ansatz": ["x", "y"]},
]


@pytest.mark.parametrize("axes", SHAPES, ids=lambda axes: ",".join(axes))
def test_any_sweep_has_a_report(tmp_path: Path, axes: dict[str, list[Any]]) -> None:
    made = make_sweep(tmp_path, axes, epochs=1, final=True)
    write_report(made)
    found = page(made)
    shown = [cell for table in found.tables for row in table for cell in row]
    for value in itertools.chain(*axes.values()):
        assert (value if isinstance(value, str) else json.dumps(value)) in shown
    configurations = math.prod(
        len(values) for key, values in axes.items() if key != "seed" and key != "split.fold"
    )
    cells = [row for table in found.tables if "95% interval" in table[0] for row in table[1:]]
    assert len(cells) == configurations


@pytest.mark.usefixtures("undrawn")
def test_values_are_text_and_never_markup(tmp_path: Path) -> None:
    write_report(made := make_sweep(tmp_path, {"encoding": ["<b>x</b>", "a|b"], "depth": [1]}))
    assert "<b>" not in (made / "report" / "report.html").read_text()
    assert "a\\|b" in (made / "report" / "report.md").read_text()
    rows = page(made).table("95% interval", "encoding")
    assert {row["encoding"] for row in rows} == {"<b>x</b>", "a|b"}


def test_other_axes_replace_the_figures(tmp_path: Path) -> None:
    made = make_sweep(tmp_path, AXES, epochs=1)
    write_report(made)
    before = {path.name for path in (made / "report" / "figures").iterdir()}
    write_report(made, facet="encoding", metric="log_loss")
    after = {path.name for path in (made / "report" / "figures").iterdir()}
    assert len(page(made).images) == len(after)
    assert not before & after
    assert "encoding_angle" in " ".join(after)


@pytest.mark.usefixtures("undrawn")
def test_a_report_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_sweep(tmp_path, {"depth": [1]})
    before = write_report(made).read_text()

    def full(page: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_module, "html", full)
    with pytest.raises(StudyError, match=r"cannot be written to .* \(No space left on device"):
        write_report(made)
    assert (made / "report" / "report.html").read_text() == before


# --- report.py ---------------------------------------------------------------------------------------------------


def script(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "report.py"), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


# report.py in a process of its own, which tells at the end what it loaded.
TELLING = """
import os, runpy, sys
path, *sys.argv = sys.argv[1:]
sys.argv.insert(0, path)
sys.path[0] = os.path.dirname(path)  # as it is for a script
try:
    runpy.run_path(path, run_name="__main__")
except SystemExit as left:
    heavy = {"torch", "pandas", "matplotlib", "scipy", "optuna", "pennylane", "lightning", "sklearn"}
    print(left.code, *sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        ["."],
        ["a", "b"],
        ["studies=[a]"],
        ["SWEEP", "x=nonsense"],
        ["nowhere", "metric=accuracy"],
    ],
)
def test_a_refusal_waits_for_nothing_heavy(sweep: Path, tmp_path: Path, arguments: list[str]) -> None:
    words = [str(sweep) if word == "SWEEP" else word for word in arguments]
    command = [sys.executable, "-c", TELLING, str(ROOT / "report.py"), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("report.py: error: ")
    assert done.stdout == "2\n", "the exit code, and nothing heavy"


def test_the_folder_needs_no_key(tmp_path: Path) -> None:
    made = make_sweep(tmp_path / "it's a, b=c $x {y} \\", {"depth": [1, 2]}, epochs=1)
    done = script(str(made.relative_to(tmp_path)), "x=depth", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Report written to" in done.stdout
    assert (made / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "What is still needed: the folder of a sweep, or those of two or more studies"),
        (["a", "b"], "a is not the folder of a study"),
        (["a", "b", "x=depth"], "x=depth is for the report of a sweep"),
        (["nowhere", "output_dir=x"], "output_dir=x would change nothing"),
        (["nowhere", "studies=[a,b]"], "sweep and studies are reports of their own"),
        (["studies=[a]"], "studies takes the folders of two or more studies"),
        (
            ["nowhere"],
            "sweep=nowhere is not a folder. Give the sweep folder that train.py -m named when it ended, or the "
            "folders of two or more studies",
        ),
        (["."], "sweep=. is not a sweep folder: it is empty"),
        (["nowhere", "z=1"], "z is not a key"),
        (["nowhere", "x="], "x is empty: give text or null"),
    ],
)
def test_a_mistake_gets_one_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = script(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"report.py: error: {message}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("x=nonsense", "x=nonsense was not swept. Swept keys: encoding, depth, seed (a repeat)."),
        ("metric=acuracy", "metric=acuracy is not there. Nearest: accuracy"),
    ],
)
def test_what_was_not_swept_gets_one_message(sweep: Path, argument: str, message: str) -> None:
    done = script(str(sweep), argument, cwd=sweep)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"report.py: error: {message}")
    assert done.stderr.count("\n") == 1


# --- a browser ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
class TestBrowser:
    @pytest.mark.parametrize("width", [1280, 500])  # a headless window is never narrower than 500
    def test_every_figure_is_there_and_nothing_complains(
        self, sweep: Path, tmp_path: Path, width: int
    ) -> None:
        text = (sweep / "report" / "report.html").read_text(encoding="utf-8")
        copy = tmp_path / "report.html"
        copy.write_text(text.replace("</body>", PROBE), encoding="utf-8")
        title, console = opened(copy, width, tmp_path / "profile")
        assert console == []
        assert title == "images=6 overflow=0"

    def test_it_would_be_seen(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.html"
        body = "<p style='width: 9000px'>x</p><img src='data:image/png;base64,AAAA'><script>console.error('x')</script>"
        bad.write_text(f"<title></title><body>{body}{PROBE}")
        title, console = opened(bad, 1280, tmp_path / "profile")
        assert re.fullmatch(r"images=0 overflow=\d+", title)
        assert not title.endswith("=0")
        assert len(console) == 1


def test_figures_are_whole_pictures(sweep: Path) -> None:
    from PIL import Image

    for image in page(sweep).images:
        picture = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
        picture.load()
        assert picture.width >= 600
