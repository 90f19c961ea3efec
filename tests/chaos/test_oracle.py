"""The oracle itself: shown one offence of each kind in a real database, it names each and nothing else."""

from __future__ import annotations

import psycopg

from firmware_sim.truth import Truth
from tests.integration.fleet import T0, Fleet
from tests.oracle import Poison, Sent, judge

DEVICE, BOOT = "gps-1", "b1"
MALFORMED = Sent.of("fw/v1/main/gps-1/gps", b'{"lat":91}')


def reading(seq: int, **changes: object) -> dict[str, object]:
    values = {"t": T0 // 1000 + 1000 * seq, "lat": 60.0, "lon": 25.0, "spd": 3.1}
    return {"stream": "gps", "values": values | changes}


def stored(database: str, seqs: list[int]) -> None:
    """Positions of these numbers as the programs would have stored them."""
    fleet = Fleet(database)
    boot = fleet.label("boot", fleet.ids["gps"], BOOT)
    tracker = fleet.tracker()
    fleet.append(fleet.batch("gps", "gps", seqs, seq=seqs, boot=boot, lat=60.0, lon=25.0, speed_mps=3.1))
    fleet.settle(tracker)
    fleet.close(tracker)


def test_the_oracle_names_what_is_lost_doubled_invented_or_altered_and_nothing_else(database: str) -> None:
    stored(database, [1, 2, 3, 4, 5, 6])
    made = {seq: reading(seq) for seq in (1, 2, 4, 7, 8)} | {
        3: reading(3, t=0),
        5: reading(5, spd=3.2),
        9: reading(9, lat=91),
        10: reading(10, lat=91),
    }
    truth = Truth(readings={(DEVICE, BOOT, seq): each for seq, each in made.items()})
    truth.receipted = set(truth.readings)
    poison = {
        (DEVICE, BOOT, 4): Poison("invalid"),  # nonsense that was stored nevertheless
        (DEVICE, BOOT, 9): Poison("invalid", {MALFORMED}),
        (DEVICE, BOOT, 10): Poison("malformed", {MALFORMED}),  # in quarantine, but for another reason
    }
    with psycopg.connect(database) as connection:
        connection.execute("insert into reading_position select * from reading_position where seq = 2")
        connection.execute(
            "insert into quarantine (received_at, topic, payload, reason, detail) values (now(), %s, %s, %s, %s)",
            (MALFORMED.topic, b'{"lat":91}', "invalid", "lat: out of range"),
        )
        verdict = judge(truth, connection, poison)

    assert sorted(seq for _, _, seq in verdict.lost) == [7, 8, 10]
    assert [(key[2], n) for key, n in verdict.doubled] == [(2, 2)]
    assert [seq for _, _, seq in verdict.phantom] == [6]
    assert sorted(seq for _, _, seq in verdict.altered) == [3, 4, 5]
    assert str(verdict) == "receipted 9, lost 3, doubled 1, phantom 1, altered 3"
