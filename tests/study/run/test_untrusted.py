"""A run folder is data: what its sender wrote into it is checked, and never run, imported or followed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shlex
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from study import build
from study.ablation.collect import collect
from study.config.check import check
from study.config.command_line import run
from study.config.construction import check_construction
from study.config.rules import EVALUATE, PREDICT, TRAIN
from study.config.targets import locate
from study.errors import StudyError
from study.experiment import train
from study.ladder.evaluation import run_evaluation
from study.prediction import predict
from study.run import stages
from study.run.folder import RunFolder
from study.run.rebuild import rebuild, reproduces
from study.run.seal import Seal, file_digest
from tests.study.ablation.make_sweeps import make_sweep

Edit = Callable[["Opened"], None]
SMALL = ("data=moons", "data.n_samples=120", "n_qubits=2", "depth=1", "trainer.max_epochs=1")
SENDERS = "senders_package"  # importable, as anything may be that is installed


@dataclass
class Opened:
    """A copy of a run in somebody's hands, and the file that a payload touches."""

    folder: Path
    marker: Path
    config: dict[str, Any]

    @property
    def touch(self) -> str:
        return f"__import__('pathlib').Path({str(self.marker)!r}).touch()"

    def put(self, key: str, value: Any) -> None:
        *way, last = key.split(".")
        node = self.config
        for name in way:
            node = node[name]
        node[last] = value

    def seal(self) -> None:
        """Write the seal anew, as its sender can."""
        path = self.folder / "seal.json"
        digests = json.loads(path.read_text())
        path.write_text(
            json.dumps(
                {name: file_digest(self.folder / name) for name in digests if (self.folder / name).is_file()}
            )
        )

    def close(self, status: str) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        manifest = json.loads((self.folder / "manifest.json").read_text())
        (self.folder / "manifest.json").write_text(json.dumps({**manifest, "status": status}))
        self.seal()


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def a_pickle(opened: Opened) -> str:
    path = opened.folder / "payload.pkl"
    path.write_bytes(pickle.dumps(Touch(opened.marker)))
    return str(path)


def a_script(opened: Opened) -> str:
    path = opened.folder / "payload.py"
    path.write_text(opened.touch)
    return str(path)


def a_source(opened: Opened) -> str:
    path = opened.folder / "source.txt"
    path.write_text("harmless")
    return str(path)


# Functions that anybody has installed, with arguments with which they run something or touch the file.
CALLS: dict[str, Callable[[Opened], dict[str, Any]]] = {
    "numpy.testing.measure": lambda o: {"code_str": o.touch},
    "numpy.testing._private.utils.runstring": lambda o: {"astr": o.touch, "dict": {}},
    "numpy.load": lambda o: {"file": a_pickle(o), "allow_pickle": True},
    "scipy.io.readsav": lambda o: {"file_name": a_source(o), "uncompressed_file_name": str(o.marker)},
    "sympy.sympify": lambda o: {"a": f"{o.touch} or 1"},
    "sympy.parsing.sympy_parser.eval_expr": lambda o: {"code": o.touch, "local_dict": {}, "global_dict": {}},
    "joblib.load": lambda o: {"filename": a_pickle(o)},
    "pandas.read_pickle": lambda o: {"filepath_or_buffer": a_pickle(o)},
    "pandas.eval": lambda o: {"expr": f"@{o.touch}"},
    "torch.load": lambda o: {"f": a_pickle(o), "weights_only": False},
    "torch.utils.collect_env.run": lambda o: {"command": f"touch {o.marker}"},
    "shutil.copyfile": lambda o: {"src": a_source(o), "dst": str(o.marker)},
    "subprocess.check_call": lambda o: {"args": ["touch", str(o.marker)]},
    "os.system": lambda o: {"command": f"touch {o.marker}"},
    "pathlib.Path.touch": lambda o: {"self": str(o.marker)},
    "builtins.exec": lambda o: {"_args_": [o.touch]},
    "builtins.eval": lambda o: {"_args_": [o.touch]},
    "runpy.run_path": lambda o: {"path_name": a_script(o)},
    "timeit.timeit": lambda o: {"stmt": o.touch, "number": 1},
    "code.InteractiveInterpreter.runsource": lambda o: {"self": None, "source": o.touch},
    "hydra.utils.instantiate": lambda o: {
        "config": {"_target_": "os.system", "command": f"touch {o.marker}"}
    },
    "hydra.utils.get_method": lambda o: {"path": f"{SENDERS}.anything"},
    f"{SENDERS}.Adam": lambda o: {},
    "mlflow.projects.utils._fetch_project": lambda o: {"uri": "file:///"},
}
# Names that look like those of components.
NAMES = [
    "torch.optim.adam.torch.load",
    "torch.optim.lr_scheduler.LambdaLR",
    "torch.optim._functional.adam",
    "torch.optim.Optimizer.__init__",
    "torch.nn.Linear",
    "qlayers.encodings.angle.np.load",
    "qlayers.encodings.Angle",
    "models..hybrid",
    ".torch.optim.Adam",
    "torch.optim.Adam;os",
    "study.run.atomic.write_text",
]


