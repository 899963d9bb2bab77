"""Where a circuit runs: one backend a file, found by the file's name."""

from typing import TYPE_CHECKING

from qlayers.backends._base import Backend, Native
from qlayers.components import export_components

if TYPE_CHECKING:
    from qlayers.backends._paid import PaidBackend
    from qlayers.backends._sampling import SamplingBackend

_components, __getattr__, __dir__ = export_components(
    __name__, PaidBackend="_paid", SamplingBackend="_sampling"
)

__all__ = ["Backend", "Native", "PaidBackend", "SamplingBackend"]
__all__ += _components
