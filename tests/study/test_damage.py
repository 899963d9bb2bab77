"""Every kind of file that the commands write, damaged in every way that happens: the right answer, or one message.

`-m long` damages each file with 20 cuts and 20 flipped bytes, the default run with one of each. What was counted is
printed.
"""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qlayers.errors import QlayersError
from qlayers.spending import Budget, Cache, Ledger, Purchase
from study.config.check import check
from study.config.rules import EVALUATE, PREDICT, TRAIN
from study.errors import StudyError
from study.experiment import train
from study.fitting.history import History
from study.prediction import predict
from study.run.folder import RunFolder
from study.run.rebuild import rebuild, reproduces
from study.run.seal import Seal
from study.run.stores import prepare_stores
from study.terminal import Terminal
from tests.study.comparison.small import SMALL
from tests.study.toys import CLIMBED

pytestmark = pytest.mark.slow
SILENT = Terminal(file=io.StringIO())
MOONS = ("data=moons", "data.n_samples=60", "n_qubits=2", "logger=none", "trainer.batch_size=16")
SEAL = "seal.json"

Use = Callable[[], Any]


@dataclass(frozen=True)
class Written:
    """A folder that a command wrote, and how each kind of file in it is used again.

    Attributes:
        path: the folder.
        uses: a pattern of names → what uses such a file, and gives what depends on it. The first that fits counts.
        shown: patterns of files that are for people: nothing reads them again.
        changes: whether a use writes into the folder.
    """

    path: Path
    uses: Mapping[str, Use]
    shown: tuple[str, ...] = ()
    changes: bool = False

    def files(self) -> dict[Path, Use]:
        """One file of each kind. Every file that was written must be of a kind that is known."""
        found: dict[str, Path] = {}
        for path in sorted(path for path in self.path.rglob("*") if path.is_file()):
            name = path.relative_to(self.path)
            if name.name.startswith(".") or any(name.match(pattern) for pattern in self.shown):
                continue
            kinds = [pattern for pattern in self.uses if name.match(pattern)]
            assert kinds, f"nothing is known of {name}"
            found.setdefault(kinds[0], path)
        assert found.keys() == self.uses.keys(), f"not written: {self.uses.keys() - found.keys()}"
        return {path: self.uses[kind] for kind, path in found.items()}


# ---------------------------------------------------------------- what the commands write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Leave out what takes longest and reads no file: pictures, pages, estimates and the timing of predictions."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "study.run.stages.draw_gallery", "study.run.stages.save_report", "study.experiment.print_report",
            "study.ablation.report.write_report", "study.ladder.report.report.write_report",
            "study.comparison.report.report.write_report", "study.experiment.save",
        ):  # fmt: skip
            patch.setattr(name, lambda *_, **__: Path("report"))
        patch.setattr("study.run.judging.latency_seconds", lambda *_: 0.0)
        patch.setattr("study.sweep.estimate.estimate", lambda _: _estimate())
        yield


def _estimate() -> Any:
    from study.sweep.estimate import Estimate

    return Estimate(0.0, 0.0, 0.0, 0.0, 0, {}, 0)


def trained(folder: Path, *words: str) -> Path:
    return train(check(TRAIN, [*MOONS, f"output_dir={folder}", *words]).config, SILENT).path


@pytest.fixture(scope="module")
def run(root: Path) -> Written:
    path = trained(root / "run", "depth=1", "trainer.max_epochs=2")
    rows, output = root / "rows.csv", root / "answers.csv"
    rows.write_text("x,y\n0.1,0.2\n0.9,-0.3\n1.5,0.4\n")

    def predicted() -> Any:
        predict(check(PREDICT, [f"run={path}", f"input={rows}", f"output={output}"]).config, SILENT)
        return output.read_bytes()

    def control(name: str) -> Use:
        return lambda: rebuild(RunFolder(path), name).learner.predict(np.ones((2, 2))).tobytes()

    names = ("config.yaml", "manifest.json", "contract.json", "results.json", SEAL)
    controls = {f"{name}/model.skops": control(name) for name in ("gradient_boosting", "logistic", "rbf_svm")}
    controls |= {f"{name}/model.pt": control(name) for name in ("mlp", "separable")}
    return Written(
        path,
        {
            **dict.fromkeys(names, predicted),
            **controls,
            "model.pt": predicted,
            "split.parquet": lambda: reproduces(RunFolder(path)),
            "predictions.parquet": lambda: reproduces(RunFolder(path)),
        },
        ("circuit.txt", "*.csv", "*.ckpt"),
    )


