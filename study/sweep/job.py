"""One job as a launcher sees it: something small that pickles, and fits one model when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from study.config.check import check
from study.config.program import Program
from study.run.stored import read_json, using

SWEEP_FILE = "sweep.json"


@dataclass(frozen=True)
class Job:
    """Called by a launcher in every job, in whatever process; which job it is, Hydra's overrides tell.

    Attributes:
        program: what the overrides are checked against, once more where they are used.
        config_dir: a folder with further options.
        base: where the command was given; relative paths start from here.
        sweep: the sweep's folder, whose sweep.json lists the jobs.
        began: when this process of the sweep began; what failed since then is not tried again.
        n_threads: how many threads a job may use.
        wait: wait for another process that holds a job's folder, instead of leaving the job to it.
    """

    program: Program
    config_dir: str | None
    base: str
    sweep: str
    began: str
    n_threads: int
    wait: bool

    def __call__(self, _: DictConfig) -> str:
        """Fit the job's model, unless that is done or another process is at it.

        Returns:
            "finished", "failed" or "held", as of now; everything else is in the job's folder.
        """
        overrides = list(HydraConfig.get().overrides.task)
        folder = Path(self.sweep)
        with using(folder / SWEEP_FILE):
            jobs = read_json(folder / SWEEP_FILE)["jobs"]
            [entry] = [job for job in jobs if job["overrides"] == overrides]
        place = (folder / entry["folder"]).resolve()
        # These load torch, PennyLane and Lightning; a job that is done needs none of them.
        from study.sweep.state import read_state

        if read_state(place).status == "finished":
            return "finished"
        from study.run.description import located
        from study.sweep.fit import fit_job

        return fit_job(
            place,
            entry["digest"],
            lambda: located(check(self.program, overrides, self.config_dir).config, Path(self.base)),
            began=self.began,
            wait=self.wait,
            n_threads=self.n_threads,
        )
