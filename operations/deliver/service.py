"""The thread that tells receivers (webhooks, channels, brokers): several at once, each in the order of what happened.

What is being told is claimed for a while and told again when its program is gone: at least once, under one number.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from prometheus_client import Counter, Gauge
from psycopg.rows import dict_row

from domain import web_push
from domain.brokers import event_topic, state_topics
from domain.channels import MAIL, put_in, unsubscribe_headers, with_headers
from domain.webhooks import body_of, headers_of
from operations.deliver.decide import ESCALATION, MILESTONE, Attempt, judge
from operations.deliver.message import alert_message, all_in_one, in_groups, route_message
from operations.deliver.messenger import Messenger
from operations.deliver.publish import Publication, Publish, login_of, publish
from operations.deliver.push import push, to_customer
from operations.deliver.send import TIMEOUT_S, post
from operations.deliver.settings import DeliverConfig
from operations.deliver.worker import Worker, trusting
from operations.milestones.words import with_links
from store.db import queries
from store.link import Link
from store.secrets import opened

SHARE, PORTION, HANDS = 10, 100, 10
POLL_S = 0.5
CLAIM = timedelta(seconds=SHARE * (TIMEOUT_S + 5))
WAITING_MAX = 50_000  # for one receiver
TIDY_S = 60.0

deliveries_total = Counter("frostway_operations_deliveries_total", "Attempts to tell a webhook or channel", ["outcome"])
deliveries_waiting = Gauge("frostway_operations_deliveries_waiting", "What waits to be told; 100000 are counted")
webhooks_failing = Gauge("frostway_operations_webhooks_failing", "Webhooks and channels whose last attempt failed")


_UNREADABLE = Attempt(None, "its address was sealed with another secret: give it once more", 0)
Post = Callable[[str, Mapping[str, str], bytes], Attempt]


class Deliveries(Worker):
    """Tells what is due until stopped; what fails is in the store, nothing is kept in memory."""

    def __init__(self, config: DeliverConfig, stop: threading.Event, send: Post | None = None) -> None:
        super().__init__("deliveries", Link(config.database_url, "deliveries", stop), stop, hands=HANDS, rest_s=POLL_S)
        self._q = queries("deliver")
        self._tidy_due = 0.0
        tls = trusting(config.ca_file)
        self._send = send or (lambda url, headers, body: post(url, headers, body, config.networks, tls))
        self._publish: Publish = lambda url, login, messages: publish(url, login, messages, config.networks, tls)
        self._messenger = Messenger(config.networks, config.ca_file)
        self._sealing_secret = config.sealing_secret

    def close(self) -> None:
        """Lets go of the database and of the programs that send."""
        self._messenger.close()
        super().close()

    def turn(self, pool: ThreadPoolExecutor, now: datetime) -> int:
        """Tells a share of what is due; how much was tried."""
        connection = self._link.connection
        if time.monotonic() >= self._tidy_due:
            self._tidy_due = time.monotonic() + TIDY_S
            connection.execute(self._q["give_up_surplus"], {"now": now, "most": WAITING_MAX})
            waiting, failing = connection.execute(self._q["waiting"]).fetchone() or (0, 0)
            deliveries_waiting.set(waiting)
            webhooks_failing.set(failing)
        with connection.cursor(row_factory=dict_row) as cursor:
            values = {"now": now, "share": SHARE, "limit": PORTION, "claim": CLAIM}
            due = cursor.execute(self._q["due"], values).fetchall()
        lock = threading.Lock()
        work = [list(rows) for _, rows in groupby(due, lambda row: row["receiver_id"])]
        return sum(pool.map(lambda rows: self._tell(rows, lock), work))

    def _tell(self, rows: Sequence[Mapping[str, Any]], lock: threading.Lock) -> int:
        """What waits for one receiver, one after the other, until it fails as a whole."""
        tried = 0
        for group in in_groups(rows):
            attempt = self._attempt(group, lock)
            with lock:
                goes_on = [self._record(row, attempt, datetime.now(UTC), counts=row is group[0]) for row in group]
            tried += len(group)
            if not all(goes_on) or self._stop.is_set():
                left = [each["id"] for each in rows[tried:]]
                with lock:
                    self._link.connection.execute(self._q["unclaim"], {"ids": left})
                break
        return tried

    def _attempt(self, group: Sequence[Mapping[str, Any]], lock: threading.Lock) -> Attempt:
        """Tells what is one message."""
        if group[0]["kind"] == "webhook":
            return self._to_webhook(group[0])
        if group[0]["kind"] == "broker":
            return self._to_broker(group[0], lock)
        return self._to_customer(group[0], lock) if group[0]["type"] == MILESTONE else self._to_channel(group)

    def _to_webhook(self, row: Mapping[str, Any]) -> Attempt:
        body = body_of(row["tenant"], row)
        secrets = [bytes(each) for each in (row["secret"], row["former_secret"]) if each is not None]
        return self._send(row["url"], headers_of(row["id"], body, secrets, datetime.now(UTC), row["type"]), body)

    def _to_broker(self, row: Mapping[str, Any], lock: threading.Lock) -> Attempt:
        """An event on its topic, and where it is the last word, that word."""
        login = login_of(self._sealing_secret, row["sealed"])
        if login is None:
            return _UNREADABLE
        body = body_of(row["tenant"], row)
        messages = [Publication(event_topic(row["prefix"], row["type"]), body)]
        for topic, is_said in state_topics(row["prefix"], row) if row["retained"] else ():
            values = {"receiver": row["receiver_id"], "id": row["id"], "subject": row["subject"]}
            about = {"vehicle": row["data"].get("vehicle") if "/state/vehicles/" in topic else None}
            with lock:
                (is_last,) = self._link.connection.execute(self._q["is_last_word"], values | about).fetchone() or (
                    True,
                )
            if is_last:
                messages.append(Publication(topic, body if is_said else b"", retain=True))
        return self._publish(row["url"], login, messages)

    def _to_channel(self, group: Sequence[Mapping[str, Any]]) -> Attempt:
        row = group[0]
        url = opened(self._sealing_secret, bytes(row["sealed"])) if self._sealing_secret else None
        if url is None:
            return _UNREADABLE
        address = put_in(url.decode(), str(row["data"].get("to", "")))
        looks = (row["language"], row["tz"], row["pages"], row["name"])
        if row["type"] == ESCALATION:
            told = route_message(row["data"], *looks)
        else:
            messages = [alert_message(each["type"], each["data"], *looks) for each in group]
            ids = [str(each["data"]["alert"]) for each in group if "alert" in each["data"]]  # a test is of none
            many = partial(all_in_one, messages, row["language"], row["pages"], alerts=ids)
            told = messages[0] if len(messages) == 1 else many()
        if address.startswith(f"{web_push.SCHEME}://"):
            return push(address, told, row["pages"], self._sealing_secret, self._send)
        return self._messenger.send(address, told.title, told.body)

    def _to_customer(self, row: Mapping[str, Any], lock: threading.Lock) -> Attempt:
        """A milestone, if its recipient's link is good at this moment, and it is not told too late."""
        q, share = queries("milestones"), {"share": row["share_id"], "recipient": row["recipient_id"]}
        with lock:
            found = self._link.connection.execute(q["recipient_now"], share).fetchone()
        if found is None:
            return Attempt(None, "its link is over, or its recipient wants no more", 0, is_moot=True)
        data, secret = row["data"], self._sealing_secret
        if datetime.fromisoformat(data["until"]) < datetime.now(UTC):
            return Attempt(None, "it came too late to be of use", 0, is_moot=True)
        url, kept = (opened(secret, bytes(each)) if secret else None for each in (row["sealed"], found[0]))
        if url is None or kept is None:
            return _UNREADABLE
        recipient = json.loads(kept)
        if "browser" in recipient:
            attempt = to_customer(recipient, data, secret, self._send)
            if attempt.is_moot:
                with lock:
                    self._link.connection.execute(q["forget_recipient"], share)
            return attempt
        address = put_in(url.decode(), recipient["to"])
        if address.startswith(MAIL):
            address = with_headers(address, unsubscribe_headers(f"{recipient['url']}/stop"))
        return self._messenger.send(
            address, data["title"], with_links(data["lines"], recipient["url"], data["language"])
        )

    def _record(self, row: Mapping[str, Any], attempt: Attempt, now: datetime, *, counts: bool) -> bool:
        """Writes an attempt down, with what follows; whether the receiver takes more. `counts`: as one of it."""
        connection = self._link.connection
        with connection.transaction():
            (failures,) = connection.execute(self._q["failures"], {"id": row["receiver_id"]}).fetchone() or (0,)
            verdict = judge(attempt, row["attempts"], failures, now, random.random())
            connection.execute(
                self._q["attempted"],
                {
                    "id": row["id"],
                    "now": now,
                    "status": attempt.status,
                    "error": attempt.error or None,
                    "took_ms": attempt.took_ms,
                    "answer": attempt.answer or None,
                    "outcome": verdict.outcome,
                    "next_at": verdict.next_at,
                },
            )
            if verdict.outcome == "done":
                connection.execute(self._q["reached"], {"id": row["receiver_id"], "now": now})
            elif counts and not attempt.is_moot:
                why = {"error": attempt.error, "paused_until": verdict.paused_until, "disable": verdict.disable}
                connection.execute(self._q["failed"], {"id": row["receiver_id"], "now": now, **why})
        deliveries_total.labels(verdict.outcome).inc()
        return verdict.paused_until is None and not verdict.disable
