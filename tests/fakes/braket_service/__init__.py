"""A stateful fake of Amazon Braket, S3 and STS at the level of botocore.

Requests are made, validated and signed by real boto3 clients against AWS's own service model, and end here instead of
on the network. The fake keeps its own price list and its own bill, by which clients of the service are judged.
"""

from tests.fakes.braket_service import faults
from tests.fakes.braket_service.faults import Killed
from tests.fakes.braket_service.service import FakeBraket

__all__ = ["FakeBraket", "Killed", "faults"]
