"""Where a tag is: a Bayes filter over a few zones and "gone", that changes only when the tag is heard.

    carry' = step(carry, reads)            what of it is carried, by tag
    zones, chances = look(carry)           what is to be told now; read only

Each tag has four candidate zones at most, those that heard it. Time goes in epochs. Within an epoch the strongest read
of each zone counts, so order and repeats do not matter; the open epoch is carried raw and is combined when the next one
begins. The silent epochs between two that heard the tag are taken in one jump: they speak against a zone as far as its
readers were awake (`awake`). Which reads are in which step therefore changes nothing, to the bit.

The emission of an epoch in zone z: read with the tag's own rate, as strong as z hears its own; other zones hear it by
leak, as strong as they hear strangers. A tag's rate is learned from the epochs in which its place was sure.
Hidden Markov model and the counts: Rabiner, Proc. IEEE 77 (1989) 257; reads as chance, not as presence: Jeffery,
Garofalakis, Franklin, VLDB 2006 (SMURF), which stands beside it in the benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from domain.folds.table import Column, Table
from domain.readings import F64, I32, I64, Bool
from tracker.rules.presence.awake import Awake, Woken
from tracker.rules.presence.knowledge import Knowledge, pair

VERSION = 1
K = 4
NEVER = int(np.iinfo(np.int32).min)
NO_DBM = -999.0
"""In place of a strength that the reader does not tell."""
SILENT_MAX = 20  # of a gap so many epochs say something of a tag's read rate
SURE = 0.9
PASSAGE_MS, STEP_MS, FAR_MS = 8_000, 400.0, 2_000
"""A passage takes this long at most; so much later at one side is that direction with three in four; it is capped."""


@dataclass(frozen=True, slots=True)
class Tags(Table):
    """What is carried of each tag. Zone 0: no candidate; `heard` has a bit for each zone that ever heard it."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "zone": Column("i4", 0, K),
        "chance": Column("f4", 0.0, K),
        "gone": Column("f4", 1.0),
        "epoch": Column("i4", NEVER),
        "open_zone": Column("i4", 0, K),
        "open_dbm": Column("f4", NO_DBM, K),
        "open_ms": Column("u2", 0, K),
        "open_epoch": Column("i4", NEVER),
        "hit": Column("f4", 0.0),
        "miss": Column("f4", 0.0),
        "heard": Column("i8", 0),
    }

    zone: I32
    chance: F64
    gone: F64
    epoch: I32
    open_zone: I32
    open_dbm: F64
    open_ms: I64
    open_epoch: I32
    hit: F64
    miss: F64
    heard: I64


class Heard(NamedTuple):
    """Epochs in which tags were heard: row of the tag, epoch, and the strongest read of up to four zones."""

    tag: I64
    epoch: I64
    zone: I64
    dbm: F64
    ms: I64
    """When in the epoch that was."""

    def take(self, index: Any) -> Heard:
        """Some of them."""
        return Heard(*(column[index] for column in self))


def bits(zone: Any) -> I64:
    """The bit of each zone in `Tags.heard`; 0 for none."""
    zone = np.asarray(zone, np.int64)
    return np.asarray(np.where(zone > 0, np.int64(1) << (zone % 63), 0))


def gathered(tag: I64, epoch: I64, zone: I64, dbm: F64, ms: I64) -> Heard:
    """Reads as epochs, sorted by tag and epoch: of each zone the strongest, of the zones the strongest four."""
    order = np.lexsort((ms, -dbm, zone, epoch, tag))
    tag, epoch, zone, dbm, ms = tag[order], epoch[order], zone[order], dbm[order], ms[order]
    same = (tag[1:] == tag[:-1]) & (epoch[1:] == epoch[:-1])
    new = np.ones(len(tag), np.bool_)
    new[1:] = ~same | (zone[1:] != zone[:-1])
    tag, epoch, zone, dbm, ms = tag[new], epoch[new], zone[new], dbm[new], ms[new]
    starts = np.ones(len(tag), np.bool_)
    starts[1:] = (tag[1:] != tag[:-1]) | (epoch[1:] != epoch[:-1])
    if not starts.all():
        order = np.lexsort((zone, -dbm, epoch, tag))
        zone, dbm, ms = zone[order], dbm[order], ms[order]
    first = np.flatnonzero(starts)
    group = np.cumsum(starts) - 1
    rank = np.arange(len(tag)) - first[group]
    some = rank < K
    zones, strengths = np.zeros((len(first), K), np.int64), np.full((len(first), K), NO_DBM)
    moments = np.zeros((len(first), K), np.int64)
    zones[group[some], rank[some]] = zone[some]
    strengths[group[some], rank[some]] = dbm[some]
    moments[group[some], rank[some]] = ms[some]
    return Heard(tag[first], epoch[first], zones, strengths, moments)


