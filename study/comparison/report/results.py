"""Every outcome as a row of a table."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from study.comparison.evidence import Evidence, Outcome
from study.comparison.report.differences import label_of
from study.run.atomic import plain

AS_THEY_ARE = (
    "repeat", "fold", "seed", "n_train", "n_test", "n_parameters", "fit_seconds", "tuning_seconds", "latency_seconds",
    "executions", "steps", "peak_bytes", "trials", "failed_trials", "folder", "failure",
)  # fmt: skip


def results_table(evidence: Evidence) -> pd.DataFrame:
    """One row an outcome: who, where, under what, every metric, cost, what was chosen (JSON), why it failed."""
    roles = {entrant.name: entrant.role for entrant in evidence.entrants}
    rows = [
        {
            "entrant": one.entrant,
            "label": label_of(evidence, one.entrant),
            "role": roles.get(one.entrant, ""),
            **{key: getattr(one, key) for key in AS_THEY_ARE[:3]},
            "fraction": one.condition.fraction,
            "label_noise": one.condition.label_noise,
            **_metrics(one),
            **{key: getattr(one, key) for key in AS_THEY_ARE[3:]},
            "chosen": json.dumps(plain(one.chosen), sort_keys=True),
            "at_edge": ", ".join(one.at_edge),
        }
        for one in evidence.outcomes
    ]
    if not rows:
        return pd.DataFrame(columns=["entrant", "label", "role", *AS_THEY_ARE[:3], "fraction", "label_noise"])
    return pd.DataFrame(rows)


def _metrics(one: Outcome) -> dict[str, Any]:
    return {
        **{f"test.{key}": value for key, value in one.metrics.items()},
        **{f"validation.{key}": value for key, value in one.validation.items()},
        **{
            f"slice.{name}.{key}": value for name, found in one.slices.items() for key, value in found.items()
        },
    }
