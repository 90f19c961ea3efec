"""The customer's page as it comes from the server: of use without script, in the language and zone of who reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.http import pages
from tests.integration.api.seed import World, client, minutes, serving
from tests.integration.api.test_shipments import share

WORDS = Path(pages.__file__).parents[1] / "web" / "src" / "messages" / "customer"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page as small as one may be, with the real words."""
    html = '<html lang="en"><head></head><body><div id="app"></div></body></html>'
    (tmp_path / "public.html").write_text(html, encoding="utf-8")
    words = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in WORDS.glob("*.json")}
    (tmp_path / "customer.json").write_text(json.dumps(words), encoding="utf-8")
    monkeypatch.setattr(pages, "STATIC", tmp_path)


@pytest.fixture
def world(database: str, built: None) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.partitions(datetime.now(UTC) - minutes(60 * 24 * 90), datetime.now(UTC) + minutes(3000))
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("dispatcher", "ann")) as api:
        yield api


def read(url: str, token: str, language: str = "", query: str = "") -> httpx.Response:
    headers = {"User-Agent": FIREFOX, "Accept-Language": language or "en"}
    return httpx.get(f"{url}/t/{token}{query}", headers=headers)


def test_without_script_a_customer_reads_where_it_is_and_how_cold(world: World, api: httpx.Client, url: str) -> None:
    _, token = share(api, tz="Europe/Helsinki")
    now = datetime.now(UTC)
    world.run("update shipment set status = 'in_transit', started_at = %s, reference = '<b>&\"x'", now - minutes(30))
    world.eta("S-1-2", now + minutes(40), now, few_trips=0)
    for n in range(0, 31, 5):
        world.temperature("reefer-01", "rear", now - minutes(30 - n), 4.5)
    page = read(url, token)
    assert page.status_code == 200
    assert re.search(r"<h1>Arrives .*\d\d:\d\d.+\d\d:\d\d</h1>", page.text)
    assert "Times in Europe/Helsinki." in page.text
    assert "Kept in its range so far: 2 to 8" in page.text
    assert "Shipment &lt;b&gt;&amp;&quot;x" in page.text
    assert '<li class="current"><span><span aria-hidden="true">●</span> On the way' in page.text
    assert 'http-equiv="refresh" content="60;url=?again=1&amp;lang=en"' in page.text
    assert "proof" not in page.text.lower()
    for name, value in {"cache-control": "no-store", "referrer-policy": "no-referrer"}.items():
        assert page.headers[name] == value
    assert "noindex" in page.headers["x-robots-tag"]
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "truck" not in page.text


def test_what_was_delivered_has_its_proof(world: World, api: httpx.Client, url: str) -> None:
    _, token = share(api, language="de", tz="Europe/Berlin")
    at = datetime.now(UTC) - minutes(60 * 24 * 60)  # two months ago
    world.run("update shipment set status = 'delivered', started_at = %s, delivered_at = %s", at - minutes(60), at)
    world.run("update stop set arrived_at = %s where seq = 2", at)
    for n in range(0, 61, 5):
        world.temperature("reefer-01", "rear", at - minutes(60 - n), 4.5)
    page = read(url, token).text
    assert "Zustellnachweis" in page
    assert re.search(r"\w\w \d+\.\d+\. \d\d:\d\d Europe/Berlin</dd>", page)
    assert "Niedrigste 4,5" in page
    (address,) = re.findall(r'<img src="([^"]+)"', page)
    drawn = httpx.get(url + address)
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert 'class="band"' in drawn.text
    assert httpx.get(f"{url}/api/v1/public/shipments/unknown/temperatures.svg").status_code == 404


def test_the_language_is_the_one_picked_else_that_of_the_link_else_of_the_browser(api: httpx.Client, url: str) -> None:
    (_, plain), (_, finnish) = share(api), share(api, language="fi")

    def spoken(token: str, language: str = "", query: str = "") -> str:
        return re.findall('<html lang="(..)">', read(url, token, language, query).text)[0]

    assert [spoken(plain), spoken(plain, "sv,de-CH;q=0.7,en;q=0.2"), spoken(plain, "xx")] == ["en", "de", "en"]
    assert [spoken(finnish, "de"), spoken(finnish, "de", "?lang=de"), spoken(finnish, "de", "?lang=<x>")] == [
        "fi", "de", "fi",
    ]  # fmt: skip
    assert '<a href="?lang=fi" lang="fi" hreflang="fi" aria-current=true>suomi</a>' in read(url, finnish).text


def test_unknown_expired_and_revoked_pages_look_the_same_and_guessing_is_slowed_down(
    world: World, api: httpx.Client, url: str
) -> None:
    (one, revoked), (two, expired), (_, good) = share(api), share(api), share(api)
    api.delete(f"/api/v1/shipments/S-1/shares/{one}")
    world.run("update share set expires_at = now() where id = %s", int(two))
    answers = [read(url, token) for token in (revoked, expired, "unknown", "x" * 5000)]
    assert {(a.status_code, a.text) for a in answers} == {(404, answers[0].text)}
    assert "This link does not work" in answers[0].text
    assert "refresh" not in answers[0].text
    assert (
        len({frozenset((k, v) for k, v in a.headers.items() if k not in ("date", "ratelimit")) for a in answers}) == 1
    )
    statuses = [read(url, f"guess-{n}").status_code for n in range(57)]
    assert statuses == [404] * 56 + [429]
    assert read(url, good).status_code == 200


def test_a_page_is_opened_by_a_person_not_by_itself(api: httpx.Client, url: str) -> None:
    one, token = share(api)
    assert httpx.head(f"{url}/t/{token}").status_code == 200

    def opened() -> int:
        found: int = api.get("/api/v1/shipments/S-1/shares").json()["items"][0]["opened"]
        return found

    assert opened() == 0
    read(url, token)
    read(url, token, query="?again=1&lang=en")  # it has asked again by itself
    read(url, token, query="?lang=fi")
    httpx.get(f"{url}/api/v1/public/shipments/{token}")
    assert opened() == 1
    httpx.get(f"{url}/t/{token}", headers={"User-Agent": "WhatsApp/2.23"})
    log = api.get(f"/api/v1/shipments/S-1/shares/{one}/openings").json()["items"]
    assert [each["client"] for each in log] == ["preview of a message", "Firefox, Linux"]
