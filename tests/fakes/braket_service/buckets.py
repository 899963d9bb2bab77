"""S3 as far as the SDK and a careful client use it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from botocore import xform_name
from botocore.awsrequest import AWSResponse

from tests.fakes.braket_service.wire import Call, ServiceError, answer


@dataclass
class Bucket:
    """One bucket. An object appears at its time, so that a result can be late."""

    region: str
    objects: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def visible(self, now: float) -> dict[str, bytes]:
        return {key: body for key, (since, body) in sorted(self.objects.items()) if since <= now}


class Buckets:
    """Every bucket of the account, and those that belong to somebody else."""

    def __init__(self) -> None:
        self.mine: dict[str, Bucket] = {}
        self.others: set[str] = set()

    def put(self, bucket: str, key: str, body: bytes, since: float) -> None:
        self.mine[bucket].objects[key] = since, body

    def handle(self, call: Call, now: float) -> AWSResponse:
        name, key = self._address(call)
        method = getattr(self, f"_{xform_name(call.operation)}", None)
        if method is None:
            raise ServiceError("NotImplemented", f"the fake has no S3 {call.operation}", 501)
        return method(call, name, key, now)

    def _address(self, call: Call) -> tuple[str, str]:
        host = call.url.split("/")[2]
        path = call.segments
        if host.startswith("s3.") or host.startswith("s3-"):
            return path[0], "/".join(path[1:])
        return host.split(".s3")[0], "/".join(path)

    def _bucket(self, name: str) -> Bucket:
        if name in self.others:
            raise ServiceError("AccessDenied", "Access Denied", 403)
        if name not in self.mine:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404)
        return self.mine[name]

    def _create_bucket(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        if name in self.others:
            raise ServiceError("BucketAlreadyExists", "The requested bucket name is not available.", 409)
        # As the real service: in us-east-1 a bucket that one already has is no error.
        if name in self.mine and call.region != "us-east-1":
            raise ServiceError("BucketAlreadyOwnedByYou", "You already own this bucket.", 409)
        self.mine.setdefault(name, Bucket(call.region))
        return answer(call, 200, headers={"location": f"/{name}"})

    def _head_bucket(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        try:
            bucket = self._bucket(name)
        except ServiceError as error:
            raise ServiceError(str(error.status), error.message, error.status) from error
        return answer(call, 200, headers={"x-amz-bucket-region": bucket.region})

    def _get_bucket_location(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        region = self._bucket(name).region
        where = "" if region == "us-east-1" else region
        return answer(call, 200, f"<LocationConstraint>{where}</LocationConstraint>".encode())

    def _put_object(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        self._bucket(name).objects[key] = now, call.body
        return answer(call, 200, headers=_etag(call.body))

    def _object(self, name: str, key: str, now: float) -> bytes:
        found = self._bucket(name).visible(now)
        if key not in found:
            raise ServiceError("NoSuchKey", "The specified key does not exist.", 404)
        return found[key]

    def _get_object(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        body = self._object(name, key, now)
        return answer(call, 200, body, {**_etag(body), "content-type": "application/json"})

    def _head_object(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        try:
            body = self._object(name, key, now)
        except ServiceError as error:
            raise ServiceError(str(error.status), "Not Found", error.status) from error
        return answer(call, 200, headers={**_etag(body), "content-length": str(len(body))})

    def _delete_object(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        self._bucket(name).objects.pop(key, None)
        return answer(call, 204)

    def _list_objects_v2(self, call: Call, name: str, key: str, now: float) -> AWSResponse:
        prefix = call.query.get("prefix", [""])[0]
        found = {k: body for k, body in self._bucket(name).visible(now).items() if k.startswith(prefix)}
        entries = "".join(
            f"<Contents><Key>{escape(k)}</Key><Size>{len(body)}</Size></Contents>"
            for k, body in found.items()
        )
        head = f"<Name>{name}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount>"
        text = f"<ListBucketResult>{head}<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        return answer(call, 200, text.encode(), {"content-type": "application/xml"})


def _etag(body: bytes) -> dict[str, str]:
    return {"etag": f'"{base64.b16encode(hashlib.sha256(body).digest()[:16]).decode().lower()}"'}
