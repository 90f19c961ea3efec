"""Sparkplug B: births name the metrics, data may speak of them by number, deaths end them.

Source: Eclipse Sparkplug 3.0, chapters 4 to 6, and its sparkplug_b.proto. Times are milliseconds since 1970; a unit is
what the property `engUnit` says, or the profile. Sequence numbers run 0 to 255 over all messages of an edge node; which
birth the numbers of a message are of, `sparkplug_node` decides from what all readers together have heard.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Target
from domain.readings import Flag
from domain.times import rfc3339
from domain.wire import protobuf
from domain.wire.channels import attribute, readings
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Measured, Said, Value, WireError, refusal, settled
from domain.wire.sparkplug_node import Birth, Definition, Node
from domain.wire.words import has_digits

_NODE = {"NBIRTH", "NDATA", "NDEATH"}
_DEVICE = {"DBIRTH", "DDATA", "DDEATH"}
_COMMANDS = (("NCMD",), ("DCMD",))
_COMPRESSED = "SPBV1.0_COMPRESSED"
_NAME_MAX = 200
_BD_SEQ = "bdSeq"
_REBIRTH = "Node Control/Rebirth"
_CONTROLS = ("Node Control/", "Device Control/")  # handles for commands, not measurements
_BOOLEAN, _DATETIME = 11, 13  # data types
_YEAR_10_000_MS = 253_402_300_800_000  # no text has room for it
# Data type -> bits. Other types say themselves what they are.
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
_UNSIGNED = {5: 8, 6: 16, 7: 32, 8: 64}


class Metric(NamedTuple):
    """One metric as it was sent. `value` None: null, or of a kind that is no single value."""

    name: str = ""
    alias: int | None = None
    t_ms: int | None = None
    datatype: int = 0
    historical: bool = False
    null: bool = False
    unit: str = ""
    value: Value | None = None
    structure: str = ""  # what it is instead of a value


class Payload(NamedTuple):
    """What every message carries. `seq` is 0 when it is not given: some encoders leave out zeros."""

    t_ms: int | None
    seq: int
    metrics: list[Metric]


@dataclass(slots=True)
class Names:
    """What a birth of a node or device has defined. An alias two metrics share stands for neither."""

    by_name: dict[str, Definition] = field(default_factory=dict)
    by_alias: dict[int, Definition | None] = field(default_factory=dict)

    @classmethod
    def of(cls, definitions: Iterable[Definition]) -> Names:
        """From what a birth defines."""
        names = cls()
        for each in definitions:
            names.by_name[each.name] = each
            if each.alias is not None:
                names.by_alias[each.alias] = None if each.alias in names.by_alias else each
        return names


class Memory(Protocol):
    """Edge nodes and their births, shared by all who read messages: see `ingest/births.py`."""

    def node(self, group: str, edge: str) -> Node:
        """What is known of an edge node; changes to it are kept."""

    def keep(self, group: str, edge: str, device: str, definitions: Sequence[Definition]) -> int:
        """Keeps what a birth defines; its number. The same again has the same one."""

    def names(self, number: int) -> Names | None:
        """What a birth has defined; None when it is no longer known."""

    def now_ms(self, received_ms: int) -> int:
        """The present, for a message of that moment."""


class OwnMemory:
    """The memory of one decoder alone, bounded: whatever it forgot a rebirth brings back."""

    def __init__(self, nodes_max: int = 1_000) -> None:
        self._nodes: OrderedDict[tuple[str, str], Node] = OrderedDict()
        self._names: OrderedDict[int, tuple[tuple[str, str], Names]] = OrderedDict()
        self._numbers: dict[tuple[object, ...], int] = {}
        self._nodes_max = nodes_max

    def node(self, group: str, edge: str) -> Node:
        """See `Memory`."""
        found = self._nodes.setdefault((group, edge), Node())
        self._nodes.move_to_end((group, edge))
        if len(self._nodes) > self._nodes_max:
            gone, _ = self._nodes.popitem(last=False)
            for number in [n for n, (owner, _) in self._names.items() if owner == gone]:
                del self._names[number]
        return found

    def keep(self, group: str, edge: str, device: str, definitions: Sequence[Definition]) -> int:
        """See `Memory`."""
        number = self._numbers.setdefault((group, edge, device, *definitions), len(self._numbers) + 1)
        self._names[number] = ((group, edge), Names.of(definitions))
        if len(self._numbers) > 16 * self._nodes_max:
            self._numbers.clear()
        return number

    def names(self, number: int) -> Names | None:
        """See `Memory`."""
        found = self._names.get(number)
        return found[1] if found else None

    def now_ms(self, received_ms: int) -> int:
        """See `Memory`."""
        return received_ms


class Sparkplug:
    """Decoder of all edge nodes. `replies` are topics and payloads for the caller to send."""

    def __init__(self, memory: Memory | None = None, *, metrics_max: int = 5_000, replies_max: int = 1_000) -> None:
        self.replies: list[tuple[str, bytes]] = []
        self.memory = memory or OwnMemory()
        self._metrics_max = metrics_max  # of one birth
        self._replies_max = replies_max

    def __call__(self, payload: bytes, context: Context) -> list[Said]:
        """As `decode`."""
        return self.decode(payload, context)

    def decode(self, payload: bytes, context: Context) -> list[Said]:
        """Readings of one message; none for commands, host states and a death that is not of this birth.

        Raises:
            WireError: `topic`, `too_large`, `malformed`, `compressed`, `no_birth`, `lost_birth`, `no_type`, `too_many`,
                `structure`, `invalid`, `unit`. With `no_birth` the message is good: it can be read after the rebirth
                asked for; with `lost_birth` nobody can say any more what its numbers mean.
        """
        if context.topic[1:2] == ("STATE",) or context.topic[2:3] in _COMMANDS:
            return []
        group, kind, edge, device = _address(context.topic)
        said = parse(payload)
        node = self.memory.node(group, edge)
        sent_ms = context.received_ms if said.t_ms is None else said.t_ms
        if kind != "NDEATH" and said.t_ms is not None:
            node.came(said.t_ms, self.memory.now_ms(context.received_ms))
        if kind == "NDEATH":
            # The will was written when the node connected, so its time is not that of the death: it has none.
            return [attribute(None, "death", kind)] if node.death(context.received_ms, _bd_seq(said)) else []
        if kind.endswith("BIRTH"):
            names = self._born(node, group, edge, device, said, sent_ms, context)
            return _told(said, names, device, context)
        proven = node.heard(said.seq, sent_ms)
        if kind == "DDEATH":
            node.put(Birth(0, device, sent_ms, context.received_ms, node.bd_seq))
            return [attribute(said.t_ms, "death", kind, device)]
        if not proven:
            self._ask(node, group, edge, context)
        names, doubted = self._names(node, group, edge, device, said, sent_ms, context, proven=proven)
        return _told(said, names, device, context, doubted=doubted)

    def _born(
        self, node: Node, group: str, edge: str, device: str, said: Payload, sent_ms: int, context: Context
    ) -> Names:
        if any(not metric.name for metric in said.metrics):
            raise WireError("malformed", "a metric without a name in a birth")
        if len(said.metrics) > self._metrics_max:
            raise WireError("too_many", f"more than {self._metrics_max} metrics of one birth")
        definitions = [Definition(m.name, m.alias, m.datatype, m.unit) for m in said.metrics]
        bd_seq = _bd_seq(said) if not device else node.bd_seq
        birth = Birth(self.memory.keep(group, edge, device, definitions), device, sent_ms, context.received_ms, bd_seq)
        if device:
            if not node.heard(said.seq, sent_ms, birth=True):
                self._ask(node, group, edge, context)
            node.put(birth)
        else:
            node.node_birth(said.seq, bd_seq, birth)
        return Names.of(definitions)

    def _names(
        self,
        node: Node,
        group: str,
        edge: str,
        device: str,
        said: Payload,
        sent_ms: int,
        context: Context,
        *,
        proven: bool,
    ) -> tuple[Names, bool]:
        """What the birth of a message has defined, and whether that is doubted.

        Raises:
            WireError: `no_birth`, `lost_birth`; not for a message that names its metrics and their types itself.
        """
        now_ms = self.memory.now_ms(context.received_ms)
        verdict = node.birth_of(device, sent_ms, context.received_ms, now_ms, proven=proven)
        names = self.memory.names(verdict.birth.number) if verdict.birth else None
        numbers = [m.alias for m in said.metrics if not m.name and m.alias is not None]
        if names is not None and all(number in names.by_alias for number in numbers):
            return names, verdict.doubted
        if not numbers and all(
            m.datatype or not isinstance(m.value, int) or isinstance(m.value, bool) for m in said.metrics
        ):
            return names or Names(), False
        if verdict.lost:
            raise WireError("lost_birth", verdict.why)
        self._ask(node, group, edge, context)
        why = "an alias that is not in the birth" if names else verdict.why or "the birth is no longer known"
        raise WireError("no_birth", f"{why}: a rebirth is asked for")

    def _ask(self, node: Node, group: str, edge: str, context: Context) -> None:
        """Asks for a rebirth, unless that was just done: a rebirth is a lot of data."""
        if len(self.replies) < self._replies_max and node.may_ask(self.memory.now_ms(context.received_ms)):
            self.replies.append((f"spBv1.0/{group}/NCMD/{edge}", rebirth(context.received_ms)))


def rebirth(now_ms: int) -> bytes:
    """Payload of the command to publish all births again."""
    told: dict[int, int | bytes] = {1: _REBIRTH.encode(), 3: now_ms, 4: _BOOLEAN, 14: 1}
    metric = b"".join(protobuf.field(number, value) for number, value in told.items())
    return protobuf.field(1, now_ms) + protobuf.field(2, metric)


def _address(topic: tuple[str, ...]) -> tuple[str, str, str, str]:
    """Group, kind of message, edge node, device."""
    if len(topic) not in (4, 5) or topic[0] != "spBv1.0":
        raise WireError("topic", "not spBv1.0/{group}/{message}/{edge node}, with /{device} behind it or not")
    if any(not 0 < len(level) <= _NAME_MAX or set(level) & set("+#/\0") for level in topic):  # a command goes there
        raise WireError("topic", f"a level that is empty, longer than {_NAME_MAX} letters, or has + # or /")
    kind = topic[2]
    if kind not in (_NODE if len(topic) == 4 else _DEVICE):
        raise WireError("topic", f"{kind[:20]!r} is no message of {'an edge node' if len(topic) == 4 else 'a device'}")
    return topic[1], kind, topic[3], "".join(topic[4:])


def parse(payload: bytes) -> Payload:
    """Fields of a payload; its metrics are not yet matched with their birth."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    t_ms, seq, metrics = None, 0, []
    for each in protobuf.fields(payload):
        if each.number == 1:
            t_ms = each.uint()
        elif each.number == 2:
            metrics.append(_metric(each.raw()))
        elif each.number == 3:
            seq = each.uint()
        elif each.number == 4 and each.text() == _COMPRESSED:
            raise WireError("compressed", "a compressed payload: switch compression off at the edge node")
    if seq > 255:
        raise WireError("malformed", f"seq {seq}: more than 255")
    if len(metrics) > READINGS_MAX:
        raise WireError("too_large", f"{len(metrics)} metrics, at most {READINGS_MAX}")
    return Payload(t_ms, seq, metrics)


