"""What the tests of the API have in common."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from store import secrets


@pytest.fixture(scope="package", autouse=True)
def passwords_are_hardly_stretched() -> Iterator[None]:
    """A twentieth of a second for each sign-in would be a good part of the run; tests/unit/test_secrets.py holds it."""
    with patch.object(secrets, "_MEMORY_KIB", 8):
        yield
