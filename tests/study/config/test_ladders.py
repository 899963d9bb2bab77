"""Every ladder that ships composes, in its order, and every value of it can be overridden."""

from __future__ import annotations

import pytest
import yaml

from study.config.check import check
from study.config.composition import CONFIG_DIR
from study.config.rules import EVALUATE
from study.config.schema import EvaluateConfig
from study.config.targets import check_targets
from study.errors import StudyError

LADDERS = sorted(path.stem for path in (CONFIG_DIR / "ladder").glob("*.yaml"))


def composed(*lines: str):  # type: ignore[no-untyped-def]
    return check(EVALUATE, ["run=a-run", *lines]).config


@pytest.mark.parametrize("ladder", LADDERS)
def test_every_ladder_composes(ladder: str) -> None:
    config = composed(f"ladder={ladder}")
    assert config.ladder.name == ladder
    assert config.ladder.reference == next(iter(config.ladder.rungs))
    check_targets(config)


def test_the_default_ladder_goes_from_exact_values_to_emulated_machines() -> None:
    rungs = composed().ladder.rungs
    assert list(rungs) == ["exact", "shots", "noisy", "braket_sv", "braket_dm", "garnet", "cepheus"]
    assert [rungs[name].backend.machine for name in ("garnet", "cepheus")] == [
        "iqm_garnet",
        "rigetti_cepheus",
    ]
    assert rungs.noisy.backend.noise == rungs.braket_dm.backend.noise


def test_hardware_is_planned_only() -> None:
    rungs = composed("ladder=hardware").ladder.rungs
    assert list(rungs)[:7] == list(composed().ladder.rungs)
    outside = [name for name in rungs if name in ("sv1", "garnet_qpu", "cepheus_qpu")]
    assert len(outside) == 3
    assert all(rungs[name].dry_run for name in outside)
    assert all(rungs[name].backend.budget.usd == 0 for name in outside)


def test_the_mitigated_ladder_has_every_machine_without_and_with_it() -> None:
    rungs = composed("ladder=mitigated").ladder.rungs
    both = ["readout_inversion", "zero_noise_extrapolation"]
    assert {name: rung.backend.get("mitigation") for name, rung in rungs.items()} == {
        "exact": None,
        "noisy": None,
        "noisy_both": both,
        "garnet": None,
        "garnet_readout": both[0],
        "garnet_both": both,
    }
    assert composed("ladder.rungs.garnet.backend.mitigation=readout_inversion")


def test_rungs_are_changed_added_and_left_out() -> None:
    config = composed(
        "~ladder.rungs.noisy",
        "ladder.rungs.garnet.backend.shots=50",
        "ladder.rungs.cepheus.dry_run=true",
        "backend@ladder.rungs.shots.backend=lightning",
        "+backend@ladder.rungs.more.backend=shots",
        "noise=bit_flip",
    )
    rungs = config.ladder.rungs
    assert list(rungs) == ["exact", "shots", "braket_sv", "braket_dm", "garnet", "cepheus", "more"]
    assert rungs.garnet.backend.shots == 50
    assert rungs.cepheus.dry_run
    assert rungs.shots.backend._target_.endswith("Lightning")
    assert "BitFlip" in rungs.braket_dm.backend.noise._target_


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ladder.rungs.garnet.backend.shotz=3", "ladder.rungs.garnet.backend.shots"),
        (
            "ladder.rungs.garnett.backend.shots=3",
            "Keys of ladder.rungs: braket_dm, braket_sv, cepheus, exact, garnet, noisy, shots",
        ),
        ("ladder.rungs.garnett.dry_run=true", "Nearest: ladder.rungs.garnet.dry_run. Keys of ladder.rungs: "),
        ("ladder=hardwear", "Nearest: hardware"),
        ("dry_run=perhaps", "dry_run must be true, false or null"),
        ("ladder.curve.shots=[0]", "whole numbers, 1 or more"),
        ("~ladder.rungs.exact", "ladder.reference=exact is not a rung"),
    ],
)
def test_what_is_mistyped_is_named(line: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        composed(line)
    assert message in str(caught.value)
    assert (
        "+" not in str(caught.value) or "garnett" not in line
    )  # a part of a rung that does not exist is no rung


def test_the_help_names_every_key() -> None:
    text = yaml.safe_load((CONFIG_DIR / "hydra" / "help" / "evaluate.yaml").read_text())["template"]
    explained = {line.split()[0].split(".")[0] for line in text.splitlines() if line.strip()}
    assert set(EvaluateConfig.model_fields) <= explained
