"""The memory of Sparkplug births that all readers share: live, spool and quarantine, of every worker, over restarts.

A group of messages holds its nodes: one transaction reads what is known of them under a lock, hears the group, and
writes what is known then. So two workers never decide with different births, whoever of them received one. What births
define never changes, so it is read once and kept.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import orjson

from domain.wire.sparkplug import Names, OwnMemory
from domain.wire.sparkplug_node import Definition, Node
from store.db import queries
from store.link import Link

NAMES_MAX = 4_096  # births whose names are kept in memory
TOPIC = b"spBv1.0/"
Key = tuple[str, str]
"""Tenant and edge node."""


def nodes_of(topics: Sequence[bytes]) -> list[Key]:
    """The edge nodes that a group of messages is of.

    >>> nodes_of([b"spBv1.0/main/NDATA/e1", b"fw/v1/main/x/gps", b"spBv1.0/main/DDATA/e1/d", b"spBv1.0/STATE/host"])
    [('main', 'e1')]
    """
    found = set()
    for topic in topics:
        if topic.startswith(TOPIC):
            levels = topic.decode("utf-8", "replace").replace("\x00", "").split("/")
            if len(levels) >= 4:
                found.add((levels[1], levels[3]))
    return sorted(found)


class Births:
    """See `domain.wire.sparkplug.Memory`. Belongs to the thread of its link."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.time) -> None:
        self._link = link
        self._clock = clock
        self._held: dict[Key, Node] = {}
        self._names: OrderedDict[int, Names] = OrderedDict()
        self._apart = OwnMemory()

    @contextmanager
    def hold(self, nodes: Sequence[Key]) -> Iterator[None]:
        """Messages of these nodes are heard now.

        Raises:
            psycopg.Error: nothing was heard.
        """
        if not nodes:
            yield
            return
        connection, q = self._link.connection, queries("births")
        tenants, edges = ([key[i] for key in nodes] for i in (0, 1))
        try:
            with connection.transaction():
                connection.execute(q["lightly"])  # what is lost with a power cut, a rebirth brings back
                connection.execute(q["make"], (orjson.dumps(Node().body()).decode(), tenants, edges))
                rows = connection.execute(q["hold"], (tenants, edges)).fetchall()
                self._held = {(str(t), str(e)): Node.of(body) for t, e, body in rows}
                before = {key: orjson.dumps(node.body()) for key, node in self._held.items()}
                yield
                for key, node in self._held.items():
                    if (body := orjson.dumps(node.body())) != before[key]:
                        connection.execute(q["put"], (body.decode(), *key))
                news = [key for key, node in self._held.items() if node.news]
                if news:
                    connection.execute(q["ask"], ([k[0] for k in news], [k[1] for k in news]))
                    connection.execute(queries("quarantine")["notify"])
        finally:
            self._held = {}

    def node(self, group: str, edge: str) -> Node:
        """See `Memory`."""
        return self._held[group, edge] if (group, edge) in self._held else self._apart.node(group, edge)

    def keep(self, group: str, edge: str, device: str, definitions: Sequence[Definition]) -> int:
        """See `Memory`."""
        text = orjson.dumps([list(each) for each in definitions])
        digest = hashlib.blake2b(text, digest_size=16).digest()
        row = self._link.connection.execute(
            queries("births")["keep"], (group, edge, device, digest, text.decode())
        ).fetchone()
        number = int(row[0]) if row else 0
        self._remember(number, Names.of(definitions))
        return number

    def names(self, number: int) -> Names | None:
        """See `Memory`."""
        if (found := self._names.get(number)) is not None:
            self._names.move_to_end(number)
            return found
        row = self._link.connection.execute(queries("births")["names"], (number,)).fetchone()
        return self._remember(number, Names.of(Definition(*each) for each in row[0])) if row else None

    def now_ms(self, received_ms: int) -> int:
        """See `Memory`."""
        return max(received_ms, round(self._clock() * 1000))

    def _remember(self, number: int, names: Names) -> Names:
        self._names[number] = names
        if len(self._names) > NAMES_MAX:
            self._names.popitem(last=False)
        return names
