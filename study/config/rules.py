"""What has to hold between the keys of a training run, and what is worth a remark."""

from __future__ import annotations

from study.comparison.declared import CompareConfig
from study.config.composition import written
from study.config.memory import available_bytes, readable, state_bytes
from study.config.names import plain
from study.config.nearest import nearest
from study.config.program import Program, Request
from study.config.references import references
from study.config.schema import EvaluateConfig, PredictConfig, ReportConfig, TrainConfig
from study.errors import StudyError
from study.metric_names import CLASSIFICATION_METRICS, REGRESSION_METRICS

# The parts that models are made of. `precision` is one of the circuit's too, but every torch model has it.
_PARTS = ("reduction", "circuit", "head", "noise")
_NOT_THE_CIRCUITS_ALONE = {"precision"}

# Runs the states of a batch one after the other; every other backend holds them at once.
_ONE_BY_ONE = "qlayers.backends.lightning.Lightning"


_DECIDED_BY_A_STUDY = {
    "resume": "a study goes on when the same command is given again",
    "job": "a study sets it for its workers",
    "trust": "a study opens no run folder",
    "seal.key": "a study seals its gates, and its folder has no runs",
    "seed": "a study has study.protocol.seeds",
    "split.fold": "a study goes through all folds",
    "split.repeat": "a study goes through study.protocol.repeats repeats",
    "logger": "a study keeps its own records and logs nowhere else",
    "controls": "a study has its entrants",
    "model": "a study has its entrants; another candidate is entrant@study.entrants.candidate=quantum",
}


def resume_stands_alone(request: Request) -> None:
    """A resumed run takes everything from its folder, or it would not be the same run."""
    others = [
        written(override)
        for override in request.overrides
        if override.key_or_group not in ("resume", "trust", "seal.key") and written(override) != "logger=none"
    ]
    if request.values["resume"] is None and request.values["trust"]:
        raise StudyError(
            "trust says what of a run folder may be used, and no run is resumed: what the command line names is used "
            "as it is. Leave it out."
        )
    if request.values["resume"] is not None and others:
        raise StudyError(
            f"resume={request.values['resume']} takes its configuration from that folder, so {', '.join(others)} would "
            "change nothing. Leave it out, or start a new run without resume."
        )


def states_fit_into_memory(request: Request) -> None:
    """Simulating a circuit takes at least its state, for every row of a batch."""
    if not has_circuit(request):
        return
    n_qubits, batch_size = request.values["n_qubits"], request.values["trainer"]["batch_size"]
    one_by_one = request.values["backend"].get("_target_") == _ONE_BY_ONE
    n_states = 1 if one_by_one else batch_size
    needed, available = state_bytes(n_qubits, n_states), available_bytes()
    if available is not None and needed > available:
        of_batch = "" if one_by_one else f" for a batch of trainer.batch_size={batch_size}"
        smaller = "n_qubits" if one_by_one else "n_qubits or trainer.batch_size"
        raise StudyError(
            f"n_qubits={n_qubits} needs at least {readable(needed)} of memory{of_batch}, and there are "
            f"{readable(available)}. Choose a smaller {smaller}."
        )


def options_without_effect(request: Request) -> list[str]:
    """A remark on the overrides of parts that the chosen model does not have."""
    raw = plain(request.config)
    parts = set().union(_PARTS, *(references(raw, part) for part in _PARTS)) - _NOT_THE_CIRCUITS_ALONE
    idle = parts - references(raw, "model")
    ours = [override for override in request.overrides if override.package is None]
    lines = [written(override) for override in ours if override.key_or_group.split(".")[0] in idle]
    return (
        [f"no effect: {', '.join(lines)} (model={request.choices['model']} has no such part)."]
        if lines
        else []
    )


def has_circuit(request: Request) -> bool:
    return "circuit" in references(plain(request.config), "model")


def study_has_its_own(request: Request) -> None:
    """What a study decides for each of its jobs cannot be set for all of them."""
    for override in request.overrides:
        key = override.key_or_group
        if key in _DECIDED_BY_A_STUDY:
            raise StudyError(f"{written(override)} is not for compare.py: {_DECIDED_BY_A_STUDY[key]}.")


def metric_exists(request: Request) -> None:
    """Whether it is one of the task's is known once the data are read."""
    metric = request.values["study"]["metric"]
    known = (*CLASSIFICATION_METRICS, *REGRESSION_METRICS)
    if metric is not None and metric not in known:
        near = nearest(metric, known)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        raise StudyError(
            f"study.metric={metric} is not a metric.{hint} Metrics of a classification: "
            f"{', '.join(CLASSIFICATION_METRICS)}; of a regression: {', '.join(REGRESSION_METRICS)}; or null for "
            "balanced_accuracy and rmse."
        )


def sweep_or_studies(request: Request) -> None:
    """A report is of one sweep or of several studies, and takes the keys of its kind."""
    values = request.values
    if values["sweep"] is None and not values["studies"]:
        raise StudyError(
            "What is still needed: the folder of a sweep, or those of two or more studies on different datasets, as in "
            "report.py runs/studies/*"
        )
    if values["sweep"] is not None and values["studies"]:
        raise StudyError("sweep and studies are reports of their own: give one of them.")
    others = ("x", "y", "facet", "metric") if values["studies"] else ("output_dir",)
    given = [written(override) for override in request.overrides if override.key_or_group in others]
    if given and values["studies"]:
        raise StudyError(
            f"{', '.join(given)} is for the report of a sweep: studies have entrants, and the metric that they "
            "declared. Leave it out."
        )
    if given:
        raise StudyError(
            f"{', '.join(given)} would change nothing: the report of a sweep goes into its folder."
        )


def reference_is_a_rung(request: Request) -> None:
    """The rung that the others are compared with is one of them, and is climbed."""
    ladder = request.values["ladder"]
    rungs = [name for name, node in ladder["rungs"].items() if node is not None]
    if ladder["reference"] not in rungs:
        raise StudyError(
            f"ladder.reference={ladder['reference']} is not a rung of ladder={ladder['name']}: its rungs are "
            f"{', '.join(rungs) or 'none'}. Name one of them, on which the outputs are exact."
        )
    if ladder["rungs"][ladder["reference"]].get("dry_run"):
        raise StudyError(
            f"ladder.rungs.{ladder['reference']}.dry_run=true leaves nothing to compare the other rungs with. Take "
            "another ladder.reference, or dry_run=true for a plan of all rungs."
        )


TRAIN = Program(
    "train",
    TrainConfig,
    rules=(resume_stands_alone, states_fit_into_memory),
    remarks=(options_without_effect,),
)
PREDICT = Program("predict", PredictConfig)
REPORT = Program("report", ReportConfig, rules=(sweep_or_studies,))
EVALUATE = Program("evaluate", EvaluateConfig, rules=(reference_is_a_rung,))
COMPARE = Program("compare", CompareConfig, rules=(study_has_its_own, metric_exists))
# What a study composes for its jobs, each with a split and a seed of its own.
ENTRANT = Program("compare", CompareConfig, rules=(states_fit_into_memory,))
