"""Whether what is to be built from a configuration can be: the classes exist and take these arguments.

Importing the classes loads whatever they need, so this belongs to the second phase of checking.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from study.config.hints import accepts, argument_hints, takes_instances_of
from study.config.names import plain
from study.config.nearest import nearest
from study.errors import StudyError
from study.run.environment import CHECKOUT


def check_targets(config: DictConfig) -> None:
    """Check every node with a `_target_`, wherever it is; what is not known yet (`dims`) is taken on trust.

    Raises:
        StudyError: naming the configuration key, what it asks for, and what there is instead.
    """
    for key, node in target_nodes(plain(config)):
        refuse_from_runs(OmegaConf.select(config, "output_dir"), node["_target_"], key)
        _check_node(config, key, node)


def target_nodes(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping with a `_target_` and its dotted key, outer ones first."""
    return ((at, value) for at, value in mappings(node, key) if "_target_" in value)


def mappings(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in plain values and its dotted key, outer ones first."""
    if isinstance(node, dict):
        yield key, node
        for name, value in node.items():
            yield from mappings(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from mappings(value, f"{key}[{number}]")


def is_dotted_name(target: Any) -> bool:
    return isinstance(target, str) and all(part.isidentifier() for part in target.split("."))


def refuse_from_runs(output_dir: str | Path | None, target: Any, key: str) -> None:
    """Refuse a dotted name whose module would be found among runs; nothing is imported to find out.

    Args:
        output_dir: where runs are kept, if it is known.
        target: the name.
        key: the node that has it.

    Raises:
        StudyError: naming the place.
    """
    if not is_dotted_name(target):
        return
    first, *rest = target.split(".")
    runs = None if output_dir is None else Path(output_dir).expanduser().resolve()
    spec = importlib.machinery.PathFinder.find_spec(first)
    for location in [] if spec is None else spec.submodule_search_locations or [spec.origin or ""]:
        path = Path(location, *rest).resolve()
        in_runs = runs is not None and path.is_relative_to(runs) and not CHECKOUT.is_relative_to(runs)
        if in_runs or any((folder / "manifest.json").exists() for folder in path.parents):
            raise StudyError(
                f"{key}._target_={target} lies in {location}, where runs are kept, and nothing is imported from there: "
                "run folders are passed between people. Put code of your own into another folder."
            )


def locate(target: Any, key: str) -> Callable[..., Any]:
    """The class or function with this dotted name.

    Raises:
        StudyError: if there is none; `key` is the node that names it.
    """
    option = f"{key}._target_={target}"
    if not is_dotted_name(target):
        raise StudyError(f"{option} is not the dotted name of a class, such as torch.nn.Linear.")
    found: Any = None
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        found = _imported(".".join(parts[:length]), option)
        if found is not None:
            break
    else:
        raise StudyError(
            f"{option}: there is no module {parts[0]}. Install it, or add its folder to PYTHONPATH."
        )
    for place in range(length, len(parts)):
        name, owner = parts[place], ".".join(parts[:place])
        if not hasattr(found, name):
            near = [f"{owner}.{other}" for other in nearest(name, _offered(found))]
            hint = f" Nearest: {', '.join(near)}." if near else ""
            raise StudyError(f"{option}: {owner} has no {name}.{hint}")
        found = getattr(found, name)
    if not callable(found):
        raise StudyError(
            f"{option} is a {type(found).__name__}, nothing that can be called to build an object."
        )
    return found


def _check_node(config: DictConfig, key: str, node: Mapping[str, Any]) -> None:
    target = node["_target_"]
    called = locate(target, key)
    try:
        parameters = inspect.signature(called).parameters
    except (TypeError, ValueError):
        return  # some builtins do not tell
    named = [name for name, parameter in parameters.items() if parameter.kind not in _UNNAMED]
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    given = [str(name) for name in node if str(name) not in HYDRAS]
    for name in given:
        if name not in named and not takes_any:
            near = nearest(name, named)
            hint = f" Nearest: {', '.join(near)}." if near else ""
            raise StudyError(
                f"{key}.{name}: {target} does not take {name}.{hint} It takes: {', '.join(named) or 'nothing'}. "
                f"Leave it out, or remove a default with ~{key}.{name}."
            )
    needed = [n for n in named if parameters[n].default is inspect.Parameter.empty and n not in given]
    if needed and not node.get("_partial_") and "_args_" not in node:
        added = " ".join(f"+{key}.{name}=…" for name in needed)
        raise StudyError(f"{key}: {target} needs {' and '.join(needed)}. Add {added}.")
    hints = argument_hints(called)
    for name in given:
        if name in hints:
            _check_argument(config, f"{key}.{name}", node[name], name, hints[name], target)


def _check_argument(config: DictConfig, key: str, raw: Any, name: str, hint: Any, target: str) -> None:
    value = OmegaConf.select(config, key, throw_on_resolution_failure=False)
    is_reference = isinstance(raw, str) and "${" in raw
    if is_reference and value is None:
        return  # known only when the data are
    value = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    inner = list(target_nodes(value))
    if isinstance(value, dict) and "_target_" in value:
        built = locate(value["_target_"], key)
        if not value.get("_partial_") and not takes_instances_of(hint, built):
            raise StudyError(
                f"{key}: {target} takes {_written(hint)} as {name}, and {value['_target_']} builds none."
            )
    elif not inner and not accepts(hint, value):
        raise StudyError(f"{key}={value!r}: {target} takes {_written(hint)} as {name}.")


def _imported(name: str, option: str) -> ModuleType | None:
    """The module, or None where there is none of this name.

    Raises:
        StudyError: if the module is there and fails to import.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise StudyError(f"{option}: {name} needs {error.name}, which is not installed.") from error
    except Exception as error:
        raise StudyError(f"{option}: importing {name} fails with {type(error).__name__}: {error}") from error


def _offered(found: Any) -> list[str]:
    """The public names in a module or class, modules not yet imported included."""
    names = {name for name in dir(found) if not name.startswith("_")}
    for folder in getattr(found, "__path__", []):
        names.update(info.name for info in pkgutil.iter_modules([folder]))
    return sorted(names)


def _written(hint: Any) -> str:
    if isinstance(hint, type):
        return hint.__name__
    # Classes by the package that exports them: qlayers.encodings._base.Encoding is qlayers.encodings.Encoding.
    return re.sub(r"\._\w+(?=\.)", "", str(hint).replace("typing.", ""))


_UNNAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)
HYDRAS = {"_target_", "_partial_", "_args_"}
