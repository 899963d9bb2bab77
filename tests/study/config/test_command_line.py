"""The command itself: exit codes, one message, nothing written, nothing heavy imported."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from omegaconf import DictConfig

from qlayers.errors import InputError
from study.config.command_line import Task, run
from study.config.rules import PREDICT, TRAIN
from study.errors import StudyError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # put back what the command sets


def command(monkeypatch: pytest.MonkeyPatch, task: Task, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])  # where Hydra reads them
    return run(TRAIN, task, list(arguments))


def never(config: DictConfig) -> None:
    raise AssertionError("the task was started")


def script(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


class TestScript:
    """As the user runs it. Each takes a second or more, so the many mistakes are in test_check.py."""

    @pytest.mark.parametrize(
        ("name", "arguments", "message"),
        [
            ("train.py", ["depth=two"], "train.py: error: depth must be a whole number"),
            (
                "train.py",
                ["-m", "depth=1,2", "model=hybrid,nope"],
                "train.py: error: model=nope is not an option",
            ),
            (
                "train.py",
                ["-m", "depth=1,2", "--cfg", "job"],
                "train.py: error: --cfg shows the configuration of one",
            ),
            ("train.py", ["--resum", "x"], "train.py: error: unrecognized arguments: --resum"),
            ("train.py", ["--cfg", "job", "split=group"], "train.py: error: split=group needs split.group"),
            ("predict.py", ["run=x"], "predict.py: error: What is still needed: input and output"),
        ],
    )
    def test_a_mistake_gets_one_message(
        self, tmp_path: Path, name: str, arguments: list[str], message: str
    ) -> None:
        done = script(name, *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
        assert "HYDRA" not in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_circuit_that_cannot_exist_is_refused_before_the_data(self, tmp_path: Path) -> None:
        done = script(
            "train.py",
            "data=file",
            "data.path=nowhere.csv",
            "data.target=y",
            "n_features=9",
            "logger=none",
            cwd=tmp_path,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(
            "train.py: error: encoding=angle holds at most 4 features on n_qubits=4"
        )
        assert done.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["train.py", "predict.py"])
    def test_help_is_ours(self, tmp_path: Path, name: str) -> None:
        done = script(name, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stderr == ""
        assert "Powered by Hydra" not in done.stdout
        assert f"python {name}" in done.stdout
        assert list(tmp_path.iterdir()) == []

    def test_the_first_phase_imports_nothing_that_computes(self, tmp_path: Path) -> None:
        code = (
            "import sys, runpy\n"
            "sys.argv = ['train.py', '--cfg', 'job', 'depth=3']\n"
            "try: runpy.run_path(sys.path[0] + '/train.py', run_name='__main__')\n"
            "except SystemExit as end: assert end.code == 0, end.code\n"
            "heavy = {'torch', 'pandas', 'sklearn', 'lightning', 'pennylane', 'mlflow', 'matplotlib', 'numpy'}\n"
            "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "depth: 3" in done.stdout
        assert done.stderr == ""


class TestRun:
    def test_the_task_gets_the_checked_configuration(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        seen: list[DictConfig] = []
        assert (
            command(monkeypatch, seen.append, "data=file", "data.path=a.csv", "data.target=2024.10", "seed=3")
            == 0
        )
        (config,) = seen
        assert config.data.target == "2024.10"
        assert config.seed == 3
        assert "hydra" not in config
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("error", [StudyError("no such column."), InputError("no such column.")])
    def test_the_users_mistake_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        def task(config: DictConfig) -> None:
            raise error

        assert command(monkeypatch, task) == 2
        assert capfd.readouterr().err == "train.py: error: no such column.\n"

    def test_an_interruption_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def task(config: DictConfig) -> None:
            raise KeyboardInterrupt

        assert command(monkeypatch, task) == 130
        assert capfd.readouterr().err == "train.py: interrupted.\n"

    def test_a_bug_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def task(config: DictConfig) -> None:
            raise ZeroDivisionError("a bug")

        with pytest.raises(ZeroDivisionError, match="a bug"):
            command(monkeypatch, task)

    def test_a_remark_does_not_stop_the_run(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        seen: list[DictConfig] = []
        assert command(monkeypatch, seen.append, "model=mlp", "depth=3") == 0
        assert len(seen) == 1
        assert (
            capfd.readouterr().err == "train.py: warning: no effect: depth=3 (model=mlp has no such part).\n"
        )

    @pytest.mark.parametrize("flag", ["--config-name=x", "--config-path=x", "--experimental-rerun=x"])
    def test_a_way_around_the_checks_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], flag: str
    ) -> None:
        assert command(monkeypatch, never, flag) == 2
        assert f"{flag.removesuffix('=x')} is not supported" in capfd.readouterr().err

    def test_own_options_are_found(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "encoding").mkdir()
        (tmp_path / "encoding" / "mine.yaml").write_text("_target_: my_package.Mine\n")
        seen: list[DictConfig] = []
        assert command(monkeypatch, seen.append, "--config-dir", str(tmp_path), "encoding=mine") == 0
        assert seen[0].circuit.encoding._target_ == "my_package.Mine"


class TestMultirun:
    def test_each_job_is_an_ordinary_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        seen: list[DictConfig] = []
        arguments = ["-m", "depth=1,2", "encoding=angle,basis", f"output_dir={tmp_path}/runs"]
        assert command(monkeypatch, seen.append, *arguments) == 0
        combinations = [(config.depth, config.encoding._target_.rpartition(".")[2]) for config in seen]
        assert combinations == [(1, "Angle"), (1, "Basis"), (2, "Angle"), (2, "Basis")]
        assert seen[1].reduction._target_.endswith("PcaThreshold")
        assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    def test_a_mistake_in_any_job_stops_all(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert command(monkeypatch, never, "-m", "depth=1,2,0") == 2
        assert (
            capfd.readouterr().err == "train.py: error: depth must be a whole number, 1 or more, but is 0.\n"
        )
        assert list(tmp_path.iterdir()) == []

    def test_a_job_that_fails_lets_the_others_run(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        seen: list[int] = []

        def task(config: DictConfig) -> None:
            seen.append(config.depth)
            if config.depth == 1:
                raise StudyError("not this one.")

        assert command(monkeypatch, task, "-m", "depth=1,2", f"output_dir={tmp_path}") == 2
        assert seen == [1, 2]
        assert capfd.readouterr().err.endswith("train.py: error: not this one.\n")


def test_plugins_that_warn_are_not_heard(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    scan = Plugins._scan_all_plugins

    def noisy(modules: list[object]) -> object:
        sys.stderr.write("[Hydra plugins scanner] : warnings from 'a plugin'\n")
        warnings.warn("Plugin is incompatible", UserWarning, stacklevel=1)
        return scan(modules)

    monkeypatch.setattr(Plugins, "_scan_all_plugins", staticmethod(noisy))
    monkeypatch.delitem(Singleton._instances, Plugins, raising=False)  # so that they are scanned again
    seen: list[DictConfig] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert command(monkeypatch, seen.append) == 0
    assert len(seen) == 1
    assert capfd.readouterr().err == ""


def test_predictions_go_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run=a", "input=b.csv", "output=c.csv", "threshold=0.8"]
    monkeypatch.setattr(sys, "argv", ["predict.py", *arguments])
    seen: list[DictConfig] = []
    assert run(PREDICT, seen.append, arguments) == 0
    asked = {"run": "a", "input": "b.csv", "output": "c.csv", "threshold": 0.8}
    assert seen[0] == {**asked, "trust": [], "seal": {"key": None}}
