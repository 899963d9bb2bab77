"""Names that mean something to a terminal, a browser, a renderer of Markdown, a spreadsheet or MLflow: only text.

A table with such names for its columns, classes and file goes through all commands, each run as a user runs it; then
everything that they printed and wrote is looked through.
"""

from __future__ import annotations

import csv
import os
import random
import re
import sqlite3
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from study.text import in_csv, in_figure, in_markdown, visible
from tests.preloaded import Preloaded

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300

COLUMNS = (
    "height [m]",
    "a[/x]",
    "dose [bold] :warning:",
    "b\x1b[31m|*_y_*",
    r"$\frac{",
    "<script>alert(1)</script>",
)
CLASSES = ("=1+1", "-yes\x1b]0;title\x07 <b>`[x](http://x.y)` &lt; $\\frac{")
TABLE = "trial[bold] :warning: =1.csv"
LABEL = "same [red]again[/] <i>| :smile: $\\sqrt{"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LADDER = f"""defaults:
  - /backend@rungs.exact.backend: auto
  - /backend@rungs.again.backend: default_qubit
  - /backend@curve.backend: shots
  - /backend@scorecard.backend: emulated
  - _self_
name: small
reference: exact
rungs:
  again:
    label: '{LABEL}'
drift: {{circuits: 2}}
curve: {{shots: [], repeats: 1}}
scorecard: {{computers: []}}
"""


