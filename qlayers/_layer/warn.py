"""Warnings that point to the user's line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

_INSIDE = str(Path(__file__).parents[1]), str(Path(torch.__file__).parent)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Give a warning at the line outside of qlayers and torch that led here.

    Python shows a warning once for each line, so that a line of torch's would hide those of other models.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
