"""The seal on what a study declared: gates that were edited after the start are caught and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from study.errors import StudyError

_ABSENT = object()


def canonical(declared: Mapping[str, Any]) -> str:
    """The declared study as JSON with sorted keys and no spaces; the order of keys does not matter, that of lists does.

    Raises:
        StudyError: if it holds anything but plain, finite values.
    """
    try:
        return json.dumps(
            declared, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise StudyError(
            f"A declared study holds plain values only, so that it can be sealed, but: {error}."
        ) from error


def seal(declared: Mapping[str, Any]) -> str:
    """The sha256 of `canonical`, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(declared).encode()).hexdigest()


def check_seal(declared: Mapping[str, Any], digest: str, sealed: Mapping[str, Any] | None = None) -> None:
    """Compare what is declared now with the seal of what was declared before the study began.

    Args:
        declared: as it is now.
        digest: what `seal` gave before the study began.
        sealed: as it was, so that the keys that changed can be named.

    Raises:
        StudyError: if they differ, or if `sealed` is itself not what was sealed.
    """
    if sealed is not None and seal(sealed) != digest:
        named = ", ".join(_differences(sealed, declared)) if seal(declared) == digest else ""
        raise StudyError(
            "The study's record of what it declared was changed after the study began: it does not fit its seal "
            f"{digest[:12]}{f' ({named})' if named else ''}. Put the original record back, or start a new study."
        )
    if seal(declared) == digest:
        return
    what = (
        "What the study declared"
        if sealed is None
        else f"Sealed before the study began and changed since: {'; '.join(_differences(sealed, declared))}. This"
    )
    raise StudyError(
        f"{what} does not fit the seal {digest[:12]}. A study that has begun keeps what it declared: put the former "
        "values back, or start a new study with the new ones, in a folder of its own by study.name=ANOTHER_NAME."
    )


def _differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Each changed key, dotted, with both values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}, key=str):
            dotted = f"{key}.{name}" if key else str(name)
            yield from _differences(before.get(name, _ABSENT), now.get(name, _ABSENT), dotted)
    elif before is _ABSENT:
        yield f"{key} was not there and is {_text(now)}"
    elif now is _ABSENT:
        yield f"{key} was {_text(before)} and is gone"
    elif canonical({"": before}) != canonical({"": now}):
        yield f"{key} was {_text(before)} and is {_text(now)}"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
