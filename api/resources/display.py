"""How the pages look to somebody: units, time zone, language. The API itself speaks °C, m/s, metres and UTC to all."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import Request
from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import DisplayKeeper, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Strict, zone_name
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from api.http.things import one
from store.db import queries

router = resource(tags=["session"])
BROWSER = "browser"
"""As the browser has it."""


def _zone(name: str) -> str:
    return name if name == BROWSER else zone_name(name)


Temperature = Literal["celsius", "fahrenheit"]
Distance = Literal["metric", "imperial"]
Language = Literal["browser", "en", "de"]
Zone = Annotated[str, AfterValidator(_zone), Field(min_length=1, max_length=64)]
PLAIN = {"temperature": "celsius", "distance": "metric", "tz": BROWSER, "language": BROWSER}
"""Where nobody has said anything."""


class Shown(TypedDict):
    """How the pages look: `distance` of speeds too; `browser`: in zone or language of the browser."""

    temperature: Temperature
    distance: Distance
    tz: str
    language: Language


class DisplayChoice(TypedDict):
    """What was chosen; null: nothing."""

    temperature: Temperature | None
    distance: Distance | None
    tz: str | None
    language: Language | None


class MyDisplay(TypedDict):
    """How the pages look to the caller, what of it is the caller's `own` choice, and the tenant's `default`.

    `default` is null while nobody has said it.
    """

    shown: Shown
    own: DisplayChoice
    default: DisplayChoice | None


class DisplayIn(Strict):
    """What is to be different; what is not named stays, null goes back to the default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"temperature": "fahrenheit", "distance": "imperial", "tz": "Europe/Berlin"}]}
    )

    temperature: Temperature | None = None
    distance: Distance | None = None
    tz: Zone | None = None
    language: Language | None = None

    def over(self, row: Row | None) -> DisplayChoice:
        """A choice with what was said in it."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return cast("DisplayChoice", {**_choice(row), **said})


def _choice(row: Row | None) -> DisplayChoice:
    return cast("DisplayChoice", {name: row[name] if row else None for name in PLAIN})


def _mine(own: Row | None, default: Row | None) -> MyDisplay:
    said = [_choice(row) for row in (own, default)]
    shown: Any = {
        name: next((value for each in said if (value := each[name]) is not None), plain)  # type: ignore[literal-required]
        for name, plain in PLAIN.items()
    }
    return {"shown": shown, "own": said[0], "default": said[1] if default else None}


async def _read(session: Session, caller: Caller) -> tuple[Row | None, Row | None]:
    q = queries("display")
    own = await session.row(q["own"], person=caller.user) if caller.by_cookie else None
    return own, await session.row(q["default"])


@router.get("/me/display", response_model=MyDisplay)
async def get_my_display(request: Request, caller: Reader) -> Json:
    """Units, time zone and language of the caller's pages, on whichever device."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return one(request, _mine(*await _read(session, caller)))


@router.patch("/me/display", response_model=MyDisplay)
async def change_my_display(request: Request, caller: Reader, given: DisplayIn) -> Json:
    """Another choice, for oneself alone. The API goes on speaking °C, m/s, metres and UTC."""
    if not caller.by_cookie:
        raise Problem(409, "only somebody who has signed in has pages of their own")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        own, default = await _read(session, caller)
        chosen = given.over(own)
        await session.run(queries("display")["put_own"], person=caller.user, **chosen)
        await audit(session, caller, "display.change", caller.user, **chosen)
        return one(request, _mine(dict(chosen), default))


@router.get("/display", response_model=DisplayChoice)
async def get_display(request: Request, caller: Reader) -> Json:
    """The tenant's default: how the pages look to whoever has chosen nothing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return one(request, _choice(await session.row(queries("display")["default"])))


@router.patch("/display", response_model=DisplayChoice)
async def change_display(request: Request, caller: DisplayKeeper, given: DisplayIn) -> Json:
    """Another default for everybody who has chosen nothing else; who has keeps it."""
    q = queries("display")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        chosen = given.over(await session.row(q["default"]))
        await session.run(q["put_default"], actor=caller.user, **chosen)
        await audit(session, caller, "display.default", caller.tenant, **chosen)
        return one(request, chosen)
