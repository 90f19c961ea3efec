"""The directory of devices over a real database that fails at the worst moment."""

from __future__ import annotations

import time

import psycopg

from ingest.directory import Directory
from store.link import Link
from store.registry import DeviceSpec, Registry
from tests.stack import wait_for


def fails(directory: Directory) -> bool:
    try:
        directory.refresh_when_old()
    except psycopg.OperationalError:
        return True
    return False


def test_a_refresh_that_fails_half_way_makes_nobody_a_stranger(database: str) -> None:
    with psycopg.connect(database) as connection:
        registry = Registry(connection)
        registry.put_device(DeviceSpec("gps-01", "tracker"))
    link = Link(database, "test directory")
    directory = Directory(link, 4, time.monotonic)
    directory.refresh()
    link.connection.execute("set statement_timeout = '50ms'")
    with psycopg.connect(database) as connection:
        Registry(connection).put_device(DeviceSpec("gps-02", "tracker"))
        connection.commit()
        connection.execute("lock table device in access exclusive mode")
        wait_for(lambda: fails(directory), "it hears of the change, and will not hear of it again")
    assert directory.route(b"fw/v1/main/gps-01/gps").device is not None
    directory.refresh_when_old()
    assert directory.route(b"fw/v1/main/gps-02/gps").device is not None
    link.close()
