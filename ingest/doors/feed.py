"""From the doors' inbox to the writer: parcels are grouped, prepared like MQTT messages, and answered once durable."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from domain.names import foreign_id as spelled
from ingest.background import HandOver, Toolkit
from ingest.directory import Device, Holder
from ingest.doors.inbox import Fate, Inbox, Outcome, Parcel
from ingest.phones import Phones, Words
from ingest.prepare import Prepared, Stranger
from store.link import Stopped

log = logging.getLogger(__name__)

PARCELS_AT_ONCE = 500
LINGER_S = 0.005
TIMEOUT_S = 0.25
TELL_S = 1.0
STRANGERS_MAX = 1000  # between two times they are told
STORED = Outcome(Fate.STORED)
UNKNOWN = Outcome(Fate.UNKNOWN, "no device with this id or token: it was revoked, or moved to another tenant")
ENDED = Outcome(Fate.LATER, "ingest stops")


class Feed:
    """One thread with its own view of the registry, so that doors and broker do not wait for one another.

    When it fails it ends: doors take nothing more then, and whoever started it sees `is_alive` and `failure`.
    """

    def __init__(
        self, inbox: Inbox, tools: Toolkit, hand_over: HandOver, clock: Callable[[], int], phones: Phones | None = None
    ) -> None:
        self._inbox = inbox
        self._link, self._directory, self._preparer = tools
        self._hand_over = hand_over
        self._phones = phones or Phones()
        self._clock = clock
        self._mutex = threading.Lock()
        self._strangers: Counter[str] = Counter()
        self._told_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doors", daemon=True)
        self.failure: Exception | None = None

    def knows(self, foreign_id: str) -> bool:
        """Whether exactly one registered device has this id and speaks for itself. From any thread; never waits.

        Who is not known is remembered for the list of unknown devices.
        """
        if self._directory.by_foreign_id(foreign_id) is not None:
            return True
        if name := spelled(foreign_id):
            with self._mutex:
                if name in self._strangers or len(self._strangers) < STRANGERS_MAX:
                    self._strangers[name] += 1
        return False

    def holder(self, token_sha256: bytes) -> Holder | None:
        """Whose token this is. From any thread; never waits."""
        return self._directory.holder(token_sha256)

    def start(self) -> None:
        """Begins with the registry read."""
        self._link.run(self._directory.refresh)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float) -> None:
        """What has come in is still handed over."""
        self._inbox.close()
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self._link.close()

    def _run(self) -> None:
        try:
            while True:
                parcels = self._inbox.take(PARCELS_AT_ONCE, LINGER_S, TIMEOUT_S)
                if parcels:
                    self._work(parcels)
                elif self._ended.is_set():
                    return
                else:
                    self._link.run(self._directory.refresh_when_old)
                self._tell_strangers()
        except Stopped:
            pass
        except Exception as error:
            log.exception("the doors' feed failed")
            self.failure = error
        finally:
            self._inbox.close()
            while left := self._inbox.take(PARCELS_AT_ONCE, 0, 0):
                _answer(left, ENDED)

    def _work(self, parcels: list[Parcel]) -> None:
        try:
            self._link.run(self._directory.refresh_when_old)
            devices = [self._device(parcel) for parcel in parcels]
            known = [(parcel, device) for parcel, device in zip(parcels, devices, strict=True) if device is not None]
            messages = [self._message(parcel, device) for parcel, device in known]
            received_us = self._clock()
            prepared = self._link.run(lambda: self._preparer.prepare(messages, received_us))
            prepared.at_door = True
            phones = {device.device_id for parcel, device in known if parcel.format == "owntracks"}
            words = self._link.run(lambda: self._phones.claim(self._link.connection, phones)) if phones else {}
        except Exception:
            _answer(parcels, ENDED)
            raise
        _answer([parcel for parcel, device in zip(parcels, devices, strict=True) if device is None], UNKNOWN)
        if known:
            taken = [parcel for parcel, _ in known]
            said = self._last_of_each(known, words)
            if not self._hand_over(prepared, len(taken), lambda: self._durable(taken, prepared.quarantined_why, said)):
                _answer(taken, ENDED)

    @staticmethod
    def _last_of_each(known: list[tuple[Parcel, Device]], words: dict[int, Words]) -> dict[int, Words]:
        """By number of the parcel, in whose answer a device hears it: that of its last one here."""
        said: dict[int, Words] = {}
        left = dict(words)
        for number in range(len(known) - 1, -1, -1):
            parcel, device = known[number]
            if parcel.format == "owntracks" and (found := left.pop(device.device_id, None)):
                said[number] = found
        return said

    def _durable(self, parcels: list[Parcel], why: Mapping[int, str], said: Mapping[int, Words]) -> None:
        for number, parcel in enumerate(parcels):
            outcome = Outcome(Fate.QUARANTINED, why[number]) if number in why else STORED
            if number in said:
                self._phones.heard(said[number].ids)
                outcome = outcome._replace(words=said[number].body)
            parcel.done(outcome)

    def _tell_strangers(self) -> None:
        """Ids that knocked at a door and nobody has registered; of which tenant they may be, nobody knows."""
        if not self._strangers or time.monotonic() - self._told_at < TELL_S:
            return
        self._told_at = time.monotonic()
        with self._mutex:
            knocked, self._strangers = self._strangers, Counter()
        found = Counter({Stranger("", "", name): times for name, times in knocked.items()})
        self._hand_over(Prepared(self._clock(), strangers=found), 0, lambda: None)

    def _device(self, parcel: Parcel) -> Device | None:
        """Of whom a parcel is, as the registry stands now."""
        if isinstance(parcel.sender, str):
            return self._directory.by_foreign_id(parcel.sender)
        holder = self._directory.holder(parcel.sender)
        if holder is None or not parcel.source:
            return holder and holder.device
        return self._link.run(lambda: self._directory.behind(holder.device, parcel.source))

    def _message(self, parcel: Parcel, device: Device) -> tuple[bytes, bytes, int, bool, bool]:
        tenant, name = self._directory.names[device.device_id]
        return f"fw/v1/{tenant}/{name}/{parcel.format}".encode(), parcel.payload, 0, False, False


def _answer(parcels: list[Parcel], outcome: Outcome) -> None:
    for parcel in parcels:
        parcel.done(outcome)
