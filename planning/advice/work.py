"""The job of the night: what came of advice that was followed, and new advice where its adviser is not silent."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from planning.advice.grades import KEPT_DAYS, LOW_DAYS
from planning.advice.rounds import graded_wave
from planning.advice.rows import BINS_MAX, DAYS, PICKS_MAX, Rows, advised, graded, kept, looked_until, standing_of
from planning.picking.block import BlockError
from store.db import queries
from store.link import Link

log = logging.getLogger(__name__)
BY = "nightly advice"
WAVES_MAX = 1_000
AT = "17 2 * * *"
"""When it is done, as cron says it, UTC."""


def advise_at_night(link: Link, now: datetime) -> int:
    """Grades and advises zone after zone, each in a transaction of its own; how much advice was given."""
    connection, told = link.connection, 0
    zones = _rows(connection, "advice", "zones_laid_out", tenant=None, site=None, zone=None)
    for zone in zones:
        try:
            with connection.transaction():
                told += advise_zone(connection, zone, now)
        except BlockError as error:  # its layout cannot be walked: people see that on the page
            log.warning("advice: %s/%s: %s", zone["site"], zone["zone"], error)
    grade_waves(connection, now)
    return told


def grade_waves(connection: psycopg.Connection, now: datetime) -> int:
    """Grades waves that are picked by now, each in a transaction of its own; how many."""
    since, count = now - timedelta(days=KEPT_DAYS), 0
    for wave in _rows(connection, "advice", "waves_over", tenant=None, since=since, limit=WAVES_MAX):
        of = {"tenant": wave["tenant"]}
        asked = {"wave": wave["wave"], "since": wave["released_at"], "limit": PICKS_MAX}
        with connection.transaction():
            found = graded_wave(wave, _rows(connection, "advice", "round_picks", **of, **asked))
            if found is not None:
                _rows(connection, "advice", "add_graded", **of, rows=json.dumps([found]), at=now)
                count += 1
    return count


def advise_zone(connection: psycopg.Connection, zone: Mapping[str, Any], now: datetime) -> int:
    """Grades what was followed in a zone, and advises anew; how much advice was given."""
    of = {"tenant": zone["tenant"]}
    bins = _rows(
        connection, "storing", "bins_told", **of, site=zone["site"], zone=zone["zone"], codes=None, limit=BINS_MAX
    )
    running = _rows(connection, "advice", "advice_running", **of, zone=zone["zone_id"])
    grades = [
        graded(zone, bins, row, _picks(connection, zone, row["done_at"], looked_until(row, now)), now)
        for row in running
    ]
    _rows(connection, "advice", "put_grades", **of, rows=json.dumps(grades), at=now)
    given = _rows(connection, "advice", "grades_given", **of, site=zone["site"], kind="slotting",
                  since=now - timedelta(days=KEPT_DAYS + LOW_DAYS), a="", b="", limit=1)  # fmt: skip
    if given and standing_of(given[0], now).silent:
        return 0
    since = now - timedelta(days=DAYS)
    goods = _rows(connection, "storing", "goods_in_bins", **of, bins=[row["key"] for row in bins])
    frozen = _rows(connection, "advice", "bins_frozen", **of, zone=zone["zone_id"])
    found = advised(zone, bins, goods, _picks(connection, zone, since, now), frozen)
    _rows(connection, "advice", "supersede_advice", **of, zone=zone["zone_id"])
    _rows(connection, "advice", "forget_advice", **of, zone=zone["zone_id"], before=now - timedelta(days=KEPT_DAYS))
    values = {"site": zone["site_id"], "zone": zone["zone_id"], "days": DAYS, "by": BY, "at": now}
    return len(_rows(connection, "advice", "add_advice", **of, **values, rows=json.dumps(kept(found, since, now))))


def _picks(connection: psycopg.Connection, zone: Mapping[str, Any], since: datetime, until: datetime) -> Rows:
    values = {"zone": zone["zone_id"], "since": since, "until": until, "limit": PICKS_MAX}
    return _rows(connection, "advice", "picks_walked", tenant=zone["tenant"], **values)


def _rows(connection: psycopg.Connection, file: str, query: str, **values: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(queries(file)[query], values)
        return cursor.fetchall() if cursor.description else []
