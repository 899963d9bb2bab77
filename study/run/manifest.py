"""manifest.json: everything needed to say later what was run, on what, with what, and how far it came."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    NotRequired,  # pydantic takes typing's from Python 3.12 on
)

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from study.run.atomic import json_text, plain
from study.run.environment import code_version, machine, package_versions
from study.run.folder import RunFolder
from study.run.stored import read_json

FORMAT = 1


@with_config(ConfigDict(extra="allow"))
class Manifest(TypedDict):
    """The entries of a manifest that something is made of; the others are for people and reports."""

    format: Literal[1]
    status: Literal["running", "finished", "failed"]
    failure: str | None
    started: str
    ended: str | None
    resumed: list[str]
    data: dict[str, Any]
    split: dict[str, Any]
    models: dict[str, dict[str, Any]]
    loggers: dict[str, dict[str, str]]
    code: dict[str, Any]
    kind: NotRequired[str]
    brought: NotRequired[dict[str, str]]


def read_manifest(folder: RunFolder) -> Manifest:
    """Return the manifest of a run or a job. Raises StudyError if it is missing or damaged."""
    manifest: Manifest = read_json(folder.manifest, Manifest)
    return manifest


def new_manifest(
    *,
    name: str,
    digest: str,
    seed: int,
    data: Mapping[str, Any],
    split: Mapping[str, Any],
    brought: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest of a run that is about to begin.

    `brought` are the names in its configuration that this version does not know, each with its key.
    """
    return {
        "format": FORMAT,
        "status": "running",
        "failure": None,
        "started": now(),
        "ended": None,
        "resumed": [],
        "name": name,
        "digest": digest,
        "process": process(),
        "seeds": {"seed": seed},
        "data": plain(data),
        "split": plain(split),
        "models": {},
        "loggers": {},
        "brought": dict(brought or {}),
        "code": code_version(),
        "machine": machine(),
        "packages": package_versions(),
    }


def update_manifest(folder: RunFolder, **changes: Any) -> dict[str, Any]:
    """Replace top-level entries of the manifest, and return the whole."""
    manifest = {**read_manifest(folder), **changes}
    with folder.seal.replacing(folder.manifest) as temporary:
        temporary.write_text(json_text(manifest), encoding="utf-8")
    return manifest


def describe_model(folder: RunFolder, name: str, **entries: Any) -> None:
    """Set entries of one model in the manifest; the others stay."""
    models = read_manifest(folder)["models"]
    models[name] = {**models.get(name, {}), **entries}
    update_manifest(folder, models=models)


def process() -> dict[str, Any]:
    """Who is at work: `pid` and `host`."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def now() -> str:
    # To the millisecond, since what ended before a sweep began is told by it from what ended since.
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
