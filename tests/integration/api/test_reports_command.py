"""The same reports by command: what REST tells to the byte, as a table or CSV, of one tenant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from store.reports import REPORTS
from tests.integration.api.seed import T0, World, client, minutes, serving
from tests.integration.frostway.commands import refused, typed

SPAN = ("--since", T0.isoformat(), "--until", (T0 + timedelta(hours=4)).isoformat())


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Truck 1 drives an hour, truck 2 stands; another tenant's truck drives too."""
    other, world = World(database, "other", " of others"), World(database)
    for each in (world, other):
        each.furnish(2)
    world.partitions()
    for each in (world, other):
        for k in range(12):
            each.position("gps-01", T0 + minutes(5 * k), 60.0, 24.0, speed=12.0)
            each.position("gps-02", T0 + minutes(5 * k), 60.0, 24.0, speed=0.0)
    yield world
    other.close()
    world.close()


def test_the_list_tells_every_report_and_what_it_takes(kept_database: str, tmp_path: Path) -> None:
    status, out, _ = typed(kept_database, tmp_path, "reports")
    lines = [line.split("\t") for line in out.splitlines()]
    assert status == 0
    assert [line[0] for line in lines] == ["report", *REPORTS]
    assert lines[2] == [
        "low-fuel",
        "Whose tank is nearly empty, by its last value in the span.",
        "24 h",
        "fuel_ratio",
        "0.1, lowest value that is enough",
    ]


def test_every_report_says_by_command_what_it_says_by_rest(database: str, world: World, tmp_path: Path) -> None:
    query = {"from": SPAN[1], "to": SPAN[3]}
    with serving(database) as url, client(url, world.token("viewer")) as api:
        for name in REPORTS:
            by_rest = api.get(f"/api/v1/reports/{name}", params=query, headers={"accept": "text/csv"}).text
            status, out, _ = typed(database, tmp_path, "reports", name, *SPAN, "--csv", "-")
            assert (status, out) == (0, by_rest), name
            assert out.count("\r\n") >= 1


def test_a_report_is_a_table_of_those_that_fit_and_a_file_that_is_not_written_over(
    database: str, world: World, tmp_path: Path
) -> None:
    status, out, _ = typed(database, tmp_path, "reports", "stationary", *SPAN)
    assert (status, out) == (0, "vehicle\tfleet\tmodel\tspeed_mps\ntruck-02\t\t\t0\n")
    assert typed(database, tmp_path, "reports", "stationary", *SPAN, "--fleet", "south")[1].count("\n") == 1
    assert typed(database, tmp_path, "reports", "long-day", *SPAN, "--threshold", "0.5")[1].count("truck-01") == 1
    status, out, _ = typed(database, tmp_path, "reports", "stationary", *SPAN, "--csv", "stood.csv")
    assert (status, out) == (0, "stood.csv: 1 row\n")
    assert (tmp_path / "stood.csv").read_bytes() == b"vehicle,fleet,model,speed_mps\r\ntruck-02,,,0.0\r\n"
    assert refused(database, tmp_path, "reports", "stationary", *SPAN, "--csv", "stood.csv") == "stood.csv: File exists"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nothing",), "no report 'nothing': `frostway reports` lists them"),
        (("load", "--zone", "Mars/Olympus"), "zone: 'Mars/Olympus' is no IANA time zone"),
        (("load", "--since", "2026-01-01T00:00:00Z"), "from, to: at most 31 days at once"),
        (("load", "--threshold", "nan"), "--threshold: a number"),
        (("--fleet", "north"), "say which report: `frostway reports` lists them"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_what_cannot_be_asked_is_said_in_a_line(
    kept_database: str, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    assert refused(kept_database, tmp_path, "reports", *words) == why
