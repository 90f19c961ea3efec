"""What `frostway up --lan` opens to the network, with TLS, and the certificate for it, which is kept good meanwhile."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from frostway import lan
from frostway.certificates import Authority, CertificateError, Identity, fingerprint, given, names_of, own, utc_now
from frostway.secrets import write_private
from store.embedded_process import EmbeddedError

LOOK_S = 5.0  # between two looks at addresses, given files and the end of the certificate


@dataclass(frozen=True)
class LanOptions:
    """What the command line says. No address: all of this machine. Port 0 takes any free one."""

    address: str = ""
    names: tuple[str, ...] = ()
    mqtts_port: int = 8883
    https_port: int = 8443
    certificate: Path | None = None
    key: Path | None = None
    allowed_hosts: str = ""  # by which the API may be asked anyway
    door_port: int = 0  # of the door for devices with HTTP, unless it stays on loopback


class Network:
    """The open side of one run. `host` is what to listen on, `file` what to serve with: key and chain in one.

    Its ports are those of the options until whoever claims them says otherwise.
    """

    def __init__(self, data: Path, options: LanOptions, say: Callable[[str], None]) -> None:
        """Checks what is given, and makes what is not.

        Raises:
            EmbeddedError: no address, or no certificate that could be used; the text says how to mend it.
        """
        self._options, self._say = options, say
        self.mqtts_port, self.https_port = options.mqtts_port, options.https_port
        self._folder = data / "tls"
        self._names = lan.names(options.names)
        if (options.certificate is None) != (options.key is None):
            raise EmbeddedError("--tls-cert and --tls-key go together: name both, or none")
        try:
            self.host = str(ipaddress.ip_address(options.address)) if options.address else lan.EVERYWHERE
        except ValueError:
            raise EmbeddedError(
                f"--lan {options.address}: an address of this machine, or none for all of them"
            ) from None
        self.addresses = self._addresses()
        if not self.addresses:
            raise EmbeddedError("this machine has no address on a network: connect it, or name one with --lan ADDRESS")
        self.file = self._folder / ("given.pem" if options.certificate else "server.pem")
        self.identity = self._current()
        self._told = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        """What this machine is called there; a given certificate's own names too."""
        found = dict.fromkeys(self._names)
        if self._options.certificate:
            found |= dict.fromkeys(name for name in names_of(self.identity.certificate) if not name.startswith("*"))
        return [name for name in found if name not in self.addresses]

    def keep(self, renewed: Callable[[str], None]) -> None:
        """Looks every few seconds whether another certificate is due, and gives `renewed` its PEM."""
        self._thread = threading.Thread(target=self._keep, args=(renewed,), name="certificates", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(LOOK_S)

    @property
    def urls(self) -> dict[str, list[str]]:
        """Where devices find us, by what the certificate is for; an address comes first."""
        hosts = [*self.addresses, *self.names]
        hosts = [host for host in hosts if self.identity.covers([host])] or hosts
        ports = {"mqtt": ("mqtts", self.mqtts_port), "http": ("https", self.https_port)}
        if self._options.door_port:
            ports["door"] = ("https", self._options.door_port)
        return {what: [f"{s}://{_in_url(host)}:{port}" for host in hosts] for what, (s, port) in ports.items()}

    def environment(self, program: str, loopback_port: int) -> dict[str, str]:
        """Settings by which a program listens on the network; the API stays on a port of loopback, too."""
        serving = {"FROSTWAY_HTTP_TLS_CERT": str(self.file), "FROSTWAY_HTTP_TLS_KEY": str(self.file)}
        if program == "ingest" and self._options.door_port:
            return serving | {"FROSTWAY_DEVICE_HTTP_HOST": self.host}
        if program != "api":
            return {}
        return serving | {
            "FROSTWAY_HTTP_HOST": self.host,
            "FROSTWAY_HTTP_PORT": str(self.https_port),
            "FROSTWAY_HTTP_LOOPBACK_PORT": str(loopback_port),
            "FROSTWAY_ALLOWED_HOSTS": " ".join([self._options.allowed_hosts, *self.names]),
        }

    def lines(self) -> list[str]:
        """What a person has to know: what to open, where devices find us, and whom they have to trust."""
        lines = [
            f"open in the firewall: TCP {self.mqtts_port} (devices, MQTT with TLS) and {self.https_port} (pages)",
            f"pages: {', '.join(self.urls['http'])}",
            f"devices: {', '.join(self.urls['mqtt'])}",
        ]
        if self._options.door_port:
            lines[0] += f" and {self._options.door_port} (devices, https)"
            lines.append(f"devices with HTTP: {', '.join(self.urls['door'])}")
        authority = None if self._options.certificate else Authority.load(self._folder)
        if authority is None:
            certificate = self.identity.certificate
            lines.append(f"certificate: {self._options.certificate}, good until {self.identity.ends:%Y-%m-%d}")
            lines.append(f"its SHA-256 {fingerprint(certificate)}")
        else:
            lines.append(f"devices and browsers must know the authority {self._folder / 'ca.pem'} (`frostway ca show`)")
            lines.append(f"its SHA-256 {authority.fingerprint}")
        return lines

    def _keep(self, renewed: Callable[[str], None]) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                found = self._current()
                if found.pem != self.identity.pem:
                    renewed(found.pem)
                    self.identity = found
                    self._say(f"a new certificate, good until {found.ends:%Y-%m-%d}: nobody is disconnected")
                self._told = ""
            except (EmbeddedError, OSError) as error:
                words = " ".join(str(error).split())
                if words != self._told:
                    self._say(f"{words}; what was served before still is")
                self._told = words

    def _current(self) -> Identity:
        now, options = utc_now(), self._options
        if options.certificate is not None and options.key is not None:
            found = given(options.certificate, options.key, now)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.file, found.pem)
            return found
        wanted = list(dict.fromkeys([*self._names, *self._addresses()]))
        if not wanted:  # off the network for a while, and without a name
            raise CertificateError("this machine has no address on a network")
        return own(self._folder, wanted, now)

    def _addresses(self) -> list[str]:
        return lan.addresses() if self.host == lan.EVERYWHERE else [self.host]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
