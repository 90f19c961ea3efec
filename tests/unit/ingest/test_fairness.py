"""A flooding device waits, the others do not, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.fairness import BURST_S, Fairness


def message(device: int, n: int) -> tuple[bytes, bytes, int, bool, bool]:
    return (b"fw/v1/main/d%d/gps" % device, b"%d" % n, n, False, False)


def nobody(_: bytes) -> bool:
    return False


def test_a_gateway_may_speak_for_as_many_as_it_likes() -> None:
    flood = [message(1, n) for n in range(1000)]
    assert Fairness(10, lambda topic: b"/d1/" in topic).split(flood, 0.0) == (flood, [])


def test_a_flood_is_slowed_and_neighbours_pass() -> None:
    fairness = Fairness(10, nobody)
    flood = [message(1, n) for n in range(1000)]
    others = [message(2 + n % 50, n) for n in range(500)]
    first, rest = fairness.split(flood + others, 0.0)
    burst = int(10 * BURST_S)
    assert list(first) == flood[:burst] + others
    assert list(rest) == flood[burst:]
    first, rest = fairness.split(flood[:100], 3.0)
    assert (len(first), len(rest)) == (30, 70)


def test_a_device_within_its_rate_is_never_slowed_and_one_topic_is_no_way_around() -> None:
    fairness = Fairness(10, nobody)
    for second in range(100):
        _, rest = fairness.split([message(1, n) for n in range(10)], float(second))
        assert not rest
    two = [(b"fw/v1/main/d9/%s" % stream, b"", 1, False, False) for stream in (b"gps", b"temp", b"x/y")] * 200
    first, rest = fairness.split(two, 0.0)
    assert (len(first), len(rest)) == (200, 400)


@given(st.lists(st.integers(0, 3), max_size=300), st.floats(0.5, 20))
def test_every_message_is_on_one_of_the_two_ways_in_order(devices: list[int], rate: float) -> None:
    messages = [message(device, n) for n, device in enumerate(devices)]
    first, rest = Fairness(rate, nobody).split(messages, 0.0)
    assert sorted([*first, *rest], key=lambda m: m[2]) == messages
    for part in (first, rest):
        numbers = [m[2] for m in part]
        assert numbers == sorted(numbers)
