"""Predict new rows with the model of a run folder: `python predict.py --help`."""

from __future__ import annotations

from omegaconf import DictConfig

from study.config.command_line import command
from study.config.rules import PREDICT


@command(PREDICT)
def main(config: DictConfig) -> None:
    from study.prediction import predict

    predict(config)


if __name__ == "__main__":
    main()
