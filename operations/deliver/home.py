"""The thread that keeps on brokers, for Home Assistant, what there is and how each is now: retained, last word only.

Not by `outgoing`, which keeps everything that has happened: of a state only the newest is of use. It is read from the
store at the moment it is told, and told again when it is another one, at most once in so many seconds. What was told
of each stands in `home_thing`, so that any program goes on with it. See docs/adr/0029.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from domain.home_assistant import (
    Device,
    Position,
    Temperature,
    Thing,
    config_of,
    parts_of,
    state_of,
    topics_of,
    without,
)
from operations.deliver.decide import Attempt, judge
from operations.deliver.publish import Login, Publication, login_of, publish
from operations.deliver.send import TIMEOUT_S
from operations.deliver.settings import DeliverConfig
from operations.deliver.worker import Worker, trusting
from store.db import queries
from store.link import Link

EACH_S = 10.0
"""How often at most one thing is told anew."""
AGAIN = timedelta(hours=1)
"""What has not changed is told again after so long: for a broker that has forgotten it, and before it expires."""
PORTION = 250  # things of one connection
WINDOW = 10  # messages on their way at a time: half of what Mosquitto takes
HANDS = 4
ROUND_S = 45.0
CLAIM = timedelta(seconds=ROUND_S + 2 * TIMEOUT_S)
POLL_S = 1.0
Row = Mapping[str, Any]
Tell = Callable[[str, Login, Sequence[Publication], Callable[[int], None]], Attempt]


class Word(NamedTuple):
    """A message, and what is written down when it is taken."""

    message: Publication
    query: str = ""
    values: Mapping[str, Any] = {}


class Homes(Worker):
    """Keeps what stands on brokers until stopped."""

    def __init__(self, config: DeliverConfig, stop: threading.Event, tell: Tell | None = None) -> None:
        link = Link(config.database_url, "home assistant", stop)
        super().__init__("home assistant", link, stop, hands=HANDS, rest_s=POLL_S)
        self._lock = threading.Lock()
        self._q = queries("home")
        self._sealing_secret = config.sealing_secret
        tls = trusting(config.ca_file)
        self._tell: Tell = tell or (
            lambda url, login, messages, taken: publish(
                url, login, messages, config.networks, tls, window=WINDOW, taken=taken
            )
        )

    def turn(self, pool: ThreadPoolExecutor, now: datetime) -> int:
        """A round of each broker that is due; how many messages were taken."""
        due = self._rows("due", now=now, limit=HANDS, claim=CLAIM)
        return sum(pool.map(lambda home: self._round(home, now), due))

    def _round(self, home: Row, now: datetime) -> int:
        """All that has changed, portion by portion, and what is gone."""
        login = login_of(self._sealing_secret, home["sealed"])
        if login is None:
            self._failed(home, Attempt(None, "its login was sealed with another secret: give it once more", 0), now)
            return 0
        if home["is_new"]:
            self._run_query("forget", receiver=home["receiver_id"], url=home["url"])
        told, until = 0, time.monotonic() + ROUND_S
        after = (home["after_kind"], home["after_id"])
        portions = [self._gone, self._changed] if home["wanted"] else [self._gone]
        for portion in portions:
            while True:
                if time.monotonic() >= until or self._stop.is_set():
                    self._told(home, now, after, goes_on=True)
                    return told
                words, last = portion(home, after, now)
                attempt, taken = self._say(home, login, words)
                told += taken
                if attempt is not None and attempt.status != 200:
                    self._failed(home, attempt, now)
                    return told
                if last is None:
                    break
                after = last
        self._told(home, now, ("", 0), goes_on=False)
        return told

    def _say(self, home: Row, login: Login, words: Sequence[Word]) -> tuple[Attempt | None, int]:
        """Tells words in their order and writes down those that are taken; None: there were none."""
        if not words:
            return None, 0
        taken = 0

        def count(n: int) -> None:
            nonlocal taken
            taken = n

        attempt = self._tell(home["url"], login, [word.message for word in words], count)
        if attempt.status == 200:
            taken = len(words)
        with self._lock, self._link.connection.transaction(), self._link.connection.cursor() as cursor:
            for word in words[:taken]:
                if word.query:
                    cursor.execute(self._q[word.query], {**word.values, "receiver": home["receiver_id"]})
        return attempt, taken

    def _gone(self, home: Row, after: tuple[str, int], _now: datetime) -> tuple[list[Word], tuple[str, int] | None]:
        """What stands there and is no more: both topics are emptied."""
        rows = self._rows("gone", receiver=home["receiver_id"], wanted=home["wanted"], limit=PORTION)
        words = []
        for row in rows:
            key = {"kind": row["kind"], "id": row["id"]}
            words.append(Word(Publication(row["config_topic"], b"", retain=True)))
            words.append(Word(Publication(row["state_topic"], b"", retain=True), "drop_thing", key))
        return words, after if len(rows) == PORTION else None

    def _changed(self, home: Row, after: tuple[str, int], now: datetime) -> tuple[list[Word], tuple[str, int] | None]:
        """Of the next things what is other than was told."""
        about = {"tenant": home["tenant_id"], "receiver": home["receiver_id"], "limit": PORTION}
        rows = self._rows("things", **about, after_kind=after[0], after_id=after[1])
        words = [word for row, thing in self._things(home, rows) for word in words_of(home, row, thing, now)]
        return words, (rows[-1]["kind"], rows[-1]["id"]) if len(rows) == PORTION else None

    def _things(self, home: Row, rows: Sequence[Row]) -> list[tuple[Row, Thing]]:
        """Rows with what their devices said; what nobody has ever heard of is left out."""
        keys = {kind: [row["id"] for row in rows if row["kind"] == kind] for kind in ("vehicle", "device")}
        tenant = home["tenant_id"]
        devices = self._rows("devices", tenant=tenant, vehicles=keys["vehicle"], devices=keys["device"])
        ids = [device["id"] for device in devices]
        temperatures = _by_device(self._rows("temperatures", tenant=tenant, devices=ids))
        alerts = _by_device(self._rows("alerts", tenant=tenant, devices=ids))
        aboard: dict[tuple[str, int], list[Row]] = {}
        for device in devices:
            key = ("vehicle", device["vehicle_id"]) if device["vehicle_id"] else ("device", device["id"])
            aboard.setdefault(key, []).append(device)
        found = []
        for row in rows:
            its = aboard.get((row["kind"], row["id"]), [])
            has_spoken = any(device["has_spoken"] or device["id"] in temperatures for device in its)
            if row["config"] is not None or row["time"] is not None or has_spoken:
                found.append((row, _thing(row, its, temperatures, alerts)))
        return found

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with self._lock, self._link.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._q[query], values).fetchall()

    def _run_query(self, query: str, **values: Any) -> psycopg.Cursor:
        with self._lock:
            return self._link.connection.execute(self._q[query], values)

    def _told(self, home: Row, now: datetime, after: tuple[str, int], *, goes_on: bool) -> None:
        if not home["wanted"] and not goes_on:
            self._run_query("end", receiver=home["receiver_id"])
        due_at = now if goes_on else now + timedelta(seconds=EACH_S)
        where = {"after_kind": after[0], "after_id": after[1]}
        self._run_query("told", receiver=home["receiver_id"], due_at=due_at, now=now, **where)

    def _failed(self, home: Row, attempt: Attempt, now: datetime) -> None:
        """Later, and ever later, as with events; whatever the reason, nothing else is held up by it."""
        away = judge(attempt._replace(status=None), 0, home["failures"], now, 0.0)
        self._run_query("failed", receiver=home["receiver_id"], due_at=away.paused_until, error=attempt.error)


def words_of(home: Row, row: Row, thing: Thing, now: datetime) -> list[Word]:
    """What is told of a thing: what it is and how it is, where either is another than was told or that was long ago."""
    topics = topics_of(home["discovery"], home["prefix"], thing)
    key = {"kind": row["kind"], "id": row["id"]}
    words: list[Word] = []
    is_new, has_moved = row["config"] is None, False
    for before, topic in ((row["config_topic"], topics.config), (row["state_topic"], topics.state)):
        if before not in (None, topic):
            has_moved = True
            words.append(Word(Publication(before, b"", retain=True)))
    config = config_of(thing, topics, home["pages"])
    digest = _digest(config)
    if is_new or has_moved or digest != bytes(row["config"]) or row["config_at"] + AGAIN <= now:
        told = config if has_moved else without(config, row["parts"] or {})
        kept = {**key, "tenant": home["tenant_id"], "config_topic": topics.config, "state_topic": topics.state}
        kept |= {"parts": json.dumps(parts_of(config)), "digest": digest, "now": now}
        words.append(Word(Publication(topics.config, _body(told), retain=True), "put_config", kept))
    state = state_of(thing)
    digest = _digest(state)
    is_told = row["state"] is not None and not has_moved
    if is_told and row["state_at"] + timedelta(seconds=EACH_S) > now:
        return words
    if not is_told or digest != bytes(row["state"]) or row["state_at"] + AGAIN <= now:
        kept = {**key, "digest": digest, "now": now}
        words.append(Word(Publication(topics.state, _body(state), retain=True), "put_state", kept))
    return words


def _thing(
    row: Row,
    devices: Sequence[Row],
    temperatures: Mapping[int, Sequence[Row]],
    alerts: Mapping[int, Sequence[Row]],
) -> Thing:
    position = None
    if row["time"] is not None:
        position = Position(row["time"], row["lat"], row["lon"], row["accuracy_m"])
    active = sorted((each for device in devices for each in alerts.get(device["id"], ())), key=lambda a: a["severity"])
    return Thing(
        row["kind"],
        row["name"],
        row["label"],
        row["model"],
        row["place"],
        position,
        [
            Device(
                device["name"],
                (device["has_spoken"] or device["id"] in temperatures) and not device["is_silent"],
                device["battery_ratio"],
                [
                    Temperature(each["probe"], each["time"], each["temp_c"], each["humidity_pct"])
                    for each in temperatures.get(device["id"], ())
                ],
            )
            for device in devices
        ],
        [each["title"] for each in active],
    )


def _by_device(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["device_id"], []).append(row)
    return found


def _body(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(document: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(_body(document)).digest()[:16]
