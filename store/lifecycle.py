"""How things of the registry change and end: renamed, retired, restored, deleted. One table of kinds for all askers.

What is to be done is a conversation: it asks for rows and is sent them, so that a command and the API, which waits in
another way, say the same. `perform` is the command's side.

A retired thing keeps its name, its history and its facts, and is offered no more: the schema refuses to name it anew
(`refuse_naming_retired`). It is deleted only when nothing depends on it.

History has the keys of things, not their names, so a renamed thing keeps all of it. What messages name keeps its name:
a device, and the slots that its shelf has spoken of. The partition of a vehicle's or site's readings is reckoned from
its first name, for ever (`home_name`): nothing moves from one tracker to another.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, TypeVar, cast

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from domain.names import NAME
from domain.vehicles import VehicleClass
from store.db import queries
from store.profiles import PROFILE_NAME, RULE
from store.registry import RegistryError

COUNT_MAX = 1_000_000  # readings that are counted of a device on one vehicle; nobody needs to know how many more
ANEW = "anew"
"""In place of a topic in a change: every page is to read all of it again."""
T = TypeVar("T")
Row = dict[str, Any]


class Ask(NamedTuple):
    """A query and its values; `tenant` is added by who asks."""

    query: LiteralString
    values: Mapping[str, Any] = {}


Talk = Generator[Ask, Sequence[Row], T]


class NothingThereError(RegistryError):
    """There is nothing of that name."""


class RefusedError(RegistryError):
    """It cannot be done; `dependents` tells what is in its way."""

    def __init__(self, message: str, dependents: Sequence[Dependent] = ()) -> None:
        super().__init__(message)
        self.dependents = dependents


@dataclass(frozen=True)
class Dependent:
    """So many of what depends on a thing, and so many of them now."""

    what: str
    count: int
    now: int

    def words(self, count: int) -> str:
        """As people read it.

        >>> Dependent("readings", 17032, 0).words(17032), Dependent("devices behind it", 1, 1).words(1)
        ('17 032 readings', '1 device behind it')
        """
        head, *tail = self.what.rsplit(" ", 2) if self.what.count(" ") > 1 else [self.what]
        what = self.what if count != 1 else " ".join([head.removesuffix("s"), *tail])
        more = "more than " if count >= COUNT_MAX else ""
        return f"{more}{count:,} {what}".replace(",", " ")


@dataclass(frozen=True)
class Kind:
    """A kind of thing: its word and table, the column of its name, and of what it is a part, if of anything."""

    name: str
    key: str = "name"
    parent: str = ""
    shown: bool = False
    """The pages have it: they are to read all of it again."""
    rename: str = "rename"
    """The query that does it."""
    names: re.Pattern[str] = NAME
    rule: str = "a-z, 0-9, - and _, at most 64 characters, no - or _ first"
    """What a name may be, and in words."""

    @property
    def is_device(self) -> bool:
        """A device is retired by taking its login, and has none when it is restored."""
        return self.name == "device"

    def query(self, name: str) -> LiteralString:
        """A query of `store/queries/lifecycle.sql` with the names of this kind in it."""
        names = {
            "table": self.name,
            "key": self.key,
            "parent": self.parent or "tenant",
            "parent_id": f"{self.parent or 'tenant'}_id",
            "retired": "revoked_at" if self.is_device else "retired_at",
        }
        made = sql.SQL(queries("lifecycle")[name]).format(**{k: sql.Identifier(v) for k, v in names.items()})
        return made.as_string()  # of constants alone

    def part(self, name: str) -> tuple[str | None, str]:
        """A name as it is typed: of what it is a part, and its own.

        Raises:
            NothingThereError: it is to be a part and does not say of what.
        """
        if not self.parent:
            return None, name
        parent, slash, own = name.partition("/")
        if not slash:
            raise NothingThereError(f"{self.name} {name!r}: say of which {self.parent}: {self.parent.upper()}/{name}")
        return parent, own


def _text(most: int) -> re.Pattern[str]:
    return re.compile(rf"[^\x00-\x1f\x7f]{{1,{most}}}\Z")


KINDS = {
    kind.name: kind
    for kind in (
        Kind("device"),
        Kind("vehicle", shown=True, rename="rename_home"),
        Kind("site", shown=True, rename="rename_home"),
        Kind("product", key="sku", shown=True, names=_text(64), rule="1 to 64 characters that can be printed"),
        Kind("zone", parent="site", shown=True, rename="rename_labelled"),
        Kind("slot", parent="device", names=_text(128), rule="1 to 128 characters that can be printed"),
        Kind("driver", shown=True, rename="rename_labelled"),
        Kind("profile", names=PROFILE_NAME, rule=RULE),
    )
}


class Thing(NamedTuple):
    """A thing that is there."""

    id: int
    retired_at: datetime | None
    dependents: tuple[Dependent, ...]

    @property
    def still(self) -> str:
        """What is with it now, as people read it."""
        return ", ".join(d.words(d.now) for d in self.dependents if d.now)


def look(kind: Kind, name: str) -> Talk[Thing]:
    """A thing by its name, `SITE/ZONE` and `DEVICE/SLOT` of a part, with what depends on it; it is locked.

    Raises:
        NothingThereError: there is none.
    """
    parent, own = kind.part(name)
    yield Ask(queries("lifecycle")["for_tenant"])
    rows = yield Ask(kind.query("find"), {"parent": parent, "name": own})
    if not rows:
        raise NothingThereError(f"no {kind.name} {name!r}: `frostway {kind.name} list` shows them")
    key = int(rows[0]["id"])
    found = yield Ask(queries("lifecycle")[f"of_{kind.name}"], {"id": key, "most": COUNT_MAX})
    dependents = tuple(Dependent(r["what"], int(r["count"]), int(r["now"])) for r in found if r["count"])
    return Thing(key, rows[0]["retired_at"], dependents)


def retire(kind: Kind, name: str, by: str) -> Talk[Thing]:
    """It is offered no more; a device may not speak. What it was before; repeating changes nothing.

    Raises:
        NothingThereError: there is none.
    """
    thing = yield from look(kind, name)
    if thing.retired_at is None:
        if kind.is_device:
            yield Ask(queries("registry")["revoke_device"], {"name": name})
        else:
            yield Ask(kind.query("retire"), {"id": thing.id})
        yield from tell(kind, name, "retire", by)
    return thing


def restore(kind: Kind, name: str, by: str, *, password_hash: str | None = None) -> Talk[Thing]:
    """It is offered again; a device speaks again with this password. What it was before; repeating changes nothing.

    Raises:
        NothingThereError: there is none.
    """
    thing = yield from look(kind, name)
    if thing.retired_at is not None:
        if kind.is_device:
            yield Ask(queries("registry")["rotate_device"], {"name": name, "password_hash": password_hash})
        else:
            yield Ask(kind.query("restore"), {"id": thing.id})
        yield from tell(kind, name, "restore", by)
    return thing


def rename(kind: Kind, name: str, new: str, by: str) -> Talk[Thing]:
    """It has another name from now on, `new` without what it is a part of; its history and its partition stay.

    Raises:
        NothingThereError: there is none.
        RefusedError: messages name it, it is retired, or the new name is none, or taken.
    """
    thing = yield from look(kind, name)
    parent, own = kind.part(name)
    if new == own:
        return thing
    if not kind.names.match(new):
        raise RefusedError(f"{new!r} is no name of a {kind.name}: {kind.rule}")
    if why := _spoken(kind, name, thing):
        raise RefusedError(f"{why}, so it keeps its name")
    if thing.retired_at is not None:
        raise RefusedError(f"{kind.name} {name} is retired: restore it first")
    taken = yield Ask(kind.query("find"), {"parent": parent, "name": new})
    if taken:
        retired = ", which is retired" if taken[0]["retired_at"] else ""
        raise RefusedError(f"there is a {kind.name} {'/'.join(filter(None, (parent, new)))} already{retired}")
    yield Ask(kind.query(kind.rename), {"id": thing.id, "new": new})
    yield from tell(kind, name, "rename", by, to=new)
    return thing


def _spoken(kind: Kind, name: str, thing: Thing) -> str:
    """Why messages name a thing, if they do."""
    if kind.is_device:
        return (
            f"device {name} signs in and publishes as {name} (for another: `frostway device add`, then `frostway "
            f"device retire {name}`; what it has measured stays with its vehicle or site)"
        )
    if kind.name == "slot" and thing.dependents:
        said = thing.dependents[0]
        return f"slot {name} has {said.words(said.count)}, in which its shelf calls it that"
    return ""


def delete(kind: Kind, name: str, by: str, *, dry_run: bool = False) -> Talk[Thing]:
    """It never was; `dry_run` changes nothing.

    Raises:
        NothingThereError: there is none.
        RefusedError: something depends on it.
    """
    thing = yield from look(kind, name)
    if thing.dependents and not dry_run:
        what = ", ".join(d.words(d.count) for d in thing.dependents)
        mend = "it is retired already" if thing.retired_at else f"retire it instead: frostway {kind.name} retire {name}"
        raise RefusedError(f"{kind.name} {name} has {what}; {mend}", thing.dependents)
    if not dry_run:
        yield Ask(kind.query("delete"), {"id": thing.id})
        yield from tell(kind, name, "delete", by)
    return thing


def classed(name: str, of_class: VehicleClass | None, by: str, *, dry_run: bool = False) -> Talk[Thing]:
    """A vehicle is of this class, None: of none that anybody has told; what it did is derived again (docs/adr/0020).

    Raises:
        NothingThereError: there is none.
        RefusedError: it is retired.
    """
    kind = KINDS["vehicle"]
    thing = yield from look(kind, name)
    if thing.retired_at is not None:
        raise RefusedError(f"vehicle {name} is retired: restore it first")
    if not dry_run:
        yield Ask(queries("registry")["class_vehicle"], {"name": name, "class": of_class})
        yield from tell(kind, name, "class", by, **{"class": of_class})
    return thing


def tell(kind: Kind, name: str, what: str, by: str, **detail: Any) -> Talk[None]:
    """The audit trail, ingest and tracker, and the pages; last, as the stream of changes is locked by it."""
    entry = {"actor": by, "action": f"{kind.name}.{what}", "subject": name, "detail": orjson.dumps(detail).decode()}
    yield Ask(queries("lifecycle")["audit"], entry)
    yield Ask(queries("registry")["notify_registry"])
    if kind.shown:
        yield Ask(queries("live")["emit"], {"body": orjson.dumps({ANEW: []})})
        yield Ask(queries("live")["notify"])


def perform(connection: psycopg.Connection[Any], tenant_id: int, talk: Talk[T]) -> T:
    """Does it, inside the caller's transaction."""
    with connection.cursor(row_factory=dict_row) as cursor:
        try:
            ask = next(talk)
            while True:
                ask = talk.send(cursor.execute(ask.query, {**ask.values, "tenant": tenant_id}).fetchall())
        except StopIteration as done:
            return cast("T", done.value)


def listed(connection: psycopg.Connection[Any], tenant_id: int, kind: Kind) -> list[Row]:
    """All things of a kind by name, with `retired_at`; devices have a list of their own."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(queries("lifecycle")[f"{kind.name}s"], {"tenant": tenant_id}).fetchall()
