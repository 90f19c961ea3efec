"""`frostway ca`: the private authority that stands behind the certificates of `frostway up --lan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption
from frostway.failure import Failure, say
from frostway.settings import read_settings

ca_app = typer.Typer(no_args_is_help=True, help="The private authority behind `up --lan`.")
_ADVICE = """\
devices: put it where they ask for a CA, root or trusted certificate (OwnTracks: Connection, CA certificate; \
mosquitto_pub: --cafile)
our own programs elsewhere: FROSTWAY_MQTT_CA_FILE
Windows, macOS, iOS, Android: open it, install it as a root certificate; iOS: trust it in General, About, Certificate \
Trust Settings; Firefox has a list of its own
compare the fingerprint there with the one above; never give ca.key away"""


@ca_app.command("show")
def ca_show(data: DataOption = None) -> None:
    """Print the authority's certificate (PEM); beside it, on stderr, its fingerprint and where to put it."""
    from frostway.certificates import Authority  # noqa: PLC0415

    folder = _folder(data)
    authority = Authority.load(folder)
    if authority is None:
        raise Failure(f"there is no authority in {folder}: `frostway up --lan` makes it, or `frostway ca renew`")
    typer.echo(authority.pem, nl=False)
    say(f"SHA-256 {authority.fingerprint}")
    say(f"good until {authority.certificate.not_valid_after_utc:%Y-%m-%d}; kept in {folder / 'ca.pem'}")
    for line in _ADVICE.splitlines():
        say(line)


@ca_app.command("renew")
def ca_renew(
    data: DataOption = None,
    authority: Annotated[  # noqa: FBT002
        bool, typer.Option("--authority", help="A new authority too: devices and browsers must be given it.")
    ] = False,
) -> None:
    """Make this machine a new certificate, now; one that runs takes it up by itself, and nobody is disconnected."""
    from frostway import lan  # noqa: PLC0415
    from frostway.certificates import Authority, CertificateError, given, names_of, own, utc_now  # noqa: PLC0415

    folder, now = _folder(data), utc_now()
    try:
        before = names_of(given(folder / "server.pem", folder / "server.pem", now).certificate)
    except CertificateError:
        before = []
    names = list(dict.fromkeys([*before, *lan.names(), *lan.addresses()]))
    if not names:
        raise Failure("this machine has neither a name nor an address on a network")
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if authority:
        Authority.make(folder, names[0], now)
    made = own(folder, names, now, anew=True)
    typer.echo(f"{folder / 'server.pem'}: good until {made.ends:%Y-%m-%d}, for {', '.join(names)}")
    if authority:
        say("give the new authority to devices and browsers: `frostway ca show`")


def _folder(data: Path | None) -> Path:
    """Where the authority is: in the folder that is named, else in the first of those a stack may be in."""
    settings = read_settings()
    if data is not None or "data_dir" in settings.model_fields_set:
        return (data or settings.data_dir).absolute() / "tls"
    usual = settings.data_dir.absolute() / "tls"
    here = Path("data").absolute() / "tls"
    return here if here.exists() and not usual.exists() else usual
