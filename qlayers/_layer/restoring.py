"""Putting back what a quantum function has changed around it, when it was called to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch


def keep(objects: Iterable[Any]) -> Callable[[], bool]:
    """Copy tensors, arrays, lists, dictionaries and sets; of the containers the entries are not copied.

    Returns:
        A function that puts back what has changed since, in place, and returns whether anything had.
    """
    restorers = [_restorer(one) for one in objects]
    return lambda: any([restore() for restore in restorers])


def _restorer(kept: Any) -> Callable[[], bool]:
    if isinstance(kept, torch.Tensor):
        has_values = kept.layout is torch.strided and kept.device.type != "meta"
        return _tensor(kept) if has_values else lambda: False
    if isinstance(kept, np.ndarray):
        return _array(kept)
    return _container(kept) if isinstance(kept, (list, dict, set)) else lambda: False


def _tensor(kept: torch.Tensor) -> Callable[[], bool]:
    copy = kept.detach().clone()

    def restore() -> bool:
        changed = kept.shape != copy.shape or _bytes_of(kept) != _bytes_of(copy)
        if changed and kept.shape == copy.shape:
            kept.data.copy_(copy)  # in its own memory, of which others may have views
        elif changed:
            kept.data = copy
        return changed

    return restore


def _bytes_of(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _array(kept: np.ndarray) -> Callable[[], bool]:
    copy = kept.copy()

    def restore() -> bool:
        changed = kept.shape != copy.shape or kept.tobytes() != copy.tobytes()
        if changed:
            kept[...] = copy.reshape(kept.shape)
        return changed

    return restore


def _container(kept: Any) -> Callable[[], bool]:
    copy, before = kept.copy(), _flat(kept)

    def restore() -> bool:
        now = _flat(kept)
        changed = len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True))
        if changed:
            kept.clear()
            (kept.extend if isinstance(kept, list) else kept.update)(copy)
        return changed

    return restore


def _flat(kept: Any) -> list[Any]:
    return [*kept, *kept.values()] if isinstance(kept, dict) else list(kept)
