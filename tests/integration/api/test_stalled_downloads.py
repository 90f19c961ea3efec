"""Downloads whose clients stall: they end, they hold no database connection, and they are their tenant's loss only."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from api.http import context
from api.http.places import Downloads, Place
from api.http.problems import Problem
from serving import pace
from tests.integration.api.seed import T0, World, client, serving
from tests.stack import wait_for

PATH = "/api/v1/readings?device=gps-01&stream=gps"


@pytest.fixture
def tenants(database: str) -> Iterator[list[World]]:
    worlds = [World(database, name) for name in ("main", "other", "third")]
    for world in worlds:
        world.furnish()
        world.partitions()
        world.run(
            "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon) "
            "select %s + make_interval(secs => n / 3), %s, %s, 0, n, 0, 60, 24 from generate_series(0, 59999) n",
            T0, T0, world.ids["gps-01"],
        )  # fmt: skip
    yield worlds
    for world in worlds:
        world.close()


def stalled(url: str, token: str) -> socket.socket:
    """A download that has begun and is not read."""
    parts = urlsplit(url)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(30)
    raw.connect((parts.hostname, parts.port))
    raw.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return raw


def begun(raw: socket.socket) -> bytes:
    return raw.recv(12)


def test_the_downloads_of_one_tenant_leave_the_others_theirs(
    tenants: list[World], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SEND_S", 3_600.0)  # none of them ends while a slow machine is at this
    main, other, third = tenants
    with serving(database) as url, ExitStack() as held:
        answers = []
        for n in range(6):  # six users of a tenant
            raw = held.enter_context(stalled(url, main.token("viewer", f"user-{n}")))
            answers.append(begun(raw))
        assert answers.count(b"HTTP/1.1 200") == 4
        assert answers.count(b"HTTP/1.1 429") == 2
        one = other.token("viewer", "one")
        mine = [begun(held.enter_context(stalled(url, one))) for _ in range(3)]  # one user of another
        assert mine.count(b"HTTP/1.1 200") == 2
        with client(url, other.token("viewer", "two")) as api:
            assert len(api.get(PATH).text.splitlines()) == 60_001
        with client(url, third.token()) as api:
            assert len(api.get(PATH).text.splitlines()) == 60_001
        with client(url, main.token("viewer", "one more")) as api:
            refused = api.get(PATH)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0
            assert api.get("/api/v1/vehicles").status_code == 200


def test_a_stalled_download_ends_and_its_place_is_free_again(
    tenants: list[World], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SEND_S", 0.5)
    token = tenants[0].token()
    with serving(database) as url, ExitStack() as held:
        for _ in range(2):
            assert begun(held.enter_context(stalled(url, token))) == b"HTTP/1.1 200"
        with client(url, token) as api:
            wait_for(lambda: api.get(PATH).status_code == 200, "a place")


def test_when_all_places_are_taken_a_stalled_one_makes_room(
    tenants: list[World], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "Downloads", lambda: Downloads(per_user=2, per_tenant=2, total=2))
    main, other, _ = tenants
    with serving(database) as url, ExitStack() as held:
        for n in range(2):
            assert begun(held.enter_context(stalled(url, main.token("viewer", f"user-{n}")))) == b"HTTP/1.1 200"
        with client(url, other.token()) as api:
            wait_for(lambda: api.get(PATH).status_code == 200, "a place among stalled ones")


def test_a_stalled_download_holds_no_connection_to_the_database(tenants: list[World], database: str) -> None:
    main = tenants[0]
    with serving(database, connections_max=2) as url, ExitStack() as held:
        for n in range(4):
            assert begun(held.enter_context(stalled(url, main.token("viewer", f"user-{n}")))) == b"HTTP/1.1 200"
        with client(url, main.token()) as api:
            for _ in range(5):
                assert api.get("/api/v1/vehicles").status_code == 200
        query = (
            "select count(*) from pg_stat_activity where state like 'idle in transaction%%' "
            "and datname = current_database()"
        )
        wait_for(lambda: main.one(query) == 0, "no transaction that waits for a client")


@pytest.mark.parametrize("stream", ["gps", "temp"])
@pytest.mark.parametrize("same", [1, 3, 2500, 7000], ids=lambda n: f"{n} of one time")
def test_pages_of_a_download_leave_nothing_out_and_say_nothing_twice(database: str, stream: str, same: int) -> None:
    world = World(database)
    world.furnish()
    world.partitions()
    if stream == "gps":
        world.run(
            "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon) "
            "select %s + make_interval(secs => n / %s), %s, %s, 0, n, 0, 60, 24 from generate_series(0, 8999) n",
            T0, same, T0, world.ids["gps-01"],
        )  # fmt: skip
    else:
        world.run(
            "insert into reading_temperature (time, received_at, device_id, boot_id, seq, flags, probe_id, temp_c) "
            "select %s + make_interval(secs => n / %s), %s, %s, 0, n, 0, %s, 4 from generate_series(0, 8999) n",
            T0, same, T0, world.ids["reefer-01"], world.probe("reefer-01", "air"),
        )  # fmt: skip
    device = "gps-01" if stream == "gps" else "reefer-01"
    with serving(database) as url, client(url, world.token()) as api:
        lines = api.get(f"/api/v1/readings?device={device}&stream={stream}").text.splitlines()
    assert [int(line.split(",")[3]) for line in lines[1:]] == list(range(9000))
    world.close()


def test_room_is_made_by_the_tenant_that_has_most_and_only_by_who_does_not_read() -> None:
    ended: list[str] = []

    def take(downloads: Downloads, tenant: int, now_s: float) -> Place:
        name = f"{tenant}"
        return downloads.take((tenant, "u"), now_s, lambda: ended.append(name))

    downloads = Downloads(per_user=9, per_tenant=9, total=3)
    one, two, three = (take(downloads, tenant, 0.0) for tenant in (1, 1, 2))
    with pytest.raises(Problem) as refused:
        take(downloads, 3, 5.0)  # all of them read
    assert refused.value.status_code == 503
    assert refused.value.headers
    three.waiting_since, two.waiting_since = 0.0, 1.0
    take(downloads, 3, 5.0)
    assert ended == ["1"]
    assert len(downloads) == 3
    downloads.give_back(two)  # once more does no harm
    downloads.give_back(one)
    assert len(downloads) == 2
