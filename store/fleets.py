"""What vehicles are told to be, and who drives them, by command: conversations as in `store/lifecycle.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.names import NAME
from domain.vehicles import DESCRIBED
from store.db import queries
from store.lifecycle import KINDS, Ask, NothingThereError, RefusedError, Row, Talk, Thing, look, tell


def described(name: str, said: Mapping[str, Any], by: str) -> Talk[Thing]:
    """A vehicle is what is said, of `DESCRIBED`; None takes away, what is not named stays.

    Raises:
        NothingThereError: there is none.
        RefusedError: it is retired.
    """
    thing = yield from look(KINDS["vehicle"], name)
    if thing.retired_at is not None:
        raise RefusedError(f"vehicle {name} is retired: restore it first")
    yield Ask(queries("vehicles")["actor"], {"by": by})
    values = {part: said.get(part) for part in DESCRIBED}
    yield Ask(queries("vehicles")["describe"], {"name": name, "parts": list(said), **values})
    yield from tell(KINDS["vehicle"], name, "change", by, **said)
    return thing


def employed(name: str, label: str | None, by: str) -> Talk[int]:
    """A driver, new or with another label; the key.

    Raises:
        RefusedError: that is no name.
    """
    kind = KINDS["driver"]
    if not NAME.match(name):
        raise RefusedError(f"{name!r} is no name of a driver: {kind.rule}")
    yield Ask(queries("lifecycle")["for_tenant"])
    (row,) = yield Ask(queries("vehicles")["put_driver"], {"name": name, "label": label})
    yield from tell(kind, name, "change" if row["was_there"] else "create", by, label=label)
    return int(row["id"])


def handed_over(name: str, driver: str | None, since: datetime | None, until: datetime | None, by: str) -> Talk[Thing]:
    """Somebody (None: nobody) drove from a time (None: ever) until a time (None: still), whatever was known.

    Raises:
        NothingThereError: there is no such vehicle or driver.
        RefusedError: it ends before it begins.
    """
    if since and until and since >= until:
        raise RefusedError("it ends before it begins: --from is not before --to")
    thing = yield from look(KINDS["vehicle"], name)
    key = None
    if driver is not None:
        key = (yield from look(KINDS["driver"], driver)).id
    values = {"vehicle": thing.id, "driver": key, "since": since, "until": until, "by": by}
    yield Ask(queries("vehicles")["hand_over"], values)
    yield from tell(KINDS["vehicle"], name, "hand_over", by, driver=driver, **{"from": since, "to": until})
    return thing


def drivers_of(name: str) -> Talk[list[Row]]:
    """Who drove a vehicle and when, the newest first.

    Raises:
        NothingThereError: there is none.
    """
    rows = yield Ask(queries("registry")["vehicle_id"], {"name": name})
    if not rows:
        raise NothingThereError(f"no vehicle {name!r}: `frostway vehicle list` shows them")
    values = {"vehicle": rows[0]["id"], "id": None, "limit": 1000}
    found = yield Ask(queries("vehicles")["vehicle_drivers"], values)
    return list(found)
