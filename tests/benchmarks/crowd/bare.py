"""The ceiling: a bare server that writes a prepared message to all its websocket clients, and does nothing else.

    python -m tests.benchmarks.crowd.bare --port 8080 --octets 16000 --per-s 4

It shakes hands, gives each client a snapshot without anything in it, and from a line on stdin on sends the same text of
so many octets to all so many times a second, by `websockets.broadcast` on uvloop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

SNAPSHOT = '{"type":"snapshot","now":"","cursor":"a","vehicles":[]}'


async def run(port: int, octets: int, per_s: float) -> None:
    """Serves until stdin ends."""
    clients: set[ServerConnection] = set()

    async def serve_one(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await socket.recv()
            await socket.send(SNAPSHOT)
            clients.add(socket)
            await socket.wait_closed()
        clients.discard(socket)

    text = '{"type":"delta","cursor":"a","now":"","changes":[],"rest":"'
    text += "x" * max(0, octets - len(text) - 2) + '"}'
    async with serve(serve_one, "127.0.0.1", port, compression=None, ping_interval=20, ping_timeout=60, backlog=2048):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        ended = loop.create_task(asyncio.to_thread(sys.stdin.read))
        while not ended.done():
            broadcast(clients, text)
            due += 1 / per_s
            await asyncio.sleep(max(0.0, due - loop.time()))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="a bare websocket server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--octets", type=int, required=True)
    parser.add_argument("--per-s", type=float, required=True)
    options = parser.parse_args()
    uvloop.run(run(options.port, options.octets, options.per_s))


if __name__ == "__main__":
    main()
