"""The end of a broker session: a worker that leaves must not go on collecting a share that nobody will read."""

from __future__ import annotations

import time

from ingest.mqtt.codec import CONNACK, DISCONNECT_BYTES, Decoder, ProtocolError, encode_connect, parse_connack
from ingest.mqtt.receiver import ReceiverConfig, ReceiverError
from ingest.mqtt.wire import IDLE_SLICE_S, Wire, open_socket


def end_session(config: ReceiverConfig) -> None:
    """Has the broker forget the session of this client id. Call it when the receiver is closed.

    Raises:
        ReceiverError: the broker cannot be reached or refuses us; the session stays.
    """
    endpoint = config.endpoint
    deadline_s = time.monotonic() + config.connect_timeout_s
    wire = Wire(open_socket(endpoint, config.connect_timeout_s, config.tls_context))
    hello = encode_connect(
        config.client_id, endpoint.user, endpoint.password, keepalive_s=config.keepalive_s, clean_session=True
    )
    try:
        if not wire.send(hello):
            raise ConnectionError(wire.failure)
        _await_welcome(wire, Decoder(config.max_packet_bytes), deadline_s)
    except (OSError, ProtocolError) as error:
        raise ReceiverError(f"the session with {endpoint.address} could not be ended: {error}") from None
    finally:
        wire.close(DISCONNECT_BYTES, drain=True)


def _await_welcome(wire: Wire, decoder: Decoder, deadline_s: float) -> None:
    while not decoder.controls:
        if time.monotonic() > deadline_s:
            raise TimeoutError("no answer to CONNECT")
        wire.wait(IDLE_SLICE_S)
        if data := wire.read():
            decoder.feed(data)
    answer = decoder.controls[0]
    if answer.kind != CONNACK or parse_connack(answer)[1]:
        raise ProtocolError("it refused the connection")
