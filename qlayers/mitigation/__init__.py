"""Correcting what noise does to results: one method a file, found by the file's name."""

from qlayers.mitigation.base import Mitigation
from qlayers.mitigation.combining import circuits_needed, mitigated, mitigations
from qlayers.mitigation.device import uncorrected

__all__ = ["Mitigation", "circuits_needed", "mitigated", "mitigations", "uncorrected"]
