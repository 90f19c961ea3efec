"""The pages' types are those of the API as it is."""

from __future__ import annotations

from hashlib import sha256

from tests.page_types import TYPES, document


def test_the_pages_types_are_made_of_the_apis_own_document() -> None:
    _, document_line, types_line, body = TYPES.read_text(encoding="utf-8").split("\n", 3)
    wanted = f"// document {sha256(document().encode()).hexdigest()}"
    assert document_line == wanted, "the API's document has changed: run `make types` and commit the result"
    assert types_line == f"// types {sha256(body.encode()).hexdigest()}", "nobody writes into a generated file"


def test_every_address_that_the_document_names_is_typed() -> None:
    types = TYPES.read_text(encoding="utf-8")
    assert '"/api/v1/alerts/{alert_id}/acknowledge": {' in types
    assert 'status: "moving" | "stopped" | "unknown"' in types
