"""A test part that nobody may look at yet."""

from __future__ import annotations

import dataclasses
from typing import Any

from study.data.prepare import Part, Prepared
from study.errors import StudyError


class LeakError(StudyError):
    """Something saw, or asked for, rows that it must not see."""


class SealedPart(Part):
    """Stands where the test part was while models are tuned and fitted; whoever reads it is told so.

    An empty part would do as well to keep the rows away, but a learner that reads it would look as if it did not.
    """

    def __init__(self) -> None:
        pass

    def __getattribute__(self, name: str) -> Any:
        if name in ("inputs", "targets", "rows"):
            raise LeakError(
                f"leak: the {name} of the test part were asked for while the model was tuned and fitted. A model may "
                "read train and validation; the test part is read once, when it is finished."
            )
        return super().__getattribute__(name)


def sealed(data: Prepared) -> Prepared:
    """The same with its test part sealed."""
    return dataclasses.replace(data, test=SealedPart())
