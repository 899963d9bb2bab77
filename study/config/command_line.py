"""A command: Hydra's command line, with every failure of the user's own as one message and one of our exit codes.

Hydra runs the jobs, one or many. Before it does, the request is checked as a whole (`study.config.check`), so that a
mistake in the last job of a sweep is reported before the first one starts.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig

from study.config.check import check, check_sweep
from study.config.composition import CONFIG_DIR, load_plugins, one_paragraph
from study.config.program import Program
from study.config.resolvers import register_resolvers
from study.config.variables import redacted
from study.errors import StudyError, disk_full
from study.exit_codes import ExitCode
from study.text import in_lines

Task = Callable[[DictConfig], None]
Sweep = Callable[[Program, Sequence[str], "str | None"], int]
Whole = Callable[[Program, Sequence[str], "str | None", DictConfig], int]


def command(program: Program, sweep: Sweep | None = None) -> Callable[[Task], Callable[[], None]]:
    """Make a function of a checked configuration the main function of a script.

    The function raises `StudyError` (or an error of qlayers) for what the user can put right; anything else is a
    bug and keeps its traceback. With -m, `sweep` is called with the program, the overrides and the folder of further
    options, and hands back the exit code; without one, Hydra runs the jobs one by one.
    """

    def decorate(task: Task) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            sys.exit(run(program, task, sys.argv[1:], sweep))

        return main

    return decorate


def whole_command(program: Program) -> Callable[[Whole], Callable[[], None]]:
    """As `command`, for a function that launches jobs of its own and hands back the exit code.

    It is called with the program, the overrides, the folder of further options and the checked configuration.
    """

    def decorate(whole: Whole) -> Callable[[], None]:
        @functools.wraps(whole)
        def main() -> None:
            sys.exit(run(program, _nothing, sys.argv[1:], whole=whole))

        return main

    return decorate


def run(
    program: Program,
    task: Task,
    arguments: Sequence[str],
    sweep: Sweep | None = None,
    whole: Whole | None = None,
) -> int:
    """Check the arguments and run the job or jobs that they ask for.

    Returns:
        The exit code, one of `study.exit_codes.ExitCode`.
    """
    _end_as_interrupted()
    try:
        return _run(program, task, arguments, sweep, whole)
    except KeyboardInterrupt:
        return _say(program, "interrupted.", ExitCode.INTERRUPTED)
    except Exception as error:
        if (full := disk_full(error)) is not None:
            return _say(program, str(full), full.exit_code)
        if isinstance(error, InstantiationException):
            raise  # study.build explains those that come from a configuration; this one is a bug
        if isinstance(error, HydraException):
            return _say(program, one_paragraph(error), ExitCode.REFUSED)
        if isinstance(error, _user_errors()):
            return _say(program, str(error), getattr(error, "exit_code", ExitCode.REFUSED))
        raise


def _end_as_interrupted() -> None:
    """Let SIGTERM, which batch systems send before they kill, end a command as Ctrl-C does: with a word, and tidily."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _run(
    program: Program, task: Task, arguments: Sequence[str], sweep: Sweep | None, whole: Whole | None
) -> int:
    load_plugins()
    register_resolvers()
    flags = _flags(arguments)
    many = flags.multirun or any(line.replace(" ", "") == "hydra.mode=MULTIRUN" for line in flags.overrides)
    if many and flags.cfg:
        raise StudyError(
            "--cfg shows the configuration of one run, and --multirun asks for many. Leave one of them out, and give "
            "--cfg the values of one job."
        )
    if many and whole is not None:
        raise StudyError(f"{program.name}.py runs many jobs by itself. Leave --multirun out.")
    if many and sweep is not None and not _only_asks(flags):
        return sweep(program, flags.overrides, flags.config_dir)
    ready: list[DictConfig] = []
    if not _only_asks(flags):
        if many:
            remarks = check_sweep(program, flags.overrides, flags.config_dir)
        else:
            checked = check(program, flags.overrides, flags.config_dir)
            ready, remarks = [checked.config], checked.remarks
        for line in remarks:
            _say(program, line)
        if whole is not None and not flags.cfg:
            return whole(program, flags.overrides, flags.config_dir, ready.pop())
    mistakes: list[Exception] = []

    def job(_: DictConfig) -> None:
        # Hydra's copy of the configuration is not the checked one, in which values have the types of their keys.
        config = ready.pop() if ready else _checked_job(program, flags)
        try:
            task(config)
        except Exception as error:
            if many or not (isinstance(error, _user_errors()) or disk_full(error)):
                raise  # of many, Hydra says which job it was, and goes on with the others
            mistakes.append(error)

    # Without it Hydra prints its own report of an exception and leaves with exit code 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    hydra.main(config_path=str(CONFIG_DIR), config_name=program.name)(job)()
    if mistakes:
        raise mistakes[0]
    return 0


def _nothing(_: DictConfig) -> None:
    """What Hydra runs when it was only asked something."""


def _checked_job(program: Program, flags: Namespace) -> DictConfig:
    """The configuration of the job that Hydra is running."""
    return check(program, list(HydraConfig.get().overrides.task), flags.config_dir).config


def _flags(arguments: Sequence[str]) -> Namespace:
    """Hydra's flags and the overrides.

    Raises:
        StudyError: on a flag that does not exist, or that would bypass the checks.
    """
    parser = _Parser(get_args_parser())
    flags = parser.parse(arguments)
    for name, instead in (
        ("config_path", "Add options of your own with --config-dir"),
        ("config_name", "Add options of your own with --config-dir, and presets in its folder experiment/"),
        ("experimental_rerun", "Go on with a run by resume=FOLDER"),
    ):
        if getattr(flags, name) is not None:
            raise StudyError(f"--{name.replace('_', '-')} is not supported. {instead}.")
    return flags


class _Parser:
    """Hydra's argument parser, raising instead of printing its usage and leaving."""

    def __init__(self, parser: ArgumentParser) -> None:
        self._parser = parser
        self._parser.error = self._refuse  # type: ignore[method-assign, assignment]

    def parse(self, arguments: Sequence[str]) -> Namespace:
        return self._parser.parse_intermixed_args(arguments)

    @staticmethod
    def _refuse(message: str) -> None:
        raise StudyError(
            f"{message}. Options are given as key=value; --help lists them and the flags there are."
        )


def _only_asks(flags: Namespace) -> bool:
    """Whether Hydra answers by itself: help, information and completion start no job."""
    return bool(flags.help or flags.hydra_help or flags.info is not None or flags.shell_completion)


def _user_errors() -> tuple[type[Exception], ...]:
    """What is reported without a traceback. qlayers is not imported for its errors: without it there are none."""
    qlayers = sys.modules.get("qlayers.errors")
    return (StudyError,) if qlayers is None else (StudyError, qlayers.QlayersError)


def remark(program: Program, message: str) -> None:
    """Put a warning on stderr."""
    _say(program, message)


def _say(program: Program, message: str, code: int = ExitCode.DONE) -> int:
    """Put one line on stderr, and hand back the exit code."""
    kind = {ExitCode.DONE: "warning: ", ExitCode.INTERRUPTED: ""}.get(ExitCode(code), "error: ")
    sys.stderr.write(f"{program.name}.py: {kind}{in_lines(redacted(message))}\n")
    sys.stderr.flush()
    return code
