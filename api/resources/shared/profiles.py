"""Temperature profiles by name."""

from __future__ import annotations

from collections.abc import Iterable

from api.database import Session
from api.http.problems import Problem
from store.db import queries
from store.profiles import STANDARD, version_values


async def profile_id(session: Session, name: str) -> int:
    """Key of a temperature profile; a standard one is made when it is first wanted.

    Raises:
        Problem: 422, there is none of this name.
    """
    row = await session.row(queries("registry")["profile_id"], name=name)
    if row is None and name in STANDARD:
        row = await session.row(queries("registry")["put_profile"], name=name)
        made = version_values(STANDARD[name].profile, "frostway")
        await session.row(queries("registry")["add_profile_version"], profile=(row or {})["id"], **made)
    if row is None:
        known = ", ".join(STANDARD)
        raise Problem(422, f"profile: there is no {name}: one of {known}, or your own by POST /profiles")
    return int(row["id"])


async def profile_ids(session: Session, names: Iterable[str | None]) -> dict[str | None, int | str]:
    """Keys of some profiles by name, or why there is none."""
    found: dict[str | None, int | str] = {}
    for name in {each for each in names if each is not None}:
        try:
            found[name] = await profile_id(session, name)
        except Problem as problem:
            found[name] = str(problem.detail)
    return found
