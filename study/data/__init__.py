"""Data: tables, splits, preprocessing and the contract a trained model holds new rows to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.data.table import Dataset


def available() -> dict[str, type[Dataset]]:
    """The datasets that ship, by name: each module whose class of the same name is a concrete `Dataset`.

    `breast_cancer.py` is found through its class `BreastCancer`; there is no list to keep in step.
    """
    import importlib
    import inspect
    import pkgutil

    from study.data.table import Dataset

    found: dict[str, type[Dataset]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        class_name = "".join(word.capitalize() for word in module.name.split("_"))
        candidate = getattr(importlib.import_module(f"{__name__}.{module.name}"), class_name, None)
        if (
            inspect.isclass(candidate)
            and issubclass(candidate, Dataset)
            and not inspect.isabstract(candidate)
        ):
            found[module.name] = candidate
    return found