def step(
    tags: Tags, tag: I64, epoch: I64, zone: I64, dbm: F64, awake: Awake, known: Knowledge, ms: I64 | None = None
) -> Tags:
    """What is carried of these tags after reads of theirs; `tag` are keys of theirs, each read in its zone.

    `ms` is when in its epoch each was, for portals.

    No read may be of an epoch before its tag's open one: that is for a fold from further back.
    """
    after = tags.take(np.arange(len(tags)))
    row = np.searchsorted(tags.entity, tag)
    again, which = np.nonzero(tags.open_zone > 0)
    heard = gathered(
        np.concatenate([row, again]),
        np.concatenate([epoch, tags.open_epoch[again]]).astype(np.int64),
        np.concatenate([zone, tags.open_zone[again, which]]).astype(np.int64),
        np.concatenate([np.where(np.isnan(dbm), NO_DBM, dbm), tags.open_dbm[again, which]])
        .astype(np.float32)  # as it is carried
        .astype(np.float64),
        np.concatenate([np.zeros(len(tag), np.int64) if ms is None else ms, tags.open_ms[again, which]]),
    )
    last = np.ones(len(heard.tag), np.bool_)
    last[:-1] = heard.tag[1:] != heard.tag[:-1]
    first = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    rank = np.arange(len(last)) - np.repeat(first, np.diff(np.append(first, len(last))))
    for turn in range(int(rank.max(initial=0))):
        closing = heard.take(~last & (rank == turn))
        _put(after, closing.tag, combined(after, closing, awake, known))
    still = heard.take(last)
    after.open_epoch[still.tag] = still.epoch
    after.open_zone[still.tag], after.open_dbm[still.tag], after.open_ms[still.tag] = still.zone, still.dbm, still.ms
    all_of = bits(heard.zone)
    np.bitwise_or.at(after.heard, heard.tag, all_of[:, 0] | all_of[:, 1] | all_of[:, 2] | all_of[:, 3])
    return after


class Belief(NamedTuple):
    """Candidates and chances after an epoch."""

    zone: I64
    chance: F64
    gone: F64
    hit: F64
    miss: F64
    epoch: I64


def _put(tags: Tags, row: I64, now: Belief) -> None:
    tags.zone[row], tags.chance[row], tags.gone[row] = now.zone, now.chance, now.gone
    tags.hit[row], tags.miss[row], tags.epoch[row] = now.hit, now.miss, now.epoch


def sum_of(columns: F64) -> F64:
    """Sum over the candidates, always in the same order."""
    return np.asarray(columns[:, 0] + columns[:, 1] + columns[:, 2] + columns[:, 3])


def rate_of(hit: F64, miss: F64, known: Knowledge) -> F64:
    """The read rate of tags, from what they did while their place was sure."""
    priors = known.priors
    return np.asarray((hit * 1.0 + priors.read_rate * priors.weight) / (hit * 1.0 + miss * 1.0 + priors.weight)).clip(
        0.02, 0.995
    )


def silent(chance: F64, gone: F64, rate: F64, epochs: F64, known: Knowledge) -> tuple[F64, F64]:
    """Chances after silence: `epochs` by candidate are those in which its zone listened and heard nothing."""
    priors = known.priors
    go = priors.leave + priors.move
    stay = ((1 - go) * (1 - rate))[:, None]
    left = np.power(stay, epochs)
    lost = sum_of(chance * go * (1 - left) / (1 - stay))
    longest = epochs.max(axis=1)
    chance, gone = chance * left, gone * np.power(1 - priors.come, longest) + lost
    total = sum_of(chance) + gone
    return chance / total[:, None], gone / total


