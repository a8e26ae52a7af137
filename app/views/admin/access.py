"""Who gets in to a page of the back-office, and what a page answers with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.gates import current_actor
from app.services.errors import MustChangePassword, NotAllowed, Unauthenticated

Answer = str | tuple[str, int] | Response

# Refusals that no other input would change.
FINAL = (Unauthenticated, MustChangePassword, NotAllowed)


def permitted(permission: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Let in whom FAB's permissions let in; send guests to sign in, refuse others.

    FAB's own decorator sends everybody to the sign-in page, which sends who is signed
    in back again.
    """

    def decorate(method: Callable[..., Answer]) -> Callable[..., Answer]:
        @wraps(method)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Answer:
            if current_actor() is None:
                login = f"{self.appbuilder.sm.auth_view.endpoint}.login"
                return redirect(url_for(login, next=_to_look_at(self.endpoint)))
            if not self.appbuilder.sm.has_access(f"can_{permission}", self.class_permission_name):
                raise NotAllowed
            return method(self, *args, **kwargs)

        checked._permission_name = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def _to_look_at(view: str) -> str:
    """Where signing in leads to: what was asked for; of what is only done, its list."""
    rule = request.url_rule
    if rule is not None and "GET" in (rule.methods or ()):
        return request.full_path.removesuffix("?")
    return url_for(f"{view}.list")