@dataclass
class Walk:
    """What the commands printed, by script, and the folder in which they wrote."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)

    def files(self, *suffixes: str) -> list[Path]:
        found = [path for path in self.folder.rglob("*") if path.suffix in suffixes and path.is_file()]
        return [path for path in found if path.parent != self.folder / "given"]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Walk:
    """Every command has run on the table."""
    folder = tmp_path_factory.mktemp("walk [old] <u>")
    walk = Walk(folder)
    given, runs = folder / "given", folder / "runs [i]"
    given.mkdir()
    _write(given / TABLE, with_target=True)
    _write(given / "new [b].csv", with_target=False)
    (given / "conf" / "ladder").mkdir(parents=True)
    (given / "conf" / "ladder" / "small.yaml").write_text(LADDER)
    data = ["data=file", f"data.path='{given / TABLE}'", "data.target='the [target]'"]
    small = [*data, f"output_dir='{runs}'", "trainer=debug", "n_qubits=2"]

    def run(script: str, *words: str, codes: tuple[int, ...] = (0,)) -> None:
        output = folder / "printed"
        env = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "COLUMNS": "300"}
        process = preloaded.start([script, *words], cwd=ROOT, env=env, output=output)
        code, text = process.wait(PATIENCE_S), output.read_bytes().decode(errors="surrogateescape")
        output.unlink()
        assert code in codes, text
        walk.printed[script] = walk.printed.get(script, "") + text

    run("train.py", *small, "logger=mlflow")
    [trained] = [path for path in runs.iterdir() if (path / "manifest.json").exists()]
    new = f"input='{given / 'new [b].csv'}'"
    run("predict.py", f"run='{trained}'", new, f"output='{folder / 'answers [b].csv'}'", "threshold=0.5")
    run("evaluate.py", "--config-dir", str(given / "conf"), "ladder=small", "rows=8", f"run='{trained}'")
    run("train.py", "-m", *small, "depth=1,2", "logger=none", "controls=none")
    without = ["separable", "replaced_circuit", "gradient_boosting", "rbf_svm", "ridge"]
    study = ["study=quick", "split.n_folds=2", "study.tuning.trials=1", "study.calibration.methods=[none]"]
    named = [f"study.entrants.candidate.label='{LABEL}'", *(f"~study.entrants.{name}" for name in without)]
    run("compare.py", *small, *study, *named)
    [compared] = (runs / "studies").iterdir()
    [swept] = (runs / "sweeps").iterdir()
    run("report.py", str(swept))
    run("report.py", f"studies=['{compared}']", f"output_dir='{runs}'", codes=(0, 2))
    run("predict.py", f"run='{folder / 'none [x]'}'", new, f"output='{folder / 'o.csv'}'", codes=(2,))
    (given / "other.csv").write_text("mass [kg],\x1b[2J\n1,2\n")
    run(
        "predict.py",
        f"run='{trained}'",
        f"input='{given / 'other.csv'}'",
        f"output='{folder / 'o.csv'}'",
        codes=(2,),
    )
    return walk


def _write(path: Path, with_target: bool) -> None:
    chance = random.Random(0)
    rows = []
    for number in range(60):
        numbers = [f"{chance.gauss(2 * (number % 2), 1):.4f}" for _ in COLUMNS]
        rows.append([*numbers, CLASSES[number % 2]] if with_target else numbers)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[*COLUMNS, "the [target]"] if with_target else COLUMNS, *rows])


def test_terminals_show_names_in_their_form(walk: Walk) -> None:
    assert set(walk.printed) == {"train.py", "predict.py", "evaluate.py", "compare.py", "report.py"}
    for script, text in walk.printed.items():
        assert not UNSEEN.search(text), script
        assert "Traceback" not in text, text
    for name in COLUMNS:
        assert visible(name) in walk.printed["predict.py"]
    assert "answers [b].csv" in walk.printed["predict.py"]
    assert "none [x]" in walk.printed["predict.py"]
    assert (
        "mass [kg]" in walk.printed["predict.py"]
        or "height [m]" in walk.printed["predict.py"].split("error:")[-1]
    )
    assert "trial[bold] :warning: =1" in walk.printed["train.py"]
    assert "runs [i]" in walk.printed["train.py"]
    for script in ("evaluate.py", "compare.py"):
        assert LABEL in walk.printed[script]
    assert "runs [i]" in walk.printed["report.py"]


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_pages_hold_names_as_text(walk: Walk) -> None:
    pages = {path: Page(path.read_text()) for path in walk.files(".html")}
    assert {path.stem for path in pages} == {"report", "evaluation"}
    for path, page in pages.items():
        assert not page.tags & {"script", "b", "i", "u", "iframe"}, path
        assert not UNSEEN.search(path.read_text()), path
    told = ["".join(page.texts) for page in pages.values()]
    assert sum(LABEL in text for text in told) >= 2
    assert any("trial[bold] :warning: =1" in text for text in told)


def test_markdown_holds_names_as_text(walk: Walk) -> None:
    reader, told = MarkdownIt("commonmark").enable(["table", "strikethrough"]), []
    files = walk.files(".md")
    assert {path.stem for path in files} == {"report", "evaluation"}
    for path in files:
        tokens = reader.parse(path.read_text())
        inner = [token for token in tokens for token in (token.children or [token])]
        assert not {token.type for token in inner} & {
            "html_inline",
            "html_block",
            "link_open",
            "em_open",
            "s_open",
        }
        assert not UNSEEN.search(path.read_text()), path
        told.append("".join(token.content for token in inner if token.type in ("text", "text_special")))
    assert sum(LABEL in text for text in told) >= 2
    assert any("trial[bold] :warning: =1" in text for text in told)


def test_spreadsheets_compute_nothing(walk: Walk) -> None:
    files = walk.files(".csv")
    assert {"answers [b]", "results", "ladder", "metrics", "steps", "tuning"} <= {path.stem for path in files}
    for path in files:
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(tuple("=+-@")) and not _is_number(cell)], path
        assert not [cell for cell in cells if UNSEEN.search(cell)], path
    with (walk.folder / "answers [b].csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["prediction"] for row in rows} <= {"", *map(in_csv, CLASSES)}
    assert {f"probability.{visible(name)}" for name in CLASSES} <= set(rows[0])


def _is_number(cell: str) -> bool:
    try:
        return bool(float(cell) or True)
    except ValueError:
        return False


def test_text_files_and_pictures_are_what_they_are(walk: Walk) -> None:
    for path in walk.files(".txt", ".svg"):
        assert not UNSEEN.search(path.read_text()), path
    pictures = walk.files(".svg")
    assert pictures
    for path in pictures:
        ElementTree.parse(path)
    drawn = {path.stem for path in walk.files(".png")}
    assert {"confusion_matrix", "learning_curves", "reliability"} <= drawn


def test_mlflow_has_names_that_it_takes_and_texts_in_their_form(walk: Walk) -> None:
    [store] = walk.files(".db")
    with sqlite3.connect(store) as base:
        names = [
            name for table in ("params", "metrics") for (name,) in base.execute(f"select key from {table}")
        ]
        values = [value for (value,) in base.execute("select value from params")]
        runs = [name for (name,) in base.execute("select name from runs")]
    assert all(re.fullmatch(r"[\w/. -]+", name, re.ASCII) for name in [*names, *runs])
    assert "the [target]" in values
    assert any(TABLE in value for value in values)
    assert not any(UNSEEN.search(value) for value in values)


@pytest.mark.parametrize(
    "name", [*COLUMNS, *CLASSES, LABEL, "- x", "1. x", "___", "~~x~~", "+1", "www.x.y", "a\nb"]
)
def test_markdown_gives_every_name_back(name: str) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    opening, inline, _ = reader.parse(in_markdown(name))
    assert opening.type == "paragraph_open"
    assert "".join(token.content for token in inline.children or ()) == visible(" ".join(name.split()))
    assert {token.type for token in inline.children or ()} <= {"text", "text_special"}


@pytest.mark.parametrize("name", [*COLUMNS, *CLASSES, LABEL, "_hidden"])
def test_figures_draw_every_name(name: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], label=in_figure(name))
    legend = axes.legend()
    figure.draw_without_rendering()
    [text] = legend.get_texts()
    assert text.get_text().strip().replace(r"\$", "$") == visible(name)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-1", "-1"), ("+2.5e-3", "+2.5e-3"), ("-.5", "-.5"), ("-1+1", "'-1+1"), ("@SUM(1)", "'@SUM(1)"),
        ("=1", "'=1"), ("-inf", "'-inf"), ("＝1", "'＝1"), ("", ""), ("a=1", "a=1"), ("\t=1", r"\t=1"),
    ],
)  # fmt: skip
def test_numbers_stay_and_formulas_become_text(cell: str, written: str) -> None:
    assert in_csv(cell) == written


def test_consoles_are_made_in_one_place() -> None:
    """Whoever prints otherwise says so by `in_lines`."""
    made = re.compile(r"(?<![\w.])(Console|print|pprint)\(|sys\.std(out|err)\.write\(|from_markup\(|escape\(")
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in [*ROOT.glob("study/**/*.py"), *ROOT.glob("*.py")]
        for line in path.read_text().splitlines()
        if made.search(line) and "in_lines(" not in line and ">>>" not in line
    }
    assert found == set()
