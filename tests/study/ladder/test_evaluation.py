"""A run is taken up a ladder: judged against the exact rung, resumed, refused early, and never changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.config.check import check
from study.config.rules import EVALUATE
from study.errors import StudyError
from study.ladder import evaluation as module
from study.run.atomic import write_json
from study.run.folder import RunFolder
from study.run.seal import Seal
from study.run.stored import read_json
from tests.study.ladder.backends import Broken, Sends
from tests.study.ladder.conftest import Evaluated, trained

Evaluate = Callable[..., Evaluated]

BROKEN = "+ladder.rungs.broken={backend: {_target_: tests.study.ladder.backends.Breaks, shots: 10}}"
THERE = "{{backend: {{_target_: tests.study.ladder.backends.Elsewhere, shots: 50}}, dry_run: {}}}"
ELSEWHERE = f"+ladder.rungs.there={THERE}"


def rung(folder: Path, name: str) -> dict:
    return next(one for one in read_json(folder / "ladder.json")["rungs"] if one["record"]["name"] == name)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Broken.left, Sends.sent = 3, 0  # three rows are tried before a rung is climbed


def test_the_ladder_is_climbed(evaluate: Evaluate, run: RunFolder) -> None:
    code, printed, folder = evaluate("ladder.curve.shots=[20,80]")
    assert code == 0
    assert "12 test rows, 3 rungs to climb" in printed
    assert "Nothing leaves this machine." in printed
    assert "The time is that of the climb: starting and planning took" in printed
    assert "angles sent" not in printed
    Seal(run.path).check([])
    stored = pd.read_parquet(run.predictions)
    found = pd.read_parquet(folder / "predictions.parquet")
    rows = stored.set_index("row").loc[found["row"]]
    assert np.allclose(found["exact.probability.1"], rows["hybrid.probability.1"], atol=1e-5)
    assert np.allclose(found["again.probability.1"], found["exact.probability.1"], atol=1e-5)
    assert not np.allclose(found["sampled.probability.1"], found["exact.probability.1"], atol=1e-3)

    exact, again, sampled = (rung(folder, name) for name in ("exact", "again", "sampled"))
    hits = found["exact.prediction"].astype(str) == found["target"].astype(str)
    by_hand = np.mean([hits[found["target"].astype(str) == label].mean() for label in ("0", "1")])
    assert exact["metrics"]["balanced_accuracy"]["value"] == pytest.approx(by_hand)
    assert exact["differences"] == {}
    assert again["flips"] == 0
    assert again["error"]["largest"] < 1e-5
    assert again["error"]["ratio"] is None
    assert sampled["flips"] == int((found["sampled.prediction"] != found["exact.prediction"]).sum())
    # 24 outputs of 400 shots: their root mean square is known to 1/√48.
    assert 0.5 < sampled["error"]["ratio"]["value"] < 1.6
    record = sampled["record"]
    assert record["execution"]["executions"] == 12 + 2 * 2
    assert record["plan"]["circuits"] == 16
    assert record["plan"]["shots"] == 16 * 400
    assert record["execution"]["device"] == "default.qubit"
    assert record["circuit"]["n_qubits"] == 2
    manifest = read_json(folder / "evaluation.json")
    assert manifest["status"] == "finished"
    assert manifest["rows"] == found["row"].tolist()
    assert set(manifest["rungs"]) == {"exact", "again", "sampled"}
    table = pd.read_csv(folder / "ladder.csv")
    assert table["rung"].tolist() == ["exact", "again", "sampled"]
    assert [point["shots"] for point in read_json(folder / "curve.json")] == [20, 80]


def test_the_same_command_finds_everything_done(evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, folder = evaluate()
    before = {path: path.stat().st_mtime_ns for path in (folder / "rungs").iterdir()}
    monkeypatch.setattr(module, "climb", lambda *_, **__: pytest.fail("a rung was climbed again"))
    code, printed, again = evaluate()
    assert (code, again) == (0, folder)
    assert "All 3 rungs are climbed already." in printed
    assert {path: path.stat().st_mtime_ns for path in (folder / "rungs").iterdir()} == before


def test_a_killed_evaluation_goes_on_behind_what_was_done(
    evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    climbed: list[str] = []
    climb = module.climb

    def killed(one, *arguments, **options):  # type: ignore[no-untyped-def]
        if one.name == "sampled" and "sampled" not in climbed:
            climbed.append(one.name)
            raise KeyboardInterrupt
        climbed.append(one.name)
        return climb(one, *arguments, **options)

    monkeypatch.setattr(module, "climb", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate()
    _, printed, folder = evaluate()
    assert climbed == ["exact", "again", "sampled", "sampled"]
    assert "1 rung to climb, 2 climbed already" in printed
    interrupted = pd.read_parquet(folder / "predictions.parquet")
    shutil.rmtree(folder)
    _, _, folder = evaluate()
    pd.testing.assert_frame_equal(interrupted, pd.read_parquet(folder / "predictions.parquet"))


def test_another_seed_or_row_is_another_evaluation(evaluate: Evaluate) -> None:
    folders = {
        evaluate(*line)[2]
        for line in ([], ["seed=1"], ["rows=13"], ["ladder.rungs.sampled.backend.shots=90"])
    }
    assert len(folders) == 4


def test_a_rung_that_fails_is_named_and_tried_again(evaluate: Evaluate) -> None:
    code, printed, folder = evaluate(BROKEN)
    assert code == 3
    assert "failed (timeout): TimeoutError: the machine does not answer" in printed
    assert rung(folder, "broken")["record"]["failure"]["kind"] == "timeout"
    assert rung(folder, "broken")["record"]["execution"]["executions"] == 0  # what it was given has not run
    assert rung(folder, "sampled")["record"]["status"] == "climbed"
    Broken.left = 1000
    code, printed, again = evaluate(BROKEN)
    assert (code, again) == (0, folder)
    assert "1 rung to climb, 3 climbed already" in printed


def test_a_dry_run_plans_and_sends_nothing(evaluate: Evaluate) -> None:
    code, printed, folder = evaluate(ELSEWHERE.format("true"))
    assert code == 0
    assert Sends.sent == 0
    assert "Plan for elsewhere" in printed
    found = rung(folder, "there")["record"]
    assert found["status"] == "planned"
    # Start, rows and end: three batches.
    assert found["plan"]["tasks"] == 3
    assert found["plan"]["circuits"] == 16
    assert found["plan"]["usd_at_most"] == 1.5
    assert found["plan"]["values_sent"] == 16 * 2
    # And said, in the row of the rung and below all.
    header, row = (
        next(line for line in printed.splitlines() if word in line)
        for word in ("angles sent", "planned only")
    )
    end = header.index("angles sent") + len("angles sent")
    assert row[:end].split()[-1] == "32"
    assert "Nothing leaves this machine; 32 encoded angles would on rungs that are planned only." in printed


def test_dry_run_of_all_plans_all(evaluate: Evaluate) -> None:
    code, printed, folder = evaluate("dry_run=true", ELSEWHERE.format("false"))
    assert code == 0
    assert Sends.sent == 0
    assert {one["record"]["status"] for one in read_json(folder / "ladder.json")["rungs"]} == {"planned"}
    # The rung elsewhere: three batches at $0.25, at most $0.50 each.
    planned = "4 rungs planned only would take about 3 s and $0.75, at most $1.50. Nothing leaves"
    assert f"0 rungs to climb: about 0 s and $0; {planned}" in printed


def test_public_data_leave_and_are_counted(evaluate: Evaluate) -> None:
    code, printed, folder = evaluate(ELSEWHERE.format("false"))
    assert code == 0
    assert Sends.sent == 16
    assert "32 encoded angles of these rows leave this machine." in printed
    record = rung(folder, "there")["record"]
    assert record["execution"]["tasks"] == 3
    assert record["execution"]["usd"] == pytest.approx(0.75)
    assert record["execution"]["failures"] == {"throttled": 1}
    assert "3 of them on a simulator of this machine instead" in printed
    assert (pd.read_parquet(folder / "predictions.parquet")["there.fell_back"] == 3).all()


@pytest.mark.parametrize("dry_run", [True, False])
def test_data_that_must_stay_stay(dry_run: bool, ladders: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "runs", "data.confidentiality=internal", "trainer.max_epochs=1")
    lines = [f"run={run.path}", "ladder=small", "rows=4", ELSEWHERE.format(str(dry_run).lower())]
    config = check(EVALUATE, lines, str(ladders)).config
    if dry_run:  # nothing is sent, and what would be is said
        evaluation = module.prepare_evaluation(config)
        assert evaluation.rungs[-1].dry_run
    else:
        with pytest.raises(StudyError, match=r"Elsewhere run outside.*data are internal.*outside=\[public\]"):
            module.run_evaluation(config)
        assert not (run.path / "evaluations").exists()
    assert Sends.sent == 0
    allowed = check(EVALUATE, [*lines, "outside=[public,internal]"], str(ladders)).config
    assert len(module.prepare_evaluation(allowed).rungs) == 4


class TestRefused:
    """Before a circuit is run, by one message."""

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("rows=0", r"rows must be a whole number, 1 or more"),
            ("rows=1000", r"rows=1000 is more than the test part has: 24 rows"),
            ("ladder=nosuch", r"ladder=nosuch is not an option.*Options of ladder: .*default"),
            ("~ladder.rungs.nosuch", r"ladder\.rungs\.nosuch is not a key"),
            ("ladder.rungs.nosuch.backend.shots=3", r"ladder\.rungs\.nosuch\.backend\.shots is not a key"),
            ("ladder.reference=nosuch", r"ladder\.reference=nosuch is not a rung.*exact, again, sampled"),
            ("ladder.rungs.exact.dry_run=true", r"rungs\.exact\.dry_run=true leaves nothing to compare"),
            ("ladder.rungs.sampled.backend.shots=many", r"shots must be a whole number"),
            ("outside=[everybody]", "public, internal and sensitive"),
            (
                "+ladder.rungs.more={backend: {_target_: tests.study.ladder.backends.NeedsMore}}",
                r'rungs\.more cannot be climbed.*pip install "qlayers\[more\]".*leave it out.*~ladder\.rungs\.more',
            ),
            (
                "+ladder.rungs.more={backend: {_target_: torch.nn.ReLU}}",
                r"ladder\.rungs\.more cannot be climbed: torch\.nn\.ReLU is no backend",
            ),
        ],
    )
    def test_by_name(self, line: str, message: str, evaluate: Evaluate, run: RunFolder) -> None:
        with pytest.raises(StudyError, match=message):
            evaluate(line)
        assert not list(run.path.glob("evaluations/*/rungs/*.json"))

    def test_no_such_run(self, run: RunFolder, evaluate: Evaluate, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="is not a folder"):
            evaluate(f"run={tmp_path / 'nothing'}")
        (tmp_path / "empty").mkdir()
        with pytest.raises(StudyError, match=r"is not a run folder"):
            evaluate(f"run={tmp_path / 'empty'}")

    def test_a_run_that_was_changed(self, run: RunFolder, evaluate: Evaluate) -> None:
        (run.path / "model.pt").write_bytes(b"other weights")
        with pytest.raises(StudyError, match=r"model\.pt .* was changed since the run began"):
            evaluate()

    def test_a_run_that_is_not_finished(self, run: RunFolder, evaluate: Evaluate) -> None:
        write_json(run.manifest, {**read_json(run.manifest), "status": "failed"})
        with pytest.raises(StudyError, match="not finished"):
            evaluate()

    def test_a_model_without_a_circuit(self, ladders: Path, tmp_path: Path) -> None:
        run = trained(tmp_path / "runs", "model=logistic")
        config = check(EVALUATE, [f"run={run.path}", "ladder=small"], str(ladders)).config
        with pytest.raises(StudyError, match=r"logistic, has no quantum layer.*model=hybrid"):
            module.run_evaluation(config)

    def test_what_is_refused_leaves_nothing(self, evaluate: Evaluate, run: RunFolder) -> None:
        with pytest.raises(StudyError, match="cannot be climbed"):
            evaluate("+ladder.rungs.more={backend: {_target_: tests.study.ladder.backends.NeedsMore}}")
        assert not (run.path / "evaluations").exists()

    def test_what_a_killed_start_left_is_in_nobodys_way(self, evaluate: Evaluate) -> None:
        _, _, folder = evaluate()
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / ".lock").write_text("")
        code, _, again = evaluate()
        assert code == 0 and again == folder and (folder / "ladder.json").exists()

    def test_a_folder_with_something_else(self, evaluate: Evaluate, tmp_path: Path) -> None:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "thesis.tex").write_text("")
        with pytest.raises(StudyError, match="holds other files"):
            evaluate(f"folder={tmp_path / 'full'}")

    def test_the_folder_of_another_evaluation(self, evaluate: Evaluate, run: RunFolder) -> None:
        _, _, folder = evaluate()
        with pytest.raises(StudyError, match="an evaluation of another run, with other settings"):
            evaluate("seed=3", f"folder={folder}")


def test_a_plan_alone_claims_nothing(evaluate: Evaluate) -> None:
    code, printed, folder = evaluate("dry_run=true", pages=True)
    page = (folder / "evaluation.md").read_text()
    assert code == 0 and "nothing was climbed" in printed
    assert "Nothing was climbed" in page and "confidence" not in page


def test_the_circuits_of_mitigation_are_in_the_plan(evaluate: Evaluate) -> None:
    """12 rows at three scale factors and two calibrations, and the reference circuit as it is, four times."""
    wanted = "[readout_inversion,zero_noise_extrapolation]"
    code, _, folder = evaluate(
        "+backend@ladder.rungs.more.backend=shots", f"ladder.rungs.more.backend.mitigation={wanted}"
    )
    assert code == 0
    record = read_json(folder / "ladder.json")["rungs"][-1]["record"]
    assert record["name"] == "more"
    assert record["plan"]["circuits"] == record["execution"]["executions"] == 3 * 12 + 2 + 4
