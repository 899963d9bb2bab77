"""How long and in what portions to train; everything else is Lightning's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from study.errors import StudyError

# Lightning's other options belong to the learner (resuming and the record of a run rest on them) or to training on
# several devices, for which the streams and records here are not made.
PASSED_ON = frozenset(
    {
        "accelerator",
        "accumulate_grad_batches",
        "benchmark",
        "detect_anomaly",
        "deterministic",
        "devices",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "profiler",
    }
)


@dataclass(frozen=True)
class TrainerSettings:
    """The options of `conf/trainer/`.

    Attributes:
        max_epochs: epochs at most.
        batch_size: rows a training step.
        patience: stop after this many epochs without a lower validation loss; None to train to the end.
        lightning: the options named in `PASSED_ON`, handed to `lightning.Trainer` as they are.
    """

    max_epochs: int = 40
    batch_size: int = 32
    patience: int | None = 10
    lightning: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> TrainerSettings:
        """Sort the options of a configuration.

        Raises:
            StudyError: on an option that is unknown or of the wrong kind.
        """
        own = {f.name for f in fields(cls)} - {"lightning"}
        _check_known(options, own)
        rest = {name: value for name, value in options.items() if name not in own}
        settings = cls(**{name: value for name, value in options.items() if name in own}, lightning=rest)
        for name, may_be_none in (("max_epochs", False), ("batch_size", False), ("patience", True)):
            value = getattr(settings, name)
            if value is None and may_be_none:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                null = " or null" if may_be_none else ""
                raise StudyError(f"trainer.{name} must be a whole number from 1 on{null}, but is {value!r}.")
        return settings


def _check_known(names: Iterable[str], own: set[str]) -> None:
    known = PASSED_ON | own
    for name in set(names) - known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = (
            "set the top-level option precision" if name == "precision" else ", ".join(near or sorted(known))
        )
        raise StudyError(f"trainer.{name} is not an option; nearest: {hint}.")
