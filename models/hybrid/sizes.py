"""How many values a row a module takes and gives, as far as it declares it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.modules import activation, batchnorm, dropout, normalization

_SIZE_PRESERVING = tuple(module.__name__ for module in (activation, batchnorm, dropout, normalization))


def features_in(module: nn.Module) -> int | None:
    """Size of the last dimension that the module takes; None if it does not say."""
    return _declared(module, ("in_features", "n_features"), first=True)


def features_out(module: nn.Module) -> int | None:
    """Size of the last dimension that the module gives; None if it does not say."""
    return _declared(module, ("out_features", "n_outputs"), first=False)


def _declared(module: nn.Module, names: Iterable[str], first: bool) -> int | None:
    if isinstance(module, nn.Sequential):
        for child in module if first else reversed(list(module)):
            if not _keeps_size(child):
                return _declared(child, names, first)
        return None
    for name in names:
        value = getattr(module, name, None)
        if isinstance(value, int):
            return value
    return None


def _keeps_size(module: nn.Module) -> bool:
    # MultiheadAttention lives among the activations, but takes three arguments.
    return isinstance(module, nn.Identity) or (
        type(module).__module__ in _SIZE_PRESERVING and not isinstance(module, nn.MultiheadAttention)
    )