def _metric(message: bytes) -> Metric:
    found = {}
    for each in protobuf.fields(message):
        if each.number in _METRIC:
            key, read = _METRIC[each.number]
            found[key] = read(each)
    metric = Metric(**found)
    if len(metric.name) > _NAME_MAX:
        raise WireError("malformed", f"a metric's name of {len(metric.name)} letters, at most {_NAME_MAX}")
    return metric


def _structure(each: protobuf.Field) -> str:
    """What a value is that is none for us."""
    return f"{ {16: 'bytes', 17: 'dataset', 18: 'template'}[each.number] }, {len(each.raw())} bytes"


def _unit(properties: protobuf.Field) -> str:
    """The text of `engUnit` in a PropertySet: two rows, names and values, in the same order."""
    names, values = [], []
    for each in protobuf.fields(properties.raw()):
        if each.number == 1:
            names.append(each.text())
        elif each.number == 2:
            values.append(each.raw())
    if "engUnit" not in names or len(names) != len(values):
        return ""
    texts = [each.text() for each in protobuf.fields(values[names.index("engUnit")]) if each.number == 8]
    return texts[-1][:32] if texts else ""


# Number of a field of Metric -> our name of it, and how it is read. 6 is_transient and 8 metadata say nothing to us.
_METRIC: Mapping[int, tuple[str, Callable[[protobuf.Field], Any]]] = {
    1: ("name", protobuf.Field.text),
    2: ("alias", protobuf.Field.uint),
    3: ("t_ms", protobuf.Field.uint),
    4: ("datatype", protobuf.Field.uint),
    5: ("historical", protobuf.Field.truth),
    7: ("null", protobuf.Field.truth),
    9: ("unit", _unit),
    **dict.fromkeys((10, 11), ("value", protobuf.Field.uint)),
    12: ("value", protobuf.Field.float32),
    13: ("value", protobuf.Field.float64),
    14: ("value", protobuf.Field.truth),
    15: ("value", protobuf.Field.text),
    **dict.fromkeys((16, 17, 18), ("structure", _structure)),
}


