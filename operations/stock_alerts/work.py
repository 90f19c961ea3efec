"""The job that looks at levels of stock and tells what is low, out or left over, or is so no more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from domain.alerts import shape
from domain.stock.outlook import LOST_WINDOW_S, SPAN_MIN_S, SPANS, WINDOW_S, Outlook, look, lots_of
from domain.stock.watch import LOOKED_S, OUT_MARGIN, Change, Known, Lot, low_margin
from domain.times import rfc3339, to_us
from operations.stock_alerts.decide import Facts, Kind, Rules, Told, Word, decide, moment, over
from store.db import queries
from store.link import Link

PORTION = 500
CHANGES_MAX = 5_000
"""So many changes of one product at a site are looked at; what is so since before them is so since then."""
LATELY = timedelta(days=7)
"""What has been over for longer is not corrected any more."""
Row = Mapping[str, Any]
Key = tuple[int, int]


def watch_stock(link: Link, now: datetime, rules: Rules) -> int:
    """Looks at all tenants; how many alerts were opened, ended or corrected."""
    rows = link.connection.execute(queries("stock_alerts")["stocked"]).fetchall()
    return sum(Watch(link.connection, tenant, now, rules).run() for (tenant,) in rows)


class Watch:
    """One look at the stock of a tenant."""

    def __init__(self, connection: psycopg.Connection, tenant: int, now: datetime, rules: Rules) -> None:
        self._connection = connection
        self._tenant, self._now, self._rules = tenant, now, rules

    def run(self) -> int:
        """Looks; what is to be written is written in one transaction."""
        told: dict[Key, dict[str, Told]] = defaultdict(dict)
        for row in self._rows("stock_alerts", "last_alerts", since=self._now - LATELY):
            told[row["site_id"], row["product_id"]][row["kind"]] = _told(row)
        tasks = {(row["site_id"], row["product_id"]): row["task"] for row in self._rows("stock_alerts", "count_tasks")}
        words: list[tuple[Key, Word]] = []
        seen: set[Key] = set()
        for page in self._pages():
            asked = [(row, self._look(row)) for row in page]
            asked = [(row, found) for row, found in asked if _key(row) in told or self._is_near(row, found)]
            changes = self._changes(asked)
            for row, found in asked:
                key = _key(row)
                facts = self._facts(row, found, changes[key], tasks.get(key))
                words += ((key, word) for word in decide(facts, told.get(key, {}), self._rules))
            seen.update(map(_key, page))
        at = self._now.timestamp()
        for key in told.keys() - seen:
            words += ((key, over(_kind(kind), each, at)) for kind, each in told[key].items() if each.cleared_at is None)
        return self._write(words) if words else 0

    def _rows(self, room: str, query: str, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(queries(room)[query], {"tenant": self._tenant, "now": self._now, **values})
            return cursor.fetchall() if cursor.description else []

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        since, lost = (self._now - timedelta(seconds=s) for s in (WINDOW_S, LOST_WINDOW_S))
        asked = {"site": None, "sku": None, "since": since, "lost_since": lost, "spans": SPANS, "limit": PORTION}
        a, b = "", ""
        while True:
            page = self._rows("outlook", "outlook", a=a, b=b, span_min_s=SPAN_MIN_S, **asked)
            if page:
                yield page
                a, b = page[-1]["site"], page[-1]["sku"]
            if len(page) < PORTION:
                return

    # ------------------------------------------------------------ what is known
    def _expiry_s(self, row: Row) -> float:
        return float(row["expiry_days"]) * 86_400 if row["expiry_days"] else self._rules.expiry_s

    def _look(self, row: Row) -> Outlook:
        return look(row, self._now, self._expiry_s(row))

    def _is_near(self, row: Row, found: Outlook) -> bool:
        """Whether it may be low, out or left over: of all else no changes are read."""
        point = row["reorder_point"]
        if found.quantity <= 0 or found.expiring:
            return True
        if point is not None and found.quantity < point + low_margin(point, row["base_unit"]):
            return True
        return found.cover_s is not None and found.cover_s <= self._rules.out_s * (1 + OUT_MARGIN) * 1.1

    def _changes(self, asked: Sequence[tuple[Row, Outlook]]) -> dict[Key, list[Change]]:
        found: dict[Key, list[Change]] = defaultdict(list)
        rows = [
            {"site": row["site_id"], "product": row["product_id"], "by_sensors": look.by_sensors} for row, look in asked
        ]
        since = self._now - timedelta(seconds=LOOKED_S)
        if rows:
            for row in self._rows("stock_alerts", "changes", rows=json.dumps(rows), since=since, most=CHANGES_MAX):
                found[row["site"], row["product"]].append(Change(row["at"], row["delta"], row["gone"], row["lot"]))
        return found

    def _facts(self, row: Row, found: Outlook, changes: Sequence[Change], task: int | None) -> Facts:
        now = self._now.timestamp()
        begun = row["since"].timestamp()
        lots = [
            Lot(each.lot, each.quantity, None if each.expires_in_s is None else now + each.expires_in_s)
            for each in lots_of(row, self._now)
        ]
        is_new = begun > now - WINDOW_S + 1
        known = Known(found.quantity, changes, now, begun if is_new else None, lots, row["base_unit"])
        seen_at = row["seen_at"]
        return Facts(
            row["sku"], row["label"], row["base_unit"], row["reorder_point"], self._expiry_s(row), found, known,
            float(row["on_hand"] or 0), row["confidence"], seen_at and seen_at.timestamp(), task,
        )  # fmt: skip

    # ------------------------------------------------------------ what is told
    def _write(self, words: Sequence[tuple[Key, Word]]) -> int:
        """Changes first: what is over makes room for what is new. Alerts before their reports, pages last."""
        rows = [self._row(place, key, word) for place, (key, word) in enumerate(words)]
        with self._connection.transaction():
            kept = dict[int, int]()
            for some in ([row for row in rows if row["id"]], [row for row in rows if not row["id"]]):
                if some:
                    kept |= {k["place"]: k["id"] for k in self._rows("stock_alerts", "keep", rows=json.dumps(some))}
            news = [(kept[n], word) for n, (_, word) in enumerate(words) if n in kept and word.what != "renewed"]
            reports = [{"place": n, "id": i, **self._report(word)} for n, (i, word) in enumerate(news)]
            if reports:
                self._rows("stock_alerts", "report", rows=json.dumps(reports))
            self._tell(sorted(kept.values()))
        return len(news)

    def _row(self, place: int, key: Key, word: Word) -> dict[str, Any]:
        now = rfc3339(to_us(self._now))
        return {
            "place": place,
            "id": word.id,
            "tenant": self._tenant,
            "site": key[0],
            "product": key[1],
            "kind": word.kind,
            "severity": word.severity,
            "title": word.title,
            "stock": word.stock,
            "opened_at": _text(word.opened_at),
            "alarm_at": now,
            "decided_at": now,
            "cleared_at": None if word.cleared_at is None else _text(word.cleared_at),
            "withdrawn_at": now if word.withdrawn else None,
            "revised": word.what != "renewed",
        }

    def _report(self, word: Word) -> dict[str, Any]:
        detail = {"quantity": word.stock.get("quantity"), "opened_at": _text(word.opened_at)}
        if word.cleared_at is not None:
            detail["cleared_at"] = _text(word.cleared_at)
        return {"at": rfc3339(to_us(self._now)), "what": word.what, "detail": detail}

    def _tell(self, ids: Sequence[int]) -> None:
        told = [
            {"id": str(row["id"]), "op": "put", "data": shape(row, _when)}
            for row in self._rows("stock_alerts", "told", ids=list(ids))
        ]
        if told:
            named = queries("operations")
            self._connection.execute(named["speak_for"], {"of_tenant": self._tenant})
            body = json.dumps({"alerts": told}, separators=(",", ":")).encode()
            self._connection.execute(named["tell_pages"], {"body": body})


def _key(row: Row) -> Key:
    return row["site_id"], row["product_id"]


def _kind(word: str) -> Kind:
    return "low_stock" if word == "low_stock" else "stock_out" if word == "stock_out" else "expiry"


def _told(row: Row) -> Told:
    cleared = row["cleared_at"]
    return Told(
        row["id"], row["severity"], row["title"], row["stock"], row["opened_at"].timestamp(),
        cleared and cleared.timestamp(), row["withdrawn"],
    )  # fmt: skip


def _when(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(to_us(at))


def _text(at: float) -> str:
    return rfc3339(to_us(moment(round(at, 3))))
