from __future__ import annotations

import io
import warnings

import pytest

from qlayers.errors import ExecutionWarning
from study.run.messages import interruptible, plain_warnings
from study.terminal import Terminal


def test_our_warnings_are_one_line_and_said_once() -> None:
    text = io.StringIO()
    with plain_warnings(Terminal(file=text, width=80)):
        warnings.simplefilter("always")  # Python itself would say it once a line
        for _ in range(2):
            warnings.warn("The batch runs one by one.", ExecutionWarning, stacklevel=1)
    assert text.getvalue() == "Warning: The batch runs one by one.\n"


def test_warnings_of_others_pass_and_everything_is_put_back() -> None:
    text = io.StringIO()
    before = warnings.showwarning
    with pytest.warns(RuntimeWarning, match="overflow"), plain_warnings(Terminal(file=text)):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    assert text.getvalue() == ""
    assert warnings.showwarning is before


def test_whoever_interrupts_is_told_how_to_go_on() -> None:
    console = Terminal(file=io.StringIO(), width=120)
    with pytest.raises(KeyboardInterrupt), interruptible(console):
        raise KeyboardInterrupt
    assert console.file.getvalue() == "To go on: give the same command again.\n"  # type: ignore[attr-defined]
    with interruptible(console):
        pass
    with pytest.raises(ValueError, match="else"), interruptible(console):
        raise ValueError("else")
    assert console.file.getvalue().count("To go on") == 1  # type: ignore[attr-defined]