def entered(
    zone: I64, chance: F64, gone: F64, heard: Heard, first: Bool, span: F64, known: Knowledge
) -> tuple[I64, F64, F64]:
    """Candidates before an epoch speaks: some have moved on, and zones that hear the tag are candidates from now on."""
    priors = known.priors
    total = sum_of(chance)
    zone, was = zone.copy(), chance
    chance = chance * (1 - priors.leave - priors.move)
    gone = gone + total * priors.leave
    coming = gone * (priors.come / priors.zones) * span
    for k in range(K):
        at = heard.zone[:, k]
        on = at > 0
        mine = (zone == at[:, None]) & on[:, None]
        there = mine.any(axis=1)
        others = total - sum_of(np.where(mine, was, 0.0))
        come = coming + others * priors.move * priors.near * span
        if len(known.portals):
            leads = np.isin(pair(zone, at[:, None]), known.portals) & on[:, None]
            come = come + sum_of(np.where(leads, was, 0.0)) * priors.passes
        come = np.where(first, (1 - priors.stray) / np.maximum((heard.zone > 0).sum(axis=1), 1), come)
        chance = chance + np.where(mine, come[:, None], 0.0)
        add = np.flatnonzero(on & ~there)
        if len(add):
            heard_now = (zone[add][:, :, None] == heard.zone[add][:, None, :]).any(axis=2) & (zone[add] > 0)
            weakest = np.where(zone[add] == 0, -1.0, np.where(heard_now, 2.0, 0.0) + chance[add]).argmin(axis=1)
            gone[add] += chance[add, weakest]
            zone[add, weakest], chance[add, weakest] = at[add], come[add]
    return zone, chance, np.where(first, priors.stray, gone)


def emission(zone: I64, heard: Heard, rate: F64, first: Bool, listened: Bool, known: Knowledge) -> tuple[F64, F64]:
    """Logarithms of how well an epoch agrees with each candidate, and with "gone".

    `listened`: zones that would have heard the tag, were it there.
    """
    inside, outside, sd, leak = known.of(heard.zone, heard.epoch[:, None])
    on, told = heard.zone > 0, heard.dbm > NO_DBM
    near = np.where(told, -0.5 * ((heard.dbm - inside) / sd) ** 2, 0.0)
    far = np.where(told, -0.5 * ((heard.dbm - outside) / sd) ** 2, 0.0)
    by_leak = np.where(on, np.log(leak * rate[:, None]) + far, 0.0)
    base = sum_of(by_leak)
    # that a tag nobody knew was read tells nothing of how often it would be: only the strength does
    as_own = np.where(first, 0.0, np.log(rate))[:, None] + near - by_leak
    ghosts = sum_of(np.where(on, np.log(known.priors.ghost) + far, 0.0))
    gone = np.where(first, base - by_leak[:, 0] + far[:, 0], ghosts)
    missed = np.log(1 - rate)
    agree = np.empty(zone.shape)
    for k in range(K):
        mine = (heard.zone == zone[:, k, None]) & on
        own = mine.any(axis=1)
        agree[:, k] = base + np.where(own, sum_of(np.where(mine, as_own, 0.0)), np.where(listened[:, k], missed, 0.0))
    return np.where(zone > 0, agree, -np.inf), gone


def passing(zone: I64, heard: Heard, fresh: Bool, known: Knowledge) -> F64:
    """Logarithms of how well each candidate agrees with the order in which the sides of a portal heard a tag best.

    A tag that passes is loudest at the side it goes to last. One that stays in the portal is heard in any order: only
    tags that were not heard in the epoch before are looked at, and moments that are no more than a passage apart.
    """
    found = np.zeros(zone.shape)
    for k in range(K):
        mine = (heard.zone == zone[:, k, None]) & (heard.zone > 0)
        moment = np.where(mine, heard.ms, 0).sum(axis=1)
        for j in range(K):
            other = heard.zone[:, j]
            both = mine.any(axis=1) & (other > 0) & np.isin(pair(zone[:, k], other), known.portals) & fresh
            later_ms = moment - heard.ms[:, j]
            both &= np.abs(later_ms) <= PASSAGE_MS
            found[:, k] += np.where(both, -np.log1p(np.exp(-later_ms.clip(-FAR_MS, FAR_MS) / STEP_MS)), 0.0)
    return found


