"""The global streams of random numbers, left as they were."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def untouched_streams() -> Iterator[Callable[[], bool]]:
    """Put the streams of Python, NumPy and torch back to where they were.

    Yields:
        A function that tells whether any has moved meanwhile.
    """
    python, numpy, on_cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def have_moved() -> bool:
        now = np.random.get_state()
        same = now[2] == numpy[2] and np.array_equal(now[1], numpy[1])  # type: ignore[index]
        return not (same and random.getstate() == python and torch.equal(torch.get_rng_state(), on_cpu))

    try:
        yield have_moved
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(on_cpu)
