"""What is asked: each operation with its addresses, questions and bodies, and what an answer must not be."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from api.app import ApiConfig, create_app
from api.http.auth import Needs
from api.http.openapi import operations_of
from domain.permissions import TABLE, Permission
from tests.security.worlds import CANARY, NUMBERS, WORDS, Ids, Tenants
from tracker.families import KINDS

APP = create_app(ApiConfig("", facts=KINDS))
DOCUMENT = APP.openapi()
JUNK = ("'; drop table site; --", "..%2f..%2fetc%2fpasswd", "%00", "-1", "1e999", "x" * 300, "<script>", "${7*7}")
MORE_JUNK = (
    "' or '1'='1", "1; select pg_sleep(5)", "1) or (1=1", '"; delete from vehicle; --', "admin'--", "\\'; --", "$$x$$",
    "../../../etc/passwd", "....//....//etc/passwd", "file:///etc/passwd", "%2e%2e%2f", "javascript:alert(1)",
    "<img src=x onerror=alert(1)>", "{{7*7}}", "\u202e", "\ufffd", "0x7f", "NaN", "Infinity", "2026-13-45T99:99:99Z",
    "9" * 40, "-9223372036854775809", "true", "[]", "a,b,c,,",
)  # fmt: skip
"""What else may stand in a question, when there is time to ask."""
NAMED = re.compile(r"\bo-(?:truck|ship|gps|site|zone|SKU|profile|slot|driver|bot|ann|hook|lot|unit|move)\b")
NOT_TRIED = {"login", "logout", "change_password"}  # of passwords and of the caller's own session


@dataclass(frozen=True)
class Operation:
    """A method at a path, and what it needs."""

    name: str
    method: str
    path: str
    permission: Permission | None
    questions: tuple[str, ...]
    body: Any

    @property
    def names(self) -> list[str]:
        """What stands in its address."""
        return re.findall(r"{(\w+)}", self.path)


def operations() -> list[Operation]:
    """All below /api/, from the app itself."""
    found = []
    for path, method, route in operations_of(APP):
        if not path.startswith("/api/") or route.name in NOT_TRIED:
            continue
        said = DOCUMENT["paths"][path][method.lower()]
        questions = tuple(p["name"] for p in said.get("parameters", ()) if p["in"] == "query")
        needed = [each.call.permission for each in route.dependant.dependencies if isinstance(each.call, Needs)]
        found.append(Operation(route.name, method, path, needed[0] if needed else None, questions, _example(said)))
    return found


def _example(said: Mapping[str, Any]) -> Any:
    schema = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            examples = DOCUMENT["components"]["schemas"][each["$ref"].rpartition("/")[2]].get("examples")
            return examples[0] if examples else {}
    return None


@dataclass
class Probe:
    """One request, and whose things it is about: `own`, `others`, `gone`, `nothing` or `junk`."""

    operation: Operation
    whose: str
    address: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def ask(self, api: httpx.Client) -> httpx.Response:
        """Asks it."""
        return api.request(self.operation.method, self.address, params=self.query or None, json=self.body)


def probes(operation: Operation, ids: Ids, *, deep: bool) -> Iterator[Probe]:
    """Requests of an operation about everybody's things; `deep`: with every question and body that may confuse it."""
    kinds: dict[str, Mapping[str, str]] = {
        "others": ids.others,
        "gone": ids.gone,
        "nothing": {name: ids.nothing(name) for name in operation.names},
    }
    if operation.method == "GET":
        kinds = {"own": ids.own, **kinds}
    for whose, values in kinds.items():
        address = re.sub(r"{(\w+)}", lambda m, values=values: values[m[1]], operation.path)  # type: ignore[misc]
        yield Probe(operation, whose, address, body=operation.body)
        if not deep:
            continue
        for question in operation.questions:
            for value in (*_named(ids.others, question), *JUNK, *MORE_JUNK):
                yield Probe(operation, whose, address, {question: value}, operation.body)
        if operation.body is not None:
            for body in (
                {},
                [],
                None,
                7,
                _with(operation.body, ids.others),
                {**_object(operation.body), "tenant_id": 2},
            ):
                yield Probe(operation, whose, address, body=body)
    for junk in (*JUNK, *(MORE_JUNK if deep else ())) if operation.names else ():
        for name in operation.names if deep else operation.names[:1]:
            values = {**ids.own, name: quote(junk, safe="%")}
            address = re.sub(r"{(\w+)}", lambda m, values=values: values[m[1]], operation.path)  # type: ignore[misc]
            yield Probe(operation, "junk", address, body=operation.body)


def _named(ids: Mapping[str, str], question: str) -> list[str]:
    return [value for name, value in ids.items() if name.removesuffix("_id") in (question, question.removesuffix("s"))]


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _with(body: Any, ids: Mapping[str, str]) -> Any:
    """A body that names the other's things wherever it names things."""
    if isinstance(body, dict):
        return {key: ids.get(f"{key}_id", ids.get(key, _with(value, ids))) for key, value in body.items()}
    return [_with(each, ids) for each in body] if isinstance(body, list) else body


class Judge:
    """Looks at answers. What is the other's must be answered as what never was."""

    def __init__(self, tenants: Tenants) -> None:
        self.tenants = tenants
        self.count: Counter[str] = Counter()
        self.faults: list[str] = []
        self._nothing: dict[tuple[str, str, str], tuple[int, str]] = {}

    def look(self, role: str, probe: Probe, answer: httpx.Response) -> None:
        """Judges an answer to somebody of the tenant `mine`."""
        operation, text = probe.operation, answer.text
        where = f"{role}: {operation.method} {probe.address} {probe.query or ''} {json.dumps(probe.body)[:80]}"
        self.count[probe.whose] += 1
        if CANARY in text or CANARY in str(answer.headers):
            self._fault(f"told of another tenant: {where}")
        if probe.whose != "others" and "o-" not in f"{probe.query}{probe.body}" and NAMED.search(text):
            self._fault(f"named what another tenant has: {where}")
        if answer.status_code >= 500 and answer.status_code != 503:
            self._fault(f"{answer.status_code}: {where}: {text[:200]}")
        if operation.permission is not None and answer.status_code != 401:
            refused = answer.status_code == 403
            allowed = role in TABLE[operation.permission][1]
            if refused and allowed and "your role is" in text:
                self._fault(f"refused what the table gives: {where}")
            if not refused and not allowed and answer.status_code not in (400, 404, 405, 413, 414, 429):
                self._fault(f"{answer.status_code} without {operation.permission}: {where}")
        if not probe.query and probe.body == operation.body:
            self._compare(role, probe, answer, where)

    def _compare(self, role: str, probe: Probe, answer: httpx.Response, where: str) -> None:
        """The other's, what is gone and what never was: one answer, but for the name in it."""
        if probe.whose not in ("others", "gone", "nothing") or not set(probe.operation.names) - WORDS.keys():
            return
        ids = self.tenants.ids
        names = {"others": ids.others, "gone": ids.gone}.get(probe.whose, {})
        text = answer.text
        for name in set(probe.operation.names) - NUMBERS.keys():
            text = text.replace(names.get(name, ids.nothing(name)), "…")
        text = re.sub(r'"now":"[^"]*"', "", text)
        key = (role, probe.operation.name, "")
        known = self._nothing.setdefault(key, (answer.status_code, text))
        if known != (answer.status_code, text) and answer.status_code != 429 and known[0] != 429:
            self._fault(f"another answer than for what never was: {where}: {known} / {answer.status_code} {text[:200]}")

    def _fault(self, what: str) -> None:
        if len(self.faults) < 50:
            self.faults.append(what)
