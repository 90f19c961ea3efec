"""What `frostway dispatch` does: it asks the API of the stack, with a token of its own that ends with the command."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import httpx
from rich.console import Console

from frostway.cli.command import ask
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from store.db import connect
from store.registry import Registry
from store.secrets import new_token, token_hash
from store.tokens import revoke_token

PATH = "/api/v1/dispatch-plans"
TOKEN_LIFE = timedelta(minutes=5)
TIMEOUT_S = 60.0
AGAIN_S, WAIT_S = 2.0, 60.0
"""`--wait`: how often it asks again while other plans are made, and for how long."""
TOO_MANY = 429
TOTALS = ("cost", "late", "km", "kgco2e", "vehicles", "hours", "orders", "left_out", "broken")
HEAD = ["plan", "site", "day", "kind", "status", "version", *TOTALS]
STOPS = [
    "vehicle", "load", "stop", "order", "place", "arrive", "leave", "window", "late", "km", "kgco2e", "source",
]  # fmt: skip


class Where(NamedTuple):
    """The stack, and whose plans."""

    data: Path | None
    settings: Settings
    tenant: str


def day_of(word: str) -> str:
    """A day as the API reads it.

    >>> day_of("2026-12-01")
    '2026-12-01'

    Raises:
        Failure: it is none.
    """
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError:
        raise Failure(f"--day {word}: a day is YYYY-MM-DD, 2026-12-01") from None


def print_plans(where: Where, asked: Mapping[str, Any], form: str) -> None:
    """Plans, the newest first."""
    with _api(where, "viewer") as api:
        found = _said(api.get(PATH, params={k: v for k, v in asked.items() if v is not None}))["items"]
    _print(form, HEAD, [_head(each) for each in found], found, "No plans: frostway dispatch plan SITE --day D")


def print_new(where: Where, asked: Mapping[str, Any], form: str, *, wait: bool) -> None:
    """Makes a plan and prints it. Progress goes to standard error."""
    until_s = time.monotonic() + (WAIT_S if wait else 0)
    console = Console(stderr=True)
    with _api(where, "planner") as api, console.status(f"planning {asked['site']}, {asked['day']}"):
        answer = api.post(PATH, json=asked)
        while answer.status_code == TOO_MANY and time.monotonic() < until_s:
            time.sleep(AGAIN_S)
            answer = api.post(PATH, json=asked)
    if answer.status_code == TOO_MANY and not wait:
        raise Failure(f"{_why(answer)} (--wait asks again)")
    _show(_said(answer), form)


def print_plan(where: Where, plan: int, form: str) -> None:
    """One plan, stop by stop."""
    with _api(where, "viewer") as api:
        found = _plan(api, plan)
    _show(found, form)


def accepted(where: Where, plan: int, *, yes: bool) -> list[str]:
    """Accepts a plan as it was looked at; the shipments that it became."""
    with _api(where, "planner") as api:
        found = _plan(api, plan)
        if found["status"] != "proposed":
            raise Failure(f"plan {plan} is {found['status']}: make another")
        if not yes:
            ask(f"{_summary(found)}. Make its shipments?", "nothing was accepted")
        done = _said(api.post(f"{PATH}/{plan}/acceptance", json={"version": found["version"]}))
    return list(done["shipments"])


def print_comparison(where: Where, plan: int, other: int, form: str) -> None:
    """What two plans come to, and orders that go on other vehicles."""
    with _api(where, "viewer") as api:
        a, b = _plan(api, plan), _plan(api, other)
    mine, others = _vehicles(a), _vehicles(b)
    rows = [
        [name, _number(a["totals"][name]), _number(b["totals"][name]), _number(b["totals"][name] - a["totals"][name])]
        for name in TOTALS
    ]
    moved = {
        order: (mine.get(order, ""), others.get(order, ""))
        for order in sorted(mine.keys() | others.keys())
        if mine.get(order) != others.get(order)
    }
    rows += [[order, was or "-", goes or "-", "moved"] for order, (was, goes) in moved.items()]
    whole = {
        "plan": a["id"], "other": b["id"],
        "totals": {name: [a["totals"][name], b["totals"][name]] for name in TOTALS},
        "moved": {order: [was or None, goes or None] for order, (was, goes) in moved.items()},
    }  # fmt: skip
    _print(form, ["what", str(plan), str(other), "change"], rows, whole, "")


@contextmanager
def _api(where: Where, role: str) -> Iterator[httpx.Client]:
    stack = find(where.data, where.settings)
    token, name = new_token(), f"dispatch-{token_hex(4)}"
    with connect(stack.database_url, "dispatch") as connection:
        with connection.transaction():
            registry = Registry(connection, where.tenant)
            until = datetime.now(UTC) + TOKEN_LIFE
            registry.add_token(
                token_hash(token), kind="bearer", subject=f"token:{name}", role=role, expires_at=until, unique=True
            )
            registry.audit(WHO, "token.create", f"token:{name}", role=role, expires_at=until)
        try:
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=stack.http_url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as api:
                yield api
        except httpx.TransportError as error:
            raise Failure(f"{stack.http_url}: the API does not answer ({error}): is it running?") from None
        finally:
            with connection.transaction():
                revoke_token(connection, registry.tenant_id, name)
                registry.audit(WHO, "token.revoke", f"token:{name}")


def _plan(api: httpx.Client, plan: int) -> dict[str, Any]:
    answer = api.get(f"{PATH}/{plan}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise Failure(f"no plan {plan}: `frostway dispatch list` shows them")
    return _said(answer)


def _said(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        return dict(answer.json())
    raise Failure(_why(answer))


def _why(answer: httpx.Response) -> str:
    try:
        said = answer.json()
        return str(said.get("detail") or said["title"])
    except (ValueError, KeyError, AttributeError):
        return f"the API answered {answer.status_code}"


def _head(plan: Mapping[str, Any]) -> list[str]:
    told = [plan["id"], plan["site"], plan["day"], plan["kind"], plan["status"], str(plan["version"])]
    return [*told, *(_number(plan["totals"][name]) for name in TOTALS)]


def _show(plan: Mapping[str, Any], form: str) -> None:
    rows = [row for route in plan["routes"] for row in _stops(route)]
    _print(form, STOPS, rows, plan, "No stops.")
    if form == "table":
        told = [_summary(plan)]
        told += [f"left out: {each['order']}: {_forbidden(each['why'])}" for each in plan["left_out"]]
        told += [
            f"not planned: {each['order']}: {each['reason']} {each['about']}".rstrip() for each in plan["excluded"]
        ]
        sys.stderr.write("".join(f"{line}\n" for line in told))


def _stops(route: Mapping[str, Any]) -> Iterator[list[str]]:
    load = ", ".join(
        f"{each['temp_class']} {_number(each['amount'])}"
        f"{'' if each['capacity'] is None else '/' + _number(each['capacity'])} {each['measure']}"
        for each in route["loads"]
    )
    for n, stop in enumerate(route["stops"], 1):
        begin, end = stop["window_start"], stop["window_end"]
        yield [
            route["vehicle"], load, str(n), stop["order"], stop["label"], stop["arrive"], stop["leave"],
            f"{begin or ''}/{end or ''}" if begin or end else "", f"{stop['late_probability']:.0%}",
            _number(stop["km"]), "" if stop["kgco2e"] is None else _number(stop["kgco2e"]), stop["source"],
        ]  # fmt: skip


def _summary(plan: Mapping[str, Any]) -> str:
    of = plan["totals"]
    return (
        f"plan {plan['id']} ({plan['status']}, version {plan['version']}): {of['orders']} orders on {of['vehicles']} "
        f"vehicles, {of['left_out']} left out, {of['broken']} limits broken, cost {_number(of['cost'])}, "
        f"{_number(of['km'])} km, {_number(of['kgco2e'])} kg CO2e, {_number(of['late'])} expected late"
    )


def _forbidden(why: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{each['vehicle']}: {each['limit']} by {_number(each['by'])}" for each in why) or "no vehicle"


def _vehicles(plan: Mapping[str, Any]) -> dict[str, str]:
    return {stop["order"]: route["vehicle"] for route in plan["routes"] for stop in route["stops"]}


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _print(form: str, head: Sequence[str], rows: Sequence[Sequence[str]], whole: Any, empty: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    elif form == "csv":
        # A cell that a spreadsheet would take for a formula is text.
        csv.writer(sys.stdout, lineterminator="\n").writerows(
            [[f"'{cell}" if cell[:1] in ("=", "+", "@") else cell for cell in row] for row in [head, *rows]]
        )
    else:
        print_table(head, rows, empty)
