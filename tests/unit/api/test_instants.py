"""Times in requests: the documented form only, and a bare plus in an address is what it was meant to be."""

from datetime import datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from api.http.instants import Instant, QueryInstant

BODY, ADDRESS = TypeAdapter(Instant), TypeAdapter(QueryInstant)


@pytest.mark.parametrize("text", ["2026-11-27T22:00:00+02:00", "2026-11-27T20:00:00Z", "2026-11-27 20:00:00.000Z"])
def test_a_time_with_an_offset_is_taken_everywhere(text: str) -> None:
    want = datetime.fromisoformat("2026-11-27T20:00:00+00:00")
    assert BODY.validate_python(text) == ADDRESS.validate_python(text) == want


def test_a_plus_that_became_a_space_in_an_address_is_a_plus() -> None:
    assert ADDRESS.validate_python("2026-11-27T22:00:00 02:00").isoformat() == "2026-11-27T22:00:00+02:00"
    with pytest.raises(ValidationError):
        BODY.validate_python("2026-11-27T22:00:00 02:00")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1795809600", "is a number, not a time"),
        ("1795809600000.5", "is a number, not a time"),
        (1795809600, "a time is a text"),
        ("2026-11-27", "a date without a time of day"),
        ("2026-11-27T10:00:00", "no offset: add Z"),
        ("2026-W47-5T10:00:00Z", "is not a time"),
        ("20261127T100000Z", "is not a time"),
        ("2026-11-31T10:00:00Z", "no such day"),
        ("", "is not a time"),
    ],
)
def test_what_is_not_the_documented_form_is_refused_with_what_is_wanted(given: object, said: str) -> None:
    for adapter in (BODY, ADDRESS):
        with pytest.raises(ValidationError, match=said):
            adapter.validate_python(given)
