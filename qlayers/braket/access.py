"""Whether Amazon Braket can be reached on these terms, found out without buying anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qlayers.braket.clock import Clock
from qlayers.braket.errors import explained
from qlayers.braket.session import Service
from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    import boto3

    from qlayers.braket.terms import Terms


def connected(terms: Terms, clock: Clock, boto_session: boto3.Session | None = None) -> Service:
    """The service in the region of the terms, of the vendor's chain, or of the device.

    Args:
        terms: On which tasks are bought.
        clock: To wait by.
        boto_session: In place of one with credentials from the vendor's chain.

    Raises:
        ConfigurationError: The device is not in that region, or no region is known, or the SDK is missing.
        CredentialsError: There are no credentials.
    """
    facts = terms.facts
    region = terms.region or facts.region
    if boto_session is None:
        region = terms.region or _region_of_chain() or facts.region
    elif boto_session.region_name:
        region = boto_session.region_name
    if region is None:
        raise ConfigurationError(
            f"{facts.name} is in several regions: say in which with backend.region, such as us-east-1, or AWS_REGION."
        )
    if facts.region not in (None, region):
        raise ConfigurationError(
            f"{facts.name} is in {facts.region}, and the session's region is {region}. Set "
            f"backend.region={facts.region}, or AWS_REGION."
        )
    return Service(region, terms.bucket, clock, terms.patience, boto_session)


def check_access(terms: Terms) -> None:
    """Ask for the device, as is done before a task is sent; that is free.

    Whether the device is online is not looked at: it may be when a task is sent.

    Raises:
        ConfigurationError: The device is not in the region, or no region is known, or the SDK is missing.
        CredentialsError: There are no credentials, or they have expired, or are not accepted, or do not suffice.
        ServiceError: The service gives no answer.
    """
    connected(terms, Clock()).device(terms.facts.arn)


def _region_of_chain() -> str | None:
    """The region that the vendor's chain gives."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return None  # Service says what to install
    try:
        region = boto3.Session(region_name=os.environ.get("AWS_REGION")).region_name
    except BotoCoreError as error:
        reason = explained(error, "reaching Amazon Braket")
    else:
        return None if region is None else str(region)
    raise reason
