"""Accounts, and signing in."""

from __future__ import annotations

from app.views.api.openapi_document.builders import (
    Schema,
    listed,
    nullable,
    obj,
    patch,
    ref,
    text,
    whole,
)
from app.views.api.openapi_document.experts import EXPERT
from app.views.api.openapi_document.fields import EMAIL, FLAG, ID, SLUG, UTC, ZONE
from app.views.api.openapi_document.operations import operation, read

SECRET = text(1024, format="password")
NEW_PASSWORD = text(128, minLength=12, format="password")

SCHEMAS: dict[str, Schema] = {
    "User": obj(
        id=ID,
        name=text(),
        email=EMAIL,
        time_zone=nullable(ZONE),
        is_expert=FLAG,
        roles=listed(text()),
        must_change_password=FLAG,
        email_verified=FLAG,
    ),
}

SIGNING_IN: dict[str, Schema] = {
    "SignedIn": obj(access_token=text(), expires_at=UTC, user=ref("User")),
}

PATHS: dict[str, dict[str, Schema]] = {
    "/api/auth/register": {
        "post": operation(
            "Make an account and sign in",
            {201: ref("SignedIn")},
            needs="nothing",
            body=obj(
                {"time_zone"}, name=text(129), email=EMAIL, password=NEW_PASSWORD, time_zone=ZONE
            ),
            refusals=["email_taken", "rate_limited"],
        )
    },
    "/api/auth/login": {
        "post": operation(
            "Sign in; a user name works as `email` too",
            {200: ref("SignedIn")},
            needs="nothing",
            body=obj(email=text(320), password=SECRET),
            refusals=["rate_limited"],
        )
    },
    "/api/auth/me": {"get": read("Who I am", obj(user=ref("User")))},
    "/api/auth/become-expert": {
        "post": operation(
            "Get a public page; 200 for who has one",
            {201: EXPERT, 200: EXPERT},
            body=patch(slug=SLUG, headline=text(200)),
        )
    },
    "/api/auth/change-password": {
        "post": operation(
            "Replace the password; other sessions and tokens end",
            {204: None},
            body=obj(current_password=SECRET, new_password=NEW_PASSWORD),
            refusals=["stale", "rate_limited"],
        )
    },
    "/api/auth/verify-address": {
        "post": operation(
            "Mail a link that proves one's address; nothing to one that is proven",
            {202: obj(expires_in=whole(1))},
            refusals=["rate_limited"],
        )
    },
    "/api/auth/verify-address/{token}": {
        "post": operation(
            "Prove one's address by that link; bookings made with it as a guest join",
            {200: obj(user=ref("User"))},
            refusals=["not_found", "gone"],
        )
    },
    "/api/auth/logout": {
        "post": operation("End this session or token", {204: None}, needs="sign-in")
    },
}