def _bd_seq(said: Payload) -> int | None:
    """The number that joins a will to its birth."""
    found = [m.value for m in said.metrics if m.name == _BD_SEQ and isinstance(m.value, int)]
    return found[-1] if found else None


def _resolved(metric: Metric, born: Names) -> Metric:
    """With name, type and unit: what a metric says itself goes before what its birth has said."""
    if metric.name:
        known = born.by_name.get(metric.name, Definition(metric.name, None, metric.datatype, metric.unit))
    elif metric.alias is None:
        raise WireError("malformed", "a metric with neither name nor alias")
    else:
        by_alias = born.by_alias[metric.alias]
        if by_alias is None:
            raise WireError("malformed", f"alias {metric.alias}: two metrics of the birth have it; give each its own")
        known = by_alias
    datatype, unit = metric.datatype or known.datatype, metric.unit or known.unit
    return metric._replace(name=known.name, datatype=datatype, unit=unit)


def _told(said: Payload, born: Names, device: str, context: Context, *, doubted: bool = False) -> list[Said]:
    """Readings of the metrics. One that cannot be read costs itself, and its message is kept for it."""
    measured: list[Measured] = []
    times: set[str] = set()
    refused: list[Said] = []
    for each in said.metrics:
        try:
            metric = _resolved(each, born)
            if metric.null or metric.name == _BD_SEQ or metric.name.startswith(_CONTROLS):
                continue
            value = _value(metric)
        except WireError as error:
            refused.append(refusal(device, error.reason, str(error)))
            continue
        if value is not None:
            t_ms = said.t_ms if metric.t_ms is None else metric.t_ms
            if metric.datatype == _DATETIME:
                times.add(metric.name)
            flags = int(Flag.HISTORICAL) * metric.historical | int(Flag.SUSPECT) * doubted
            measured.append(Measured(t_ms, metric.name, value, metric.unit, device, flags))
    return settled(_readings(measured, times, context) + refused)


