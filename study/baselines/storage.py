"""Scikit-learn estimators on disk, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from study.errors import StudyError
from study.run.atomic import replacing
from study.run.stored import using

# skops by itself trusts public scikit-learn, NumPy and SciPy types; these prefixes admit their private helpers, such as
# the trees of a gradient boosting. A file that names anything else, a lambda or os.system, is not loaded.
TRUSTED = ("sklearn.", "numpy.", "scipy.")


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a dictionary of plain values, arrays and estimators, atomically."""
    import skops.io

    with replacing(path) as temporary:
        skops.io.dump(state, temporary)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        StudyError: if the file is missing or damaged, or names a type that is not trusted; nothing is built then.
    """
    import skops.io

    with using(path):
        types = skops.io.get_untrusted_types(file=path)
    strange = [name for name in types if not name.startswith(TRUSTED)]
    if strange:
        raise StudyError(
            f"{path} was not loaded: it asks for {', '.join(strange)}, and the file of a baseline holds only types of "
            f"{', '.join(prefix.rstrip('.') for prefix in TRUSTED)}. It is not one of ours or has been changed."
        )
    with using(path):
        return dict(skops.io.load(path, trusted=types))
