"""What lies in a spool goes to a broker, QoS 1, in order; what it has not acknowledged stays there."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest.mqtt.receiver import Backoff, Endpoint
from ingest.spool import Spool, Spooled

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
TIMEOUT_S = 30.0
FIRST_S, MOST_S = 1.0, 60.0


class _Link:
    """One connection; `news` is told of all that happens to it."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, client_id: str) -> None:
        self.news = threading.Condition()
        self.is_in = False
        self.gone = ""
        self.taken: set[int] = set()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        self.client.username_pw_set(endpoint.user, endpoint.password)
        if endpoint.tls:
            self.client.tls_set_context(tls or ssl.create_default_context())
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.connect(endpoint.host, endpoint.port, keepalive=KEEPALIVE_S)
        self.client.loop_start()

    def _on_connect(self, *told: Any) -> None:
        with self.news:
            if told[3].is_failure:
                self.gone = f"the broker does not let us in: {told[3]}"
            else:
                self.is_in = True
            self.news.notify_all()

    def _on_disconnect(self, *told: Any) -> None:
        with self.news:
            self.gone = self.gone or f"the connection to the broker is lost: {told[3]}"
            self.news.notify_all()

    def _on_publish(self, *told: Any) -> None:
        with self.news:
            self.taken.add(int(told[2]))
            self.news.notify_all()

    def close(self) -> None:
        self.client.on_disconnect = None
        with contextlib.suppress(OSError, ValueError):
            self.client.disconnect()
        self.client.loop_stop()


class Publisher:
    """A thread that empties a spool into a broker, whatever becomes of the connection."""

    def __init__(self, spool: Spool, endpoint: Endpoint, tls: ssl.SSLContext | None, stop: threading.Event) -> None:
        self._spool, self._endpoint, self._tls, self._stop = spool, endpoint, tls, stop
        self._backoff = Backoff(FIRST_S, MOST_S)
        self._said = ""
        self.acknowledged = 0
        """Messages that the broker has taken."""

    def run(self) -> None:
        """Until it is stopped."""
        while not self._stop.is_set():
            try:
                link = _Link(self._endpoint, self._tls, self._endpoint.user or "")
            except (OSError, ValueError) as error:
                self._tell(f"{self._endpoint.address}: {error}")
            else:
                try:
                    self._empty(link)
                    self._tell(link.gone and f"{self._endpoint.address}: {link.gone}")
                finally:
                    link.close()
            self._stop.wait(self._backoff.draw())

    def _tell(self, why: str) -> None:
        """Once, and not at each try."""
        if why and why != self._said:
            log.warning("%s; reads are kept on disk (%d kB)", why, self._spool.held_bytes >> 10)
        self._said = why

    def _empty(self, link: _Link) -> None:
        with link.news:
            link.news.wait_for(lambda: link.is_in or link.gone or self._stop.is_set(), TIMEOUT_S)
            if not link.is_in:
                link.gone = link.gone or "the broker does not answer"
                return
        log.info("%s: connected", self._endpoint.address)
        self._said = ""
        while not self._stop.is_set() and not link.gone:
            if not self._spool.filled.wait(0.2):
                continue
            if (group := self._spool.next()) is not None and self._publish(link, group):
                self._spool.done(group)
                self.acknowledged += len(group.messages)
                self._backoff.reset()

    def _publish(self, link: _Link, group: Spooled) -> bool:
        """Whether all of a group was acknowledged."""
        wanted = set()
        for topic, payload, *_ in group.messages:
            sent = link.client.publish(topic.decode(), payload, qos=1)
            if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                link.gone = link.gone or "the connection to the broker is lost"
                return False
            wanted.add(sent.mid)
        with link.news:
            if not link.news.wait_for(lambda: wanted <= link.taken or link.gone or self._stop.is_set(), TIMEOUT_S):
                link.gone = "the broker does not acknowledge"
            is_taken = wanted <= link.taken
            link.taken -= wanted
        return is_taken
