"""Write the report of a sweep, or of studies on several datasets, from their folders: `python report.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from study.config.command_line import command
from study.config.positional import named
from study.config.rules import REPORT


@command(REPORT)
def main(config: DictConfig) -> None:
    # Imported now that the command line is known to be good: these load pandas and matplotlib.
    if config.studies:
        from study.comparison.over_datasets import report as over_datasets

        page, summary = over_datasets.write_report(
            [Path(folder).expanduser() for folder in config.studies], Path(config.output_dir).expanduser()
        )
        print("\n".join(summary))
    else:
        from study.ablation.report import write_report

        page = write_report(
            Path(config.sweep).expanduser(), x=config.x, y=config.y, facet=config.facet, metric=config.metric
        )
    print(f"Report written to {page}")


if __name__ == "__main__":
    sys.argv[1:] = named("sweep", "studies", sys.argv[1:])
    main()
