"""Scikit-learn estimators on disk, without pickle, and with no types but those that their learner has.

A file that names a function of NumPy in the place of an estimator would be as good as a program. So each learner says
exactly which types its file holds, and both writing and reading hold the file to it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from study.errors import StudyError
from study.run.atomic import replacing
from study.run.stored import using

_PLAIN = frozenset(
    {f"builtins.{kind.__name__}" for kind in (dict, list, tuple, str, int, float, bool)}
    | {"numpy.ndarray", *(f"numpy.{kind.__name__}" for kind in np.sctypeDict.values())}
)
# Others of skops bind methods, name functions or call what a file says.
_LOADERS = frozenset(
    f"{name}Node"
    for name in (
        "Cached", "Dict", "Json", "List", "Loss", "NdArray", "Object", "RandomGenerator", "RandomState", "Tree",
        "Tuple", "Type",
    )
)  # fmt: skip


def save_state(path: Path, state: dict[str, Any], types: Collection[str]) -> None:
    """Write a dictionary of plain values, arrays and estimators, atomically.

    Args:
        path: of the file.
        state: what it holds.
        types: the full names of the types that may be in it, beside plain ones.

    Raises:
        StudyError: there are others, so that the file could not be read again.
    """
    import skops.io

    with replacing(path) as temporary:
        skops.io.dump(state, temporary)
        if strange := _strange(temporary, types):
            raise StudyError(
                f"{state.get('learner')} cannot be saved: its file would hold {', '.join(strange)}, which its class "
                "does not declare. Add them to its `parts`, or to its `estimators` if they are what `finish` returns."
            )


def load_state(path: Path, types: Collection[str]) -> dict[str, Any]:
    """Read what `save_state` wrote with these types.

    Raises:
        StudyError: if the file is missing or damaged, or names another type; nothing is built then.
    """
    import skops.io

    with using(path):
        strange = _strange(path, types)
        if strange:
            raise StudyError(
                f"{path} was not loaded: it asks for {', '.join(strange)}, and the file of this learner holds only "
                f"{', '.join(sorted(types))}. It is not one of ours or has been changed."
            )
        return dict(skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path)))


def _strange(path: Path, types: Collection[str]) -> list[str]:
    """The types and kinds of nodes in a file that do not belong there, told from its text."""
    import skops.io

    with zipfile.ZipFile(path) as archive:
        nodes = list(_nodes(json.loads(archive.read("schema.json"))))
    named = {f"{node['__module__']}.{node['__class__']}" for node in nodes if "__module__" in node}
    # Some names that skops looks up stand elsewhere, such as that of a random generator.
    named |= set(skops.io.get_untrusted_types(file=path))
    loaders = {str(node["__loader__"]) for node in nodes if "__loader__" in node}
    return sorted(named - set(types) - _PLAIN) + sorted(loaders - _LOADERS)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)
