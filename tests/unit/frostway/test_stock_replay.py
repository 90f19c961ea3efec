"""`frostway stock replay`: stock by zone from a file of reads, and each bad line named."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from firmware_sim.stockroom import sgtin96
from frostway.cli.work.stock_replay import print_stock, read_reads, read_zones, stock_of
from frostway.failure import Failure

HEAD = "time,reader,antenna,epc,rssi_dbm"
MILK, OTHER = sgtin96("06414123456783", 7, 1), "AB12"


def line(minute: int, reader: str, epc: str, dbm: str = "-55", antenna: str = "1", second: int = 0) -> str:
    return f"2026-11-30T08:{minute:02d}:{second:02d}Z,{reader},{antenna},{epc},{dbm}"


READS = [line(m, "cold", epc, second=s) for m in range(10) for s in (0, 30) for epc in (MILK, OTHER)] + [
    line(m, "gate", MILK, "-70", antenna="2") for m in range(0, 10, 3)
]


def saved(folder: Path, *lines: str, name: str = "reads.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_stock_by_zone_in_any_order(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_stock(saved(tmp_path, HEAD, *READS), None, as_json=True)
    told = orjson.loads(capsysbinary.readouterr().out)
    assert [(z["zone"], z["gtin"], z["quantity"]) for z in told["levels"]] == [
        ("cold", None, 1),
        ("cold", "06414123456783", 1),
    ]
    assert min(z["confidence"] for z in told["levels"]) > 0.95
    assert {t["epc"]: t["zone"] for t in told["tags"]} == {MILK: "cold", OTHER: "cold"}
    assert (told["n"], told["from"], told["to"]) == (len(READS), "2026-11-30T08:00:00.000Z", "2026-11-30T08:09:30.000Z")
    mixed = random.Random(3).sample(READS, len(READS))
    again = stock_of(read_reads(saved(tmp_path, HEAD, *mixed, *mixed[:9]), None))
    assert sorted(map(str, again["levels"])) == sorted(map(str, told["levels"]))


def test_readers_and_their_antennas_stand_in_zones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zones = saved(tmp_path, "reader,antenna,zone", "cold,,room", "gate,2,outside", name="zones.csv")
    assert read_zones(zones) == {("cold", None): "room", ("gate", 2): "outside"}
    print_stock(saved(tmp_path, HEAD, *READS, line(1, "gate", MILK, antenna="7")), zones, as_json=False)
    out, err = capsys.readouterr()
    assert "room" in out
    assert "cold" not in out
    assert "1 reads of gate: it stands in no zone" in err


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("2026-11-30 08:00,cold,1,AB,-55", "line 3: time '2026-11-30 08:00' is not RFC 3339 with an offset: write"),
        (line(1, "", "AB"), "line 3: reader is empty"),
        (line(1, "cold", "XYZ"), "line 3: epc 'XYZ' is not hexadecimal"),
        (line(1, "cold", ""), "line 3: epc '' is not hexadecimal"),
        (line(1, "cold", "AB", "loud"), "line 3: rssi_dbm 'loud' is no strength in dBm"),
        (line(1, "cold", "AB", "-5500"), "line 3: rssi_dbm '-5500'"),
        (line(1, "cold", "AB", "nan"), "line 3: rssi_dbm 'nan'"),
        (line(1, "cold", "AB", antenna="left"), "line 3: antenna 'left' is no whole number"),
        ("a,b", "line 3: 2 fields where the header has 5"),
        (line(1, "cold", "AB") + ",1,2", "line 3: 7 fields where the header has 5"),
    ],
)
def test_a_bad_line_is_named_and_how_to_mend_it(tmp_path: Path, bad: str, told: str) -> None:
    with pytest.raises(Failure) as failed:
        read_reads(saved(tmp_path, HEAD, READS[0], bad), None)
    assert told in str(failed.value)
    assert "\n" not in str(failed.value)


def test_a_file_without_reads_or_without_columns(tmp_path: Path) -> None:
    assert stock_of(read_reads(saved(tmp_path, HEAD), None))["levels"] == []
    with pytest.raises(Failure, match="no column reader, epc: the header line is time,reader"):
        read_reads(saved(tmp_path, "time,tag"), None)
    with pytest.raises(Failure, match="cannot be read"):
        read_reads(tmp_path / "none.csv", None)