def combined(tags: Tags, heard: Heard, awake: Awake, known: Knowledge, *, whole: bool = True) -> Belief:
    """Beliefs of tags after epochs in which they were heard: one epoch each; not `whole`: the newest may go on."""
    at = heard.tag
    before, zone = tags.epoch[at].astype(np.int64), tags.zone[at].astype(np.int64)
    hit, miss = tags.hit[at] * 1.0, tags.miss[at] * 1.0
    first = before == NEVER
    rate = rate_of(hit, miss, known)
    listened = _listened(zone, before, (heard.epoch - 1)[:, None], awake)
    chance, gone = silent(tags.chance[at] * 1.0, tags.gone[at] * 1.0, rate, listened, known)
    span = np.minimum(np.where(first, 1, heard.epoch - before), 1 / rate)
    now, chance, gone = entered(zone, chance, gone, heard, first, span, known)
    listening = awake.holds(now, heard.epoch[:, None])
    if not whole:
        listening &= awake.newest(now) > heard.epoch[:, None]
    agree, agree_gone = emission(now, heard, rate, first, listening, known)
    if len(known.portals):
        agree = agree + passing(now, heard, first | (heard.epoch - before > 1), known)
    most = np.maximum(agree.max(axis=1), agree_gone)
    chance, gone = chance * np.exp(agree - most[:, None]), gone * np.exp(agree_gone - most)
    total = sum_of(chance) + gone
    chance, gone = chance / total[:, None], gone / total
    rows, best = np.arange(len(at)), chance.argmax(axis=1)
    stays = (now[rows, best] == zone[rows, best]) & (chance[rows, best] > SURE) & ~first
    seen = (heard.zone == now[rows, best][:, None]).any(axis=1)
    missed = np.minimum(listened[rows, best], SILENT_MAX)
    fade = np.power(known.priors.memory, missed + 1)
    hit = np.where(stays, hit * fade + seen, hit)
    miss = np.where(stays, miss * fade + missed + ~seen, miss)
    return Belief(now, chance, gone, hit, miss, heard.epoch)


def _listened(zone: I64, since: I64, until: I64, awake: Awake) -> F64:
    """Epochs after `since` up to and with `until` in which each candidate's zone was awake."""
    count = np.zeros(zone.shape)
    until = np.broadcast_to(until, zone.shape)
    row, k = np.nonzero((zone > 0) & (until > since[:, None]) & (since != NEVER)[:, None])
    if len(row):
        of = zone[row, k]
        count[row, k] = awake.until(of, until[row, k]) - awake.until(of, since[row])
    return count


def look(tags: Tags, awake: Awake, known: Knowledge, *, whole: bool = False) -> tuple[I64, F64]:
    """Candidate zones of tags and the chance that each is there, by what all readers have said up to now.

    The newest epoch of a zone may go on: who was not heard in it yet is not missed. `whole`: all of it has been heard.
    """
    rows = np.flatnonzero(tags.open_epoch != NEVER)
    zone, chance, gone = tags.zone.astype(np.int64), tags.chance * 1.0, tags.gone * 1.0
    hit, miss, epoch = tags.hit * 1.0, tags.miss * 1.0, tags.epoch.astype(np.int64)
    if len(rows):
        open_zone, open_epoch = tags.open_zone[rows].astype(np.int64), tags.open_epoch[rows].astype(np.int64)
        open_ms = tags.open_ms[rows].astype(np.int64)
        heard = Heard(rows, open_epoch, open_zone, tags.open_dbm[rows] * 1.0, open_ms)
        now = combined(tags, heard, awake, known, whole=whole)
        zone[rows], chance[rows], gone[rows], hit[rows], miss[rows], epoch[rows] = now
    until = awake.newest(zone) - (not whole)
    listened = _listened(zone, epoch, np.maximum(until, epoch[:, None]), awake)
    chance, _ = silent(chance, gone, rate_of(hit, miss, known), listened, known)
    return zone, chance


def late(tags: Tags, tag: I64, epoch: I64) -> Bool:
    """Which reads come after a later epoch of their tag was begun; `tag` are keys of these tags."""
    return np.asarray(epoch < tags.open_epoch[np.searchsorted(tags.entity, tag)])


def passed_over(tags: Tags, woken: Woken | None) -> list[tuple[int, I64]]:
    """Tags that were folded past an epoch in which, as is known only now, a zone that had heard them was awake.

    The silence of these was not counted: they are to be folded again. Pairs of an epoch, and the tags since then.
    """
    if woken is None or not len(tags):
        return []
    newest, found = int(tags.epoch.max()), []
    for zone, since in zip(woken.zone.tolist(), woken.since.tolist(), strict=True):
        if since <= newest:
            over = (tags.epoch >= since) & (tags.heard & bits(zone) != 0)
            if over.any():
                found.append((since, tags.entity[over]))
    return found
