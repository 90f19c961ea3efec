"""Teltonika records read at once: what the ids of a record mean is looked up once for all records of its shape.

A shape is a codec, the ids in their order, whether there is a fix, and what a profile makes of the ids. It is a struct
of the whole record and the place of each number. A record with something odd in it (an error code of a sensor, a value
out of its range, an element of any length) is not read here but element by element, by `domain.wire.teltonika`, which
is the definition: both say the same.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.profiles import NO_PROFILE, Profile, Target
from domain.units import UNITS
from domain.wire.channels import MAIN, PLACES, TRUTHS, note_name
from domain.wire.fields import NUMBER, TRUTH
from domain.wire.fields import Field as Spec
from domain.wire.meanings import PARTS, target_of
from domain.wire.said import ATTRIBUTE, Context, Said
from domain.wire.teltonika_elements import EXACT, LAYOUTS, Io, Layout, table_of

HEAD = ">QBiihHBH"  # time, priority, longitude, latitude, altitude, heading, satellites, speed
HEAD_BYTES = struct.calcsize(HEAD)
PRIORITY_AT, SATELLITES_AT = 8, 21
SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}
SHAPES_KEPT = 4_096
Form = tuple[bytes, ...]
"""The ids of each group, the upper bytes apart where an id has two."""


class Pick(NamedTuple):
    """A number of the record, and how it becomes the value of a key: `number / divisor * factor + offset`."""

    key: str
    number: int
    """Its place among all numbers."""
    divisor: float = 1
    factor: float = 1
    offset: float = 0
    low: float = -math.inf
    high: float = math.inf
    is_signed: bool = False


class Row(NamedTuple):
    """A reading of a stream."""

    stream: str
    constant: dict[str, Any]
    numbers: tuple[Pick, ...]
    truths: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Shape:
    """How records of one shape are read."""

    layout: struct.Struct
    fixed: int
    """The bits of a record that are the same in all: counts and ids."""
    fixed_to: int
    """Those bits."""
    codes: tuple[tuple[int, frozenset[int]], ...]
    """Numbers that stand for something else than a value."""
    limits: tuple[tuple[int, int], ...]
    """The largest number that is read here."""
    rows: tuple[Row, ...]
    truths: tuple[int, ...]
    """Numbers of notes that are 0 or 1, whatever was sent."""
    notes: tuple[Pick, ...]
    names: list[str]

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self.layout.size

    def fits(self, payload: bytes, at: int) -> bool:
        """Whether the record that begins there has these ids; its head is not looked at."""
        end = at + self.layout.size
        return end <= len(payload) and int.from_bytes(payload[at:end], "big") & self.fixed == self.fixed_to

    def read(self, payload: bytes, at: int) -> list[Said] | None:
        """The readings of the record that begins there; None when it needs a closer look."""
        numbers = self.layout.unpack_from(payload, at)
        for index, codes in self.codes:
            if numbers[index] in codes:
                return None
        for index, limit in self.limits:
            if numbers[index] > limit:
                return None
        t_ms, said = numbers[0], []
        for row in self.rows:
            values = {"t": t_ms, **row.constant}
            for key, index, divisor, factor, offset, low, high, _ in row.numbers:
                value = numbers[index] / divisor * factor + offset
                if not low <= value <= high:
                    return None
                values[key] = value
            for key, index in row.truths:
                values[key] = numbers[index] != 0
            said.append(Said(row.stream, values))
        if notes := self._notes(numbers):
            said.append(notes)
        return said

    def _notes(self, numbers: tuple[int, ...]) -> Said | None:
        told = [numbers[index] / divisor for _, index, divisor, *_ in self.notes]
        for place in self.truths:
            told[place] = float(told[place] != 0)
        if len(told) > 1:
            return Said(ATTRIBUTE, {"t": numbers[0], "key": self.names, "num": told}, many=len(told))
        return Said(ATTRIBUTE, {"t": numbers[0], "key": self.names[0], "num": told[0]}) if told else None


_shapes: dict[tuple[Any, ...], Shape | None] = {}
_latest: dict[tuple[Any, ...], Shape] = {}


def shape_of(payload: bytes, at: int, context: Context) -> Shape | None:
    """The shape of the record that begins there; None when it is to be read element by element."""
    layout = LAYOUTS[payload[0]]
    elements_at = at + HEAD_BYTES + layout.id_bytes + layout.generation
    try:
        event = payload[at + HEAD_BYTES] or payload[at + HEAD_BYTES + layout.id_bytes - 1]
        said = (payload[at + SATELLITES_AT] != 0, payload[at + PRIORITY_AT] != 0, event != 0)
        counts = payload[elements_at : elements_at + 2 * layout.count_bytes]  # of all and of the first group
        profile = context.profile_at("", int.from_bytes(payload[at : at + 8], "big"))
        of_profile = () if profile is NO_PROFILE else _what_counts(profile)
        guess = _latest.get((payload[0], counts, said, of_profile))
        if guess is not None and guess.fits(payload, at):
            return guess
        form = _form(payload, elements_at + layout.count_bytes, layout)
    except IndexError:  # cut off
        return None
    if form is None:
        return None
    key = (payload[0], form, said, of_profile)
    if key not in _shapes:
        if len(_shapes) >= SHAPES_KEPT:
            _shapes.clear()
        _shapes[key] = _Maker(layout, profile).shape(form, *said)
    shape = _shapes[key]
    if shape is not None:
        if len(_latest) >= SHAPES_KEPT:
            _latest.clear()
        _latest[payload[0], counts, said, of_profile] = shape
    return shape


def _what_counts(profile: Profile) -> tuple[Any, ...]:
    return str(profile.options.get("family", "")), tuple(profile.channels.items())


def _form(payload: bytes, at: int, layout: Layout) -> Form | None:
    """The ids of the elements that begin there; None: some have any length.

    Raises:
        IndexError: the record is cut off.
    """
    width, wide = layout.id_bytes, layout.count_bytes == 2
    form = []
    for size in SIZES:
        many = payload[at] << 8 | payload[at + 1] if wide else payload[at]
        at += layout.count_bytes
        end = at + many * (width + size)
        form += [payload[at + byte : end : width + size] for byte in range(width)]
        at = end
    if layout.variable:
        if payload[at] or payload[at + 1]:
            return None
        at += 2
    if at > len(payload):
        raise IndexError
    return tuple(form)


class _Uncommon(Exception):  # noqa: N818  # an outcome, not a fault of ours
    """Records like this one are read element by element."""


_Placed = dict[str, tuple[Pick, bool]]
"""Values of one reading by key; whether each is true or false."""


class _Maker:
    """Makes one shape, as `domain.wire.channels` would place its values."""

    def __init__(self, layout: Layout, profile: Profile) -> None:
        self._layout, self._profile, self._table = layout, profile, table_of(profile)
        self._format = HEAD + SIZES[layout.id_bytes] + "B" * layout.generation + "x" * layout.count_bytes
        self._fixed = bytearray(struct.calcsize(self._format))
        self._fixed_to = bytearray(len(self._fixed))
        self._next = 9 + layout.generation  # number
        self._codes: list[tuple[int, frozenset[int]]] = []
        self._limits: list[tuple[int, int]] = []
        self._groups: dict[tuple[str, str], _Placed] = {}
        self._notes: list[tuple[Pick, bool]] = []
        self._probes: set[str] = set()  # with a temperature

    def shape(self, form: Form, has_fix: bool, is_marked: bool, has_event: bool) -> Shape | None:  # noqa: FBT001
        """The shape; None: such records are read element by element."""
        try:
            for pick, unit in self._head(has_fix, is_marked, has_event):
                self._put(pick, unit, is_truth=False)
            for io, number, index, size in sorted(self._elements(form), key=lambda each: _is_humidity(each[0])):
                self._element(io, number, index, size)
            return self._done()
        except _Uncommon:
            return None

    def _head(self, has_fix: bool, is_marked: bool, has_event: bool) -> Iterator[tuple[Pick, str]]:  # noqa: FBT001
        yield Pick("satellites", 6), ""
        if has_fix:
            yield Pick("lat", 3, 1e7, is_signed=True), ""
            yield Pick("lon", 2, 1e7, is_signed=True), ""
            yield Pick("altitude", 4, is_signed=True), "m"
            yield Pick("heading", 5), ""
            yield Pick("speed", 7), "km/h"
        if is_marked:
            yield Pick("priority", 1), ""
        if has_event:
            yield Pick("event_io", 8), ""
            if self._layout.generation:
                yield Pick("generation", 9), ""

    def _elements(self, form: Form) -> Iterator[tuple[Io | None, int, int, int]]:
        """Meaning, id, place and size of each element, in the order in which they are sent."""
        width = self._layout.id_bytes
        for group, (size, letter) in enumerate(SIZES.items()):
            self._fix(len(form[group * width]).to_bytes(self._layout.count_bytes, "big"))
            for each in zip(*form[group * width : (group + 1) * width], strict=True):
                number = int.from_bytes(bytes(each), "big")
                io = self._table.ios.get(number)
                self._fix(bytes(each))
                self._format += letter.lower() if io is not None and io.signed else letter
                self._fixed += bytes(size)
                self._fixed_to += bytes(size)
                yield io, number, self._next, size
                self._next += 1
        self._fix(bytes(2 * self._layout.variable))

    def _fix(self, raw: bytes) -> None:
        """So stands in all records of the shape."""
        self._format += "x" * len(raw)
        self._fixed += b"\xff" * len(raw)
        self._fixed_to += raw

    def _element(self, io: Io | None, number: int, index: int, size: int) -> None:
        if io is None:
            if size == 8:
                self._limits.append((index, EXACT - 1))
            self._put(Pick(f"io{number}", index), "", is_truth=False)
            return
        if codes := frozenset(io.faults) | frozenset(io.doubtful):
            self._codes.append((index, codes))
        place = (io.target.stream, io.target.key)
        if place == ("temp", "c"):
            self._probes.add(io.target.part)
        elif _is_humidity(io):
            if io.target.part not in self._probes:
                raise _Uncommon
            self._limits.append((index, 100 * io.divisor))
        pick = Pick(f"io{number}", index, io.divisor, is_signed=io.signed)
        self._put(pick, io.unit, is_truth=place in TRUTHS)

    def _put(self, pick: Pick, unit: str, *, is_truth: bool) -> None:
        """Places a value under its name."""
        name, channels = pick.key, self._profile.channels
        if name in channels:
            target = channels[name]
        else:
            target = self._table.targets.get(name) or target_of(name) or Target(ATTRIBUTE, name)
        if target is None:
            return
        if target.stream == ATTRIBUTE:
            self._notes.append((pick._replace(key=note_name(target.key)), is_truth))
            return
        spec = PLACES[target.stream, target.key]
        group = self._groups.setdefault((target.stream, target.part), {})
        if target.key in group:
            raise _Uncommon
        pick = pick._replace(key=target.key)
        if spec.kind == TRUTH:
            if not is_truth:
                if pick.divisor != 1 or pick.is_signed:
                    raise _Uncommon
                self._limits.append((pick.number, 1))
            group[target.key] = (pick, True)
        elif spec.kind == NUMBER and not is_truth:
            group[target.key] = (_scaled(pick, unit or target.unit, spec), False)
        else:
            raise _Uncommon

    def _done(self) -> Shape:
        rows, notes = [], []
        for (stream, part), group in self._groups.items():
            if any(key not in group for key in MAIN.get(stream, ())):
                notes += self._orphans(group)
                continue
            named = {PARTS[stream]: part or "main"} if stream in PARTS and (part or stream == "shelf") else {}
            numbers = tuple(pick for pick, is_truth in group.values() if not is_truth)
            truths = tuple((pick.key, pick.number) for pick, is_truth in group.values() if is_truth)
            rows.append(Row(stream, named, numbers, truths))
        notes += self._notes
        return Shape(
            struct.Struct(self._format),
            int.from_bytes(self._fixed, "big"),
            int.from_bytes(self._fixed_to, "big"),
            tuple(self._codes),
            tuple(self._limits),
            tuple(rows),
            tuple(place for place, (_, is_truth) in enumerate(notes) if is_truth),
            tuple(pick for pick, _ in notes),
            [pick.key for pick, _ in notes],
        )

    def _orphans(self, group: _Placed) -> list[tuple[Pick, bool]]:
        """Notes of values whose reading is not there: an ignition without a position."""
        for pick, _ in group.values():
            if pick.is_signed or pick.low > 0 or (pick.factor, pick.offset) != (1, 0):
                raise _Uncommon
            if pick.high < math.inf:
                self._limits.append((pick.number, int(pick.high * pick.divisor)))
        return list(group.values())


def _is_humidity(io: Io | None) -> bool:
    return io is not None and io.target.key == "rh"


def _scaled(pick: Pick, unit: str, spec: Spec) -> Pick:
    """How the number becomes a value in our unit, and between which bounds it has to be."""
    if spec.is_beside:
        pick = pick._replace(low=spec.low, high=spec.high)
    if not unit or not spec.base:
        return pick
    known = UNITS.get(unit)
    if known is not None and known.base == spec.base:
        return pick._replace(factor=known.factor, offset=known.offset)
    if known is not None and (known.base, spec.base, pick.divisor) == ("pct", "ratio", 1):
        return pick._replace(divisor=100)
    raise _Uncommon
