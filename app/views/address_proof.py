"""Proving one's address: asking for the link, and the page behind it."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import limits
from app.gates import current_actor
from app.services import address_proofs
from app.services.policy import require_account

blueprint = Blueprint("address_proof", __name__, url_prefix="/profile/address")


@blueprint.post("")
def ask() -> Response:
    actor = require_account(current_actor())
    limits.count_proof(actor.email)
    address_proofs.request_proof(actor)
    flash(gettext("A link is on its way to %(email)s.", email=actor.email), "success")
    return redirect(url_for("account_pages.profile"), 303)


@blueprint.get("/<token>")
def show(token: str) -> str | Response:
    if (actor := current_actor()) is None:
        login = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
        return redirect(f"{login}?next={request.path}")
    address_proofs.check_proof(actor, token)
    return render_template("account/address.html")


@blueprint.post("/<token>")
def prove(token: str) -> Response:
    address_proofs.prove(current_actor(), token)
    flash(
        gettext("Your address is confirmed. What you booked with it is in your bookings."),
        "success",
    )
    return redirect(url_for("account_pages.my_bookings"), 303)
