"""Rate limits in memory, bounded: for guessing at passwords, tokens and links, and for floods of requests."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address


def network_of(address: str) -> str:
    """Whom something is counted against: an IPv4 address, of IPv6 the network of 64 bits that one customer has.

    >>> network_of("203.0.113.9"), network_of("2001:db8:1:2::7"), network_of("::ffff:203.0.113.9"), network_of("?")
    ('203.0.113.9', '2001:db8:1:2::/64', '203.0.113.9', '?')
    """
    try:
        found = ip_address(address[:64].partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


class RateLimit:
    """At most `count` events per `span_s` seconds for each key; remembers `keys_max` keys, the oldest go first."""

    def __init__(self, count: int, span_s: float, keys_max: int = 10_000) -> None:
        self._count, self._span_s, self._keys_max = count, span_s, keys_max
        self._events: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Seconds until the next event of this key is allowed; 0 when it is now.

        >>> limit = RateLimit(1, 60)
        >>> limit.add("a", 0.0)
        >>> limit.wait_s("a", 20.0), limit.wait_s("a", 61.0), limit.wait_s("b", 20.0)
        (40.0, 0.0, 0.0)
        """
        events = self._events.get(key)
        if events is None:
            return 0.0
        while events and events[0] <= now_s - self._span_s:
            events.popleft()
        if not events:
            del self._events[key]
            return 0.0
        return events[0] + self._span_s - now_s if len(events) >= self._count else 0.0

    def add(self, key: Hashable, now_s: float) -> None:
        """Counts an event."""
        events = self._events.setdefault(key, deque(maxlen=self._count))
        events.append(now_s)
        self._events.move_to_end(key)
        while len(self._events) > self._keys_max:
            self._events.popitem(last=False)

    def forgive(self, key: Hashable) -> None:
        """Forgets the events of a key."""
        self._events.pop(key, None)


class Buckets:
    """A token bucket for each key: `rate_per_s` on the long run, `burst` at once; remembers `keys_max` keys.

    The key that was used longest ago is forgotten first: it begins anew with a full bucket, so nobody is slowed for it.
    """

    def __init__(self, rate_per_s: float, burst: float, keys_max: int = 10_000) -> None:
        self.rate_per_s, self.burst, self._keys_max = rate_per_s, burst, keys_max
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, key: Hashable, now_s: float) -> float:
        """Takes one; 0, or, when there is none, the seconds until there is.

        >>> buckets = Buckets(rate_per_s=2, burst=2)
        >>> [buckets.take("a", now) for now in (0.0, 0.0, 0.0, 0.5, 9.0)], buckets.take("b", 0.0)
        ([0.0, 0.0, 0.5, 0.0, 0.0], 0.0)
        """
        left = self.left(key, now_s)
        taken = left >= 1.0
        self._left[key] = (left - taken, now_s)
        self._left.move_to_end(key)
        while len(self._left) > self._keys_max:
            self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self.rate_per_s

    def left(self, key: Hashable, now_s: float) -> float:
        """How many a key may take now."""
        left, since = self._left.get(key, (self.burst, now_s))
        return min(self.burst, left + max(0.0, now_s - since) * self.rate_per_s)
