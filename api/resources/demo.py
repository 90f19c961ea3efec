"""The simulated fleet beside one's own, and what is left to do before one has a fleet of one's own."""

from __future__ import annotations

from fastapi import Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import DemoKeeper, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from store.db import queries

router = resource(tags=["first steps"])


class Demo(TypedDict):
    """The simulated fleet: `possible`, where somebody is there to add and remove it (`frostway up`).

    `wanted` is what people asked for last, `running` what is; `problem` says why it is not.
    """

    possible: bool
    wanted: bool
    running: bool
    world: str | None
    problem: str | None


class FirstStep(TypedDict):
    """One step on the way to a fleet of one's own, and what of one's own has done it."""

    step: str
    done: bool
    what: str | None


class FirstSteps(TypedDict):
    """All of them in their order."""

    steps: list[FirstStep]
    done: int


def _demo(row: Row | None) -> Demo:
    if row is None:
        return {"possible": False, "wanted": False, "running": False, "world": None, "problem": None}
    return {
        "possible": row["possible"],
        "wanted": row["wanted"],
        "running": row["running"],
        "world": row["world"],
        "problem": row["problem"],
    }


@router.get("/demo", response_model=Demo)
async def get_demo(request: Request, caller: Reader) -> Json:
    """Whether a simulated fleet is there, and whether it could be."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Json(_demo(await session.row(queries("demo")["read"])))


@router.post("/demo", response_model=Demo, status_code=202)
async def add_demo(request: Request, caller: DemoKeeper) -> Json:
    """Adds a simulated fleet, or what was removed of it, within seconds."""
    return await _want(request, caller, wanted=True)


@router.delete("/demo", response_model=Demo, status_code=202)
async def remove_demo(request: Request, caller: DemoKeeper) -> Json:
    """Removes it within seconds: its tours are called off, its alerts resolved, its things retired; one's own stay."""
    return await _want(request, caller, wanted=False)


async def _want(request: Request, caller: Caller, *, wanted: bool) -> Json:
    q = queries("demo")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.row(q["read"])
        if found is None or not found["possible"]:
            raise Problem(409, "nobody is there to do that: it needs `frostway up`")
        if found["wanted"] != wanted:
            await session.row(q["want"], wanted=wanted, actor=caller.user)
            await audit(session, caller, "demo.add" if wanted else "demo.remove", found["world"])
        return Json(_demo(await session.row(q["read"])), 202)


@router.get("/first-steps", response_model=FirstSteps)
async def list_first_steps(request: Request, caller: Reader) -> Json:
    """What is done and what is left before one's own things are on the map; what is simulated does not count."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("demo")["first_steps"])
    steps = [{"step": row["step"], "done": row["what"] is not None, "what": row["what"]} for row in rows]
    return Json({"steps": steps, "done": sum(1 for step in steps if step["done"])})
