"""What tests of telling share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.api.seed import World, client, serving
from tests.integration.operations.told import Mailbox
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


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
