"""What botocore would have sent over the network, read; and answers that botocore parses as the service's own."""

from __future__ import annotations

import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """One attempt at an operation. botocore's own retries of a call carry the same `invocation`."""

    service: str  # "braket", "s3", "sts"
    operation: str  # "CreateQuantumTask"
    method: str
    url: str
    region: str
    access_key: str | None
    session_token: str | None
    invocation: str
    body: bytes
    headers: dict[str, str] = field(repr=False)

    @property
    def segments(self) -> list[str]:
        """The path's parts, unquoted."""
        return [urllib.parse.unquote(part) for part in urllib.parse.urlsplit(self.url).path.split("/")[1:]]

    @property
    def query(self) -> dict[str, list[str]]:
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.url).query, keep_blank_values=True)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")


def read(event_name: str, request: AWSPreparedRequest) -> Call:
    """From botocore's `before-send.SERVICE.OPERATION` event."""
    _, service, operation = event_name.split(".")
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    scope = SCOPE.search(headers.get("authorization", ""))
    body = request.body or b""
    if hasattr(body, "read"):  # uploads
        body = body.read()
    return Call(
        service=service,
        operation=operation,
        method=request.method,
        url=request.url,
        region=scope["region"] if scope else "us-east-1",
        access_key=scope["key"] if scope else None,
        session_token=headers.get("x-amz-security-token"),
        invocation=headers.get("amz-sdk-invocation-id", ""),
        body=body.encode() if isinstance(body, str) else bytes(body),
        headers=headers,
    )


class _Raw(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, amt: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk


def answer(call: Call, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> AWSResponse:
    fields = {"x-amzn-RequestId": call.invocation, "content-length": str(len(body)), **(headers or {})}
    return AWSResponse(call.url, status, fields, _Raw(body))


def json_answer(call: Call, document: dict[str, Any], status: int = 200) -> AWSResponse:
    return answer(call, status, json.dumps(document).encode(), {"content-type": "application/json"})


# What S3 and STS call the errors that Braket calls otherwise, and their HTTP status.
ELSEWHERE = {
    "ThrottlingException": {"s3": ("SlowDown", 503), "sts": ("Throttling", 400)},
    "InternalServiceException": {"s3": ("InternalError", 500), "sts": ("InternalFailure", 500)},
    "ExpiredTokenException": {"s3": ("ExpiredToken", 400), "sts": ("ExpiredToken", 403)},
    "AccessDeniedException": {"s3": ("AccessDenied", 403), "sts": ("AccessDenied", 403)},
    "UnrecognizedClientException": {"s3": ("InvalidAccessKeyId", 403), "sts": ("InvalidClientTokenId", 403)},
}


class ServiceError(Exception):
    """The service refuses. botocore turns it into the ClientError of the same code."""

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.more = code, message, status, more

    def answer(self, call: Call) -> AWSResponse:
        """In the protocol of the service that was called."""
        if call.service == "braket":
            body = json.dumps({"message": self.message, **self.more}).encode()
            headers = {"content-type": "application/json", "x-amzn-errortype": self.code}
            return answer(call, self.status, body, headers)
        code, status = ELSEWHERE.get(self.code, {}).get(call.service, (self.code, self.status))
        inner = f"<Code>{code}</Code><Message>{self.message}</Message>"
        if call.service == "s3":
            text = f"<Error>{inner}</Error>"
        else:
            text = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
        body = b"" if call.method == "HEAD" else text.encode()
        return answer(call, status, body, {"content-type": "application/xml"})
