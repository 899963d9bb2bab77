"""Take a trained run up the ladder from exact values to hardware: `python evaluate.py --help`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from study.config.command_line import whole_command
from study.config.program import Program
from study.config.rules import EVALUATE


@whole_command(EVALUATE)
def main(program: Program, lines: Sequence[str], config_dir: str | None, config: DictConfig) -> int:
    """Climb and hand back the exit code."""
    # Imported now that the command line is known to be good: these load torch, PennyLane and pandas.
    from study.ladder.evaluation import run_evaluation

    return run_evaluation(config)


if __name__ == "__main__":
    main()
