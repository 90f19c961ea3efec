"""Where routes stand: each is made once, with its whole address, and every app takes it as it is.

`FastAPI.include_router` would make each anew for each app when it is first asked, and look for it twice each time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field

BASE = "/api/v1"


class _Later:
    """A field of an answer that is made when it is first asked for: most are asked for by the description alone.

    All of them at the start of each process would take a third of its time.
    """

    def __init__(self, name: str, kind: Any) -> None:
        self._name, self._kind = name, kind

    @cached_property
    def _field(self) -> Any:
        return create_model_field(self._name, self._kind, mode="serialization")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._field, name)


class _Route(APIRoute):
    """A route whose answers are looked into when they are described or given, not when it is made."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        response_model: Any,
        responses: dict[int | str, dict[str, Any]] | None = None,
        **more: Any,
    ) -> None:
        said = responses or {}
        if isinstance(response_model, DefaultPlaceholder):
            response_model = None  # what an endpoint is annotated with is a `Response`
        name = endpoint.__name__
        self._answer = _Later(f"Response_{name}", response_model) if response_model else None
        self._answers = {
            code: _Later(f"Response_{code}_{name}", each["model"]) for code, each in said.items() if each.get("model")
        }
        bare = {code: {key: value for key, value in each.items() if key != "model"} for code, each in said.items()}
        super().__init__(path, endpoint, response_model=None, responses=bare, **more)
        self.response_model, self.responses = response_model, said

    @property
    def response_field(self) -> Any:
        """Of the answer that is meant; what `APIRoute` would set is nothing."""
        return self._answer

    @response_field.setter
    def response_field(self, _none: Any) -> None:
        pass

    @property
    def response_fields(self) -> Any:
        """Of other answers, by status."""
        return self._answers

    @response_fields.setter
    def response_fields(self, _none: Any) -> None:
        pass


def _operation_id(route: APIRoute) -> str:
    return route.name


def resource(path: str = "", *, tags: list[str | Enum] | None = None) -> APIRouter:
    """Routes of the REST interface, below a path of it."""
    return APIRouter(prefix=BASE + path, tags=tags, route_class=_Route, generate_unique_id_function=_operation_id)


def outside(*, tags: list[str | Enum] | None = None) -> APIRouter:
    """Routes beside the REST interface; without a tag they stand in no description."""
    return APIRouter(
        tags=tags, include_in_schema=tags is not None, route_class=_Route, generate_unique_id_function=_operation_id
    )


def take(app: FastAPI, router: APIRouter) -> None:
    """Puts routes behind those that an app has."""
    app.router.routes.extend(router.routes)
