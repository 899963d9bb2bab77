"""Write the report of a sweep, or of studies on several datasets, from their folders: `python report.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from study.config.command_line import command
from study.config.positional import named
from study.config.rules import REPORT
from study.text import in_lines


@command(REPORT)
def main(config: DictConfig) -> None:
    # What was asked for is looked at first: the reports load pandas, scipy and matplotlib, which take seconds.
    if config.studies:
        from study.comparison.over_datasets.studies import read_studies

        folders = [Path(folder).expanduser() for folder in config.studies]
        read_studies(folders)
        from study.comparison.over_datasets import report as over_datasets

        page, summary = over_datasets.write_report(folders, Path(config.output_dir).expanduser())
        print(in_lines("\n".join(summary)))
    else:
        from study.ablation.request import check_request

        folder = Path(config.sweep).expanduser()
        asked = {key: config[key] for key in ("x", "y", "facet", "metric")}
        check_request(folder, **asked)
        from study.ablation.report import write_report

        page = write_report(folder, **asked)
    print(in_lines(f"Report written to {page}"))


if __name__ == "__main__":
    sys.argv[1:] = named("sweep", "studies", sys.argv[1:])
    main()