def at(key: str, target: str, **more: Any) -> Edit:
    """A call at a key of the configuration."""

    def edit(opened: Opened) -> None:
        opened.put(key, {"_target_": target, **CALLS[target](opened), **more})

    return edit


def inside_of(key: str, value: Callable[[dict[str, Any]], Any]) -> Edit:
    """A call somewhere inside the arguments of an honest class."""

    def edit(opened: Opened) -> None:
        target = "numpy.testing.measure"
        opened.put(key, value({"_target_": target, **CALLS[target](opened)}))

    return edit


def text(key: str, value: Any) -> Edit:
    return lambda opened: opened.put(key, value)


CONFIGURATIONS: dict[str, Edit] = {
    **{f"{target} as the optimizer": at("optimizer", target) for target in CALLS},
    **{
        f"{target} as the name of an optimizer": text("optimizer._target_", target) for target in NAMES
    },
    **{
        f"a call as {key}": at(key, "numpy.testing.measure")
        for key in (
            "data", "split", "preprocessing", "model", "controls", "encoding", "circuit", "backend", "trainer", "dims",
            "model.circuit", "model.circuit.encoding", "model.circuit.backend", "model.head", "seed", "unheard_of",
        )
    },
    "a call in a list": inside_of("optimizer.betas", lambda call: [0.9, call]),
    "a call in a list in a list": inside_of("optimizer.betas", lambda call: [[[call]]]),
    "a call in a mapping": inside_of("model.head.options", lambda call: {"a": {"b": call}}),
    "a call as an argument of the head": inside_of("model.head.bias", lambda call: call),
    "a call in _args_": inside_of("optimizer._args_", lambda call: [call]),
    "a call in _args_ of the head": inside_of("model.head._args_", lambda call: [call, 2]),
    "a call as a control": inside_of("controls", lambda call: {"more": call}),
    "a call as a tracker": inside_of("logger", lambda call: {"more": call}),
    "a partial function": at("optimizer", "joblib.load", _partial_=True),
    "a partial function with _args_": at("optimizer", "builtins.exec", _partial_=True),
    "a partial function in the model": at("model.head", "builtins.exec", _partial_=True),
    "_convert_": at("optimizer", "numpy.testing.measure", _convert_="object"),
    "_recursive_": at("optimizer", "numpy.testing.measure", _recursive_=False),
    "a list as a name": text("optimizer._target_", ["os", "system"]),
    "a call as a name": inside_of("optimizer._target_", lambda call: call),
    "no name": text("optimizer._target_", None),
    "a tracker of another service": text("logger", {"w": {"_target_": "lightning.pytorch.loggers.WandbLogger"}}),
    **{
        f"the reference {reference}": text("model.circuit.backend", reference)
        for reference in (
            "${oc.env:UNTRUSTED_SECRET}", "a ${oc.env:UNTRUSTED_SECRET} b", "${oc.decode:${oc.env:UNTRUSTED_SECRET}}",
            "${oc.select:seed}", "${twin:model,circuit.ansatz,os.system}", "${hydra:runtime.cwd}", "${seed}",
            "\\\\${oc.env:UNTRUSTED_SECRET}", "${oc.create:{_target_:os.system}}", "${",
        )
    },
    "a reference in a list": text("outside", ["${oc.env:UNTRUSTED_SECRET}"]),
    "a reference where nothing is built": text("class_weight", "${oc.env:UNTRUSTED_SECRET}"),
    "a variable that is not trusted": text("seed", {"_env_": ["", "UNTRUSTED_SECRET", ""]}),
    "a variable of another form": text("seed", {"_env_": "UNTRUSTED_SECRET"}),
    "a variable that is none": text("seed", {"_env_": ["", "A}${oc.env:UNTRUSTED_SECRET", ""]}),
    "a variable in the model": text("model.circuit.backend", {"_env_": ["", "UNTRUSTED_SECRET", ""]}),
    "no mapping": lambda opened: None,
}  # fmt: skip


