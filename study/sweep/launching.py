"""Hydra's launchers, asked to run jobs that were checked before. The one place that rests on Hydra's internals."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.execution_policy import _get_active_execution_whitelist
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, open_dict

from study.config.composition import CONFIG_DIR, composing
from study.errors import StudyError

Task = Callable[[DictConfig], Any]

# The extra of pyproject.toml that brings each launcher's plugin.
_PLUGINS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "joblib", "workbench"),
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray", "ray"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "submitit", "submitit"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "submitit", "submitit"),
}


def check_launcher(name: str) -> None:
    """Raise StudyError, naming the extra, if the launcher's packages are not installed."""
    if name not in _PLUGINS:
        return
    plugin, package, extra = _PLUGINS[name]
    if not (_installed(plugin) and _installed(package)):
        raise StudyError(
            f"hydra/launcher={name} is not installed. Install the extra that brings it: pip install -e '.[{extra}]'"
        )


def parallel_jobs(name: str, launcher: Mapping[str, Any], n_jobs: int, cores: int) -> int:
    """How many of `n_jobs` jobs the launcher runs at once.

    >>> parallel_jobs("joblib", {"n_jobs": -1}, 27, 8), parallel_jobs("joblib", {"n_jobs": 3}, 2, 8)
    (8, 2)
    """
    at_once = 1
    if name == "joblib":
        wanted = launcher.get("n_jobs") or 1
        at_once = wanted if wanted > 0 else max(1, cores + 1 + wanted)
    elif name == "ray":
        there = launcher["ray"]["init"].get("num_cpus") or cores
        at_once = int(there / (launcher["ray"]["remote"].get("num_cpus") or 1))
    elif name == "submitit_local":
        at_once = max(1, cores // (launcher.get("cpus_per_task") or 1))
    elif name == "submitit_slurm":
        at_once = launcher.get("array_parallelism") or 1
    return max(1, min(at_once, n_jobs))


def starts_in_a_row(name: str, n_jobs: int, parallel: int) -> int:
    """How many times a process is started, one after the other, until the last job is over.

    >>> starts_in_a_row("basic", 8, 1), starts_in_a_row("joblib", 8, 2), starts_in_a_row("submitit_local", 8, 2)
    (0, 1, 4)
    """
    if name == "basic" or not n_jobs:
        return 0
    return 1 if name in ("joblib", "ray") else -(-n_jobs // parallel)


def threads_a_job(name: str, launcher: Mapping[str, Any], parallel: int, cores: int) -> int:
    """How many threads each job may use so that jobs on one machine do not fight for its cores.

    >>> threads_a_job("joblib", {}, 3, 8), threads_a_job("submitit_slurm", {"cpus_per_task": 4}, 100, 2)
    (2, 4)
    """
    if name == "submitit_slurm":  # each job has the cores that it asked for
        return max(1, launcher.get("cpus_per_task") or 1)
    return max(1, cores // parallel)


@contextlib.contextmanager
def launcher_of(
    program: str, lines: Sequence[str], config_dir: str | None, folder: Path, task: Task
) -> Iterator[Launcher]:
    """Hydra's launcher as the command line configures it, ready to `launch` jobs that call `task`.

    Args:
        program: the name of the primary config.
        lines: the command line's overrides.
        config_dir: a folder with further options.
        folder: where the launcher keeps its own files.
        task: called in every job, in whatever process; it must pickle.
    """
    search = [] if config_dir is None else [f"hydra.searchpath=['file://{os.path.abspath(config_dir)}']"]
    outer = HydraConfig.instance().cfg
    with composing(program, config_dir):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config(
            program, [*search, *lines], RunMode.MULTIRUN, from_shell=False, validate_sweep_overrides=True
        )
        with open_dict(config):
            config.hydra.mode = RunMode.MULTIRUN
            config.hydra.sweep.dir = str(folder)
            if config.hydra.runtime.choices.get("hydra/launcher") == "ray":
                _address(config.hydra.launcher.ray.init)
        HydraConfig.instance().set_config(config)
        context = HydraContext(
            config_loader=hydra.config_loader,
            callbacks=Callbacks(config),
            execution_whitelist=_get_active_execution_whitelist(),
        )
        try:
            yield Plugins.instance().instantiate_launcher(
                hydra_context=context, task_function=task, config=config
            )
        finally:
            HydraConfig.instance().cfg = outer
            _stop_ray()


def launch(launcher: Launcher, jobs: Sequence[Sequence[str]], at_once: int | None) -> list[Any]:
    """Run the jobs and hand back what each returned.

    Args:
        launcher: from `launcher_of`.
        jobs: the overrides of each.
        at_once: hand over no more than so many at a time, to a launcher that would start all; None for no bound.

    Raises:
        Exception: whatever the launcher raises when a worker dies.
    """
    found: list[Any] = []
    size = at_once or len(jobs)
    for start in range(0, len(jobs), size):
        returns = launcher.launch([list(job) for job in jobs[start : start + size]], initial_job_idx=start)
        found.extend(item.return_value for item in returns)
    return found


@contextlib.contextmanager
def workers_environment(n_threads: int) -> Iterator[None]:
    """Environment variables for the processes that a launcher starts: where our packages are, how many threads."""
    variables = {
        "PYTHONPATH": os.pathsep.join(_search_path()),
        # What a job has to say is in its folder; this is about plugins that it imports on its way there.
        "PYTHONWARNINGS": "ignore",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(n_threads)),
    }
    before = {name: os.environ.get(name) for name in variables}
    chatty = [logging.getLogger(name) for name in ("hydra", "ray", "submitit")]
    levels = [logger.level for logger in chatty]
    os.environ.update(variables)
    try:
        for logger in chatty:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)


def _search_path() -> list[str]:
    """The checkout, and what PYTHONPATH had, by absolute paths."""
    given = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return list(dict.fromkeys([str(CONFIG_DIR.parent), *given]))


def _address(init: DictConfig) -> None:
    """Ray refuses to be told the size of a cluster that is running already."""
    if init.get("address") not in (None, "local"):
        init.num_cpus = None
        init.object_store_memory = None


def _stop_ray() -> None:
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
