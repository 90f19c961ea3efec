"""People of a tenant as an operator keeps them: by the same functions of the database as the API's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

from store.db import queries
from store.registry import RegistryError
from store.secrets import token_hash

INVITATION_LIFE = timedelta(days=3)


class Person(NamedTuple):
    """Who may sign in, or may once they have chosen a password."""

    name: str
    role: str
    email: str | None
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None
    has_password: bool
    has_identity: bool
    invited_until: datetime | None

    @property
    def state(self) -> str:
        """`good`, `invited`, `not invited` (without a password and a link) or `shut out`."""
        if self.disabled_at is not None:
            return "shut out"
        if self.has_password or self.has_identity:
            return "good"
        return "invited" if self.invited_until else "not invited"


class People:
    """The people of one tenant, within a transaction."""

    def __init__(self, connection: psycopg.Connection, tenant_id: int) -> None:
        self._connection, self._tenant_id, self._q = connection, tenant_id, queries("people")
        connection.execute(self._q["for_tenant"], {"tenant": tenant_id})

    def all(self) -> list[Person]:
        """Everybody, by name."""
        values = {"tenant": self._tenant_id, "after": "", "name": None, "limit": None}
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(self._q["accounts"], values).fetchall()

    def find(self, name: str) -> Person:
        """Somebody.

        Raises:
            RegistryError: there is nobody of this name.
        """
        found = next((each for each in self.all() if each.name == name), None)
        if found is None:
            raise RegistryError(f"no account {name!r}: `frostway account list` shows them")
        return found

    def add(self, name: str, role: str, email: str | None) -> None:
        """Somebody new, without a password.

        Raises:
            RegistryError: the name is taken.
        """
        if self._one("add_account", name=name, role=role, email=email) is None:
            raise RegistryError(f"there is an account {name!r} already: `frostway account link {name}` makes a link")

    def change(self, name: str, role: str, *, disabled: bool) -> Person:
        """Another role, shut out, or let in again; who it was before.

        Raises:
            RegistryError: there is nobody of this name, or no admin would be left.
        """
        old = self.find(name)
        self._done(self._one("change_account", name=name, role=role, email=old.email, disabled=disabled))
        return old

    def remove(self, name: str) -> None:
        """Somebody is gone, with all sessions and links.

        Raises:
            RegistryError: there is nobody of this name, or no admin would be left.
        """
        self.find(name)
        self._done(self._one("remove_account", name=name))

    def invite(self, name: str, token: str, actor: str, expires_at: datetime) -> None:
        """A link to choose a password, once; earlier ones open nothing more.

        Raises:
            RegistryError: there is nobody of this name, or they are shut out.
        """
        if self.find(name).disabled_at is not None:
            raise RegistryError(f"{name} is shut out: `frostway account enable {name}` lets them in again")
        self._one("invite", name=name, token_sha256=token_hash(token), actor=actor, expires_at=expires_at)

    def _one(self, query: str, **values: Any) -> Any:
        row = self._connection.execute(self._q[query], {"tenant": self._tenant_id, **values}).fetchone()
        return row[0] if row else None

    @staticmethod
    def _done(outcome: str) -> None:
        if outcome != "done":
            raise RegistryError("this is the last admin who can sign in: make another one first")
