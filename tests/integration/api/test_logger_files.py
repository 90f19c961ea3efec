"""A logger's file comes in with its shipment: looked at, confirmed, its readings through the log, each file once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from domain.times import from_us, rfc3339
from ingest.background import Toolkit
from ingest.directory import Directory
from ingest.logger_files import LoggerFiles
from ingest.prepare import Preparer
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.registry import DeviceSpec, Registry
from store.secrets import new_token, token_hash
from tests.integration.api.seed import client, rows, serving
from tests.integration.fleet import T0, Fleet, S
from tests.integration.frostway.commands import refused, typed

PATH = "/api/v1/logger-files"
MINUTES = 120
READINGS = (
    "select l.text, r.time, r.temp_c from reading_temperature r join device d on d.id = r.device_id "
    "join label l on l.id = r.probe_id where d.name = %s order by 1, 2"
)


def export(begin: int = 0, end: int = MINUTES, unit: str = "°C", at: str = "%d/%m/%Y %H:%M") -> bytes:
    """A maker's export: a reading each five minutes, too warm from the 40th minute on for half an hour."""
    lines = ["ACME Logger;;", "Serial Number:;EF7204;", f"Date Time;Temperature {unit};Humidity %"]
    for minute in range(begin, end, 5):
        temp = 11.5 if 40 <= minute < 70 else 4.5
        when = from_us(T0 // (60 * S) * 60 * S + minute * 60 * S)
        lines.append(f"{when:{at}};{temp:.1f}".replace(".", ",") + ";55")
    return "\n".join(lines).encode()


class Desk:
    """A fleet with a shipment that was under way on truck-1, and somebody at the cold-chain desk."""

    def __init__(self, dsn: str) -> None:
        self.dsn, self.fleet = dsn, Fleet(dsn)
        self.tokens: dict[str, str] = {}
        with connect(dsn, "test") as c, c.transaction():
            registry = Registry(c)
            registry.put_shipment("S-1", reference="", vehicle="truck-1", profile="chilled", stops=[])
            registry.put_device(DeviceSpec("gps-9", "tracker"))
            for role in ("coldchain", "viewer"):
                token = self.tokens[role] = new_token()
                registry.add_token(token_hash(token), kind="bearer", subject=f"{role}-ann", role=role)
            c.execute("update shipment set status = 'in_transit', started_at = %s", [from_us(T0)])

    def take_in(self) -> int:
        """What ingest does when it is woken."""
        link = Link(self.dsn, "test loggers")
        try:
            return self.worker(link).work()
        finally:
            link.close()

    def worker(self, link: Link) -> LoggerFiles:
        directory = Directory(link, 1, time.monotonic)
        return LoggerFiles(Toolkit(link, directory, Preparer(directory, Labels(link), 10**17)), threading.Event())

    def decide(self) -> None:
        """What the tracker does with what is in the log."""
        tracker = self.fleet.tracker()
        self.fleet.settle(tracker)
        self.fleet.close(tracker)

    def readings(self, device: str = "logger-ef7204") -> list[Any]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(READINGS, [device]).fetchall()


@pytest.fixture
def desk(database: str) -> Desk:
    return Desk(database)


@pytest.fixture
def api(desk: Desk) -> Iterator[httpx.Client]:
    with serving(desk.dsn) as url, client(url, desk.tokens["coldchain"]) as asked:
        yield asked


CONFIRMED = {"shipment": "S-1", "date_order": "dmy", "zone": "UTC", "name": "ACME 7204.csv"}


def test_a_file_is_looked_at_confirmed_and_taken_in_once(desk: Desk, api: httpx.Client) -> None:
    looked = api.post(PATH, content=export(at="%d/%m/%Y %H:%M"), params={"shipment": "S-1", "dry_run": True})
    assert looked.status_code == 200
    said = looked.json()
    assert (said["state"], said["id"], said["device"], said["device_is_new"]) == (
        "looked_at", None, "logger-ef7204", True,
    )  # fmt: skip
    assert said["vehicle"] == "truck-1"
    assert said["detection"]["open"] == ["zone"], "the 15th of June is in no other order"
    assert rows(desk.dsn, "select count(*) from logger_file") == [(0,)]

    asked = api.post(PATH, content=export(), params={"shipment": "S-1"})
    assert (asked.status_code, asked.json()["open"]) == (422, ["zone"])
    assert "zone: its times are local" in asked.json()["detail"]

    sure = api.post(PATH, content=export(), params={**CONFIRMED, "dry_run": True}).json()
    assert (sure["readings"], sure["min_c"], sure["max_c"], len(sure["first"])) == (24, 4.5, 11.5, 5)
    assert sure["first"][0] == {"time": rfc3339(T0 // (60 * S) * 60 * S), "probe": "main", "temp_c": 4.5}

    brought = api.post(PATH, content=export(), params=CONFIRMED)
    assert (brought.status_code, brought.json()["state"]) == (202, "waiting")
    again = api.post(PATH, content=export(), params=CONFIRMED)
    assert (again.status_code, again.json()["id"]) == (200, brought.json()["id"])
    assert [desk.take_in(), desk.take_in()] == [1, 0]
    desk.decide()
    assert [(p, c) for p, _, c in desk.readings()] == [
        ("main", 11.5 if 40 <= m < 70 else 4.5) for m in range(0, 120, 5)
    ]

    (row,) = api.get(PATH, params={"shipment": "S-1"}).json()["items"]
    assert (row["state"], row["taken"], row["problem"], row["created_by"]) == ("in", 24, None, "coldchain-ann")
    assert api.get(PATH, params={"shipment": "S-2"}).json()["items"] == []
    assert api.get(f"{PATH}/{row['id']}").json() == row
    assert api.get(f"{PATH}/{row['id']}/content").content == export()


def test_its_device_was_on_the_shipments_vehicle_for_the_span_and_its_excursion_is_decided(
    desk: Desk, api: httpx.Client
) -> None:
    assert api.post(PATH, content=export(), params=CONFIRMED).status_code == 202
    desk.take_in()
    desk.decide()
    begin = from_us(T0 // (60 * S) * 60 * S)
    assert rows(
        desk.dsn,
        "select d.kind, p.name, v.name, a.valid_from, a.valid_to, d.vehicle_id from device d "
        "join profile p on p.id = d.profile_id join assignment a on a.device_id = d.id "
        "join vehicle v on v.id = a.vehicle_id where d.name = 'logger-ef7204'",
    ) == [("logger", "chilled", "truck-1", begin, begin + timedelta(minutes=115, seconds=1), None)]
    (excursion,) = rows(
        desk.dsn,
        "select x.kind, x.extreme_c, x.samples from excursion x "
        "join device d on d.id = x.device_id where d.name = 'logger-ef7204' and x.superseded_at is null",
    )
    assert excursion == ("above", 11.5, 6)
    actions = [action for (action,) in rows(desk.dsn, "select action from audit order by id")]
    assert actions == ["device.create", "device.assign", "logger_file.import"]


def test_what_two_files_of_one_logger_both_have_is_stored_once(desk: Desk, api: httpx.Client) -> None:
    api.post(PATH, content=export(0, 80), params=CONFIRMED)
    api.post(PATH, content=export(0, 120), params=CONFIRMED)
    assert desk.take_in() == 2
    desk.decide()
    times = [at for _, at, _ in desk.readings()]
    assert len(times) == len(set(times)) == 24


def test_a_file_whose_taking_is_cut_off_is_taken_whole_the_next_time(
    desk: Desk, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.post(PATH, content=export(), params=CONFIRMED)
    link = Link(desk.dsn, "test loggers")
    worker = desk.worker(link)
    append = worker._log.append

    def cut_off(frames: Any) -> Any:
        append(frames)
        raise RuntimeError("killed")

    monkeypatch.setattr(worker._log, "append", cut_off)
    with pytest.raises(RuntimeError, match="killed"):
        worker.work()
    link.close()
    assert rows(desk.dsn, "select count(*) from log_frame") == [(0,)]
    assert rows(desk.dsn, "select count(*) from logger_file where taken_at is null") == [(1,)]
    assert desk.take_in() == 1
    desk.decide()
    assert len(desk.readings()) == 24


def test_what_cannot_be_brought_is_said_in_words(desk: Desk, api: httpx.Client) -> None:
    def said(content: bytes, **params: str) -> tuple[int, str]:
        answer = api.post(PATH, content=content, params={**CONFIRMED, **params})
        return answer.status_code, answer.json()["detail"]

    assert said(b"hello")[1].startswith("file: no line with a time and a temperature in it: export it as CSV")
    assert said(b"")[0] == 422
    assert said(b"x" * (4 * 2**20 + 1))[0] == 413
    assert said(export(), shipment="S-9") == (422, "shipment: there is no S-9")
    assert said(export(), date_order="mdy")[0] == 422
    assert said(export(), zone="Mars/Olympus")[0] == 422
    with connect(desk.dsn, "test") as c:
        c.execute("update device set name = 'logger-ef7204' where name = 'gps-9'")
    status, words = said(export())
    assert (status, "is a tracker and no logger" in words) == (409, True)
    assert rows(desk.dsn, "select count(*) from logger_file") == [(0,)]


def test_only_who_may_brings_files_in(desk: Desk, api: httpx.Client) -> None:
    assert api.post(PATH, content=export(), params=CONFIRMED).status_code == 202
    viewer = {"authorization": f"Bearer {desk.tokens['viewer']}"}
    assert api.post(PATH, content=export(), params=CONFIRMED, headers=viewer).status_code == 403
    assert len(api.get(PATH, headers=viewer).json()["items"]) == 1


def test_the_command_shows_a_file_and_brings_it_in(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frostway.cli.work.coldchain_import.WAIT_S", 0.0)
    (tmp_path / "acme.csv").write_bytes(export())
    command = ("coldchain", "import", "acme.csv", "--shipment", "S-1")
    assert "say --tz ZONE" in refused(desk.dsn, tmp_path, *command)
    status, out, _ = typed(desk.dsn, tmp_path, *command, "--tz", "UTC", "--dry-run")
    assert status == 0
    assert "device logger-ef7204 (new), with shipment S-1, on truck-1 for this time" in " ".join(out.split())
    status, out, _ = typed(desk.dsn, tmp_path, *command, "--tz", "UTC")
    assert (status, "waits: it is taken in when ingest runs" in out) == (0, True)
    assert "brought before" in typed(desk.dsn, tmp_path, *command, "--tz", "UTC")[1]
    assert desk.take_in() == 1
    desk.decide()
    assert len(desk.readings()) == 24
