"""Sparkplug B: births name the metrics, data may speak of them by number, deaths end them.

Source: Eclipse Sparkplug 3.0, chapters 4 to 6, and its sparkplug_b.proto. Times are milliseconds since 1970; a unit is
what the property `engUnit` says, or the profile. Sequence numbers run 0 to 255 over all messages of an edge node, so
one object reads all of them; what it remembers is bounded, and whatever it forgot a rebirth brings back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Target
from domain.readings import Flag
from domain.times import rfc3339
from domain.wire import protobuf
from domain.wire.channels import attribute, readings
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Measured, Said, Value, WireError

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
class _Names:
    """What the last birth of a node or device has defined. An alias two metrics share stands for neither."""

    by_name: dict[str, Metric] = field(default_factory=dict)
    by_alias: dict[int, Metric | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Session:
    group: str
    edge: str
    seq: int | None = None
    bd_seq: int | None = None
    gapped: bool = False
    asked_ms: int | None = None
    names: dict[str, _Names] = field(default_factory=dict)  # by device; "": the node itself


class Sparkplug:
    """Decoder with the memory of all edge nodes it hears. `replies` are topics and payloads for the caller to send."""

    def __init__(self, sessions_max: int = 1_000, metrics_max: int = 5_000, rebirth_interval_ms: int = 5_000) -> None:
        self.replies: list[tuple[str, bytes]] = []
        self._sessions: OrderedDict[tuple[str, str], _Session] = OrderedDict()
        self._sessions_max = sessions_max
        self._metrics_max = metrics_max  # of one edge node, all its devices together
        self._rebirth_interval_ms = rebirth_interval_ms

    def __call__(self, payload: bytes, context: Context) -> list[Said]:
        """As `decode`."""
        return self.decode(payload, context)

    def is_gapped(self, group: str, edge: str) -> bool:
        """Whether messages of the edge node are known to be missing since its last birth."""
        session = self._sessions.get((group, edge))
        return session is not None and session.gapped

    def decode(self, payload: bytes, context: Context) -> list[Said]:
        """Readings of one message; none for commands, host states and a death that is not of this birth.

        Raises:
            WireError: `topic`, `too_large`, `malformed`, `compressed`, `bad_seq`, `no_birth`, `no_type`, `too_many`,
                `invalid`, `unit`. With `no_birth` the message is good: it can be read after the rebirth asked for.
        """
        if context.topic[1:2] == ("STATE",) or context.topic[2:3] in _COMMANDS:
            return []
        group, kind, edge, device = _address(context.topic)
        said = parse(payload)
        session = self._session(group, edge)
        if kind == "NDEATH":
            return self._node_death(said, session)
        if kind == "NBIRTH":
            self._reset(session, said)
        elif self._missed(said.seq, session):
            self._ask(session, context)
        if kind == "DDEATH":
            session.names.pop(device, None)
            return [attribute(said.t_ms, "death", kind, device)]
        if kind.endswith("BIRTH"):
            self._define(session, device, said)
        born = self._born(session, device, said, context)
        return _readings(list(_measured(said, born, device)), context)

    def _session(self, group: str, edge: str) -> _Session:
        session = self._sessions.setdefault((group, edge), _Session(group, edge))
        self._sessions.move_to_end((group, edge))
        if len(self._sessions) > self._sessions_max:
            self._sessions.popitem(last=False)
        return session

    @staticmethod
    def _reset(session: _Session, said: Payload) -> None:
        """A new life of the edge node: its devices have to be born again, too."""
        if said.seq != 0:
            raise WireError("bad_seq", f"NBIRTH with seq {said.seq}: an edge node begins with 0")
        session.seq, session.bd_seq, session.gapped = 0, _bd_seq(said), False
        session.names.clear()

    @staticmethod
    def _missed(seq: int, session: _Session) -> bool:
        """Take note of a sequence number. True while messages are missing; the same number again is a repetition."""
        if session.seq is None or seq not in (session.seq, (session.seq + 1) % 256):
            session.gapped = True
        session.seq = seq
        return session.gapped

    @staticmethod
    def _node_death(said: Payload, session: _Session) -> list[Said]:
        """The will was written when the node connected, so its time is not that of the death: it has none."""
        told = _bd_seq(said)
        if told is not None and session.bd_seq is not None and told != session.bd_seq:
            return []  # the will of an earlier connection
        session.seq, session.bd_seq = None, None
        session.names.clear()
        return [attribute(None, "death", "NDEATH")]

    def _define(self, session: _Session, device: str, said: Payload) -> None:
        session.names.pop(device, None)  # whatever comes of this birth, the old aliases have ended
        born = _Names()
        for metric in said.metrics:
            if not metric.name:
                raise WireError("malformed", "a metric without a name in a birth")
            defined = Metric(metric.name, datatype=metric.datatype, unit=metric.unit)
            born.by_name[metric.name] = defined
            if metric.alias is not None:
                born.by_alias[metric.alias] = None if metric.alias in born.by_alias else defined
        others = sum(len(names.by_name) + 1 for names in session.names.values())
        if others + len(born.by_name) > self._metrics_max:
            raise WireError("too_many", f"more than {self._metrics_max} metrics of one edge node")
        session.names[device] = born

    def _born(self, session: _Session, device: str, said: Payload, context: Context) -> _Names:
        """What the birth has defined; without it, or when it lacks an alias, the data have to wait for the next one."""
        born = session.names.get(device)
        if born and all(m.name or m.alias is None or m.alias in born.by_alias for m in said.metrics):
            return born
        self._ask(session, context)
        why = "an alias that is not in the birth" if born else "data before the birth that names its metrics"
        raise WireError("no_birth", f"{why}: a rebirth is asked for")

    def _ask(self, session: _Session, context: Context) -> None:
        """Ask for a rebirth, unless that was just done: a rebirth is a lot of data."""
        session.gapped = True
        asked_ms, now_ms = session.asked_ms, context.received_ms
        if asked_ms is not None and 0 <= now_ms - asked_ms < self._rebirth_interval_ms:
            return
        if len(self.replies) < self._sessions_max:  # full when nobody drains them
            session.asked_ms = now_ms
            self.replies.append((f"spBv1.0/{session.group}/NCMD/{session.edge}", rebirth(now_ms)))


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


def _resolved(metric: Metric, born: _Names) -> Metric:
    """With name, type and unit: what a metric says itself goes before what its birth has said."""
    if metric.name:
        known = born.by_name.get(metric.name, metric)
    elif metric.alias is None:
        raise WireError("malformed", "a metric with neither name nor alias")
    else:
        by_alias = born.by_alias[metric.alias]
        if by_alias is None:
            raise WireError("malformed", f"alias {metric.alias}: two metrics of the birth have it; give each its own")
        known = by_alias
    datatype, unit = metric.datatype or known.datatype, metric.unit or known.unit
    return metric._replace(name=known.name, datatype=datatype, unit=unit)


def _measured(said: Payload, born: _Names, device: str) -> Iterator[Measured]:
    for metric in (_resolved(each, born) for each in said.metrics):
        if metric.null or metric.name == _BD_SEQ or metric.name.startswith(_CONTROLS):
            continue
        value = _value(metric)
        if value is not None:
            t_ms = said.t_ms if metric.t_ms is None else metric.t_ms
            flags = int(Flag.HISTORICAL) if metric.historical else 0
            yield Measured(t_ms, metric.name, value, metric.unit, device, flags)


def _value(metric: Metric) -> Value | None:
    """A whole number becomes what its data type says; other values are what they are."""
    value, datatype, name = metric.value, metric.datatype, metric.name[:40]
    if value is None:
        return metric.structure or None
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


def _readings(measured: list[Measured], context: Context) -> list[Said]:
    """Texts are attributes. A unit the profile gives for a channel is taken before the sender's."""
    texts: Mapping[str, Target | None] = {
        m.channel: Target(ATTRIBUTE, m.channel) for m in measured if isinstance(m.value, str)
    }
    mended = []
    for each in measured:
        told = context.profile_at(each.source, each.t_ms).channels.get(each.channel) if each.unit else None
        mended.append(each._replace(unit="") if told is not None and told.unit else each)
    return readings(mended, context, texts)
