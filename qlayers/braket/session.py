"""Calls to Amazon Braket and S3: each repeated while that is safe, each failure one plain message."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from qlayers.braket.clock import Clock
from qlayers.braket.errors import THROTTLED, code_of, explained, is_refusal, may_pass, no_credentials
from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    import boto3
    from tenacity import RetryCallState

TOKEN_TAG = "qlayers-token"
"""The tag that every task carries, by which it is found when its ARN was lost."""
PROJECT_TAG = "qlayers-project"
_PREFIX = "qlayers"  # the folder in the bucket
_CLOCKS_DIFFER_SECONDS = 86400.0
_CONNECT_SECONDS, _READ_SECONDS = 10, 60

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often a call is repeated, and how long is waited in between.

    Attributes:
        attempts: At most, the first included.
        first_seconds: The longest wait after the first; it doubles each time. The wait is drawn between 0 and this.
        longest_seconds: Where it stops doubling.
        throttled_factor: By which waits are longer when the service throttles.
    """

    attempts: int = 8
    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    throttled_factor: float = 2.0


class NotAccepted(Exception):  # noqa: N818 - carries an error, and is turned into it
    """A task was not accepted, or it is not known whether it was.

    Attributes:
        reason: What to tell the user.
        certain: Whether the service has certainly not accepted it, in any attempt.
        code: The service's name of the error.
    """

    def __init__(self, reason: Exception, certain: bool, code: str) -> None:
        super().__init__(str(reason))
        self.reason, self.certain, self.code = reason, certain, code


