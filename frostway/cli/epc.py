"""`frostway epc`: what RFID tags say, and what to write on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import orjson
import typer

from domain.epc import (
    Epc,
    EpcError,
    Wanted,
    decode,
    digital_link,
    element_string,
    encode,
    parse,
    pure_identity,
    tag_uri,
)

epc_app = typer.Typer(no_args_is_help=True, help="Codes of RFID tags: what they say, and what to write on them.")


@epc_app.callback()
def epc() -> None:
    """Codes of RFID tags: what they say, and what to write on them."""


@epc_app.command("decode")
def epc_decode(
    codes: Annotated[list[str], typer.Argument(help="Hexadecimal digits as readers tell them; - for lines of stdin.")],
) -> None:
    """Say what tags name, one JSON line each; ends with 1 when one says nothing known, with the reason in its line."""
    _lines("hex", codes, decode)


@epc_app.command("encode")
def epc_encode(
    names: Annotated[
        list[str],
        typer.Argument(help="urn:epc:tag:…, urn:epc:id:…, (01)…(21)… or a Digital Link; - for lines of stdin."),
    ],
    scheme: Annotated[
        str | None, typer.Option(help="Such as sgtin-96; else the shortest that holds it.", show_default=False)
    ] = None,
    filter_value: Annotated[
        int, typer.Option("--filter", min=0, max=7, help="Filter: 1 item of a shop, 2 case, 6 unit load.")
    ] = 0,
    prefix_digits: Annotated[
        int | None,
        typer.Option(
            min=6, max=12, help="Length of the company prefix, where the name does not say.", show_default=False
        ),
    ] = None,
) -> None:
    """Say what to write on tags, one JSON line each; without a prefix length a + scheme is taken, which needs none."""
    _lines("name", names, lambda name: parse(name, Wanted(scheme, filter_value, prefix_digits)))


def _lines(label: str, words: Iterable[str], read: Callable[[str], Epc]) -> None:
    failed = False
    given = (line.strip() for word in words for line in (sys.stdin if word == "-" else [word]))
    for word in filter(None, given):
        try:
            line = _told(read(word))
        except EpcError as error:
            line, failed = {"error": str(error)}, True
        sys.stdout.buffer.write(orjson.dumps({label: word} | line) + b"\n")
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _told(found: Epc) -> dict[str, Any]:
    """All names of a code; those it has not are left out."""
    told = {
        "hex": encode(found),
        "scheme": found.scheme,
        "filter": found.filter,
        "gtin": found.gtin,
        "key": found.key,
        "serial": found.serial or None,
        "prefix_digits": found.prefix_digits,
        "tag_uri": tag_uri(found),
        "pure_identity": pure_identity(found),
        "element_string": element_string(found),
        "digital_link": digital_link(found),
        "more": found.more or None,
    }
    return {name: value for name, value in told.items() if value is not None}