def link(name: str) -> Edit:
    """Something in the folder is a link to where it must not write or read."""

    def edit(opened: Opened) -> None:
        target, path = opened.marker.parent / f"outside-{name.replace('/', '-')}", opened.folder / name
        if path.is_dir() or path.exists():
            shutil.move(path, target)
        else:
            target.mkdir()
        path.symlink_to(target)

    return edit


def stored(name: str, change: Callable[[Any], Any]) -> Edit:
    """A JSON file of the folder says something else."""

    def edit(opened: Opened) -> None:
        path = opened.folder / name
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return edit


def with_extension(opened: Opened) -> None:
    """split.parquet names an extension type whose definition is a pickle."""
    path = opened.folder / "split.parquet"
    table = pq.read_table(path)
    metadata = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Touch(opened.marker)),
    }
    field = pa.field("part", pa.string(), metadata=metadata)
    table = pa.table(
        [table["row"], table["part"].cast(pa.string())], schema=pa.schema([table.schema[0], field])
    )
    pq.write_table(table.slice(0, 10), path)


def as_pickle(name: str) -> Edit:
    def edit(opened: Opened) -> None:
        (opened.folder / name).write_bytes(pickle.dumps(Touch(opened.marker)))

    return edit


def as_torch_pickle(opened: Opened) -> None:
    """model.pt in torch's own format, with an object in it that runs something when it is read."""
    import torch

    torch.save({"format": 1, "model": Touch(opened.marker)}, opened.folder / "model.pt")


def names_a_path(opened: Opened) -> None:
    opened.config["controls"] = {"../../../outside": dict(opened.config["controls"]["logistic"])}


def sealed_outside(opened: Opened) -> None:
    outside = opened.marker.parent / "secret"
    outside.write_text("x")
    path = opened.folder / "seal.json"
    digests = json.loads(path.read_text())
    digests[os.path.relpath(outside, opened.folder)] = file_digest(outside)
    path.write_text(json.dumps(digests))