class Service:
    """Amazon Braket in one region.

    Args:
        region: Where; None for that of the vendor's chain (environment, profile).
        bucket: For results; None for the Braket SDK's default bucket, which is made if it does not exist.
        clock: To wait by.
        patience: With calls that fail.
        boto_session: In place of one with credentials from the vendor's chain.

    Raises:
        ConfigurationError: The SDK is missing.
        CredentialsError: There are no credentials.
    """

    def __init__(
        self,
        region: str | None = None,
        bucket: str | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
        boto_session: boto3.Session | None = None,
    ) -> None:
        try:
            import boto3
            from botocore.config import Config
            from braket.aws import AwsSession
        except ImportError as error:
            raise ConfigurationError(
                'Amazon Braket needs its SDK. Install it with: pip install "qlayers[braket]"'
            ) from error
        self.clock = clock or Clock()
        self.patience = patience or Patience()
        # Jitter is no part of an experiment: it takes nothing from the generators that users seed.
        self._random = random.Random()
        self._secrets: tuple[str, ...] = ()
        doing = "reaching Amazon Braket"
        self._boto = self._explaining(lambda: boto_session or boto3.Session(region_name=region), doing)
        self._read_secrets(doing)
        # One attempt: repeating is done here, where it is known what is safe to repeat.
        config = Config(
            retries={"total_max_attempts": 1}, connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS
        )
        self._session = self._explaining(
            lambda: AwsSession(boto_session=self._boto, config=config, default_bucket=bucket), doing
        )
        self._s3 = self._explaining(lambda: self._boto.client("s3", config=config), doing)

    @property
    def region(self) -> str:
        """Where the service is."""
        return str(self._boto.region_name)

    def bucket(self) -> str:
        """Where results are written to."""
        return self._patiently(self._session.default_bucket, "finding the S3 bucket for results")

    def device(self, arn: str) -> dict[str, Any]:
        """GetDevice's answer."""
        client = self._session.braket_client
        return self._patiently(lambda: client.get_device(deviceArn=arn), f"asking for the device {arn}")

    def create(self, request: str, token: str, project: str) -> str:
        """Send a task, again and again under the same token if need be.

        Args:
            request: CreateQuantumTask's arguments as JSON, without token, tags and prefix, which follow from ``token``.
            token: By which the service knows a repeated request.
            project: For the tags.

        Returns:
            The task's ARN.

        Raises:
            NotAccepted: It was not accepted, or that is not known.
        """
        arguments = json.loads(request)
        arguments["tags"] = {TOKEN_TAG: token, PROJECT_TAG: project}
        arguments["outputS3KeyPrefix"] = f"{_PREFIX}/{token}"
        certain = True

        def attempt() -> str:
            nonlocal certain
            try:
                return str(self._session.create_quantum_task(clientToken=token, **arguments))
            except Exception as error:
                certain = certain and is_refusal(error)
                raise

        failed: Exception
        try:
            return self._repeated(attempt)
        except Exception as error:
            if not _of_boto(error):
                raise
            failed = error
            reason = explained(error, f"sending a task to {arguments['deviceArn']}", self._secrets)
        raise NotAccepted(reason, certain, code_of(failed)) from None

    def task(self, arn: str) -> dict[str, Any]:
        """GetQuantumTask's answer."""
        client = self._session.braket_client
        found = self._patiently(
            lambda: client.get_quantum_task(quantumTaskArn=arn, additionalAttributeNames=["QueueInfo"]),
            f"asking for the task {arn}",
        )
        self._tell_trackers(arn, found["status"])
        return found

    def find(self, device_arn: str, tokens: set[str], since: float) -> dict[str, str]:
        """The ARNs of tasks by the tokens that they were sent with, as far as the service has such tasks.

        Args:
            device_arn: Where they were sent to.
            tokens: Theirs.
            since: Seconds since 1970, after which they were sent by this machine's clock.
        """
        from datetime import UTC, datetime

        moment = datetime.fromtimestamp(since - _CLOCKS_DIFFER_SECONDS, UTC)
        filters = [
            {"name": "deviceArn", "operator": "EQUAL", "values": [device_arn]},
            {
                "name": "createdAt",
                "operator": "GTE",
                "values": [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")],
            },
        ]
        found: dict[str, str] = {}
        for summary in self._summaries(filters):
            token = summary.get("tags", {}).get(TOKEN_TAG)
            # Where tags may not be read, the folder of the results tells as well.
            folder = str(summary.get("outputS3Directory", "")).split("/")
            for known in tokens:
                if token == known or known in folder:
                    found[known] = summary["quantumTaskArn"]
        return found

    def cancel(self, arn: str) -> None:
        """Ask for a task to be cancelled; one that has ended stays as it is."""
        client = self._session.braket_client

        def attempt() -> None:
            try:
                client.cancel_quantum_task(quantumTaskArn=arn)
            except client.exceptions.ConflictException:
                return

        self._patiently(attempt, f"cancelling the task {arn}")

    def read(self, bucket: str, key: str) -> bytes:
        """An object's content.

        Raises:
            FileNotFoundError: It is not there, or not yet.
        """
        from qlayers.braket.errors import not_there_yet

        def attempt() -> bytes | None:
            try:
                return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            except Exception as error:
                if not_there_yet(error):
                    return None
                raise

        body = self._patiently(attempt, f"fetching the results s3://{bucket}/{key}")
        if body is None:
            raise FileNotFoundError(f"s3://{bucket}/{key}")
        return body

    def completed(self, arn: str, milliseconds: int | None) -> None:
        """Tell the SDK's cost trackers, if there are any, that a task's results were fetched."""
        self._tell_trackers(arn, "COMPLETED", milliseconds)

    def scrubbed(self, text: str) -> str:
        """A text of the service's without secrets."""
        from qlayers.braket.errors import scrubbed

        return scrubbed(text, self._secrets)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("A connection to Amazon Braket is not copied to other processes; each makes its own.")

    # ---------------------------------------------------------------- calling

    def _summaries(self, filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        client = self._session.braket_client
        more: dict[str, Any] = {}
        while True:
            call = functools.partial(client.search_quantum_tasks, filters=filters, maxResults=100, **more)
            page = self._patiently(call, "looking for tasks whose answer was lost")
            yield from page["quantumTasks"]
            if not page.get("nextToken"):
                return
            more = {"nextToken": page["nextToken"]}

    def _patiently(self, call: Callable[[], T], doing: str) -> T:
        return self._explaining(lambda: self._repeated(call), doing)

    def _explaining(self, call: Callable[[], T], doing: str) -> T:
        try:
            return call()
        except ConfigurationError:
            raise
        except Exception as error:
            if not _of_boto(error):
                raise
            reason = explained(error, doing, self._secrets)
        raise reason  # outside, so that the original does not travel along with what its text may give away

    def _repeated(self, call: Callable[[], T]) -> T:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception(may_pass),
            wait=self._wait,
            stop=stop_after_attempt(self.patience.attempts),
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(call)

    def _wait(self, state: RetryCallState) -> float:
        """Exponential back-off with full jitter, longer where the service throttles, and as long as it asks for."""
        error = state.outcome.exception() if state.outcome is not None else None
        patience = self.patience
        longest = min(patience.first_seconds * 2 ** (state.attempt_number - 1), patience.longest_seconds)
        if error is not None and code_of(error) in THROTTLED:
            longest *= patience.throttled_factor
        return max(self._random.uniform(0, longest), _asked_for(error))

    def _read_secrets(self, doing: str) -> None:
        credentials = self._explaining(self._boto.get_credentials, doing)
        if credentials is None:
            raise no_credentials(doing)
        frozen = self._explaining(credentials.get_frozen_credentials, doing)
        self._secrets = tuple(
            secret for secret in (frozen.secret_key, frozen.token, frozen.access_key) if secret
        )

    def _tell_trackers(self, arn: str, status: str, milliseconds: int | None = None) -> None:
        """As the SDK's own calls do, so that ``braket.tracking.Tracker`` counts what is bought here."""
        from braket.tracking.tracking_context import active_trackers, broadcast_event
        from braket.tracking.tracking_events import _TaskCompletionEvent, _TaskStatusEvent

        if not active_trackers():
            return
        broadcast_event(_TaskStatusEvent(arn=arn, status=status))
        if milliseconds is not None:
            broadcast_event(
                _TaskCompletionEvent(
                    arn=arn, status=status, execution_duration=milliseconds, has_reservation_arn=False
                )
            )


def _of_boto(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    return isinstance(error, BotoCoreError | ClientError)


def _asked_for(error: BaseException | None) -> float:
    """Seconds that the service asks to wait, in its answer's Retry-After."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return 0.0
    text = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "0")
    return min(float(text), 300.0) if str(text).replace(".", "", 1).isdigit() else 0.0
