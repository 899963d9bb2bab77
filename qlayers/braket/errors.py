"""What can go wrong between here and Amazon Braket, in one plain message without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qlayers.errors import ConfigurationError, QlayersError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class ServiceError(QlayersError, RuntimeError):
    """Amazon Braket could not do what it was asked for. What was bought is in the ledger."""


class CredentialsError(ConfigurationError):
    """There are no credentials for Amazon Web Services, or they are not accepted. Nothing was spent on this call."""


class UnavailableError(ServiceError, ConfigurationError):
    """The device cannot be had: it is offline or retired, or its tasks failed or took too long."""


class QuotaError(ServiceError):
    """The account may not have more tasks at a time."""


THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
_NOT_THERE_YET = frozenset({"NoSuchKey", "404", "NotFound"})
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired", "TokenRefreshRequired"})
_NOT_ACCEPTED = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "AuthFailure",
        "OptInRequired",
    }
)
_LOG_IN = "Log in again as you usually do (aws sso login, aws configure, or new environment variables)"
_KEYS = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{8,}\b")
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{60,}")
_LENGTH = 300  # characters of a service's own words that a message quotes


def code_of(error: BaseException) -> str:
    """The service's name of the error, or the class of one that the service did not answer."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", type(error).__name__))
    return type(error).__name__


def is_refusal(error: BaseException) -> bool:
    """Whether the service has answered that it did nothing; all else leaves open whether it did."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    if isinstance(error, ClientError):
        status = _status(error)
        return 400 <= status < 500 and status != 408
    # What fails before a request is made, such as for want of credentials, has not reached the service.
    return isinstance(error, BotoCoreError) and not isinstance(error, HTTPClientError | NoConnection)


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    if isinstance(error, ClientError):
        return code_of(error) in THROTTLED or _status(error) in (408, 429) or _status(error) >= 500
    return isinstance(error, HTTPClientError | NoConnection)


def not_there_yet(error: BaseException) -> bool:
    """Whether an object is missing that a completed task is about to write."""
    return code_of(error) in _NOT_THERE_YET


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text without secrets, access keys and anything as long as a token, and not longer than a message may be."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    text = _LONG.sub("…", _KEYS.sub("…", " ".join(text.split())))
    return text if len(text) <= _LENGTH else text[:_LENGTH] + "…"


def explained(error: BaseException, doing: str, secrets: Iterable[str] = ()) -> QlayersError:
    """What went wrong, for the user.

    Raise the result outside of the ``except`` block, so that the original, in whose text secrets may be, does not
    travel along as its context.

    Args:
        error: Of botocore or boto3.
        doing: What was being done, as in ``"sending a task to iqm_garnet"``.
        secrets: What must not be in the message.
    """
    code = code_of(error)
    said = scrubbed(_words(error), secrets)
    if code in _EXPIRED or code in ("UnauthorizedSSOTokenError", "SSOTokenLoadError", "TokenRetrievalError"):
        return CredentialsError(
            f"The credentials for Amazon Web Services have expired, while {doing}. {_LOG_IN}."
        )
    if code == "ProfileNotFound":
        return CredentialsError(
            f"There is no such profile, while {doing}: {said} Set AWS_PROFILE to one that aws configure list-profiles "
            "lists."
        )
    if code in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"):
        return no_credentials(doing)
    if code in _NOT_ACCEPTED:
        return CredentialsError(
            f"Amazon Web Services do not accept the credentials ({code}), while {doing}. {_LOG_IN}."
        )
    if code in ("AccessDeniedException", "AccessDenied", "403"):
        return CredentialsError(
            f"These credentials may not do this, while {doing}: {said} Ask for permissions on Amazon Braket "
            "(AmazonBraketFullAccess) and its S3 bucket."
        )
    if code == "DeviceOfflineException":
        return UnavailableError(f"The device is offline, while {doing}: {said} Try later, or choose another.")
    if code == "DeviceRetiredException":
        return UnavailableError(f"The device is retired, while {doing}: {said} Choose another.")
    if code == "ServiceQuotaExceededException":
        return QuotaError(
            f"The account's limit is reached, while {doing}: {said} Wait for tasks to end, or ask AWS for a higher one."
        )
    if code in THROTTLED:
        return ServiceError(
            f"Amazon Braket throttles, while {doing}; it was asked again and again. Run again later."
        )
    if may_pass(error):
        return ServiceError(
            f"No answer from Amazon Braket ({code}), while {doing}; it was asked again and again. Look at the network, "
            "its proxy and the region, or run again later."
        )
    return ServiceError(f"Amazon Braket refused ({code}), while {doing}: {said}")


def no_credentials(doing: str) -> CredentialsError:
    """That there are none, and how to get some."""
    return CredentialsError(
        f"There are no credentials for Amazon Web Services, for {doing}. They are taken from where the vendor's own "
        "tools look, never from the configuration: run aws configure or aws sso login, or set AWS_PROFILE."
    )


def _status(error: ClientError) -> int:
    known: Any = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return int(known or 0)


def _words(error: BaseException) -> str:
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Message", "") if isinstance(response, dict) else str(error)
    failures = response.get("programSetValidationFailures") if isinstance(response, dict) else None
    text = f"{said} {failures[0]}" if failures else str(said)
    return text if text.endswith((".", "!", "?")) else f"{text}."
