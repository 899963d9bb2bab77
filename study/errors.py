"""The one exception whose message is written for the person at the keyboard."""

from __future__ import annotations


class StudyError(ValueError):
    """A request that cannot be carried out, in one paragraph: the option, what came, what is allowed, what to do.

    The command line prints the message without a traceback and exits with code 2.
    """
