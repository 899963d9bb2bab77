"""What kind of failure ended a rung."""

from __future__ import annotations

from qlayers.errors import QlayersError

# By the words of an exception's name, since the services' packages are not imported to ask: the first that fits.
KINDS = (
    ("budget", ("budget",)),
    ("credentials", ("credential", "expiredtoken", "accessdenied", "unauthorized", "token")),
    ("throttled", ("throttl", "toomanyrequests")),
    ("timeout", ("timeout", "timedout")),
    ("connection", ("connection", "endpoint", "network")),
    ("offline", ("offline", "retired", "unavailable")),
    ("task", ("task", "job", "quantumresult")),
    ("memory", ("memory",)),
)
CONFIGURATION, OTHER = "configuration", "other"
# Of those, what says that a machine gives no answers now, and not that it was asked for what it does not do.
NO_ANSWER = ("offline", "timeout", "task")


def kind_of(error: BaseException) -> str:
    """One word for an exception: the first of `KINDS` whose words are in the names of its classes.

    >>> kind_of(TimeoutError()), kind_of(MemoryError()), kind_of(RuntimeError("no"))
    ('timeout', 'memory', 'other')
    """
    names = " ".join(one.__name__.lower() for one in type(error).__mro__)
    for kind, words in KINDS:
        if any(word in names for word in words):
            return kind
    return CONFIGURATION if isinstance(error, QlayersError) else OTHER


def gives_no_answer(error: BaseException) -> bool:
    """Whether a machine cannot be had, or its tasks failed or took too long.

    >>> gives_no_answer(TimeoutError()), gives_no_answer(ValueError())
    (True, False)
    """
    return kind_of(error) in NO_ANSWER
