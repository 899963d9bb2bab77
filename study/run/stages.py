"""The stages of a run whose folder exists: everybody is fitted, then everybody is judged, each step recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from study import build
from study.config.variables import inert, redacted
from study.data.prepare import Prepared
from study.errors import refuse_full_disk
from study.fitting.learner import Learner
from study.report.gallery import draw_gallery
from study.report.terminal import save_report
from study.run import tracking
from study.run.atomic import plain
from study.run.circuits import describe_circuit, describe_execution, layers_of
from study.run.entrants import Entrant
from study.run.folder import RunFolder
from study.run.judging import failed, judge
from study.run.manifest import describe_model, read_manifest, update_manifest
from study.run.predictions import write_predictions
from study.run.results import Results
from study.run.stored import read_csv
from study.run.tracking import Trackers


@dataclass(frozen=True)
class Run:
    """A run on its way.

    Attributes:
        folder: where it writes.
        config: complete, dims included.
        data: what everybody is fitted and judged on.
        entrants: who takes part, main model first.
        console: where it says how it goes.
        resumed: whether the folder holds the beginning already.
    """

    folder: RunFolder
    config: DictConfig
    data: Prepared
    entrants: list[Entrant]
    console: Console
    resumed: bool


def fit_all(run: Run, trackers: Trackers) -> tuple[dict[str, Learner], dict[str, str]]:
    """The fitted learners, and the reasons of the controls that failed; both by name.

    A control's failure is a result. The main model's ends the run.
    """
    learners: dict[str, Learner] = {}
    failures: dict[str, str] = {}
    for number, entrant in enumerate(run.entrants, start=1):
        head = f"({number}/{len(run.entrants)}) {entrant.label}"
        run.console.print(head, style="bold")
        try:
            learners[entrant.name] = fitted(run, entrant, trackers)
        except Exception as error:
            if entrant.role == "main":
                raise
            refuse_full_disk(error)
            failures[entrant.name] = reason_of(error)
            describe_model(run.folder, entrant.name, status="failed", failure=reason_of(error))
            run.console.print(f"failed: {reason_of(error)}", style="red")
    return learners, failures


def judge_all(run: Run, learners: Mapping[str, Learner], failures: Mapping[str, str]) -> Results:
    """Read the test part once, for all, and write what comes of it: results, predictions, table and figures."""
    models, outputs = [], {}
    for entrant in run.entrants:
        if entrant.name in failures:
            models.append(failed(entrant, failures[entrant.name]))
            continue
        result, outputs[entrant.name] = judge(entrant, learners[entrant.name], run.data)
        models.append(result)
    test, folder = run.data.test, run.folder
    results = Results(run.data.task, run.data.name, len(test.rows), tuple(models))
    names = (folder.predictions.name, folder.results.name)
    folder.seal.add(without=names)  # of an attempt that was interrupted here
    write_predictions(folder.predictions, test.rows, test.targets, outputs, run.data.classes)
    results.write(folder.results)
    folder.seal.add(*names)
    save_report(folder, results)
    draw_gallery(folder, results, run.data.classes)
    return results


def make_trackers(run: Run) -> Trackers:
    """The loggers of the configuration by name, told what the run is; on resume, those that know it already."""
    config = run.config.copy()
    known = read_manifest(run.folder)["loggers"]
    OmegaConf.set_struct(config, False)  # a composed configuration refuses keys that its files do not have
    for name, identity in known.items():
        if name in config.logger:
            config.logger[name].run_id = str(identity["run_id"])
    with tracking.quiet_trackers():
        trackers = dict(zip(config.logger, build.loggers(config), strict=True))
        if not known:
            tracking.begin(trackers, inert(run.config))
        update_manifest(run.folder, loggers=tracking.identities(trackers))
    return trackers


def last_epoch(folder: RunFolder) -> int:
    """The number of the main model's last epoch; 0 for one that has none."""
    if not folder.metrics.exists():
        return 0
    return int(read_csv(folder.metrics, ["epoch"])["epoch"].max())


def fitted(run: Run, entrant: Entrant, trackers: Trackers) -> Learner:
    """The entrant's learner, fitted now or, in a resumed run, before."""
    folder, place = run.folder, entrant.place(run.folder)
    place.mkdir(parents=True, exist_ok=True)
    is_main = entrant.role == "main"
    learner = build.learner(run.config, entrant.key, loggers=list(trackers.values()) if is_main else ())
    recorded = read_manifest(folder)["models"].get(entrant.name, {})
    if recorded.get("status") == "fitted":
        folder.seal.check(folder.models(place))
        learner.restore(place)
        run.console.print("was fitted before", style="dim")
        return learner
    begun = run.resumed and any((place / name).exists() for name in ("steps.csv", "checkpoints"))
    learner.seal = folder.seal
    learner.fit(run.data, place, seed=run.config.seed, progress=run.console.is_terminal, resume=begun)
    folder.seal.add(without=folder.models(place))  # of an attempt that was interrupted here
    file = learner.save(place)
    folder.seal.add(file.relative_to(folder.path).as_posix())
    entries = {
        "role": entrant.role,
        "label": entrant.label,
        "n_parameters": learner.n_parameters,
        "fit_seconds": learner.fit_seconds,
        "selection": learner.describe(),
    }
    if (norm := getattr(learner, "initial_gradient_norm", None)) is not None:
        entries["initial_gradient_norm"] = norm
    if circuits := layers_of(learner):
        entries["circuit"] = describe_circuit(circuits[0])
        entries["execution"] = describe_execution(learner)
    describe_model(folder, entrant.name, status="fitted", **plain(entries))
    return learner


def reason_of(error: BaseException) -> str:
    """An exception in one line; the kind is named where the message was not written for a user."""
    text = redacted(" ".join(str(error).split()))
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def plain_config(config: DictConfig) -> dict[str, object]:
    """The configuration as plain values, without references."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
