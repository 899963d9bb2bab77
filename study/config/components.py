"""Which classes this version knows for a place of a configuration, told by their names before anything is imported.

A configuration names classes as text. Whoever writes one on a command line may name any. A stored one is somebody
else's text: there a name must be a component of this version, of the kind that its place takes, or one that its reader
trusts by name.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from study.config.composition import CONFIG_DIR
from study.config.targets import is_dotted_name, locate, refuse_from_runs, target_nodes
from study.errors import StudyError

# What stands at a key of this name, wherever the key is: an instance of one of these classes.
_MODULE = ("torch.nn.Module",)
_MODEL = (*_MODULE, "study.fitting.learner.Learner")
PLACES: Mapping[str, tuple[str, ...]] = {
    "data": ("study.data.table.Dataset", "lightning.LightningDataModule"),
    "split": ("study.data.splits.base.Split",),
    "preprocessing": ("study.data.preprocessing.Preprocessor",),
    "model": _MODEL,
    "controls": _MODEL,
    "reduction": _MODULE,
    "head": _MODULE,
    "circuit": _MODULE,
    "encoding": ("qlayers.encodings.Encoding",),
    "ansatz": ("qlayers.ansaetze.Ansatz",),
    "measurement": ("qlayers.measurements.Measurement",),
    "noise": ("qlayers.noise.NoiseModel",),
    "backend": ("qlayers.backends.Backend",),
    "mitigation": ("qlayers.mitigation.Mitigation",),
    "optimizer": ("torch.optim.Optimizer",),
    "logger": ("lightning.pytorch.loggers.Logger",),
}
_OURS = ("qlayers", "models", "study")


def place_of(key: str) -> str | None:
    """Return the place in which a dotted key stands, the innermost one that has a name, or None outside of all.

    >>> place_of("controls.mlp"), place_of("model.circuit.backend.mitigation[0]"), place_of("dims.n")
    ('controls', 'mitigation', None)
    """
    parts = [part.partition("[")[0] for part in key.split(".")]
    return next((part for part in reversed(parts) if part in PLACES), None)


def _is_place(key: str) -> bool:
    """Whether a key is that of a place itself, and not of an argument of what stands there."""
    *above, last = [part.partition("[")[0] for part in key.split(".")]
    return last in PLACES or above[-1:] in (["controls"], ["logger"])


def known(target: Any, key: str) -> type | None:
    """Return the component of this version that has this name and may stand at this key, or None.

    Nothing is imported but packages in which this version's own options live, and modules of ours in them.
    """
    place = place_of(key)
    if place is None or not is_dotted_name(target):
        return None
    for package in _packages(PLACES[place]):
        *modules, name = target.removeprefix(f"{package}.").split(".")
        if not target.startswith(f"{package}.") or len(modules) > 1 or name.startswith("_"):
            continue
        if package.partition(".")[0] not in (*_OURS, "torch") and target not in _options(PLACES[place]):
            continue  # of other packages, such as trackers that send things away, no more than the options name
        found = getattr(_module_with(package, modules, name), name, None)
        if inspect.isclass(found) and issubclass(found, tuple(_bases(place))):
            return found
    return None


def brought(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the names in a configuration of plain values that this version does not know, each with its key."""
    nodes = target_nodes(dict(values))
    return {str(node["_target_"]): key for key, node in nodes if known(node["_target_"], key) is None}


def trusted(target: str, trust: Sequence[str]) -> bool:
    """Whether a name is trusted: it or a package that it lies in was named."""
    return any(target == name or target.startswith(f"{name}.") for name in trust)