FILES: dict[str, Edit] = {
    "checkpoints is a link": link("checkpoints"),
    "controls is a link": link("controls"),
    "figures is a link": link("figures"),
    "model.pt is a link": link("model.pt"),
    "config.yaml is a link": link("contract.json"),
    "the seal names a file outside": sealed_outside,
    "the seal is empty": stored("seal.json", lambda _: {}),
    "the seal is incomplete": stored("seal.json", lambda seal: {"config.yaml": seal["config.yaml"]}),
}
OF_PREDICTIONS: dict[str, Edit] = {
    "contract.json is a pickle": as_pickle("contract.json"),
    "model.pt is a pickle": as_pickle("model.pt"),
    "model.pt holds a pickled object": as_torch_pickle,
}
OF_RESUMING: dict[str, Edit] = {
    "split.parquet is a pickle": as_pickle("split.parquet"),
    "split.parquet has a pickled type": with_extension,
    "a control is named by a path": names_a_path,
    **{
        f"the tracker {key}={value}": text(
            "logger", {"m": {"_target_": f"lightning.pytorch.loggers.{kind}", key: value}}
        )
        for kind, key, value in (
            ("MLFlowLogger", "tracking_uri", "http://127.0.0.1:9/x"),
            ("MLFlowLogger", "tracking_uri", "databricks"),
            ("MLFlowLogger", "tracking_uri", "sqlite:////tmp/elsewhere/mlflow.db"),
            ("MLFlowLogger", "tracking_uri", "sqlite:///mlflow.db"),
            ("MLFlowLogger", "tracking_uri", "file:/tmp/elsewhere"),
            ("MLFlowLogger", "artifact_location", "s3://bucket/x"),
            ("CSVLogger", "save_dir", "/tmp/elsewhere"),
            ("CSVLogger", "name", "../../../elsewhere"),
            ("TensorBoardLogger", "save_dir", ".."),
        )
    },
    "the address of data": text("data.path", "https://127.0.0.1:9/data.csv"),
    "a variable in a tracker": text(
        "logger",
        {"m": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": {"_env_": ["", "HOME", ""]}}},
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a control, not to be written to."""
    folder = tmp_path_factory.mktemp("runs")
    lines = [*SMALL, "logger=csv"]
    others = [f"~controls.{name}" for name in ("ridge", "rbf_svm", "gradient_boosting", "mlp", "separable")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "draw_gallery", lambda *_: None)
        config = check(TRAIN, [*lines, *others, f"output_dir={folder}"]).config
        return train(config, Console(file=io.StringIO())).path


@pytest.fixture
def opened(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """A copy to be changed; a package of the sender's lies on the path, and a secret in the environment."""
    package = tmp_path / "path" / SENDERS
    package.mkdir(parents=True)
    marker = tmp_path / "touched"
    (package / "__init__.py").write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("UNTRUSTED_SECRET", "TOP-SECRET-0417")
    folder = tmp_path / "runs" / finished.name
    shutil.copytree(finished, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["logger"] = {}  # the tracker stayed where the run was
    yield Opened(folder, marker, config)
    sys.modules.pop(SENDERS, None)


@pytest.fixture(scope="module")
def verbs() -> dict[str, Callable[[Path, Path], Any]]:
    """Each of the verbs that open a run, composed once."""
    asked = {
        "predict": check(PREDICT, ["run=a", "input=b.csv", "output=c.csv"]).config,
        "resume": check(TRAIN, ["resume=a"]).config,
        "evaluate": check(EVALUATE, ["run=a", "rows=5", "dry_run=true"]).config,
    }

    def predicted(folder: Path, place: Path) -> Any:
        (place / "new.csv").write_text("x,y\n0.1,0.2\n")
        config = asked["predict"].copy()
        config.update(run=str(folder), input=str(place / "new.csv"), output=str(place / "out.csv"))
        return predict(config, Console(file=io.StringIO()))

    def resumed(folder: Path, place: Path) -> Any:
        config = asked["resume"].copy()
        config.resume = str(folder)
        return train(config, Console(file=io.StringIO()))

    def evaluated(folder: Path, place: Path) -> Any:
        config = asked["evaluate"].copy()
        config.run = str(folder)
        return run_evaluation(config, Console(file=io.StringIO()))

    return {"predict": predicted, "resume": resumed, "evaluate": evaluated}


def refused(opened: Opened, verb: str, verbs: Mapping[str, Any], place: Path) -> str:
    """The one message with which the verb ends; the command line prints it and exits with code 2."""
    opened.close("failed" if verb == "resume" else "finished")
    before = set(sys.modules)
    with pytest.raises(StudyError) as caught:
        verbs[verb](opened.folder, place)
    message = str(caught.value)
    assert not opened.marker.exists(), f"the payload ran: {message}"
    assert SENDERS not in sys.modules
    assert not [
        name for name in set(sys.modules) - before if name.partition(".")[0] in ("sympy", "runpy", "code")
    ]
    assert "TOP-SECRET" not in message
    assert "\n" not in message.strip()
    assert (
        "was changed since the run began" not in message
    )  # the seal is right: something else must have found it
    return message


@pytest.mark.parametrize("verb", ["predict", "resume", "evaluate"])
@pytest.mark.parametrize("payload", CONFIGURATIONS)
def test_a_configuration_is_refused(
    payload: str, verb: str, opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    if payload == "no mapping":
        opened.config = ["a", {"_target_": "os.system"}]  # type: ignore[assignment]
    CONFIGURATIONS[payload](opened)
    refused(opened, verb, verbs, tmp_path)


@pytest.mark.parametrize("verb", ["predict", "resume", "evaluate"])
@pytest.mark.parametrize("payload", FILES)
def test_a_file_is_refused(
    payload: str, verb: str, opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    FILES[payload](opened)
    if payload.startswith("the seal"):  # it stays as the payload has it
        opened.close = lambda status: None  # type: ignore[method-assign]
    refused(opened, verb, verbs, tmp_path)


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
@pytest.mark.parametrize("payload", OF_PREDICTIONS)
def test_a_model_is_refused(
    payload: str, verb: str, opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    OF_PREDICTIONS[payload](opened)
    refused(opened, verb, verbs, tmp_path)


@pytest.mark.parametrize("payload", OF_RESUMING)
def test_a_resumed_run_is_refused(
    payload: str, opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    OF_RESUMING[payload](opened)
    refused(opened, "resume", verbs, tmp_path)
    assert not (tmp_path / "outside").exists()


def test_the_payloads_run_where_nothing_checks_them(
    opened: Opened, verbs: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests above see refused would otherwise run: here the check is removed."""
    monkeypatch.setattr("study.config.stored.check_name", lambda *_: None)
    monkeypatch.setattr("study.build.find", lambda target, key, *_: locate(target, key))
    ran = []
    everywhere = ("predict", "resume", "evaluate")
    for payload, verbs_that_build in (
        ("a call as an argument of the head", everywhere),
        ("a call as model.circuit", everywhere),
        ("a call as data", ("resume", "evaluate")),
        ("a call as split", ("resume", "evaluate")),
    ):
        for verb in verbs_that_build:
            config = yaml.safe_dump(opened.config)
            CONFIGURATIONS[payload](opened)
            opened.close("failed" if verb == "resume" else "finished")
            with contextlib.suppress(Exception):  # what comes of it is of no use to the verb
                verbs[verb](opened.folder, tmp_path)
            ran.append((payload, verb, opened.marker.exists()))
            opened.marker.unlink(missing_ok=True)
            opened.config = yaml.safe_load(config)
    assert all(touched for *_, touched in ran), ran


@pytest.mark.parametrize("payload", [f"{SENDERS}.Adam as the optimizer", "runs"])
def test_nothing_is_imported_to_say_what_a_name_is(
    payload: str, opened: Opened, verbs: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that holds runs is on the path, as the checkout is, so that a run's own file is a module."""
    if payload == "runs":
        monkeypatch.syspath_prepend(str(opened.folder.parent.parent))
        name = opened.folder.name.replace("-", "_")
        opened.folder = opened.folder.rename(opened.folder.with_name(name))
        a_script(opened)
        opened.put("optimizer._target_", f"runs.{name}.payload.Adam")
    else:
        CONFIGURATIONS[payload](opened)
    message = refused(opened, "predict", verbs, tmp_path)
    package = "runs" if payload == "runs" else SENDERS
    assert f"trust={package}" in message
    assert "is installed here in" in message
    # And what is trusted is still not looked for among runs.
    if payload == "runs":
        opened.config["model"]["head"]["_target_"] = f"runs.{opened.folder.name}.payload.Head"
        opened.close("finished")
        with pytest.raises(StudyError, match="where runs are kept, and nothing is imported from there"):
            rebuild(RunFolder(opened.folder, trust=("runs",)))
        assert not opened.marker.exists()


def test_what_a_user_brought_is_recorded_and_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "path" / "untrusted_own"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from torch import nn\nclass Head(nn.Linear): pass\ndef head(in_features, out_features):\n"
        "    return nn.Linear(in_features, out_features)\nclass Other: pass\n"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(stages, "draw_gallery", lambda *_: None)
    lines = [*SMALL, "logger=none"]
    lines += ["controls=none", f"output_dir={tmp_path / 'runs'}", "head._target_=untrusted_own.Head"]
    folder = train(check(TRAIN, lines).config, Console(file=io.StringIO()))
    manifest = json.loads(folder.manifest.read_text())
    assert manifest["brought"] == {"untrusted_own.Head": "head"}
    with pytest.raises(StudyError, match=r"as a class that its author brought\. .*trust=untrusted_own"):
        rebuild(folder)
    rebuild(RunFolder(folder.path, trust=("untrusted_own",)))
    rebuild(RunFolder(folder.path, trust=("untrusted_own.Head",)))

    def named(target: str, *trust: str) -> None:
        text = folder.config.read_text().replace("untrusted_own.Head", target)
        other = tmp_path / "other" / "-".join((target, *trust))
        shutil.copytree(folder.path, other)
        (other / "config.yaml").write_text(text)
        Seal(other).add("config.yaml")
        rebuild(RunFolder(other, trust=trust))

    with pytest.raises(StudyError, match=r"does not cover\. .*: trust=untrusted_own\.head"):
        named("untrusted_own.head", "untrusted_own")
    with pytest.raises(StudyError, match=r"untrusted_own\.Other is no torch\.nn\.Module"):
        named("untrusted_own.Other", "untrusted_own")
    with pytest.raises(StudyError, match=r"untrusted_own\.Other is no torch\.nn\.Module"):
        named("untrusted_own.Other", "untrusted_own.Other")


def test_predicting_builds_the_model_and_nothing_else(
    opened: Opened, verbs: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer, a tracker and data that are all of this version, of which none is made."""
    opened.config["logger"] = {
        "m": {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "tracking_uri": "http://127.0.0.1:9"}
    }
    opened.close("finished")
    built = []
    genuine = build.from_node
    monkeypatch.setattr(
        build, "from_node", lambda node, key, *more: built.append(key) or genuine(node, key, *more)
    )
    verbs["predict"](opened.folder, tmp_path)
    assert built == ["model"]


def train_entry(config: Any) -> None:
    """As train.py's main function."""
    check_construction(config)
    train(config)


def test_a_value_of_the_environment_is_written_sent_and_printed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "PLANTED-SECRET-0417"
    monkeypatch.setenv("UNTRUSTED_SECRET", secret)
    monkeypatch.setattr(stages, "draw_gallery", lambda *_: None)
    lines = [*SMALL, "logger=[mlflow,csv]"]
    lines += ["controls=none", f"output_dir={tmp_path / 'runs'}"]
    folder = train(check(TRAIN, [*lines, "+logger.csv.prefix=${oc.env:UNTRUSTED_SECRET}"]).config)
    stored = yaml.safe_load(folder.config.read_text())
    assert stored["logger"]["csv"]["prefix"] == {"_env_": ["", "UNTRUSTED_SECRET", ""]}
    for path in (tmp_path / "runs").rglob("*"):
        # The user asked for it as the prefix of the names in Lightning's CSV file, and there it is.
        if path.is_file() and path.name != "metrics.csv":
            assert secret.encode() not in path.read_bytes(), path
    for command in (
        ["model=logistic", "data.noise=${oc.env:UNTRUSTED_SECRET}"],
        ["model.circuit.backend=${oc.env:UNTRUSTED_SECRET}"],
        ["encoding.rotation=${oc.env:UNTRUSTED_SECRET}"],
        ["optimizer._target_=${oc.env:UNTRUSTED_SECRET}.Adam"],
        ["data=file", "data.path=/${oc.env:UNTRUSTED_SECRET}.csv", "data.target=a"],
    ):
        monkeypatch.setattr(sys, "argv", ["train.py", *lines, *command])
        code = run(TRAIN, train_entry, sys.argv[1:])
        assert code == 2, command
    out, err = capfd.readouterr()
    assert "UNTRUSTED_SECRET" in err
    assert secret not in out + err


def test_an_interrupted_run_says_what_going_on_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNTRUSTED_NOISE", "0.1")
    monkeypatch.setenv("UNTRUSTED_SECRET", "PLANTED-SECRET-0417")
    monkeypatch.setattr("study.experiment.judge_all", lambda *_: 1 / 0)
    lines = ["data=moons", "data.n_samples=120", "model=logistic", "controls=none", "logger=csv"]
    lines += ["+logger.csv.prefix='s3://bucket/${oc.env:UNTRUSTED_SECRET}'"]
    lines += [f"output_dir={tmp_path}", "data.noise='${oc.decode:${oc.env:UNTRUSTED_NOISE}}'"]
    text = io.StringIO()
    with pytest.raises(ZeroDivisionError):
        train(check(TRAIN, lines).config, Console(file=text, width=300))
    assert "PLANTED-SECRET" not in text.getvalue()
    monkeypatch.undo()
    monkeypatch.setenv("UNTRUSTED_NOISE", "0.1")
    monkeypatch.setenv("UNTRUSTED_SECRET", "PLANTED-SECRET-0417")
    monkeypatch.setattr(stages, "draw_gallery", lambda *_: None)
    words = shlex.split(text.getvalue().partition("To go on: python train.py ")[2])
    assert (
        '"env:UNTRUSTED_NOISE", "env:UNTRUSTED_SECRET", "s3://bucket/${oc.env:UNTRUSTED_SECRET}"' in words[1]
    )
    with pytest.raises(StudyError, match="yours were not read"):
        train(check(TRAIN, words[:1]).config, Console(file=io.StringIO()))
    folder = train(check(TRAIN, words).config, Console(file=io.StringIO()))
    assert json.loads(folder.manifest.read_text())["status"] == "finished"


def test_a_variable_is_read_where_it_is_trusted(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNTRUSTED_BACKEND", "default_qubit")
    opened.put("model.circuit.backend", {"_env_": ["", "UNTRUSTED_BACKEND", ""]})
    opened.close("finished")
    with pytest.raises(StudyError, match=r"yours were not read.*trust=\[env:UNTRUSTED_BACKEND\]"):
        rebuild(RunFolder(opened.folder))
    rebuild(RunFolder(opened.folder, trust=("env:UNTRUSTED_BACKEND",)))


def test_a_column_may_look_like_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "draw_gallery", lambda *_: None)
    rows = "".join(f"{i / 40},{i % 7},{'yes' if i % 2 else '${b}'}\n" for i in range(60))
    (tmp_path / "rows.csv").write_text("${x},other,${y}\n" + rows)
    lines = ["data=file", f"data.path={tmp_path / 'rows.csv'}", r"data.target='\${y}'", "model=logistic"]
    lines += ["controls=none", "logger=none", f"output_dir={tmp_path / 'runs'}"]
    folder = train(check(TRAIN, lines).config, Console(file=io.StringIO()))
    assert yaml.safe_load(folder.config.read_text())["data"]["target"] == r"\${y}"
    assert rebuild(folder).interface.classes == ("${b}", "yes")
    assert reproduces(folder)


def test_a_key_finds_what_was_sealed_anew(opened: Opened, tmp_path: Path) -> None:
    key = b"a key that nobody else has"
    digests = json.loads((opened.folder / "seal.json").read_text())
    (opened.folder / "seal.json").unlink()
    Seal(opened.folder, key).add(*digests)
    rebuild(RunFolder(opened.folder, key=key))
    opened.put("model.bound", False)
    (opened.folder / "config.yaml").write_text(yaml.safe_dump(opened.config))
    opened.seal()
    rebuild(RunFolder(opened.folder))
    with pytest.raises(StudyError, match="not written with the key"):
        rebuild(RunFolder(opened.folder, key=key))


def test_a_model_that_runs_elsewhere_is_asked_about(
    opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    """Its folder names the budget too, and the credentials would be the reader's."""
    target = "qlayers.backends.braket_sv1.BraketSv1"
    opened.put("model.circuit.backend", {"_target_": target, "budget": {"usd": 1000.0}})
    for verb in ("predict", "evaluate"):
        assert f"trust={target}" in refused(opened, verb, verbs, tmp_path)


def test_a_trackers_store_beside_the_run_is_data_too(
    opened: Opened, verbs: Mapping[str, Any], tmp_path: Path
) -> None:
    """The store came with the run: artifacts would go to its sender, and a trigger runs on every insertion."""
    import mlflow

    store = opened.folder.parent / "mlflow.db"
    with socket.create_server(("127.0.0.1", 0)) as sender:
        sender.settimeout(0.1)
        address = f"http://127.0.0.1:{sender.getsockname()[1]}"
        client = mlflow.MlflowClient(f"sqlite:///{store}")
        experiment = client.create_experiment("case", artifact_location=f"{address}/artifacts")
        known = client.create_run(experiment).info.run_id
        with contextlib.closing(sqlite3.connect(store)) as database:
            database.execute(
                "CREATE TRIGGER t AFTER INSERT ON metrics BEGIN SELECT load_extension('/nowhere/payload'); END"
            )
        opened.config["logger"] = {
            "m": {
                "_target_": "lightning.pytorch.loggers.MLFlowLogger",
                "experiment_name": "case",
                "tracking_uri": f"sqlite:///{store}",
            }
        }
        stored("manifest.json", lambda manifest: {**manifest, "loggers": {"m": {"run_id": known}}})(opened)
        opened.close("failed")
        with contextlib.suppress(Exception):
            verbs["resume"](opened.folder, tmp_path)
        with pytest.raises(TimeoutError):
            sender.accept()


@pytest.mark.parametrize("name", ["../outside", "/tmp", "a/../../../b"])
def test_a_stored_name_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="leads out of the folder"):
        RunFolder(tmp_path / "run").control(name)


def test_a_report_opens_no_configuration_of_a_job(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, {"depth": [1, 2]})
    marker = tmp_path / "touched"
    call = {"_target_": "numpy.testing.measure", "code_str": f"open({str(marker)!r}, 'w')"}
    for job in json.loads((sweep / "sweep.json").read_text())["jobs"]:
        (sweep / job["folder"] / "config.yaml").write_text(yaml.safe_dump({"optimizer": call, "data": call}))
    assert collect(sweep).count("finished") == 2
    assert not marker.exists()
