"""boto3 sessions whose clients are botocore's own, and whose requests end at the fake."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import botocore.handlers
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

if TYPE_CHECKING:
    from tests.fakes.braket_service.service import FakeBraket

NOWHERE = "/nonexistent"


@functools.cache
def loader() -> botocore.loaders.Loader:
    """Read the service models once a process: they are most of what a session costs."""
    return botocore.loaders.create_loader()


class FakeSession(boto3.Session):
    """Its credentials are dummies that live in this object alone; nothing of the environment is read.

    Clients with the same options are made once, and so is the S3 resource that the SDK makes anew for every result.
    A session that its service has given back may serve another one: it then has that one's credentials.
    """

    def __init__(self, region: str) -> None:
        # A fake that is installed everywhere has a handler there: a request is to be received once.
        others = [entry for entry in botocore.handlers.BUILTIN_HANDLERS if entry[0] != "before-send"]
        with mock.patch.object(botocore.handlers, "BUILTIN_HANDLERS", others):
            core = botocore.session.Session()
        core.register_component("data_loader", loader())
        core.set_config_variable("config_file", NOWHERE)
        core.set_config_variable("credentials_file", NOWHERE)
        super().__init__("ASIANONE", "none", "none", region, core)
        loader().search_paths[:] = dict.fromkeys(loader().search_paths)
        core.register("before-send", self._receive)
        self.service: FakeBraket | None = None
        self._made: dict[tuple[Any, ...], Any] = {}

    def serve(self, service: FakeBraket | None) -> None:
        """Whose requests these are from now on."""
        self.service = service
        if service is not None:
            credentials = self.get_credentials()
            credentials.access_key = service.credentials.access_key
            credentials.secret_key = service.credentials.secret_key
            credentials.token = service.credentials.session_token

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if args:
            return super().client(service_name, *args, **kwargs)
        made = self._once("client", super().client, service_name, kwargs)
        if service_name == "braket":
            # The SDK's AwsSession adds this handler to its client, which here may have it from another AwsSession.
            from braket.aws import AwsSession

            handler = AwsSession._add_cost_tracker_count_handler
            made.meta.events.unregister("before-sign.braket.CreateQuantumTask", handler)
        return made

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if args:
            return super().resource(service_name, *args, **kwargs)
        return self._once("resource", super().resource, service_name, kwargs)

    def _once(self, kind: str, make: Any, name: str, kwargs: dict[str, Any]) -> Any:
        options = {key: value for key, value in kwargs.items() if value is not None}
        config = options.pop("config", None)
        words = sorted(config._user_provided_options.items()) if config else []
        key = (kind, name, repr(words), repr(sorted(options.items())))
        if key not in self._made:
            self._made[key] = make(name, **kwargs)
        return self._made[key]

    def _receive(self, request: AWSPreparedRequest, event_name: str, **more: Any) -> AWSResponse:
        if self.service is None:
            raise RuntimeError("the service of this session has given it back")
        return self.service.receive(request, event_name, **more)


_free: dict[str, list[FakeSession]] = {}


def lease(service: FakeBraket, region: str) -> FakeSession:
    """A session for one service alone."""
    waiting = _free.setdefault(region, [])
    session = waiting.pop() if waiting else FakeSession(region)
    session.serve(service)
    return session


def give_back(session: FakeSession) -> None:
    """For others to use. Clients of this session must not be used any more."""
    session.serve(None)
    _free.setdefault(str(session.region_name), []).append(session)
