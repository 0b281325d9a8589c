"""A provider's code becomes the class that the state machines match."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, SpecInvalid, Throttled
from hubplane.domain.provider_errors import translated


def client_error(code: str, message: str = "m") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeSubnets")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(client_error("RequestLimitExceeded"), Throttled, id="fault-16-ec2-throttling"),
        pytest.param(client_error("ThrottlingException"), Throttled, id="throttling"),
        pytest.param(client_error("InvalidParameterException", "role cannot be assumed by"), NotYet, id="fault-21-new-role"),
        pytest.param(client_error("AccessDenied"), ProviderError, id="denied"),
    ],
)
def test_codes_become_classes_that_say_what_was_being_done(error: ClientError, kind: type[HubplaneError]) -> None:
    with pytest.raises(kind, match=r"^list subnets: "), translated("list subnets"):
        raise error


@pytest.mark.parametrize("error", [KeyError("x"), SpecInvalid("y")], ids=["bug", "own-error"])
def test_what_is_no_provider_error_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated("list subnets"):
        raise error
    assert caught.value is error
