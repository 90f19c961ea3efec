"""What a foreign payload says, in our words: between a format's decoder and the checks that all readings pass.

A decoder is a pure function `(payload, context) -> list[Said]`. It knows its format's layout, names and units, nothing
of devices, databases or clocks; ranges, texts and times are checked afterwards by the same code as native readings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.profiles import NO_PROFILE, Profile

ATTRIBUTE = "attr"  # the stream for whatever has no place in the others
REFUSED = "refused"  # no stream: a part of the message that cannot be read, see `refusal`
READINGS_MAX = 2_500  # of one message: more would keep its neighbours waiting for longer than 50 ms
NOTE_MAX = 64  # characters of an attribute's text
REFUSALS_MAX = 8  # of one message and device that are told in full


class WireError(ValueError):
    """A payload that cannot be read. `reason` is a short word for counting, the text says what and where."""

    def __init__(self, reason: str, detail: str, *more: tuple[str, str]) -> None:
        """`more`: other reasons with their details, when several things are wrong."""
        super().__init__(detail)
        self.reason = reason
        self.told = [(reason, detail), *more]
        """Each reason once, with its detail."""


@dataclass(slots=True)
class Said:
    """One reading, or several of one stream and device.

    `values` has the keys and units of the native stream (`domain.wire.fields`). `values["t"]` is
    milliseconds since 1970 UTC or absent when the device gave no time. `source` is the foreign id of a device behind
    the sender (a Bluetooth address, a LoRaWAN EUI); empty for the sender itself.
    """

    stream: str
    values: dict[str, Any]
    source: str = ""
    flags: int = 0  # of `domain.readings.Flag`
    sealed: bytes = field(default=b"", compare=False, repr=False)
    """Hash of what an authentic counter came in: it tells a repeat from a replay."""
    many: int = 0
    """So many readings in equally long lists, scalars apply to all; 0: it is one, and a list in it is a wrong value."""

    @property
    def count(self) -> int:
        """How many readings it is."""
        return self.many or 1


def refusal(source: str, reason: str, detail: str) -> Said:
    """A part of a message that cannot be read: the message is kept in quarantine under the name of the device it is of.

    The other parts go on. As a `WireError`, but for one device and part only.
    """
    return Said(REFUSED, {"reason": reason, "detail": detail}, source)


def settled(said: list[Said]) -> list[Said]:
    """What a message said.

    Raises:
        WireError: nothing but what cannot be read, and all of it the sender's own.
        WireError: `too_large`, more readings than a message may hold.
    """
    if (count := sum(each.count for each in said)) > READINGS_MAX:
        raise WireError("too_large", f"{count} readings, at most {READINGS_MAX}: send fewer in one message")
    if said and all(each.stream == REFUSED and not each.source for each in said):
        first, *more = told(said)
        raise WireError(*first, *more)
    return said


def told(refusals: Sequence[Said]) -> list[tuple[str, str]]:
    """Refusals taken together: each reason once, the first one first, with its details and how many more there are.

    >>> told([refusal("", "invalid", "a"), refusal("", "malformed", "b"), refusal("", "invalid", "c")])
    [('invalid', 'a; c'), ('malformed', 'b')]
    """
    found: dict[str, dict[str, None]] = {}
    for each in refusals:
        found.setdefault(str(each.values["reason"]), {})[str(each.values["detail"])] = None
    return [(reason, _listed(list(details))) for reason, details in found.items()]


def _listed(details: Sequence[str]) -> str:
    more = f"; and {len(details) - REFUSALS_MAX} more" if len(details) > REFUSALS_MAX else ""
    return "; ".join(details[:REFUSALS_MAX]) + more


Value = float | bool | str


class Measured(NamedTuple):
    """One value under a name the sender chose; `domain.wire.channels` finds its stream.

    `t_ms` None: no time given. `unit` empty: the unit of the quantity's native key. `value` may be anything JSON can
    say, or NaN; None says nothing.
    """

    t_ms: float | None
    channel: str
    value: Any
    unit: str = ""
    source: str = ""
    flags: int = 0


def one_profile(_source: str, _t_ms: float | None) -> Profile:
    """No profiles are known: the format's own defaults hold."""
    return NO_PROFILE


@dataclass(frozen=True, slots=True)
class Context:
    """What a decoder may know besides the bytes."""

    received_ms: int
    topic: tuple[str, ...] = ()
    """Levels of the foreign topic, when there is one: what stands behind the format's name in ours."""
    content_type: str = ""
    profile_at: Callable[[str, float | None], Profile] = field(default=one_profile)
    """Profile of a device behind the sender ("": the sender) at an event time in milliseconds (None: now)."""

    def options(self) -> Mapping[str, Any]:
        """The sender's options of the day: zone, family, keys."""
        return self.profile_at("", None).options


Decoder = Callable[[bytes, Context], list[Said]]
