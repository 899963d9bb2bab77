"""Why a circuit cannot be run by the batched simulator."""

from __future__ import annotations


class NotTraceableError(Exception):
    """The reason, in words for the user."""


class NoSuchWireError(NotTraceableError):
    """A wire that the device has not, so that no simulator can run the circuit."""
