"""Device profiles: what is known of a device that its messages do not say, from a time on. Nothing is overwritten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from pydantic import ConfigDict
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import DeviceKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.problems import Problem, not_found
from api.http.routes import resource
from domain.profiles import HISTORY_MAX, ProfileError, body_text, without_secrets
from store.db import queries

router = resource(tags=["devices"])

DeviceName = Annotated[str, Path(max_length=64)]


class DeviceProfileIn(Strict):
    """A device's next profile; readings whose event time is `since` (now, when nothing is said) or later use it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "profile": {"calibration": {"rear": {"offset_c": -0.3}}, "clock_error_s": 30},
                    "since": "2026-11-22T10:00:00Z",
                }
            ]
        }
    )

    profile: dict[str, Any]
    since: Instant | None = None


class Version(TypedDict):
    """One version of a device's profile; keys and passwords in its options are shown to admins only."""

    version: int
    since: str | None
    created_at: str | None
    created_by: str
    profile: dict[str, Any]


class DeviceProfile(TypedDict):
    """The profile that counts now, and all that were given, newest `since` first (64 at most)."""

    device: str
    current: Version | None
    history: list[Version]


@router.get("/devices/{device_id}/profile", response_model=DeviceProfile)
async def get_device_profile(request: Request, caller: Reader, device_id: DeviceName) -> Json:
    """What is known of a device that its messages do not say: channels, calibration, clock, options."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("registry")["device_id"], name=device_id)
        if row is None:
            raise not_found()
        return Json(await _shown(session, row["id"], device_id, secrets=caller.role == "admin"))


@router.put("/devices/{device_id}/profile", response_model=DeviceProfile)
async def put_device_profile(
    request: Request, caller: DeviceKeeper, device_id: DeviceName, given: DeviceProfileIn
) -> Json:
    """Gives a device its next profile; what was read before stays as it was read."""
    q = queries("registry")
    try:
        body = body_text(given.profile)
    except ProfileError as error:
        raise Problem(422, f"profile: {error}") from None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["lock_device"], name=device_id)
        if row is None:
            raise not_found()
        made = await session.row(
            q["add_device_profile"], device=row["id"], since=given.since, body=body, by=caller.user
        )
        known = {"version": (made or {})["version"], "since": when((made or {})["since"])}
        await audit(session, caller, "device.profile", device_id, **known, profile=without_secrets(given.profile))
        await session.run(q["notify_registry"])
        return Json(await _shown(session, row["id"], device_id, secrets=True))


async def _shown(session: Session, key: int, name: str, *, secrets: bool) -> DeviceProfile:
    found = await session.rows(queries("registry")["device_profiles"], device=key, limit=HISTORY_MAX)
    now = datetime.now(UTC)
    current = next((row for row in found if row["since"] <= now), None)
    return {
        "device": name,
        "current": None if current is None else _version(current, secrets=secrets),
        "history": [_version(row, secrets=secrets) for row in found],
    }


def _version(row: Row, *, secrets: bool) -> Version:
    body = orjson.loads(row["body"])  # which makes no number of it that cannot be sent
    return {
        "version": row["version"],
        "since": when(row["since"]),
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "profile": body if secrets else without_secrets(body),
    }
