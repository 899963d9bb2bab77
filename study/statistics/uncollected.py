"""Calls of libraries that collect garbage each time."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep what exists already out of garbage collections within the block.

    A whole collection takes half a second with torch and PennyLane imported, and statsmodels asks for one in every
    call of `multipletests`, which a report makes by the dozen. Where somebody froze objects before, they stay frozen
    and nothing is done, since thawing would thaw theirs as well.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
