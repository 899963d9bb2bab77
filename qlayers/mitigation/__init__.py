"""Correcting what noise does to results: one method a file, found by the file's name."""

from qlayers.components import export_components
from qlayers.mitigation._base import Mitigation
from qlayers.mitigation._combining import circuits_needed, mitigated, mitigations
from qlayers.mitigation._device import uncorrected

_components, __getattr__, __dir__ = export_components(__name__)

__all__ = ["Mitigation", "circuits_needed", "mitigated", "mitigations", "uncorrected"]
__all__ += _components
