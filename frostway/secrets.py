"""Passwords of the embedded stack, generated once, and files that only their owner may read."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from domain.profiles import HIDDEN, is_secret
from store.durable import sync_folder
from store.embedded_process import EmbeddedError


@dataclass
class Secrets:
    """What `$DIR/secrets.json` holds. `devices` maps broker users (`tenant/device`) of the demo to passwords."""

    path: Path
    admin_password: str = field(repr=False)
    mqtt_ingest_password: str = field(repr=False)
    mqtt_health_password: str = field(repr=False)
    session_secret: str = field(repr=False)
    devices: dict[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    is_new: bool = field(default=False, kw_only=True)

    @classmethod
    def load_or_create(cls, path: Path) -> Secrets:
        """Reads the file, or generates and writes it at the first start.

        Raises:
            EmbeddedError: the file is not ours to read, or damaged.
        """
        try:
            kept = json.loads(path.read_text("utf-8"))
            return cls(path, *(str(kept[key]) for key in _KEYS), devices=dict(kept.get("devices", {})))
        except FileNotFoundError:
            made = cls(path, *(new_password() for _ in _KEYS), devices={}, is_new=True)
        except PermissionError:
            raise EmbeddedError(f"{path} belongs to another user") from None
        except (ValueError, KeyError, TypeError):
            raise EmbeddedError(f"{path} is damaged: mend it, or remove it to have new passwords made") from None
        made.save()
        return made

    def save(self) -> None:
        """Writes the file anew, whole or not at all."""
        kept = asdict(self)
        del kept["path"], kept["is_new"]
        write_private(self.path, json.dumps(kept, indent=2) + "\n")


_KEYS = ("admin_password", "mqtt_ingest_password", "mqtt_health_password", "session_secret")


def new_password() -> str:
    """A random password of 120 bits, without characters that need quoting in an address."""
    return secrets.token_urlsafe(15).replace("-", "x").replace("_", "y")


def write_private(path: Path, text: str) -> None:
    """Replaces `path` atomically by a 0600 file with `text`, owned by the owner of its folder.

    What stands there stays whole when there is no room; when it is the same already, no room is needed.
    """
    if _holds(path, text):
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.chown(new, folder.st_uid, folder.st_gid)
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _holds(path: Path, text: str) -> bool:
    """Whether a file holds this text, for its owner only, who is the owner of its folder."""
    try:
        status, folder = path.stat(), path.parent.stat()
        is_ours = status.st_mode & 0o777 == 0o600 and (os.geteuid() != 0 or status.st_uid == folder.st_uid)
        return is_ours and path.read_bytes() == text.encode()
    except OSError:
        return False


def without_passwords(text: str) -> str:
    """A setting as it may be shown: passwords in addresses are hidden, before the host and in what follows a `?`.

    >>> without_passwords("nats://a:b@n1:4222,nats://token@n2,https://tiles/{z}?key=f00&style=dark")
    'nats://a:********@n1:4222,nats://********@n2,https://tiles/{z}?key=********&style=dark'
    """
    text = re.sub(r"(?<=://)([^/?#@:\s,]*):([^/?#\s]*)@", rf"\1:{HIDDEN}@", text)
    text = re.sub(r"(?<=://)[^/?#@:\s,]+@", f"{HIDDEN}@", text)
    return re.sub(r"([?&][^=&#\s]+)=([^&#\s,]*)", lambda m: f"{m[1]}={HIDDEN if is_secret(m[1][1:]) else m[2]}", text)
