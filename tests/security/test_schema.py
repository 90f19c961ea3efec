"""Every operation under what its document allows, and what it does not: no fault of ours, no answer it does not tell.

`make probe` tries each with many bodies and questions; every run of the tests with a few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
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


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))


@pytest.mark.parametrize("whose", ["any", "own"])
@SCHEMA.exclude(path_regex=APART).parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_operation_answers_what_its_document_says(
    case: schemathesis.Case, url: str, tenants: Tenants, whose: str
) -> None:
    if whose == "own":
        case.path_parameters = {name: tenants.ids.own.get(name, value) for name, value in case.path_parameters.items()}
    headers = {"Authorization": f"Bearer {tenants.tokens['admin']}"}
    case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=60)
