"""The report of several studies: tests over datasets, a critical-difference diagram, pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from study.comparison.over_datasets import sheets, words
from study.comparison.over_datasets.diagram import draw_diagram
from study.comparison.over_datasets.studies import Studies, read_studies
from study.comparison.over_datasets.tested import Tested, compare_over
from study.comparison.report.models import metric_column
from study.comparison.report.shown import Verdict
from study.errors import StudyError
from study.gates.verdict import reach_verdict
from study.report.exported import write_table
from study.report.part import Part
from study.report.picture import Picture, remove_others
from study.report.rank_diagram import WIDE
from study.report.templating import environment
from study.report.words import counted
from study.run.alone import alone_in
from study.run.atomic import write_text
from study.statistics.friedman import FriedmanNemenyi

FOLDER, FIGURES = "over_datasets", "figures"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Page:
    """Everything that the report says: a title, one line of facts, the result in sentences, sections."""

    title: str
    facts: str
    summary: Sequence[str]
    parts: Sequence[Part]


def write_report(folders: Sequence[Path], output_dir: Path) -> tuple[Path, list[str]]:
    """Write `over_datasets/<n>_datasets-<digest>/` in `output_dir`: report.html, report.md, figures/, results.*.

    Args:
        folders: of finished studies of one metric, each on another dataset.
        output_dir: where the report's folder goes; an earlier report of the same studies is replaced.

    Returns:
        The path of report.html, and the result in sentences.

    Raises:
        StudyError: the studies cannot be read together, or the report cannot be written.
    """
    studies = read_studies(folders)
    verdicts = {data: reach_verdict(evidence) for data, evidence in studies.by_data.items()}
    tested = compare_over(studies)
    folder = output_dir / FOLDER / f"{len(studies.by_data)}_datasets-{studies.digest}"
    summary = words.what_is_shown(studies, tested, verdicts)
    try:
        with alone_in(folder, None, wait=True):
            return _write(folder, studies, tested, verdicts, summary), summary
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder} ({error.strerror or error}). Free some space, or name another "
            "place with output_dir=…"
        ) from error


def _write(
    folder: Path, studies: Studies, tested: Tested, verdicts: Mapping[str, Verdict], summary: Sequence[str]
) -> Path:
    figures = folder / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    write_table(folder, sheets.long_table(studies))
    ranks = _ranks(figures, studies, tested)
    parts = [
        Part("scores", "Scores and ranks", (), (), [sheets.score_sheet(studies)]),
        Part(
            "candidate",
            f"{studies.candidate.label} against each other model",
            (),
            (),
            [sheets.versus_sheet(studies, tested)],
        ),
        ranks,
        Part(
            "limits",
            f"What {counted(len(studies.by_data), 'dataset')} cannot show",
            words.what_cannot_be_shown(studies, tested),
        ),
        Part("studies", "The studies", (), (), [sheets.study_sheet(studies, verdicts)]),
    ]
    remove_others(figures, ranks.pictures)
    n = len(studies.by_data)
    page = Page(
        f"{studies.candidate.label} over {counted(n, 'dataset')}: does it help?",
        f"{', '.join(studies.by_data)}: {counted(len(studies.entrants), 'model')} in common, judged by "
        f"{metric_column(studies.first.task, studies.first.metric).name}.",
        summary,
        parts,
    )
    write_text(folder / "report.md", _rendered(page, "report.md.j2", False))
    write_text(folder / "report.html", _rendered(page, "report.html.j2", True))
    return folder / "report.html"


def _ranks(figures: Path, studies: Studies, tested: Tested) -> Part:
    heading = "Ranks over datasets"
    if not isinstance(tested.ranks, FriedmanNemenyi):
        return Part("ranks", heading, [f"Not tested, and no diagram is drawn: {tested.ranks.reason}."])
    path = figures / "critical_difference.png"
    name = metric_column(studies.first.task, studies.first.metric).name
    alt = draw_diagram(path, tested.ranks, sheets.labels_of(studies), name)
    return Part(
        "ranks", heading, [words.friedman_line(tested.ranks)], [Picture(path, alt, WIDE)],
        [sheets.pair_sheet(studies, tested.ranks)],
    )  # fmt: skip


def _rendered(page: Page, template: str, autoescape: bool) -> str:
    return environment(TEMPLATES, autoescape).get_template(template).render(page=page)
