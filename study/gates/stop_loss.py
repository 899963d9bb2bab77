"""When a study has used what it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.gates.declaration import declared_stop_loss


def stop_loss(
    limits: Mapping[str, Any], *, seconds: float, executions: int = 0, usd: float = 0.0
) -> str | None:
    """Why a study must end now, in a sentence; None if it may go on.

    Args:
        limits: as declared: hours, executions, usd; null is no limit.
        seconds: from the start, over all sittings.
        executions: circuit executions so far.
        usd: spent so far. A limit of 0 is struck by the first cent; the others as soon as they are reached.

    Raises:
        StudyError: if the limits are none.
    """
    allowed = declared_stop_loss(limits)
    if allowed.hours is not None and seconds >= 3600 * allowed.hours:
        return (
            f"The study has taken {_time(seconds)}, and stop_loss.hours allows {_time(3600 * allowed.hours)}."
        )
    if allowed.executions is not None and executions >= allowed.executions:
        return (
            f"The study has executed {executions:,} circuits, and stop_loss.executions allows "
            f"{allowed.executions:,}."
        )
    if allowed.usd is not None and (usd > allowed.usd or (usd == allowed.usd and usd > 0)):
        return f"The study has cost {usd:,.2f} USD, and stop_loss.usd allows {allowed.usd:,.2f} USD."
    return None


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