def find(target: Any, key: str, trust: Sequence[str] | None, output_dir: Path | None) -> Callable[..., Any]:
    """Return what a name in a configuration stands for.

    Args:
        target: the name.
        key: where it stands.
        trust: what the reader of a stored configuration trusts beside the components of this version; None for a
            configuration that its user has composed, who may name anything.
        output_dir: a folder in which no module is looked for.

    Raises:
        StudyError: the name is not allowed here, or there is nothing of this name.
    """
    if trust is None:
        return locate(target, key)
    found = known(target, key)
    if found is not None:
        return found
    check_name(target, key, trust)
    refuse_from_runs(output_dir, target, key)
    brought_in = locate(target, key)
    if inspect.isclass(brought_in) and issubclass(brought_in, tuple(_bases(place_of(key)))):
        return brought_in
    if inspect.isclass(brought_in) and _is_place(key):
        raise StudyError(f"{key}._target_={target} is no {_kinds(key)}, which is what stands at {key}.")
    if target not in trust:
        # With a package come all functions that it has imported; one that is wanted is named in full.
        raise StudyError(
            f"{key}._target_={target} is no {_kinds(key)} but something else, which trusting its package does not "
            f"cover. If you know what it does, name it in full: trust={target}"
        )
    return brought_in


def check_name(
    target: Any, key: str, trust: Sequence[str], recorded: Mapping[str, Any] | None = None
) -> None:
    """Refuse a name in a stored configuration that is neither known at its key nor trusted; import nothing of it.

    Args:
        target: the name.
        key: where it stands.
        trust: what the reader trusts.
        recorded: the names that the run's manifest says its author brought.

    Raises:
        StudyError: saying what the name is, and how to allow it.
    """
    if known(target, key) is not None:
        return
    if not is_dotted_name(target):
        raise StudyError(f"{key}._target_={target!r} is not the dotted name of a class, so it is refused.")
    if place_of(key) is None:
        raise StudyError(
            f"{key}._target_={target}: nothing at {key} is built from a class, so it is refused."
        )
    if trusted(target, trust):
        return
    package = target.partition(".")[0]
    spec = importlib.machinery.PathFinder.find_spec(package)
    origin = "is not installed here" if spec is None else f"is installed here in {spec.origin or package}"
    said = "" if recorded is None else " manifest.json does not say that the run was trained with it."
    if recorded and target in recorded:
        said = " The run was trained with it, as a class that its author brought."
    raise StudyError(
        f"{key}._target_={target} is no {_kinds(key)} of this version, and was not imported.{said} "
        f"To use it is to run the code of {package}, which {origin}. Only if you know that code: trust={package}"
    )


def _kinds(key: str) -> str:
    return " or ".join(PLACES[place_of(key) or "model"])


def _bases(place: str | None) -> Iterator[type]:
    for name in PLACES[place] if place is not None else ():
        module, _, base = name.rpartition(".")
        yield getattr(importlib.import_module(module), base)


@functools.cache
def _named() -> tuple[tuple[str, str], ...]:
    """Every name in conf/ with the place in which it stands."""
    found = []
    for file in CONFIG_DIR.rglob("*.yaml"):
        group = file.parent.relative_to(CONFIG_DIR).as_posix().replace("/", ".").strip(".")
        for key, node in target_nodes(OmegaConf.to_container(OmegaConf.load(file)), group):
            place = place_of(key)
            if place is not None and node["_target_"] != "???":
                found.append((place, str(node["_target_"])))
    return tuple(found)


@functools.cache
def _options(bases: tuple[str, ...]) -> frozenset[str]:
    """The names that conf/ itself gives in places of this kind."""
    return frozenset(target for place, target in _named() if set(PLACES[place]) & set(bases))


@functools.cache
def _packages(bases: tuple[str, ...]) -> frozenset[str]:
    """The packages of these options: of `a.b.Class` a.b, or a where b is a module of it."""
    found = set()
    for option in _options(bases):
        module = option.rpartition(".")[0]
        spec = importlib.util.find_spec(module)
        is_package = spec is not None and spec.submodule_search_locations is not None
        found.add(module if is_package else module.rpartition(".")[0])
    return frozenset(found)


def _module_with(package: str, modules: Sequence[str], name: str) -> Any:
    """The module of a package that has the class: of other people's packages only what they export themselves."""
    whole = importlib.import_module(package)
    if not modules:
        return whole
    if package.partition(".")[0] in _OURS:
        names = [info.name for info in pkgutil.iter_modules(whole.__path__)]
        return importlib.import_module(f"{package}.{modules[0]}") if modules[0] in names else None
    exported = getattr(whole, name, None)
    return whole if getattr(exported, "__module__", None) == f"{package}.{modules[0]}" else None
