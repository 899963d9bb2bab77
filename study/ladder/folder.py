"""Where an evaluation lives on disk: inside the run's folder, beside the files that the run sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.run.folder import RunFolder

EVALUATIONS = "evaluations"
# Where it is kept, and what was allowed, do not change what comes out.
NOT_DECISIVE = ("run", "folder", "outside")


@dataclass(frozen=True)
class EvaluationFolder:
    """The layout of an evaluation's folder."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def manifest(self) -> Path:
        return self.path / "evaluation.json"

    @property
    def rungs(self) -> Path:
        return self.path / "rungs"

    @property
    def curve(self) -> Path:
        return self.path / "curve.json"

    @property
    def ladder(self) -> Path:
        return self.path / "ladder.json"

    @property
    def table(self) -> Path:
        return self.path / "ladder.csv"

    @property
    def scorecard(self) -> Path:
        return self.path / "scorecard.json"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.parquet"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def page(self) -> Path:
        return self.path / "evaluation.html"

    @property
    def markdown(self) -> Path:
        return self.path / "evaluation.md"


def evaluation_digest(config: Mapping[str, Any], weights: str, code: str) -> str:
    """sha256 over everything that decides the outcome.

    Args:
        config: of the evaluation, plain values.
        weights: digest of the run's model.
        code: digest of the code.
    """
    decisive = {key: value for key, value in config.items() if key not in NOT_DECISIVE}
    text = json.dumps([decisive, weights, code], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def folder_for(run: RunFolder, name: str, digest: str, wanted: str | None) -> EvaluationFolder:
    """The folder that the user named, or `evaluations/<ladder>-<first eight digits>` in the run's."""
    if wanted is not None:
        return EvaluationFolder(Path(wanted).expanduser())
    return EvaluationFolder(run.path / EVALUATIONS / f"{name}-{digest[:8]}")
