"""One headless Chromium and one stack with the simulated world for all files here, and who is signed in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests.deadlines import deadline
from tests.stack import Stack

HINT = "no Chromium: `apt-get install chromium chromium-headless-shell`, or set CHROMIUM to its executable"
WAIT_MS = deadline(30_000)
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--use-angle=swiftshader-webgl",  # maps only: all else is painted without a graphics processor made of software
    "--disable-gpu-rasterization",
    "--enable-unsafe-swiftshader",
]
PICTURE_WANTED = os.environ.get("FROSTWAY_SCREENSHOTS") == "1"  # the README's
# Drawn by software, a map costs by its points: one of a million takes a third of a second of a processor for each
# frame, and whoever clicks waits for some. A coarse screen has the same layout.
DESKTOP: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900},
    "color_scheme": "light",
    "device_scale_factor": 1 if PICTURE_WANTED else 0.5,
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": DESKTOP["device_scale_factor"],
    "color_scheme": "dark",
    "is_mobile": True,
    "has_touch": True,
}

SMALL = PHONE | {"viewport": {"width": 320, "height": 640}}
LOOKS = pytest.mark.parametrize("look", [DESKTOP, SMALL], ids=["desk", "phone"], indirect=True)
Looking = Callable[[], AbstractContextManager[Page]]
Opening = Callable[[dict[str, Any]], AbstractContextManager[Page]]


WHOLE = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")


def chromium(*, whole: bool = False) -> str | None:
    """The browser's executable, or None. That without windows draws none of them: it takes a third less."""
    names = (os.environ.get("CHROMIUM"), *(() if whole else ("chromium-headless-shell",)), *WHOLE)
    return next((found for name in names if name and (found := shutil.which(name))), None)


@dataclass
class Watch:
    """What the pages complained about, and whom they asked besides our own server."""

    origin: str
    complaints: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Listens to a page from its first request on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", self._asked)
        page.on("websocket", lambda socket: self._address(socket.url))

    def _said(self, message: ConsoleMessage) -> None:
        before_sign_in = "401" in message.text and urlsplit(message.location["url"]).path == "/api/v1/me"
        if message.type == "error" and not before_sign_in:
            self.complaints.append(f"console: {message.text} ({message.location['url']})")

    def _asked(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.origin).netloc:
            self.complaints.append(f"a request to another host: {url}")


def context_of(browser: Browser, **options: Any) -> BrowserContext:
    """A window of its own that waits as long as a loaded machine needs.

    No service worker unless it is asked for: each new window would load and keep all files of all pages.
    """
    context = browser.new_context(**{"service_workers": "block"} | options)
    context.set_default_timeout(WAIT_MS)
    return context


@pytest.fixture(scope="package")
def first() -> Iterator[None]:
    """One worker has all files here, and the others nothing left to do when they end before it: it goes first."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):  # of root's alone; all that is started from here on has it too
        os.setpriority(os.PRIO_PROCESS, 0, before - 5)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture(scope="package")
def driver(first: None) -> Iterator[Playwright]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def launched(driver: Playwright, program: str | None) -> Iterator[Browser]:
    if program is None:
        pytest.skip(HINT)
    running = driver.chromium.launch(executable_path=program, args=FLAGS)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="package")
def browser(driver: Playwright) -> Iterator[Browser]:
    with launched(driver, chromium()) as running:
        yield running


@pytest.fixture
def whole(driver: Playwright) -> Iterator[Browser]:
    """One that shows notifications, which that without windows does not."""
    with launched(driver, chromium(whole=True)) as running:
        yield running


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Started after the browser: without one there is nothing to start for."""
    inside = {"FROSTWAY_WEBHOOK_NETWORKS": "127.0.0.0/8"}  # where the tests' own receivers are
    with Stack(tmp_path_factory.mktemp("browser"), "--sim", "demo", **inside) as running:
        yield running


@pytest.fixture(scope="package")
def watch(stack: Stack) -> Watch:
    return Watch(stack.url)


@pytest.fixture(autouse=True)
def nothing_to_complain_about(watch: Watch, desktop: BrowserContext) -> Iterator[None]:
    """Each test ends without a console error, an exception or a request to another host, and leaves no page open.

    One that stays is drawn to the end, and slows all that come after it.
    """
    before = desktop.pages
    yield
    for page in desktop.pages:
        if page not in before:
            page.close()
    complaints, watch.complaints = watch.complaints, []
    assert complaints == []


@pytest.fixture(scope="package")
def desktop(browser: Browser, stack: Stack, watch: Watch) -> Iterator[BrowserContext]:
    """A dispatcher's browser, signed in through the form."""
    context = context_of(browser, **DESKTOP, base_url=stack.url)
    context.on("page", watch.follow)
    page = context.new_page()
    page.goto("/")
    page.get_by_test_id("login-user").fill("admin")
    page.get_by_test_id("login-password").fill(stack.admin_password)
    page.get_by_test_id("login-submit").click()
    page.get_by_test_id("vehicle-row").first.wait_for()
    page.close()
    yield context
    context.close()


@pytest.fixture
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Of what size and colours the window of a test is: `LOOKS`."""
    found: dict[str, Any] = request.param
    return found


@pytest.fixture(scope="package")
def opening(browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch) -> Iterator[Opening]:
    """An admin's page in a window of a look. It is kept for the next of its look, with the files that it has loaded."""
    kept: dict[str, BrowserContext] = {}

    @contextmanager
    def opened(look: dict[str, Any]) -> Iterator[Page]:
        name = json.dumps(look, sort_keys=True)
        context = kept.pop(name, None)
        if context is None:
            context = context_of(browser, **look, base_url=stack.url)
            context.on("page", watch.follow)
        context.add_cookies(desktop.cookies())  # type: ignore[arg-type]  # it takes what it gives
        page = context.new_page()
        try:
            yield page
        except BaseException:
            context.close()
            raise
        if not page.is_closed() and page.url.startswith(stack.url):
            page.evaluate("localStorage.clear()")
        for each in context.pages:
            each.close()
        context.clear_permissions()
        context.clear_cookies()
        kept[name] = context

    yield opened
    for context in kept.values():
        context.close()


@pytest.fixture
def looking(opening: Opening, look: dict[str, Any]) -> Looking:
    """An admin's page in a window of the look that is asked for."""
    return lambda: opening(look)
