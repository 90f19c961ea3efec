"""The job that looks at all links that tell somebody, and writes down what is to be told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain import goods
from domain.times import rfc3339, to_us
from operations.milestones.decide import MESSAGES_MAX, Facts, News, Said, Window, decide, worth_until
from operations.milestones.words import compose
from store.db import queries
from store.link import Link

PORTION = 200
LOOKED_AGAIN = timedelta(minutes=5)
"""How often temperatures of what has arrived are looked at again: readings may still come."""
Row = Mapping[str, Any]


def tell_milestones(link: Link, now: datetime) -> int:
    """What is to be told now, for every link that tells somebody; how many messages that are."""
    connection, after, told = link.connection, 0, 0
    while True:
        with connection.cursor(row_factory=dict_row) as cursor:
            values = {"now": now, "after": after, "most": MESSAGES_MAX, "limit": PORTION}
            rows = cursor.execute(queries("milestones")["watched"], values).fetchall()
        for row in rows:
            told += _tell(connection, row, now)
        if len(rows) < PORTION:
            return told
        after = rows[-1]["id"]


def _tell(connection: psycopg.Connection, row: Row, now: datetime) -> bool:
    q = queries("milestones")
    share = {"recipient": row["id"], "share": row["share_id"], "tenant": row["tenant_id"], "now": now}
    told = {milestone: _said(kept) for milestone, kept in row["told"].items()}
    verdict = _verdict(connection, row, told.get("temperature"), now)
    news = decide(_facts(row, verdict), told, row["milestones"], now)
    if not news:
        return False
    message = compose(news, row["reference"], row["place"], row["language"], row["tz"], now)
    data = {
        "shipment": row["shipment"],
        "milestones": [each.milestone for each in news],
        "corrects": any(each.corrects for each in news),
        "until": _text(worth_until(news, now)),
        "language": row["language"],
        "title": message.title,
        "lines": message.lines,
    }
    cause = f"share/{row['share_id']}/{row['id']}/{row['told_count'] + 1}"
    values = {"channel": row["channel_id"], "cause": cause, "data": Jsonb(data)}
    with connection.transaction():
        subject = f"shipments/{row['shipment']}"
        if connection.execute(q["tell_milestones"], {**share, **values, "subject": subject}).fetchone() is None:
            return False
        for each in news:
            connection.execute(q["told"], {**share, "milestone": each.milestone, "said": Jsonb(_kept(each))})
        connection.execute(q["count_told"], share)
    return True


def _facts(row: Row, verdict: str | None) -> Facts:
    planned = Window(row["window_start"], row["window_end"]) if row["window_start"] and row["window_end"] else None
    expected = Window(row["p10"], row["p90"]) if row["p10"] and row["p90"] else None
    arrived_at = row["arrived_at"] or row["delivered_at"]
    return Facts(row["status"], planned, expected, row["p50"], arrived_at, verdict)


def _verdict(connection: psycopg.Connection, row: Row, told: Said | None, now: datetime) -> str | None:
    """How cold it was kept: under way only whether it was outside, afterwards all of it, looked at now and then."""
    if "temperature" not in row["milestones"] or row["status"] not in ("in_transit", "delivered"):
        return None
    if row["excursion"]:
        return "excursion"
    if row["status"] == "in_transit":
        return "in_range" if told is not None else None
    if told is not None and told.word != "excursion" and row["checked_at"] and now - row["checked_at"] < LOOKED_AGAIN:
        return None
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        tenant = {"tenant": row["tenant_id"]}
        cursor.execute(queries("goods")["for_tenant"], tenant)
        values = {**tenant, "shipments": [row["shipment_id"]], "now": now}
        found = cursor.execute(queries("goods")["shipment_temperatures"], values).fetchone()
        cursor.execute(queries("milestones")["checked"], {"recipient": row["id"], "now": now})
    return goods.verdict(found)["verdict"]


def _text(at: datetime) -> str:
    return rfc3339(to_us(at))


def _kept(news: News) -> dict[str, Any]:
    said = news.said
    kept: dict[str, Any] = {}
    if said.window is not None:
        kept |= {"begin": _text(said.window.begin), "end": _text(said.window.end)}
    if said.moment is not None:
        kept["moment"] = _text(said.moment)
    if said.word:
        kept["word"] = said.word
    return kept


def _said(kept: Mapping[str, Any]) -> Said:
    at = {name: datetime.fromisoformat(kept[name]) for name in ("told_at", "begin", "end", "moment") if name in kept}
    window = Window(at["begin"], at["end"]) if "begin" in at else None
    return Said(at["told_at"], window, at.get("moment"), str(kept.get("word", "")))
