"""manifest.json: everything needed to say later what was run, on what, with what, and how far it came."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from qlayers import QuantumLayer
from study.run.atomic import plain, read_json, write_json
from study.run.environment import code_version, machine, package_versions
from study.run.folder import RunFolder

FORMAT = 1


def new_manifest(
    *, name: str, digest: str, config: Mapping[str, Any], data: Mapping[str, Any], split: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of a run that is about to begin."""
    return {
        "format": FORMAT,
        "status": "running",
        "failure": None,
        "started": now(),
        "ended": None,
        "resumed": [],
        "name": name,
        "digest": digest,
        "seeds": {"seed": config["seed"]},
        "data": plain(data),
        "split": plain(split),
        "models": {},
        "loggers": {},
        "code": code_version(),
        "machine": machine(),
        "packages": package_versions(),
    }


def update_manifest(folder: RunFolder, **changes: Any) -> dict[str, Any]:
    """Replace top-level entries of the manifest, and return the whole."""
    manifest = {**read_json(folder.manifest), **changes}
    write_json(folder.manifest, manifest)
    return manifest


def describe_model(folder: RunFolder, name: str, **entries: Any) -> None:
    """Set entries of one model in the manifest; the others stay."""
    models = read_json(folder.manifest)["models"]
    models[name] = {**models.get(name, {}), **entries}
    update_manifest(folder, models=models)


def quantum_layers(modules: Iterable[torch.nn.Module]) -> list[QuantumLayer]:
    return [module for module in modules if isinstance(module, QuantumLayer)]


def describe_circuit(layer: QuantumLayer) -> dict[str, Any]:
    """What the layer is (digest and counts), independent of how it ran."""
    counts = layer.counts
    return {
        "digest": layer.digest,
        "n_qubits": counts.n_qubits,
        "circuit_depth": counts.circuit_depth,
        "gates": dict(counts.gates),
        "n_parameters": counts.n_parameters,
    }


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
