"""Keeping Lightning from telling our users things that are none of their business."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Each is about a choice that was made here on purpose, or about Lightning's own code. Everything else stays visible.
_KNOWN = (
    r".*does not have many workers.*",  # rows are in memory; workers would only cost
    r".*GPU available but not used.*",  # trainer.accelerator says what to use
    r".*MPS available but not used.*",
    r".*isinstance\(treespec, LeafSpec\).*",  # Lightning's use of torch, not ours
    r".*Found \d+ module\(s\) in eval mode at the start of training.*",
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Within the block, hide Lightning's hardware lines and advertisements and the warnings listed above.

    Its warnings and errors otherwise pass, and the loggers' levels are put back.
    """
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in _KNOWN:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
