"""Train one model on one split of the data, next to its controls: `python train.py --help`."""

from __future__ import annotations

from omegaconf import DictConfig

from study.config.command_line import command
from study.config.rules import TRAIN


@command(TRAIN)
def main(config: DictConfig) -> None:
    # Imported now that the command line is known to be good: these load torch, PennyLane and Lightning.
    from study.config.construction import check_construction

    if config.resume is None:
        check_construction(config)

    from study.experiment import train

    train(config)


if __name__ == "__main__":
    main()
