"""Train one model on one split of the data, next to its controls, or sweep with -m: `python train.py --help`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from study.config.command_line import command, remark
from study.config.program import Program
from study.config.rules import TRAIN


def sweep(program: Program, lines: Sequence[str], config_dir: str | None) -> int:
    from study.sweep.expansion import expand

    expansion = expand(program, lines, config_dir)
    for line in expansion.remarks:
        remark(program, line)

    from study.sweep.sweep import sweep

    return sweep(program, lines, expansion, config_dir)


@command(TRAIN, sweep)
def main(config: DictConfig) -> None:
    # Imported now that the command line is known to be good: these load torch, PennyLane and Lightning.
    from study.config.construction import check_construction

    if config.resume is None:
        check_construction(config)

    from study.config.leaving import only_planned
    from study.experiment import plan, train

    if config.resume is None and only_planned(config):
        plan(config)
    else:
        train(config)


if __name__ == "__main__":
    main()
