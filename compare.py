"""Compare a model with its twins and with tuned classical baselines: `python compare.py --help`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from study.config.command_line import whole_command
from study.config.program import Program
from study.config.rules import COMPARE


@whole_command(COMPARE)
def main(program: Program, lines: Sequence[str], config_dir: str | None, config: DictConfig) -> int:
    """Run the study and hand back the exit code."""
    # Imported now that the command line is known to be good: these load torch, PennyLane and Lightning.
    from study.comparison.study import run_study

    return run_study(program, lines, config_dir, config)


if __name__ == "__main__":
    main()
