"""What tests of telling share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.api.seed import World, client, serving
from tests.integration.operations.told import Mailbox, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


@pytest.fixture
def admin(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    found = Mailbox()
    found.controller.start()
    yield found
    found.controller.stop()
