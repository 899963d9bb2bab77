"""Independent random streams derived from one seed and a few labels.

A stream's seed is a hash of the run's seed and of what the stream is for, such as (3, "shuffle", epoch). Streams
that differ in any label are independent, and none depends on how many numbers another has drawn: that is what makes
a resumed run equal to an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import random

_BITS = 32  # what every generator in use accepts: NumPy's legacy seeding takes no more


def derive(seed: int, *labels: int | str) -> int:
    """An integer in [0, 2**32) that is a function of the seed and the labels alone.

    JSON keeps "1" and 1 apart, and ("ab",) and ("a", "b").
    """
    text = json.dumps([int(seed), *(label if isinstance(label, str) else int(label) for label in labels)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[: _BITS // 8], "big")


def reseed(seed: int, *labels: int | str) -> None:
    """Set Python's, NumPy's and torch's global streams to the stream of these labels.

    Call `reseed(seed, "init")` immediately before a model is instantiated.
    """
    import numpy as np
    import torch

    value = derive(seed, *labels)
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
