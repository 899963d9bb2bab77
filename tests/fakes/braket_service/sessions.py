"""boto3 sessions whose clients are botocore's own, and whose requests end at the fake."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import boto3
import botocore.loaders
import botocore.session

if TYPE_CHECKING:
    from tests.fakes.braket_service.service import FakeBraket


@functools.cache
def loader() -> botocore.loaders.Loader:
    """Read the service models once a process: they are most of what a session costs."""
    return botocore.loaders.create_loader()


class FakeSession(boto3.Session):
    """Its credentials are dummies that live in this object alone; nothing of the environment is read.

    S3 and STS clients, and the S3 resource that the SDK makes anew for every result, are made once.
    """

    def __init__(self, service: FakeBraket, region: str) -> None:
        core = botocore.session.Session()
        core.register_component("data_loader", loader())
        for name in ("profile", "config_file", "credentials_file"):
            core.set_config_variable(name, None if name == "profile" else "/nonexistent")
        known = service.credentials
        super().__init__(known.access_key, known.secret_key, known.session_token, region, core)
        loader().search_paths[:] = dict.fromkeys(loader().search_paths)
        if not service.installed:
            core.register("before-send", service.receive, unique_id="the fake")
        self._made: dict[tuple[Any, ...], Any] = {}

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if service_name == "braket" or args:
            return super().client(service_name, *args, **kwargs)
        return self._once(("client", service_name), super().client, service_name, kwargs)

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if args:
            return super().resource(service_name, *args, **kwargs)
        return self._once(("resource", service_name), super().resource, service_name, kwargs)

    def _once(self, key: tuple[Any, ...], make: Any, name: str, kwargs: dict[str, Any]) -> Any:
        config = kwargs.get("config")
        options = repr(sorted(config._user_provided_options.items())) if config else ""
        whole = (*key, kwargs.get("region_name"), kwargs.get("endpoint_url"), options, *sorted(kwargs))
        if whole not in self._made:
            self._made[whole] = make(name, **kwargs)
        return self._made[whole]
