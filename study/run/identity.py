"""The name of a run: its data, its model, and a digest of everything that decides its outcome."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Where a run writes, who is told of it and what was allowed do not change what comes out.
NOT_DECISIVE = ("output_dir", "resume", "logger", "sweep", "outside", "trust", "seal")
# What has no part in a sweep's job: controls are fitted once for the sweep, and sizes follow from the rest.
NOT_IN_A_JOB = ("controls", "dims")


def run_digest(config: Mapping[str, Any], fingerprint: str, code: str) -> str:
    """sha256 over the resolved configuration, the data's fingerprint and the code's digest."""
    decisive = {key: value for key, value in config.items() if key not in NOT_DECISIVE}
    text = json.dumps([decisive, fingerprint, code], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def job_digest(config: Mapping[str, Any], fingerprint: str, code: str) -> str:
    """As `run_digest`, for a job of a sweep, which fits one model and nothing else."""
    decisive = {key: value for key, value in config.items() if key not in NOT_IN_A_JOB}
    return run_digest(decisive, fingerprint, code)


def run_name(data: str, model: str, digest: str) -> str:
    """`<data>-<model>-<first eight digits of the digest>`, safe as a folder's name everywhere."""
    words = [re.sub(r"[^A-Za-z0-9_]+", "_", word).strip("_") or "unnamed" for word in (data, model)]
    return "-".join([*words, digest[:8]])
