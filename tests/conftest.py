"""What all tests share: how often AWS's service models are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def service_models_are_read_once() -> Iterator[None]:
    """Each session of boto3 parses its services' models anew, 0.1 s a client, and moto makes a session for each test.

    A model is only ever read, so what the loader of one session has read is given to the loaders of all.
    """
    read: dict[Any, Any] = {}
    create_loader = botocore.session.create_loader

    def create(*given: Any) -> Any:
        loader = create_loader(*given)
        loader._cache = read
        return loader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", create)
        yield