@pytest.fixture(scope="module")
def begun(root: Path) -> Written:
    """A run that was interrupted in its third epoch."""

    def interrupted(history: History, epoch: int, step: int, loss: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(History, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained(root / "begun", "depth=1", "trainer.max_epochs=3", "controls=none")
    [path] = (root / "begun").glob("moons-*")

    def resumed() -> Any:
        folder = train(check(TRAIN, [f"resume={path}"]).config, SILENT)
        history = pd.read_csv(folder.metrics).drop(columns="seconds")
        return pd.read_parquet(folder.predictions).to_csv(), history.to_csv()

    names = (
        "config.yaml",
        "manifest.json",
        "contract.json",
        SEAL,
        "split.parquet",
        "metrics.csv",
        "steps.csv",
    )
    kinds = (*names, "checkpoints/epoch-*.ckpt", "checkpoints/best.ckpt")
    return Written(path, dict.fromkeys(kinds, resumed), ("circuit.txt",), changes=True)


@pytest.fixture(scope="module")
def swept(root: Path) -> Written:
    from study.ablation.collect import collect
    from study.sweep.expansion import expand
    from study.sweep.sweep import sweep

    output = root / "swept"
    lines = [*MOONS, "controls=none", "trainer.max_epochs=1", "depth=1,2", f"output_dir={output}"]

    def again() -> Any:
        sweep(TRAIN, lines, expand(TRAIN, lines), console=SILENT)
        [place] = (output / "sweeps").iterdir()
        found = collect(place)
        final = None if found.final is None else (found.final.chosen, found.final.splits[0].models[0].metrics)
        return found.table.drop(columns="fit_seconds").to_csv(), final, found.final_failure

    again()
    jobs = (
        "manifest.json",
        "validation.json",
        "config.yaml",
        "contract.json",
        SEAL,
        "split.parquet",
        "model.pt",
    )
    kinds = ("sweep.json", "final.json", *(f"jobs/*/{name}" for name in jobs), "metrics.csv")
    shown = ("circuit.txt", "log.txt", "steps.csv", "*.ckpt", "multirun.yaml")
    return Written(output, dict.fromkeys(kinds, again), shown, changes=True)


@pytest.fixture(scope="module")
def studied(root: Path) -> Written:
    from study.comparison.load import load_evidence, predictions_of, trials_of
    from study.comparison.state import read_state
    from tests.study.comparison.conftest import run_without_report

    run_without_report([*SMALL, f"output_dir={root / 'studied'}"])
    [path] = (root / "studied" / "studies").iterdir()

    def reported() -> Any:
        evidence = load_evidence(path)
        outcomes = [str(outcome) for outcome in evidence.outcomes]
        outputs = [str(predictions_of(path, list(evidence.classes), one)) for one in evidence.outcomes]
        states = [str(read_state(folder)) for folder in sorted((path / "jobs").iterdir())]
        facts = (evidence.metric, evidence.splits, evidence.entrants, evidence.wall_seconds, evidence.classes)
        return outcomes, outputs, states, str(facts), trials_of(path).to_csv()

    kinds = (
        "study.json", "outcome.json", "job.json", "jobs/*/predictions.parquet", "jobs/*/validation.parquet",
        "tuning.sqlite", "sittings.json",
    )  # fmt: skip
    shown = ("log.txt", "multirun.yaml", "trials/*/*", "trials/*/*/*", "test_read.json")
    return Written(path, dict.fromkeys(kinds, reported), shown)


@pytest.fixture(scope="module")
def evaluated(root: Path) -> Written:
    from study.ladder.evaluation import run_evaluation

    path = trained(root / "evaluated", "depth=1", "trainer.max_epochs=1", "controls=none")
    config = check(EVALUATE, [f"run={path}", "rows=8", *CLIMBED]).config

    def again() -> Any:
        run_evaluation(config, SILENT)
        [folder] = (path / "evaluations").iterdir()
        ladder = json.loads((folder / "ladder.json").read_text())
        outputs = (folder / "predictions.parquet").read_bytes()
        return json.dumps(ladder), outputs, (folder / "scorecard.json").read_text()

    again()
    kinds = (
        "evaluation.json",
        "rungs/exact.json",
        "rungs/*.json",
        "rungs/*.npz",
        "curve.json",
        "scorecard.json",
    )
    shown = ("config.yaml", "ladder.json", "ladder.csv", "predictions.parquet")
    return Written(path / "evaluations", dict.fromkeys(kinds, again), shown, changes=True)


@pytest.fixture(scope="module")
def bought(root: Path) -> Written:
    ledger = Ledger(root / "bought" / "ledger.sqlite")
    wanted = [Purchase((key,), 100, False, 1.0, 2.0, "{}", 0) for key in "abc"]
    for one in ledger.reserve("p", "d", "arn:d", wanted, Budget(100, 100, 100_000), "the plan"):
        ledger.collected(one.token, {one.keys[0]: np.ones((100, 3), dtype=np.int64)}, usd_tracked=1.5)

    def read() -> Any:
        found = Cache(ledger).get("abc")
        return ledger.spent("p"), str(ledger.entries()), {key: bits.tobytes() for key, bits in found.items()}

    return Written(ledger.path.parent, {"ledger.sqlite": read}, changes=True)


@pytest.fixture(scope="module")
def tracked(root: Path) -> Written:
    words = ["logger=mlflow", "controls=none", "depth=1", f"output_dir={root / 'tracked'}"]
    config = check(TRAIN, [*(word for word in MOONS if word != "logger=none"), *words]).config
    prepare_stores(config)
    return Written(root / "tracked", {"mlflow.db": lambda: prepare_stores(config)}, changes=True)


# ---------------------------------------------------------------- what happens to files


def changes(content: bytes, path: Path, n: int, rng: random.Random) -> Iterator[tuple[str, bytes | None]]:
    for _ in range(n):
        yield "cut", content[: rng.randrange(1, len(content))]
    for _ in range(n):
        position = rng.randrange(len(content))
        flipped = content[position] ^ rng.randrange(1, 256)
        yield "flipped", content[:position] + bytes([flipped]) + content[position + 1 :]
    yield "empty", b""
    yield "missing", None
    if (before := older(content, path)) is not None:
        yield "of an older version", before


def older(content: bytes, path: Path) -> bytes | None:
    """The file as another version would have written it, where it says which one did."""
    if path.suffix == ".json" and isinstance(values := json.loads(content), dict) and "format" in values:
        return json.dumps({**values, "format": 0}).encode()
    if path.suffix in (".pt", ".ckpt"):
        buffer = io.BytesIO()
        torch.save({**torch.load(io.BytesIO(content), weights_only=True), "format": 0}, buffer)
        return buffer.getvalue()
    if path.name == "tuning.sqlite":
        other = path.with_name("older.sqlite")
        other.write_bytes(content)
        with closing(sqlite3.connect(other)) as store:
            store.execute("update alembic_version set version_num = 'v0.9.0.a'")
            store.commit()
        content = other.read_bytes()
        other.unlink()
        return content
    return None


def sealed(written: Written) -> dict[Path, Path]:
    """The files whose change a seal finds, and the folder of that seal."""
    found = {}
    for seal in written.path.rglob(SEAL):
        for path in seal.parent.rglob("*"):
            if path.is_file() and path != seal:
                content = path.read_bytes()
                path.write_bytes(content + b" ")
                try:
                    Seal(seal.parent).check([])
                except StudyError:
                    found[path] = seal.parent
                path.write_bytes(content)
    return found


def outcome(use: Use, path: Path, right: Any) -> str:
    """What came of using a file; anything but the right answer, another one and a message that names it fails."""
    try:
        found = use()
    except (StudyError, QlayersError) as error:
        if path.name not in str(error):
            pytest.fail(f"the message does not name {path.name}: {error}")
        return "refused"
    return "right" if found == right else "other values"


FOLDERS = ("run", "begun", "swept", "studied", "evaluated", "bought", "tracked")


def damage_all(written: Written, n: int, seed: str) -> Counter[tuple[str, str, str]]:
    """Damage each kind of file; counts by (seal, damage, outcome)."""
    rng = random.Random(seed)
    kept = written.path.with_name(written.path.name + "-kept")
    shutil.copytree(written.path, kept)
    under_seal = sealed(written)
    covered = {
        folder: [path.relative_to(folder).as_posix() for path, seal in under_seal.items() if seal == folder]
        for folder in under_seal.values()
    }

    def restore(path: Path, content: bytes) -> None:
        if written.changes:
            shutil.rmtree(written.path)
            shutil.copytree(kept, written.path)
        else:
            path.write_bytes(content)

    counts: Counter[tuple[str, str, str]] = Counter()
    for path, use in written.files().items():
        content, folder = path.read_bytes(), under_seal.get(path)
        right = use()
        restore(path, content)
        for damage, changed in changes(content, path, n, rng):
            for seal in ("left", "made again") if folder else ("none",):
                seal_before = (folder / SEAL).read_bytes() if folder else b""
                if changed is None:
                    path.unlink()
                else:
                    path.write_bytes(changed)
                if folder and seal == "made again":
                    Seal(folder).add(*(name for name in covered[folder] if (folder / name).exists()))
                what = f"{path.relative_to(written.path)} {damage}, seal {seal}"
                try:
                    came = outcome(use, path, right)
                except Exception as error:
                    raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
                # A sweep does again what was changed; every other command refuses it.
                assert (
                    seal != "left" or came == "refused" or (written.path.name == "swept" and came == "right")
                ), what
                counts[seal, damage, came] += 1
                restore(path, content)
                if folder:
                    (folder / SEAL).write_bytes(seal_before)
    shutil.rmtree(kept)
    return counts


@pytest.mark.parametrize("n", [1, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", FOLDERS)
def test_damage_is_named_or_does_no_harm(
    name: str, n: int, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = damage_all(request.getfixturevalue(name), n, f"{name}{n}")
    with capsys.disabled():
        print(f"\n{name}: {sum(counts.values())} cases")
        for (seal, damage, came), count in sorted(counts.items()):
            print(f"  seal {seal:10} {damage:20} {came:13} {count}")
    found = Counter(came for _, _, came in counts.elements())
    assert found["refused"] > 0


def test_with_a_key_a_seal_that_was_made_again_is_found(run: Written, tmp_path: Path) -> None:
    """Who has the folder and not the key cannot make the seal again: what they flip is found."""
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    names = [path.relative_to(run.path).as_posix() for path in sealed(run)]
    (folder / SEAL).unlink()
    ours = Seal(folder, b"ours, and nobody else's")
    ours.add(*names)
    ours.check(names)
    kept = (folder / SEAL).read_bytes()
    for key in (None, b"theirs, which is another"):
        for name in names:
            content = (folder / name).read_bytes()
            (folder / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
            with pytest.raises(StudyError, match=re.escape(name)):  # the seal left
                ours.check(names)
            (folder / SEAL).unlink()
            Seal(folder, key).add(*names)
            Seal(folder, key).check(names)
            with pytest.raises(StudyError, match="not written with the key"):
                ours.check(names)
            (folder / name).write_bytes(content)
            (folder / SEAL).write_bytes(kept)
