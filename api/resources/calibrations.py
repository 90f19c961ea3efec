"""When probes were calibrated, and until when their certificates hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import DeviceKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.calibrations import ProbeCalibration, shape
from domain.profiles import ProfileError, body_text
from store.db import queries

router = resource(tags=["devices"])

DeviceName = Annotated[str, Path(max_length=64)]
ProbeName = Annotated[str, Path(max_length=128)]
Text = Annotated[str, AfterValidator(printable), Field(max_length=120)]


class CalibrationIn(Strict):
    """How a probe is calibrated from now on: `offset_c` is added to what it measures; it is due again by `due`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "offset_c": -0.3,
                    "calibrated": "2026-01-31T00:00:00Z",
                    "due": "2027-01-31T00:00:00Z",
                    "certificate": "K-2026-0117",
                    "accuracy_class": "EN 12830 class 1",
                }
            ]
        }
    )

    offset_c: float = 0.0
    calibrated: Instant | None = None
    due: Instant | None = None
    certificate: Text = ""
    accuracy_class: Text = ""

    def body(self) -> dict[str, Any]:
        """As a device's profile keeps it."""
        times = {"calibrated": when(self.calibrated), "due": when(self.due)}
        texts = {"certificate": self.certificate, "accuracy_class": self.accuracy_class}
        return {"offset_c": self.offset_c, **{k: v for k, v in {**times, **texts}.items() if v}}


class CalibrationOfProbe(TypedDict):
    """The calibration of a probe as it holds now; null: none is known."""

    device: str
    probe: str
    calibration: ProbeCalibration | None


@router.get("/calibrations", response_model=Items[CalibrationOfProbe])
async def list_calibrations(
    request: Request,
    caller: Reader,
    device: Annotated[str | None, Query(max_length=64)] = None,
    due_within_days: Annotated[int | None, Query(ge=0, le=3650, description="overdue ones too")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """What is known of the calibration of probes, by device and probe."""
    after = decode(cursor, (str, str)) if cursor else ["", ""]
    before = None if due_within_days is None else datetime.now(UTC) + timedelta(days=due_within_days)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _read(session, device, after, before, limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["device"], row["probe"]], _shape)


@router.put("/devices/{device_id}/calibrations/{probe}", response_model=CalibrationOfProbe)
async def put_calibration(
    request: Request, caller: DeviceKeeper, device_id: DeviceName, probe: ProbeName, given: CalibrationIn
) -> Json:
    """Says how a probe is calibrated from now on; what was measured before stays as it was read."""
    return await _change(request, caller, device_id, probe, given.body())


@router.delete("/devices/{device_id}/calibrations/{probe}", response_model=CalibrationOfProbe)
async def delete_calibration(request: Request, caller: DeviceKeeper, device_id: DeviceName, probe: ProbeName) -> Json:
    """From now on nothing is known of the calibration of a probe. 404: nothing is."""
    return await _change(request, caller, device_id, probe, None)


async def _change(
    request: Request, caller: DeviceKeeper, device_id: str, probe: str, calibration: dict[str, Any] | None
) -> Json:
    """The next version of a device's profile."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("calibrations")["calibrations_device"], name=device_id)
        if row is None:
            raise not_found()
        body: dict[str, Any] = orjson.loads(row["body"]) if row["body"] else {}
        kept = dict(body.get("calibration") or {})
        if calibration is None and kept.pop(probe, None) is None:
            raise not_found()
        if calibration is not None:
            kept[probe] = calibration
        try:
            text = body_text({**body, "calibration": kept})
        except ProfileError as error:
            raise Problem(422, str(error).removeprefix(f"calibration.{probe}: ")) from None
        q = queries("registry")
        await session.row(q["add_device_profile"], device=row["id"], since=None, body=text, by=caller.user)
        await audit(session, caller, "device.calibration", device_id, probe=probe, calibration=calibration)
        await session.run(q["notify_registry"])
        found = await _read(session, device_id, ["", ""], None, 1000)
    mine = next((each for each in found if each["probe"] == probe), None)
    return Json(_shape(mine) if mine else {"device": device_id, "probe": probe, "calibration": None})


async def _read(
    session: Session, device: str | None, after: list[Any], before: datetime | None, limit: int
) -> list[Row]:
    where = {"device": device, "after_device": after[0], "after_probe": after[1], "before": before}
    return await session.rows(queries("calibrations")["calibrations"], **where, limit=limit)


def _shape(row: Row) -> CalibrationOfProbe:
    known = shape(row["calibration"], row["since"], row["by"], datetime.now(UTC))
    return {"device": row["device"], "probe": row["probe"], "calibration": known}
