"""Brings a file in, portion by portion, each in a transaction of its own; tells as it goes what became of its lines.

The file is put aside on disk first, because a browser reads no answer before it has sent all of its request, and a
workbook is read from its end. A line that is wrong harms none beside it; sent again, a file changes nothing more.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import re
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from time import monotonic
from typing import IO, Annotated, Any, Literal, NamedTuple, NoReturn, get_args
from zoneinfo import ZoneInfo

import orjson
import psycopg
from fastapi import Depends, Query, Request
from pydantic import AfterValidator, ValidationError
from starlette.responses import Response

from api.database import DATABASE_ERRORS, Session
from api.http.caller import Caller
from api.http.context import Context, context_of
from api.http.inputs import Strict, zone_name
from api.http.problems import Problem
from api.resources.shared.downloads import NDJSON, Lasting
from api.resources.shared.imports.files import LINES_MAX, Columns, FileError, Source, Thing, open_source
from api.resources.shared.imports.seen import Seen
from api.resources.shared.imports.sheets import SheetError
from api.turns import Busy
from domain.tables import CSV
from serving.pace import cut
from store.db import queries

_NO_ROOM = "there is no room to put the file aside: send it in parts, or give the server a larger folder (TMPDIR)"
_NAMED = re.compile(r"([a-z_0-9.]+): ")
_STAYS = frozenset({"label"})  # of a thing: it has one always, so an empty cell says nothing
log = logging.getLogger(__name__)

BATCH = 500
Saying = tuple[int, bytes]
"""What is told of a line."""
SAME = ""
"""Nothing is wrong with it, and nothing about it is new."""
FAULTS_MAX = 10_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MANY = f"more than {FAULTS_MAX} lines are wrong: this may be another file than you mean; what was right before is in"
_LONG = f"a file may have {LINES_MAX} lines: what stands before is in, send the rest as another"


class Way(NamedTuple):
    """How a file is brought in."""

    dry_run: bool
    change: bool
    told: str
    zone: str


async def _way(
    *,
    dry_run: Annotated[bool, Query(description="store nothing, only tell what would become of each line")] = False,
    change: Annotated[bool, Query(description="what is there already is changed; else its line is wrong")] = True,
    told: Annotated[Literal["all", "wrong"], Query(description="of which lines is told")] = "wrong",
    zone: Annotated[
        str, AfterValidator(zone_name), Query(max_length=64, description="of times without offset")
    ] = "UTC",
) -> Way:
    return Way(dry_run, change, told, zone)


Asked = Annotated[Way, Depends(_way)]


@dataclass
class Entry:
    """One thing of a file, as it is to be; `known`: what is there, None when it is new.

    `about` is what `read` has said of it besides, `more` what `settle` leaves for `write`; `parts`: as of `Thing`.
    """

    at: int
    key: str
    body: Any
    values: dict[str, Any]
    known: dict[str, Any] | None
    about: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)


class Fault(NamedTuple):
    """What is wrong with a line, and in which column."""

    at: int
    column: str
    problem: str


Settled = dict[str, str | list[Fault]]


@dataclass(frozen=True)
class Known:
    """What is there of one name: what people have set of it; `refused`: why it is not to be changed."""

    values: dict[str, Any]
    refused: str = ""
    about: dict[str, Any] = field(default_factory=dict)


async def alike(session: Session, entries: list[Entry]) -> Settled:
    """Those that are as they were."""
    del session
    return {entry.key: SAME for entry in entries if entry.values == entry.known}


@dataclass(frozen=True)
class Kind:
    """What a file may bring.

    `read` gives what is there of some names; `settle` says by key what is wrong with entries ("column: why", or
    several faults), or SAME of those that change nothing; `write` stores the rest, `tell` shows them to the pages.
    `gather`: several lines that are one thing. `at_once`: the action that stands in the audit trail once for a portion,
    of things that are too many to stand there one by one.
    """

    name: str
    key: str
    model: type[Strict]
    columns: Columns
    read: Callable[[Session, list[str]], Awaitable[dict[str, Known]]]
    write: Callable[[Session, Caller, list[Entry]], Awaitable[None]]
    tell: Callable[[Session, list[Entry]], Awaitable[None]] | None = None
    settle: Callable[[Session, list[Entry]], Awaitable[Settled]] = alike
    gather: Callable[[Iterator[Thing]], Iterator[Thing]] = lambda things: things
    at_once: str = ""


@dataclass
class Counts:
    """How many lines were read, and what became of the things they bring."""

    lines: int = 0
    created: int = 0
    changed: int = 0
    same: int = 0
    wrong: int = 0


@dataclass
class Work:
    """One file that is being brought in."""

    context: Context
    caller: Caller
    kind: Kind
    source: Source
    way: Way
    counts: Counts = field(default_factory=Counts)
    seen: Seen = field(default_factory=Seen)

    async def run(self) -> AsyncGenerator[bytes, None]:
        """What is told, line by line."""
        for note in self.source.notes:
            yield _line(what="note", text=note)
        things = self.kind.gather(self.source.things)
        try:
            while batch := await asyncio.to_thread(lambda: list(itertools.islice(things, BATCH))):
                told = sorted(await self._batch(batch))
                yield b"".join([*(line for _, line in told), self._progress(batch[-1].at)])
                if self.counts.wrong > FAULTS_MAX or self.counts.lines >= LINES_MAX:
                    yield _line(what="broken", problem=_MANY if self.counts.wrong > FAULTS_MAX else _LONG)
                    return
        except (FileError, SheetError) as error:
            yield _line(what="broken", problem=str(error))
            return
        except (*DATABASE_ERRORS, Busy) as error:
            log.warning("an import ended early: %s", type(error).__name__)
            yield _line(what="broken", problem="the database cannot be reached: send the file again, it goes on there")
            return
        yield _line(what="end", dry_run=self.way.dry_run, **vars(self.counts))

    def _progress(self, at: int) -> bytes:
        self.counts.lines = at
        done = self.source.position()
        return _line(what="progress", bytes=done, of_bytes=self.source.size, **vars(self.counts))

    def _wrong(self, at: int, key: str, faults: dict[str, str]) -> Iterator[Saying]:
        self.counts.wrong += 1
        for column, problem in faults.items():
            said = {"column": column} if column else {}
            yield at, _line(what="line", line=at, id=key, outcome="wrong", **said, problem=problem)

    async def _batch(self, batch: list[Thing]) -> list[Saying]:
        told: list[Saying] = []
        good: list[tuple[Thing, str]] = []
        for thing in batch:
            key = thing.values.get(self.kind.key)
            name = key if isinstance(key, str) else ""
            if not thing.faults and not name:
                thing.faults = {self.kind.key: "it is missing: each line needs one"}
            if not thing.faults and (before := self.seen.add(name, thing.at)):
                thing.faults = {self.kind.key: f"{name[:64]} stands in line {before} already"}
            if thing.faults:
                told += self._wrong(thing.at, name, thing.faults)
            else:
                good.append((thing, name))
        if good:
            told += await self._store(good)
        return told

    async def _store(self, good: Sequence[tuple[Thing, str]]) -> list[Saying]:
        """A portion in one transaction; one that the database refuses is halved until the line is found."""
        before = Counts(**vars(self.counts))
        try:
            return await self._transact(good)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            self.counts = before
            if len(good) == 1:
                (thing, key), what = good[0], _refused(error)
                return list(self._wrong(thing.at, key, {"": what}))
            half = len(good) // 2
            return [*await self._store(good[:half]), *await self._store(good[half:])]

    async def _transact(self, good: Sequence[tuple[Thing, str]]) -> list[Saying]:
        told: list[Saying] = []
        try:
            async with self.context.database.tenant(self.caller.tenant_id) as session:
                known = await self.kind.read(session, [key for _, key in good])
                entries = []
                for thing, key in good:
                    entry = self._judge(thing, key, known.get(key))
                    if isinstance(entry, Entry):
                        entries.append(entry)
                    else:
                        told += entry
                if entries:
                    told += await self._write(session, entries)
                if self.way.dry_run:
                    _take_back()
        except _NothingStoredError:
            pass
        return told

    def _judge(self, thing: Thing, key: str, known: Known | None) -> Entry | list[Saying]:
        """What is to be of it; or what is told of a line that cannot be right."""
        nullable = _nullable(self.kind.model)
        said = {name: value for name, value in thing.values.items() if value is not None}
        if known is not None:
            if known.refused:
                return list(self._wrong(thing.at, key, {self.kind.key: known.refused}))
            gone = {name: None for name, value in thing.values.items() if value is None and name in nullable}
            said = {**known.values, **gone, **said}
        try:
            body = self.kind.model.model_validate(said)
        except ValidationError as error:
            return self._faulty(key, list(invalid(thing, error))[:5])
        values = body.model_dump(by_alias=True)
        there, about = (known.values, known.about) if known else (None, {})
        return Entry(thing.at, key, body, values, there, about, parts=thing.parts)

    def _faulty(self, key: str, faults: Iterable[Fault]) -> list[Saying]:
        """One thing, however much is wrong with it."""
        told: list[Saying] = []
        for n, (at, column, problem) in enumerate(faults):
            told += self._wrong(at, key, {column: problem})
            self.counts.wrong -= n > 0
        return told

    def _outcome(self, entry: Entry, outcome: str) -> list[Saying]:
        setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)
        if self.way.told != "all":
            return []
        return [(entry.at, _line(what="line", line=entry.at, id=entry.key, outcome=outcome))]

    async def _write(self, session: Session, entries: list[Entry]) -> list[Saying]:
        told: list[Saying] = []
        left: list[Entry] = []
        settled = await self.kind.settle(session, entries)
        for entry in entries:
            why = settled.get(entry.key)
            if why == SAME:
                told += self._outcome(entry, "same")
            elif why is None and entry.known is not None and not self.way.change:
                there = f"{entry.key} is there already, and otherwise"
                told += self._wrong(entry.at, entry.key, {self.kind.key: there})
            elif why is None:
                left.append(entry)
                told += self._outcome(entry, "created" if entry.known is None else "changed")
            elif not isinstance(why, str):
                told += self._faulty(entry.key, why)
            else:
                column, _, problem = why.partition(": ")
                told += self._wrong(entry.at, entry.key, {column: problem})
        if left:
            await self.kind.write(session, self.caller, left)
        if left and not self.way.dry_run:
            await self._audit(session, left)
            await session.run(queries("registry")["notify_registry"])
            if self.kind.tell is not None:
                await self.kind.tell(session, left)
        return told

    async def _audit(self, session: Session, stored: list[Entry]) -> None:
        what = [
            {
                "action": f"{self.kind.name}.{'create' if entry.known is None else 'change'}",
                "subject": entry.key,
                "detail": {**entry.values, "by": "import"},
            }
            for entry in stored
        ]
        if self.kind.at_once:
            what = [self._counted(stored)]
        rows = orjson.dumps(what, default=str).decode()
        await session.run(queries("imports")["audit"], actor=self.caller.user, rows=rows)

    def _counted(self, stored: list[Entry]) -> dict[str, Any]:
        created = sum(entry.known is None for entry in stored)
        detail = {"created": created, "changed": len(stored) - created, "by": "import"}
        return {"action": self.kind.at_once, "subject": str(len(stored)), "detail": detail}


class _NothingStoredError(Exception):
    """The end of a transaction that was only to see."""


def _take_back() -> NoReturn:
    raise _NothingStoredError


def _line(**said: Any) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


@lru_cache
def _nullable(model: type[Strict]) -> frozenset[str]:
    """Fields of a model that may be null; an empty cell takes away what they have."""
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if type(None) in get_args(field.annotation)) - _STAYS


def invalid(thing: Thing, error: ValidationError) -> Iterator[Fault]:
    """What is wrong with a thing; of one of several lines each is told by its own."""
    for each in error.errors(include_url=False):
        column, at = ".".join(map(str, each["loc"])), thing.at
        if thing.parts and len(each["loc"]) > 1 and isinstance(each["loc"][1], int):
            column, at = ".".join(map(str, each["loc"][2:])), thing.parts[each["loc"][1]]
        words = in_words(each)
        if not column and (named := _NAMED.match(words)):
            column, words = named[1], words[named.end() :]
        yield Fault(at, column, words)


def in_words(error: Any) -> str:
    """What is wrong with a value, and how to mend it."""
    match error["type"]:
        case "missing":
            return "it is missing"
        case "extra_forbidden":
            return "there is no such field"
        case "string_pattern_mismatch" if "[0-9]{8}" in error["ctx"]["pattern"]:
            return f"{str(error['input'])[:40]!r}: write 8, 12, 13 or 14 digits"
        case "string_pattern_mismatch" if "A-Z" not in error["ctx"]["pattern"]:
            return f"{str(error['input'])[:40]!r}: write a-z, 0-9, - and _, 64 at most"
        case "string_pattern_mismatch":
            return f"{str(error['input'])[:40]!r}: write letters, digits, - and _, 64 at most"
    return str(error["msg"]).removeprefix("Value error, ")


def _refused(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.RestrictViolation):  # ours alone: what was named is retired
        return error.diag.message_primary or "it is retired"
    if isinstance(error, psycopg.errors.UniqueViolation):
        return "something else has this name or number already"
    return "a value cannot be stored: check names (a-z, 0-9, -, _) and numbers"


async def _put_aside(request: Request) -> tuple[IO[bytes], int]:
    """The body as a file on disk, and its bytes."""
    file: IO[bytes] = await asyncio.to_thread(tempfile.TemporaryFile, prefix="frostway-import-")
    size = 0
    try:
        pieces: list[bytes] = []
        async for piece in request.stream():
            pieces.append(piece)
            if sum(map(len, pieces)) >= 2**20:
                size += await asyncio.to_thread(file.write, b"".join(pieces))
                pieces = []
        size += await asyncio.to_thread(file.write, b"".join(pieces))
        await asyncio.to_thread(file.flush)
    except OSError as error:
        file.close()
        if error.errno != errno.ENOSPC:
            raise
        raise Problem(413, _NO_ROOM, {"Connection": "close"}) from None
    except BaseException:
        file.close()
        raise
    return file, size


async def bring(request: Request, caller: Caller, kind: Kind, way: Way) -> Response:
    """Takes the body of a request as a file of things of a kind.

    Raises:
        Problem: 413, 422, 429, it is no file that can be read, or too many are brought at once.
    """
    context = context_of(request)
    place = context.imports.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    file: IO[bytes] | None = None
    try:
        file, size = await _put_aside(request)
        source = await asyncio.to_thread(open_source, file, size, kind.columns, ZoneInfo(way.zone))
    except BaseException as error:
        context.imports.give_back(place)
        if file is not None:
            file.close()
        if isinstance(error, FileError):
            raise Problem(422, str(error)) from None
        raise
    work = Work(context, caller, kind, source, way)

    def after() -> None:
        source.close()
        file.close()

    return Lasting(context, context.imports, place, work.run(), NDJSON, after=after)


def as_rows(things: Iterable[Any]) -> str:
    """Things as the JSON that a query takes apart."""
    return orjson.dumps(list(things)).decode()


def documented(example: str) -> dict[str, Any]:
    """What an operation that brings a file says of its body."""
    text = {"schema": {"type": "string"}}
    content = {
        CSV: {**text, "example": example},
        NDJSON: text,
        XLSX: {"schema": {"type": "string", "format": "binary"}},
    }
    return {"requestBody": {"required": True, "content": content}}


ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {}}, "description": "what became of it, an object on each line, the last one `end`"}
}