def _value(metric: Metric) -> Value | None:
    """A whole number becomes what its data type says; other values are what they are."""
    value, datatype, name = metric.value, metric.datatype, metric.name[:40]
    if value is None:
        if metric.structure:
            raise WireError("structure", f"{name}: a {metric.structure}, which is no single value; kept whole")
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if datatype == _DATETIME:
        return rfc3339(value * 1000) if value < _YEAR_10_000_MS else value
    if datatype == _BOOLEAN:
        return value != 0
    if datatype in _SIGNED:
        number = protobuf.signed(value, _SIGNED[datatype])
    elif datatype in _UNSIGNED:
        number = value if value >> _UNSIGNED[datatype] == 0 else None
    else:
        raise WireError("no_type", f"{name}: a whole number of type {datatype}: give its datatype in the birth")
    if number is None:
        raise WireError("invalid", f"{name}: {value} does not fit its data type {datatype}")
    return number


def _readings(measured: list[Measured], times: Collection[str], context: Context) -> list[Said]:
    """Words and times are notes, a text with digits is what its name says. A profile's unit beats the sender's."""
    words: Mapping[str, Target | None] = {
        m.channel: Target(ATTRIBUTE, m.channel)
        for m in measured
        if isinstance(m.value, str) and (m.channel in times or not has_digits(m.value))
    }
    mended = []
    for each in measured:
        told = context.profile_at(each.source, each.t_ms).channels.get(each.channel) if each.unit else None
        mended.append(each._replace(unit="") if told is not None and told.unit else each)
    return readings(mended, context, words)
