"""Every operation under what its document allows, and what it does not: no fault of ours, no answer it does not tell.

`make probe` tries each with many bodies and questions; every run of the tests with a few.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.seed import serving
from tests.security.probes import DOCUMENT
from tests.security.worlds import Tenants

EXAMPLES = 100 if os.environ.get("FROSTWAY_PROBES") == "deep" else 4
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
APART = r"/(login|logout|password|live)$"  # of passwords and one's own session; a stream without an end
CONFIG = {
    "phases": {"coverage": {"enabled": EXAMPLES > 4}},
    "generation": {"deterministic": True, "max-examples": EXAMPLES},
}


@pytest.fixture(scope="module")
def tenants(kept_database: str) -> Iterator[Tenants]:
    found = Tenants(kept_database)
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(tenants: Tenants) -> Iterator[str]:
    with serving(tenants.dsn, request_rate=0, mqtt_hash=lambda text: f"hash of {len(text)}") as url:
        yield url


@schemathesis.serializer("application/x-ndjson")
def lines(_context: schemathesis.SerializationContext, text: Any) -> bytes:
    """Bytes of a file as they come."""
    return _octets(text)


@schemathesis.serializer("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def workbook(_context: schemathesis.SerializationContext, text: Any) -> bytes:
    """A workbook whose cells hold what was thought up; what begins with no letter is sent as it is, and is none."""
    octets = _octets(text)
    if not octets[:1].isalpha():
        return octets
    book = openpyxl.Workbook()
    for line in octets.decode(errors="replace").splitlines():
        book.active.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in line.split(",")])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _octets(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode(errors="surrogatepass")


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))


@SCHEMA.exclude(path_regex=APART).parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_operation_answers_what_its_document_says(case: schemathesis.Case, url: str, tenants: Tenants) -> None:
    """Each case as it was thought up, and once more of a thing that is there: to think it up takes the longest."""
    headers = {"Authorization": f"Bearer {tenants.tokens['admin']}"}
    named = case.path_parameters
    case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=60)
    case.path_parameters = {name: tenants.ids.own.get(name, value) for name, value in named.items()}
    if case.path_parameters != named:
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=60)
