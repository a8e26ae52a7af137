"""`/api/auth`: registering, signing in and out, and one's own account."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response

from app import gates, i18n, limits
from app.models import SignIn
from app.services import accounts, address_proofs, credentials, experts, policy, sign_ins
from app.services.clock import rfc3339
from app.services.errors import Unauthenticated
from app.views.api.answers import json_answer
from app.views.api.payload import read_json

MAX_SECRET = 1024  # what is read at all; what may be chosen is the service's to say

blueprint = Blueprint("api_auth", __name__, url_prefix="/api/auth")


@blueprint.post("/register")
def register() -> Response:
    body = read_json()
    name = body.text("name", required=True, max_length=129)
    email = body.text("email", required=True, max_length=254)
    password = body.text("password", required=True, max_length=MAX_SECRET, strip=False)
    time_zone = body.zone("time_zone")
    body.check()
    user = accounts.create_account(
        name, email, password, time_zone=time_zone, language=i18n.asked()
    )
    return _signed_in(credentials.sign_in_registered(user.id), 201)


@blueprint.post("/login")
def login() -> Response:
    body = read_json()
    identifier = body.text("email", required=True, max_length=320)
    password = body.text("password", required=True, max_length=MAX_SECRET, strip=False)
    body.check()
    limits.count_sign_in(identifier)
    return _signed_in(credentials.sign_in(identifier, password), 200)


@blueprint.get("/me")
def me() -> Response:
    return json_answer({"user": accounts.describe(policy.require_account(gates.current_actor()))})


@blueprint.post("/become-expert")
def become_expert() -> Response:
    body = read_json()
    slug = body.text("slug", max_length=64)
    headline = body.text("headline", max_length=200)
    body.check()
    expert, created = experts.become_expert(gates.current_actor(), slug=slug, headline=headline)
    return json_answer({"expert": experts.describe(expert)}, 201 if created else 200)


@blueprint.post("/change-password")
def change_password() -> Response:
    actor = gates.current_actor()
    if actor is None:
        raise Unauthenticated
    body = read_json()
    current = body.text("current_password", required=True, max_length=MAX_SECRET, strip=False)
    new = body.text("new_password", required=True, max_length=MAX_SECRET, strip=False)
    body.check()
    credentials.change_password(actor, current, new)
    return Response(status=204)


@blueprint.post("/verify-address")
def ask_for_proof() -> Response:
    actor = policy.require_account(gates.current_actor())
    limits.count_proof(actor.email)
    return json_answer({"expires_in": address_proofs.request_proof(actor)}, 202)


@blueprint.post("/verify-address/<token>")
def prove_address(token: str) -> Response:
    actor = policy.require_account(gates.current_actor())
    address_proofs.prove(actor, token)
    return json_answer({"user": accounts.describe(replace(actor, email_is_verified=True))})


@blueprint.post("/logout")
def logout() -> Response:
    if gates.current_actor() is None:
        raise Unauthenticated
    gates.sign_out_browser()
    return Response(status=204)


def _signed_in(sign_in: SignIn, status: int) -> Response:
    actor = sign_ins.find_actor(sign_in.id)
    if actor is None:  # deactivated this very moment
        raise Unauthenticated
    token = gates.issue_token(sign_in)
    response = json_answer(
        {
            "access_token": token,
            "expires_at": rfc3339(sign_in.expires_at),
            "user": accounts.describe(actor),
        },
        status,
    )
    gates.set_token_cookie(response, sign_in, token)
    return response
