"""Tag reads of readers and gateways: Impinj, Zebra and plain lists, single and many; nothing lost, nothing guessed."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from domain.wire.reads import decode
from domain.wire.said import READINGS_MAX, REFUSED, Context, Said, WireError

NOW = Context(received_ms=1_796_025_600_000)
EPC = "3034257BF7194E4000001A85"
T_MS = 1_796_025_600_123.0
IMPINJ = {
    "timestamp": "2026-11-30T08:00:00.123456789Z", "hostname": "impinj-14-46-36", "eventType": "tagInventory",
    "tagInventoryEvent": {
        "epc": base64.b64encode(bytes.fromhex(EPC)).decode(), "epcHex": EPC, "antennaPort": 2, "antennaName": "door",
        "peakRssiCdbm": -5550, "frequency": 867500, "transmitPowerCdbm": 3000,
        "lastSeenTime": "2026-11-30T08:00:00.120Z",
    },
}  # fmt: skip
ZEBRA = {
    "type": "SIMPLE", "timestamp": "2026-11-30T10:00:00.123+0200",
    "data": {"eventNum": 7, "format": "epc", "idHex": EPC.lower(), "antenna": 2, "peakRssi": -55.5, "reads": 3},
}  # fmt: skip
PLAIN = {"t": T_MS, "ant": 2, "epc": EPC, "rssi": -55.5}


def read(value: Any) -> list[Said]:
    return decode(orjson.dumps(value), NOW)


def told(said: Said) -> tuple[Any, ...]:
    values = said.values
    return said.stream, round(values["t"]), values["ant"], values["epc"].upper(), values["rssi"]


@pytest.mark.parametrize("one", [IMPINJ, ZEBRA, PLAIN], ids=["impinj", "zebra", "plain"])
def test_one_and_many_say_the_same(one: dict[str, Any]) -> None:
    (alone,) = read(one)
    assert told(alone) == ("rfid", round(T_MS), 2, EPC, -55.5)
    assert [told(each) for each in read([one, one, one])] == [told(alone)] * 3


def test_several_reads_in_one_event_of_a_zebra() -> None:
    many = {**ZEBRA, "data": [ZEBRA["data"], {**ZEBRA["data"], "antenna": 3, "timestamp": T_MS + 5}]}  # type: ignore[dict-item]
    assert [(each.values["ant"], round(each.values["t"])) for each in read(many)] == [
        (2, round(T_MS)),
        (3, round(T_MS) + 5),
    ]


def test_a_bad_read_among_several_of_a_zebra_costs_itself() -> None:
    said = read({**ZEBRA, "data": [ZEBRA["data"], {"antenna": 1}, ZEBRA["data"]]})
    assert [each.stream for each in said] == ["rfid", REFUSED, "rfid"]


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_code_in_base64_is_read_where_there_is_no_other(alphabet: Any) -> None:
    code = "FBEFBE" + EPC[6:-2] + "FF"
    tag = {"epc": alphabet(bytes.fromhex(code)).decode().rstrip("="), "antennaPort": 1}
    (said,) = read({"eventType": "tagInventory", "tagInventoryEvent": tag})
    assert said.values == {"ant": 1, "epc": code}


def test_what_a_reader_says_of_itself_is_no_read() -> None:
    assert read({"timestamp": "2026-11-30T08:00:00Z", "eventType": "inventoryStatus", "inventoryStatusEvent": {}}) == []
    assert read([]) == []


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (5, "not an object"),
        ({}, "epc, tagInventoryEvent or data is wanted"),
        ({"epc": EPC, "antenna": 1}, "'antenna': t, ant, epc, rssi, boot and seq are known"),
        ({"eventType": "tagInventory"}, "tagInventoryEvent: not an object"),
        ({"eventType": "tagInventory", "tagInventoryEvent": {"antennaPort": 1}}, "no code of a tag"),
        ({"eventType": "tagInventory", "tagInventoryEvent": {"epc": "?"}}, "epc: '?' is not base64"),
        ({"tagInventoryEvent": {"epcHex": EPC, "peakRssiCdbm": "loud"}}, "peakRssiCdbm: 'loud' is not a number"),
        ({"data": "x"}, "data: not an object"),
        ({"data": {"antenna": 1}}, "no code of a tag"),
        ({"data": {"idHex": EPC}, "timestamp": "soon"}, "timestamp: 'soon'"),
        ({"data": {"idHex": EPC}, "timestamp": 1_796_025_600}, "looks like seconds: milliseconds are wanted"),
    ],
)
def test_a_read_that_cannot_be_read_costs_itself(bad: Any, why: str) -> None:
    with pytest.raises(WireError) as refused:
        read(bad)
    assert why in str(refused.value)
    said = read([PLAIN, bad, PLAIN])
    assert [each.stream for each in said] == ["rfid", REFUSED, "rfid"]
    assert "read 1: " in said[1].values["detail"]


def test_more_reads_than_a_message_may_hold_are_refused() -> None:
    assert len(read([{"epc": "3034"}] * READINGS_MAX)) == READINGS_MAX
    for many in ([{"epc": "3034"}] * (READINGS_MAX + 1), {"data": [{"idHex": "3034"}] * (READINGS_MAX + 1)}):
        with pytest.raises(WireError, match="send fewer in one message"):
            read(many)
