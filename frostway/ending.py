"""How a program ends that cannot do what it was asked: one line on stderr and exit status 1."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from frostway.failure import Failure, say, words


def _errors() -> tuple[type[BaseException], ...]:
    """What a command may fail with in the ordinary course of things; imported only when something has failed."""
    import psycopg  # noqa: PLC0415

    from domain.cold_chain import parsing  # noqa: PLC0415
    from domain.profiles import ProfileError  # noqa: PLC0415
    from domain.recordings import RecordingError  # noqa: PLC0415
    from firmware_sim.link import TargetError  # noqa: PLC0415
    from firmware_sim.replay import ReplayError  # noqa: PLC0415
    from frostway.stack import NoStackError  # noqa: PLC0415
    from store.embedded_process import EmbeddedError  # noqa: PLC0415
    from store.migrate import SchemaError  # noqa: PLC0415
    from store.registry import RegistryError  # noqa: PLC0415

    ours = (Failure, NoStackError, EmbeddedError, SchemaError, RecordingError, ReplayError, TargetError, RegistryError)
    return (psycopg.Error, ProfileError, parsing.ProfileError, *ours)


@contextmanager
def in_one_line() -> Iterator[None]:
    """What may fail in the ordinary course of things ends the program with one line; anything else goes on as it is."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, _errors()):
            raise
        say(words(error))
        sys.exit(1)
