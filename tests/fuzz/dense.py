"""The fullest messages of each format: what keeps the neighbours in a group waiting longest.

python -m tests.fuzz.dense     how long each takes; status 1 when one takes longer than it may
"""

from __future__ import annotations

import struct
import sys

import cbor2

from domain.names import PAYLOAD_BYTES_MAX
from tests.fuzz.target import PARSE_S_MAX, seconds


def packed(one: bytes, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """As many as fit into the largest message."""
    return before + b",".join([one] * ((PAYLOAD_BYTES_MAX - len(before) - len(after)) // (len(one) + 1))) + after


def keys(before: bytes = b"{", after: bytes = b"}") -> bytes:
    many = b",".join(b'"k%d":1' % number for number in range(6000))
    return before + many + after


RECORD = struct.pack(">QBiihHBH", 1_764_000_000_000, 0, 249_000_000, 600_000_000, 10, 90, 9, 36)
ELEMENTS = bytes([1, 255, 255]) + bytes(n for each in range(255) for n in (each, 1)) + bytes(3)
LORA = b'{"%s":{"%s":"0011223344556677","device_id":"d"},%s'
DENSE = [
    ("senml", packed(b'{"n":"a","v":1}')),
    ("senml", packed(b'{"n":"temperature","u":"Cel","v":1,"t":5}')),
    ("senml", cbor2.dumps([{0: "a", 2: 1}] * 8000)),
    ("thingsboard", keys()),
    ("thingsboard", packed(b'{"ts":1764000000000,"values":{"t":1}}')),
    ("owntracks", keys(b'{"_type":"location","lat":1,"lon":2,"tst":5,')),
    ("owntracks", packed(b'{"_type":"location","lat":1,"lon":2,"tst":5}')),
    ("osmand", keys(b'{"device_id":"1","location":{"coords":{"latitude":1,"longitude":2},"extras":{', b"}}}")),
    ("ble", keys(b'{"mac":"AA:BB:CC:DD:EE:FF",')),
    ("ble", packed(b'{"mac":"AA:BB:CC:DD:EE:FF","tempc":1}')),
    ("ruuvi", packed(b'{"gw_mac":"AA"}')),
    ("tts", keys(LORA % (b"end_device_ids", b"dev_eui", b'"uplink_message":{"f_port":1,"decoded_payload":{'), b"}}}")),
    ("chirpstack", keys(LORA % (b"deviceInfo", b"devEui", b'"fPort":1,"object":{'), b"}}")),
    ("teltonika", bytes([8, 100]) + (RECORD + ELEMENTS) * 100 + bytes([100])),
    ("traccar", keys(b'{"device":{"uniqueId":"868"},"position":{"latitude":1,"longitude":2,"attributes":{', b"}}}")),
    ("flespi", packed(b'{"ident":"868","timestamp":1764000000,"din":1}')),
    ("flespi", keys(b'{"ident":"868",')),
    ("telegraf", keys(b'{"name":"a","tags":{"probe":"b"},"fields":{', b"}}")),
    ("telegraf", b'{"metrics":' + packed(b'{"name":"a","fields":{"temp":1},"timestamp":1764000000}')[:-1] + b"]}"),
    ("reads", packed(b'{"epc":"3034257BF7194E4000001A85"}')),
    ("reads", packed(b'{"data":{"idHex":"3034"}}')),
    ("attr", keys(b'{"key":"a","num":1,')),
    ("gps", packed(b"1", b'{"lat":1,"lon":1,"t":[')),
    ("temp.mp", b"\x91" * 60_000),
    ("temp.cbor", b"\x81" * 60_000),
]


def main() -> int:
    """Prints the times, best of three: what the machine does beside is not the decoder's."""
    worst = 0.0
    for name, payload in DENSE:
        took_s = min(seconds(name, payload) for _ in range(3))
        worst = max(worst, took_s)
        print(f"{name:12} {len(payload):6} bytes {took_s * 1000:6.1f} ms")
    print(f"the longest: {worst * 1000:.1f} ms of {PARSE_S_MAX * 1000:.0f}")
    return worst > PARSE_S_MAX


if __name__ == "__main__":
    sys.exit(main())
