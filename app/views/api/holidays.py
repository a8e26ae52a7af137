"""`/api/holidays`: what experts choose their days off from."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import holidays
from app.services.errors import NotFound
from app.services.fields import YEARS
from app.services.policy import require_account
from app.views.api.answers import json_answer
from app.views.api.payload import read_query

blueprint = Blueprint("api_holidays", __name__, url_prefix="/api/holidays")


@blueprint.get("")
def list_countries() -> Response:
    require_account(current_actor())
    return json_answer({"countries": holidays.list_countries()})


@blueprint.get("/<country>")
def list_holidays(country: str) -> Response:
    require_account(current_actor())
    query = read_query()
    subdivision = query.text("subdivision", max_length=64) or None
    year = query.integer("year", required=True, minimum=YEARS.start, maximum=YEARS.stop - 1)
    query.check()
    if not holidays.is_known(country, subdivision):
        raise NotFound
    found = holidays.of_year(country, subdivision, year)
    return json_answer(
        {"holidays": [{"date": day.isoformat(), "name": name} for day, name in found.items()]}
    )
