"""The OpenAPI document says what the routes do: bodies with examples that are right, refusals as problems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from api.app import RESOURCES, ApiConfig, create_app
from api.http.openapi import WORDS, describe
from api.http.problems import MEDIA_TYPE
from tracker.families import KINDS

APP = create_app(ApiConfig("postgresql://nowhere.invalid/none", facts=KINDS))
DOCUMENT = APP.openapi()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if path.startswith("/api/")
}
BODIES = {
    route.name: route.dependant.body_params[0].field_info.annotation
    for resource in RESOURCES
    if isinstance(resource.router, APIRouter)
    for route in resource.router.routes
    if isinstance(route, APIRoute) and route.dependant.body_params
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or of an optional one the one that is not null."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            return DOCUMENT["components"]["schemas"][each["$ref"].rpartition("/")[2]]
    return schema


def test_the_bodies_are_those_of_the_document():
    in_json = {
        name
        for name, (_, _, operation) in OPERATIONS.items()
        if "application/json" in operation.get("requestBody", {}).get("content", ())
    }
    assert {*BODIES, "capture_epcis"} == in_json, "a stranger's events have no model of ours"
    others = {name for name, (_, _, operation) in OPERATIONS.items() if "requestBody" in operation} - in_json
    assert others == {
        "import_customers", "import_inventory", "import_logger_file", "import_orders", "import_products",
        "import_sales", "import_shipments", "import_sites", "import_vehicles",
        "put_picture", "put_public_picture",
    }  # fmt: skip


def test_the_document_is_made_once_and_speaks_of_no_other_shape_of_errors():
    assert describe(APP) is DOCUMENT
    assert "HTTPValidationError" not in str(DOCUMENT)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_how_it_refuses(name):
    method, path, operation = OPERATIONS[name]
    refusals = {s: r for s, r in operation["responses"].items() if s >= "400"}
    assert {"400", "429", "503"} <= refusals.keys()
    assert ("404" in refusals) >= ("{" in path)
    assert ("409" in refusals) == (method != "get")
    for status, response in refusals.items():
        (media, content), *more = response["content"].items()
        assert (media, more) == (MEDIA_TYPE, [])
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["example"]["status"] == int(status)
    assert any(s.startswith("2") for s in operation["responses"])


@pytest.mark.parametrize("name", BODIES)
def test_every_body_has_an_example_that_it_takes(name):
    schema = resolved(OPERATIONS[name][2]["requestBody"]["content"]["application/json"]["schema"])
    assert schema.get("examples"), f"{schema.get('title')}: give it `examples`"
    for example in schema["examples"]:
        TypeAdapter(BODIES[name]).validate_python(example)


def test_a_wrong_example_would_be_found():
    with pytest.raises(ValueError, match="vehicle or at a site"):
        TypeAdapter(BODIES["post_device"]).validate_python({"id": "a", "kind": "door", "vehicle": "v", "site": "s"})


def test_every_status_that_the_code_refuses_with_is_documented():
    sources = [*Path("api").rglob("*.py"), *Path("serving").rglob("*.py")]
    found = {int(s) for p in sources for s in re.findall(r"\b(?:Problem|answer)\((\d{3})", p.read_text())}
    assert {404, 409, 422} <= found
    assert found - WORDS.keys() <= {406, 408, 500}, "give it a word in api/http/openapi.py, or say why not"
