"""The inbox between doors and the writer: bounded, and nothing is lost or doubled between threads."""

from __future__ import annotations

import threading

from ingest.doors.inbox import Inbox, Parcel
from tests.deadlines import deadline


def parcel(payload: bytes = b"x", sender: str = "s") -> Parcel:
    return Parcel("teltonika", sender, payload, lambda _: None)


def test_it_is_full_by_number_and_has_room_again_when_something_was_taken() -> None:
    inbox = Inbox(parcels_max=2)
    assert [inbox.offer(parcel(bytes([n]))) for n in range(3)] == [True, True, False]
    assert [each.payload for each in inbox.take(1, 0, 0)] == [b"\x00"]
    assert inbox.offer(parcel(b"\x03"))
    assert [each.payload for each in inbox.take(9, 0, 0)] == [b"\x01", b"\x03"]


def test_it_is_full_by_bytes_but_takes_one_parcel_of_any_size() -> None:
    inbox = Inbox(bytes_max=10)
    assert inbox.offer(parcel(bytes(11)))
    assert not inbox.offer(parcel(b""))
    assert len(inbox.take(9, 0, 0)) == 1
    assert inbox.offer(parcel(bytes(6)))
    assert not inbox.offer(parcel(bytes(5)))
    assert inbox.offer(parcel(bytes(4)))


def test_taking_waits_for_the_first_parcel() -> None:
    inbox, taken = Inbox(), []
    taker = threading.Thread(target=lambda: taken.extend(inbox.take(9, 0, 10)))
    taker.start()
    assert inbox.offer(parcel())
    taker.join(deadline(10))
    assert len(taken) == 1


def test_taking_lingers_until_it_has_enough() -> None:
    inbox, taken = Inbox(), []
    taker = threading.Thread(target=lambda: taken.extend(inbox.take(3, 10, 10)))
    taker.start()
    for _ in range(3):
        assert inbox.offer(parcel())
    taker.join(deadline(5))  # sooner than it would linger
    assert len(taken) == 3


def test_taking_gives_up_after_its_time() -> None:
    assert Inbox().take(1, 10, 0.01) == []


def test_a_closed_inbox_takes_nothing_in_and_gives_out_what_it_has() -> None:
    inbox = Inbox()
    assert inbox.offer(parcel())
    inbox.close()
    assert not inbox.offer(parcel())
    assert len(inbox.take(9, 10, 10)) == 1
    assert inbox.take(9, 10, 10) == []


def test_closing_wakes_who_waits() -> None:
    inbox = Inbox()
    taker = threading.Thread(target=lambda: inbox.take(1, 0, 60))
    taker.start()
    inbox.close()
    taker.join(deadline(10))
    assert not taker.is_alive()


def test_between_many_threads_every_parcel_arrives_once() -> None:
    inbox, taken, lock = Inbox(parcels_max=16), [], threading.Lock()
    each, senders = 300, 4

    def offer(sender: str) -> None:
        for n in range(each):
            while not inbox.offer(parcel(n.to_bytes(2, "big"), sender)):
                threading.Event().wait(0.0005)

    def take() -> None:
        while found := inbox.take(7, 0.001, 5):
            with lock:
                taken.extend(found)

    offering = [threading.Thread(target=offer, args=(str(n),)) for n in range(senders)]
    taking = [threading.Thread(target=take) for _ in range(2)]
    for thread in [*offering, *taking]:
        thread.start()
    for thread in offering:
        thread.join(deadline(30))
    inbox.close()
    for thread in taking:
        thread.join(deadline(30))
    of = {s: [p.payload for p in taken if p.sender == s] for s in map(str, range(senders))}
    assert {s: sorted(found) for s, found in of.items()} == {s: [n.to_bytes(2, "big") for n in range(each)] for s in of}
    assert len(inbox) == 0
