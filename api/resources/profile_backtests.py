"""A temperature profile tried on what was: which cases it would have raised, beside those that were."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Database, Row
from api.http.auth import ProfileKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.paging import decode, encode
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.profile_bodies import BodyIn, profile_in
from api.resources.shared.spans import number
from api.turns import Turns
from domain.cold_chain.backtest import DAY_US, Case, Compared, How, cases, compared, lead_us
from domain.cold_chain.profile import Severity, TemperatureProfile
from domain.cold_chain.suppress import Said
from domain.folds.scan import NEVER
from domain.readings import F64, WRONG_TIME, Flag
from domain.times import from_us, rfc3339, to_us
from store.db import queries
from store.profiles import read_version

router = resource(tags=["profiles"])

DAYS_MAX = 90
READINGS_MAX = 1_500_000
"""Of a device."""
BUDGET_S = 2.0
"""When so much time is gone the rest is for the next page."""
DEVICES_AT_ONCE = 50
NOT_USED = int(WRONG_TIME | Flag.SENTINEL | Flag.UNDECIDED)
TURNS = Turns(2, 1, patience_s=15.0, waiting=4, refused=lambda: None)
"""Of one tenant one at a time: each is work for a processor."""


class BacktestIn(Strict):
    """A profile to be tried: a `draft`, or what `profile` says now or says in `version`.

    On the devices that have `profile`, or on those that are named.
    """

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"profile": "chilled", "draft": {"low_c": 2, "high_c": 7, "for_s": 900}},
                {
                    "profile": "chilled",
                    "version": 1,
                    "devices": ["reefer-01"],
                    "from": "2026-11-01T00:00:00Z",
                    "to": "2026-11-22T00:00:00Z",
                },
            ]
        },
    )

    profile: Name | None = None
    draft: BodyIn | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    devices: Annotated[list[Name], Field(min_length=1, max_length=200)] | None = None
    since: Annotated[Instant | None, Field(alias="from", description="30 days before `to` when left out")] = None
    until: Annotated[Instant | None, Field(alias="to", description="now when left out")] = None
    cursor: Annotated[str, Field(max_length=200)] | None = None


class TriedCase(TypedDict):
    """A case: since when it was beyond, when it alarmed, and when it was over; null while it lasts.

    `alert`: its id, of one that was raised.
    """

    alert: str | None
    severity: Severity
    band: str
    limit_c: float | None
    started_at: str | None
    alarm_at: str | None
    ended_at: str | None
    extreme_c: float | None
    lasted_s: float | None


class TriedPair(TypedDict):
    """What would have been raised beside what was: `new`, `gone`, or the `same` time of one side of a probe."""

    device: str
    probe: str
    kind: str
    how: How
    would: TriedCase | None
    did: list[TriedCase]


class TriedProbe(TypedDict):
    """How much was measured in the span."""

    device: str
    probe: str
    readings: int
    first_at: str | None
    last_at: str | None


class ProfileBacktest(TypedDict):
    """What came of it, of some devices; of `devices` in all `done` are told with this page and those before."""

    since: str
    until: str
    devices: int
    done: int
    items: list[TriedPair]
    probes: list[TriedProbe]
    next_cursor: str | None


class Span(NamedTuple):
    """What is asked about."""

    since: datetime
    until: datetime

    def holds(self, pair: Compared) -> bool:
        """Whether one of them alarmed then."""
        both = (*pair.did, *filter(None, [pair.would]))
        return any(to_us(self.since) <= case.alarm_us < to_us(self.until) for case in both)


@router.post(
    "/profile-backtests",
    response_model=ProfileBacktest,
    responses={404: {"description": "no such profile, version or device"}},
)
async def post_profile_backtest(request: Request, caller: ProfileKeeper, given: BacktestIn) -> Json:
    """Tries a profile on stored readings, late ones among them; nothing is changed. `next_cursor`: there is more."""
    span, database = _span(given, datetime.now(UTC)), context_of(request).database
    after, done = decode(given.cursor, (str, int)) if given.cursor else ("", 0)
    async with TURNS.turn(caller.tenant_id):
        profile, total, found = await _subjects(database, caller.tenant_id, given, after)
        begun, items, probes = time.monotonic(), list[TriedPair](), list[TriedProbe]()
        told = 0
        for device in found[:DEVICES_AT_ONCE]:
            if told and time.monotonic() - begun > BUDGET_S:
                break
            pairs, measured = await _of_device(database, caller.tenant_id, profile, device, span)
            items += pairs
            probes += measured
            told += 1
            after = str(device["name"])
    more = told < len(found)
    spanned = {"since": when(span.since), "until": when(span.until)}
    counts = {"devices": total, "done": done + told}
    cursor = encode([after, done + told]) if more else None
    return Json({**spanned, **counts, "items": items, "probes": probes, "next_cursor": cursor})


def _span(given: BacktestIn, now: datetime) -> Span:
    until = min(given.until or now, now)
    since = given.since or until - timedelta(days=30)
    if since >= until:
        raise Problem(422, "from: earlier than to, and than now")
    if until - since > timedelta(days=DAYS_MAX):
        raise Problem(422, f"from, to: at most {DAYS_MAX} days")
    return Span(since.astimezone(UTC), until.astimezone(UTC))


async def _subjects(
    database: Database, tenant_id: int, given: BacktestIn, after: str
) -> tuple[TemperatureProfile, int, Sequence[Row]]:
    """The profile, how many devices it is tried on, and the next of these."""
    if given.profile is None and (given.draft is None or given.devices is None):
        raise Problem(422, "profile: whose devices; or a draft, and devices by name")
    if given.draft is not None and given.version is not None:
        raise Problem(422, "version: a draft or a version, not both")
    draft = profile_in(given.draft.body()) if given.draft is not None else None
    q = queries("backtest")
    async with database.tenant(tenant_id) as session:
        row = await session.row(queries("registry")["profile_id"], name=given.profile) if given.profile else None
        if given.profile and row is None:
            raise not_found()
        key = row["id"] if row else None
        if draft is None:
            body = await session.row(q["backtest_version"], profile=key, version=given.version)
            if body is None:
                raise not_found()
            draft = read_version(body["body"])
        if given.devices is not None:
            known = {r["name"] for r in await session.rows(q["backtest_known"], devices=given.devices)}
            if not known.issuperset(given.devices):
                raise not_found()
        which = {"profile": None if given.devices else key, "devices": given.devices or []}
        count = await session.row(q["backtest_count"], **which)
        found = await session.rows(q["backtest_devices"], **which, after=after, limit=DEVICES_AT_ONCE + 1)
    return draft, int((count or {})["devices"]), found


async def _of_device(
    database: Database, tenant_id: int, profile: TemperatureProfile, device: Row, span: Span
) -> tuple[list[TriedPair], list[TriedProbe]]:
    """What is to be said of a device."""
    q = queries("backtest")
    since = from_us(max(0, to_us(span.since) - lead_us(profile)))
    of: dict[str, Any] = {"device": device["id"], "until": span.until}
    async with database.tenant(tenant_id, snapshot=True) as session:
        names = {r["id"]: r["text"] for r in await session.rows(q["backtest_probes"], device=device["id"])}
        rows = await session.arrays(q["backtest_readings"], 4, READINGS_MAX + 1, **of, since=since, unused=NOT_USED)
        if len(rows) > READINGS_MAX:
            raise Problem(422, f"{device['name']} has more than {READINGS_MAX} readings: ask for a shorter span")
        raised = await session.rows(q["backtest_raised"], **of, since=since)
        said, loaded = list[Said](), list[int]()
        if profile.suppress.door_open or profile.suppress.defrost_s is not None:
            begun = since - timedelta(microseconds=DAY_US)
            heard = await session.rows(q["backtest_said"], **of, since=begun)
            said = [Said(r["at_us"], r["what"], r["of"], bool(r["is_on"])) for r in heard]
        if profile.suppress.precondition_s:
            loaded = [r["at_us"] for r in await session.rows(q["backtest_loaded"], **of, since=since)]
    would = await asyncio.to_thread(_would, profile, rows, said, loaded)
    did = [_raised(row) for row in raised]
    pairs = [pair for pair in compared(would, did) if span.holds(pair)]
    name = str(device["name"])
    return [_pair(name, names, pair) for pair in pairs], _measured(name, names, rows, to_us(span.since))


def _would(profile: TemperatureProfile, rows: F64, said: Sequence[Said], loaded: Sequence[int]) -> list[Case]:
    probe, t_us = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    still = rows[:, 3].astype(np.int64) & int(Flag.STUCK) != 0
    return cases(profile, probe, t_us, rows[:, 2], still, said=said, loaded_us=loaded)


def _raised(row: Row) -> Case:
    start_us, alarm_us, end_us = (to_us(row[n]) if row[n] else NEVER for n in ("opened_at", "alarm_at", "cleared_at"))
    of = (row["probe_id"], row["kind"], row["severity"], row["band"], row["limit_c"])
    return Case(*of, start_us, alarm_us, end_us, row["extreme_c"], row["id"])


def _measured(device: str, names: Mapping[int, str], rows: F64, since_us: int) -> list[TriedProbe]:
    inside = rows[rows[:, 1] >= since_us]
    told = list[TriedProbe]()
    for probe, name in sorted(names.items(), key=lambda item: item[1]):
        t_us = inside[inside[:, 0] == probe, 1]
        first, last = (rfc3339(int(t_us[0])), rfc3339(int(t_us[-1]))) if len(t_us) else (None, None)
        told.append({"device": device, "probe": name, "readings": len(t_us), "first_at": first, "last_at": last})
    return told


def _pair(device: str, names: Mapping[int, str], pair: Compared) -> TriedPair:
    one = pair.would or pair.did[0]
    return {
        "device": device,
        "probe": names.get(one.probe_id, ""),
        "kind": one.kind,
        "how": pair.how,
        "would": _shape(pair.would) if pair.would else None,
        "did": [_shape(case) for case in pair.did],
    }


def _shape(case: Case) -> TriedCase:
    over = case.end_us != NEVER
    return {
        "alert": case.id or None,
        "severity": case.severity,  # type: ignore[typeddict-item]  # one of them: a band's, or a constraint's
        "band": case.name,
        "limit_c": case.limit_c,
        "started_at": rfc3339(case.start_us),
        "alarm_at": rfc3339(case.alarm_us),
        "ended_at": rfc3339(case.end_us) if over else None,
        "extreme_c": None if case.extreme_c is None else number(case.extreme_c, 3),
        "lasted_s": (case.end_us - case.start_us) / 1e6 if over else None,
    }
