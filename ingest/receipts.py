"""Receipts: what every boot's mark is, over the tables `receipt` and `receipt_said`. See `ingest.marks`.

What each number said is kept as 32 bits of the identity that the tracker goes by (`domain.identity`), in pages of 64
numbers. Marks and pages are stored before a receipt is sent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter

from domain.readings import I32, I64, Bool
from ingest.marks import SPANS_MAX, Arrived, Boot, Mark, advance, judge
from store.arrays import arrays
from store.db import at_once, queries
from store.link import Link

SPANS_SHARED_MAX = 8192  # between two joins: what other workers take makes holes in ours
PAGE = 64  # numbers
PAGES_MAX = 2048  # of a boot: a device that keeps more readings than in them without a receipt begins its boot anew
_Key = tuple[int, int]
_Page = tuple[int, int, int]

boots_begun_anew = Counter(
    "frostway_ingest_boots_begun_anew_total", "Boots whose numbers came again with other readings"
)


class Seen(NamedTuple):
    """Numbered readings of one group that will be durable with it, in the order in which they came."""

    device_id: I32
    boot_id: I32
    seq: I64
    says: I64
    """What each says and when; see `domain.identity.digests`."""
    clocked: Bool
    """Whether it has a time of its own."""
    received_us: I64


class ReceiptBook:
    """Marks of all boots seen lately. One that has failed to store anything reads anew what is stored."""

    CACHE_MAX = 50_000

    def __init__(self, link: Link, *, shared: bool = False) -> None:
        """`shared`: other workers have readings of the same boots, so what they have stored is read each time."""
        self._link = link
        self._shared = shared
        self._spans_max = SPANS_SHARED_MAX if shared else SPANS_MAX
        self._q = queries("ingest")
        self._boots: OrderedDict[_Key, Boot] = OrderedDict()
        self._pages: dict[_Page, int] = {}
        self._said: NDArray[np.uint32] = np.zeros((0, PAGE), np.uint32)
        self._of: list[_Page] = []  # the page in each row of it
        self._waiting: list[Seen] = []
        self._due: set[int] = set()
        self._receipts: list[tuple[int, str, int]] = []

    def durable(self, seen: Seen) -> None:
        """These readings are in the log now."""
        self._waiting.append(seen)
        self._due.update(np.unique(seen.device_id.astype(np.int64) << 32 | seen.boot_id).tolist())

    @property
    def pending(self) -> int:
        """Boots whose receipt is due: also of repeats, since the device has missed the first one."""
        return len(self._due)

    def store(self) -> list[tuple[int, str, int]]:
        """Stores the marks; returns `(device id, boot, contiguous)` of the receipts that may now be sent."""
        if not self._waiting:
            return []
        try:
            with at_once(self._link.connection):
                keys, boots = self._take()
        except BaseException:
            self._forget()
            raise
        self._waiting.clear()
        self._due.clear()
        for key, boot in zip(keys, boots, strict=True):
            self._boots[key] = boot
            self._boots.move_to_end(key)
        while len(self._boots) > self.CACHE_MAX:
            self._boots.popitem(last=False)
        if self._shared or len(self._pages) > self.CACHE_MAX:
            self._forget()
        return self._receipts

    def _forget(self) -> None:
        self._boots.clear()
        self._pages.clear()

    def _take(self) -> tuple[list[_Key], list[Boot]]:
        """Everything that waits, within one transaction; what boots are after it."""
        columns = [np.concatenate(column) for column in zip(*self._waiting, strict=True)]
        device_id, boot_id, *_, received_us = columns
        order = np.lexsort((received_us, boot_id, device_id))
        seen = Seen(*(column[order] for column in columns))
        start = np.ones(len(order), np.bool_)
        start[1:] = (seen.device_id[1:] != seen.device_id[:-1]) | (seen.boot_id[1:] != seen.boot_id[:-1])
        first = np.flatnonzero(start)
        keys = list(zip(seen.device_id[first].tolist(), seen.boot_id[first].tolist(), strict=True))
        self._load(keys)
        says = (seen.says ^ seen.says >> 32) & 0xFFFFFFFF
        says[says == 0] = 1
        slot = self._load_pages(seen, start)
        boots = self._judged(keys, seen._replace(says=says), start, first, slot)
        self._put(keys, boots, np.unique(slot))
        return keys, boots

    def _judged(self, keys: Sequence[_Key], seen: Seen, start: Bool, first: I64, slot: I64) -> list[Boot]:
        """The boots after what has come; what each number says now is in its page."""
        at = seen.seq % PAGE
        in_turn = start.copy()
        in_turn[1:] |= seen.seq[1:] == seen.seq[:-1] + 1
        easy = np.logical_and.reduceat(in_turn & (self._said[slot, at] == 0), first)
        ends = np.append(first[1:], len(start))
        rows = zip(
            keys,
            easy.tolist(),
            seen.seq[first].tolist(),
            seen.seq[ends - 1].tolist(),
            seen.received_us[first].tolist(),
            strict=True,
        )
        boots: list[Boot] = []
        for place, (key, is_easy, least, most, received_us) in enumerate(rows):
            boot = self._boots[key]
            contiguous, spans = boot.mark
            newest = spans[-1][1] if spans else contiguous
            if is_easy and least > newest and received_us >= boot.anew_us:  # nearly always
                is_next = not spans and least == contiguous + 1
                boots.append(
                    Boot(Mark(most) if is_next else advance(boot.mark, [(least, most)], self._spans_max), *boot[1:])
                )
            else:
                easy[place] = False
                boots.append(self._judge(boot, seen, slice(int(first[place]), int(ends[place])), slot))
        new = np.repeat(easy, ends - first)
        self._said[slot[new], at[new]] = seen.says[new]
        return boots

    def _judge(self, boot: Boot, seen: Seen, of: slice, slot: I64) -> Boot:
        number, places = seen.seq[of], (slot[of], seen.seq[of] % PAGE)
        known = dict(zip(number.tolist(), self._said[places].tolist(), strict=True))
        some = Arrived(number, seen.says[of], seen.clocked[of], seen.received_us[of])
        after = judge(boot, known, some, self._spans_max)
        self._said[places] = [known[n] for n in number.tolist()]
        boots_begun_anew.inc(after.anew_us != boot.anew_us)
        return after

    # ------------------------------------------------------------ the tables
    def _load(self, keys: Sequence[_Key]) -> None:
        if self._shared:
            columns = list(zip(*keys, strict=True))
            self._link.connection.execute(self._q["new_receipts"], arrays(self._q["new_receipts"], columns))
        wanted = [key for key in keys if key not in self._boots]
        self._boots.update(dict.fromkeys(wanted, Boot()))
        query = self._q["lock_receipts" if self._shared else "receipts"]
        for device, boot, contiguous, spans, *others in self._rows(query, wanted):
            mark = Mark(contiguous, tuple(zip(spans[::2], spans[1::2], strict=True)))
            self._boots[device, boot] = Boot(mark, *others)

    def _load_pages(self, seen: Seen, start: Bool) -> I64:
        """Where the page of each number is, in `_said`; those read that are not there."""
        page = seen.seq // PAGE
        new = start.copy()
        new[1:] |= page[1:] != page[:-1]
        columns = (seen.device_id[new].tolist(), seen.boot_id[new].tolist(), page[new].tolist())
        wanted = list(zip(*columns, strict=True))
        missing = [each for each in dict.fromkeys(wanted) if each not in self._pages]
        if (most := len(self._pages) + len(missing)) > len(self._said):
            self._said = np.concatenate([self._said, np.zeros((most, PAGE), np.uint32)])
            self._of.extend([(0, 0, 0)] * most)
        for each in missing:
            at = self._pages[each] = len(self._pages)
            self._said[at], self._of[at] = 0, each
        for *of, said in self._rows(self._q["receipt_pages"], missing):
            self._said[self._pages[of[0], of[1], of[2]]] = np.frombuffer(said, "<u4")
        slots: I64 = np.array([self._pages[each] for each in wanted], np.int64)[np.cumsum(new) - 1]
        return slots

    def _rows(self, query: str, columns: Sequence[tuple[int, ...]]) -> Iterator[tuple[Any, ...]]:
        if columns:
            found = arrays(query, list(zip(*columns, strict=True)))
            yield from self._link.connection.execute(query, found, binary=True)

    def _put(self, keys: Sequence[_Key], boots: Sequence[Boot], slots: I64) -> None:
        connection, q = self._link.connection, self._q
        spans = ["{" + ",".join(f"{a},{b}" for a, b in boot.mark.spans) + "}" for boot in boots]
        others = zip(*(boot[1:] for boot in boots), strict=True)
        columns = (*zip(*keys, strict=True), [boot.mark.contiguous for boot in boots], spans, *others)
        texts = connection.execute(q["put_receipts"], arrays(q["put_receipts"], columns))
        pages = [self._of[at] for at in slots.tolist()]
        raw, width = self._said[slots].astype("<u4").tobytes(), 4 * PAGE
        said = [raw[at : at + width] for at in range(0, len(raw), width)]
        columns = (*zip(*pages, strict=True), said)
        connection.execute(q["put_receipt_pages"], arrays(q["put_receipt_pages"], columns))
        if old := [(d, b, number - PAGES_MAX) for d, b, number in pages if number >= PAGES_MAX]:
            connection.execute(q["drop_receipt_pages"], arrays(q["drop_receipt_pages"], list(zip(*old, strict=True))))
        names = {int(key): str(text) for key, text in texts}
        self._receipts = [
            (d, names[b], boot.mark.contiguous)
            for (d, b), boot in zip(keys, boots, strict=True)
            if boot.mark.contiguous >= 0 and b in names
        ]
