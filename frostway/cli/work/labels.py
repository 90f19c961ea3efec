"""What `frostway labels` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from api.resources.shared.label_sheets import LABELS_MAX, Way, printed
from domain.labels.sheets import Codes, SheetName
from domain.labels.things import Lang, Of, Wording, code_of, label_of
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.registry import Registry


class Asked(NamedTuple):
    """What was typed."""

    of: str
    ids: list[str] | None
    site: str | None
    zone: str | None
    search: str | None
    sheet: str
    start: int
    copies: int
    codes: str
    lang: str
    tz: str
    prefix: str


def written(data: Path | None, settings: Settings, tenant: str, asked: Asked, out: Path) -> Iterator[str]:
    """Writes the file; says what is in it."""
    of = cast("Of", asked.of)
    try:
        zone = ZoneInfo(asked.tz)
    except (KeyError, ValueError, OSError):
        raise Failure(f"--tz {asked.tz}: there is no such time zone; one is Europe/Helsinki") from None
    wanted: dict[str, Any] = {"ids": asked.ids or None, "limit": LABELS_MAX + 1}
    wanted |= {"site": asked.site, "zone": asked.zone, "search": asked.search}
    with connect(find(data, settings).database_url, "labels") as connection:
        connection.read_only = True
        wanted["tenant"] = Registry(connection, tenant).tenant_id
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(queries("label_things")[of], wanted).fetchall()
    if gone := set(asked.ids or ()) - {code_of(of, row) for row in rows}:
        raise Failure(f"--id {min(gone)}: there is none")
    if not rows:
        raise Failure("nothing fits: look for less of it, or add it first")
    how = Wording(cast("Lang", asked.lang), zone, asked.prefix)
    way = Way(cast("SheetName", asked.sheet), asked.start, asked.copies, cast("Codes", asked.codes), asked.lang)
    try:
        made = printed([label_of(of, row, how) for row in rows], way)
    except ValueError as error:
        raise Failure(f"--{error}") from None
    out.write_bytes(made.content)
    yield f"{len(rows) * asked.copies} labels: {out}"
    if made.undrawn:
        yield (
            f"{len(made.undrawn)} names have characters that no font here has, their codes stand alone: install a font"
            " that has them, such as fonts-noto-cjk"
        )
