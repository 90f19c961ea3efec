"""From the doors' inbox to the writer: parcels are grouped, prepared like MQTT messages, and answered once durable."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ingest.directory import Directory
from ingest.doors.inbox import Inbox, Parcel
from ingest.prepare import Prepared, Preparer
from store.link import Link, Stopped

log = logging.getLogger(__name__)

PARCELS_AT_ONCE = 500
LINGER_S = 0.005
TIMEOUT_S = 0.25
Hand = Callable[[Prepared, int, Callable[[], None]], object]
"""Gives the writer something prepared, of so many messages, and what to do once it is durable."""


class Feed:
    """One thread with its own view of the registry, so that doors and broker do not wait for one another."""

    def __init__(
        self, inbox: Inbox, link: Link, directory: Directory, preparer: Preparer, hand: Hand, clock: Callable[[], int]
    ) -> None:
        self._inbox = inbox
        self._link = link
        self._directory = directory
        self._preparer = preparer
        self._hand = hand
        self._clock = clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doors", daemon=True)

    def knows(self, foreign_id: str) -> bool:
        """Whether exactly one registered device has this id and speaks for itself. From any thread; never waits."""
        return self._directory.by_foreign_id(foreign_id) is not None

    def start(self) -> None:
        """Begins with the registry read."""
        self._link.run(self._directory.refresh)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """What has come in is still handed over."""
        self._inbox.close()
        self._ended.set()
        self._thread.join(timeout_s)
        self._link.close()

    def _run(self) -> None:
        try:
            while True:
                parcels = self._inbox.take(PARCELS_AT_ONCE, LINGER_S, TIMEOUT_S)
                self._link.run(self._directory.refresh_when_old)
                if parcels:
                    self._work(parcels)
                elif self._ended.is_set():
                    return
        except Stopped:
            pass
        except Exception:
            log.exception("the doors' feed failed")
            self._inbox.close()  # doors take nothing more, and acknowledge nothing

    def _work(self, parcels: list[Parcel]) -> None:
        known: list[Parcel] = []
        messages: list[tuple[bytes, bytes, int, bool, bool]] = []
        for parcel in parcels:
            device = self._directory.by_foreign_id(parcel.sender)
            if device is None:
                parcel.done("no device with this id: it was revoked, or moved to another tenant")
                continue
            tenant, name = self._directory.names[device.device_id]
            known.append(parcel)
            messages.append((f"fw/v1/{tenant}/{name}/{parcel.format}".encode(), parcel.payload, 0, False, False))
        if known:
            received_us = self._clock()
            prepared = self._link.run(lambda: self._preparer.prepare(messages, received_us))
            self._hand(prepared, len(known), lambda: _answer(known))


def _answer(parcels: list[Parcel]) -> None:
    for parcel in parcels:
        parcel.done(None)
