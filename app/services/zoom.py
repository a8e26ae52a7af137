"""Zoom, by server-to-server OAuth: meetings of one user of the account.

Zoom takes no reference of ours: if this process dies after Zoom made a meeting and before
that is written down, the next try makes another and the first stays there, unused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import requests

from app.services import clock
from app.services.meeting_providers import Made, MeetingMissing, MeetingRefused, Wanted
from app.services.provider_calls import CONNECT_SECONDS, ProviderApi, Token, link_in

_SCHEDULED = 2  # Zoom's number for a meeting at one time


class Zoom:
    """Meetings that one Zoom user hosts."""

    def __init__(self, api: ProviderApi, user_id: str) -> None:
        self._api = api
        self._user_id = user_id

    def create(self, wanted: Wanted) -> Made:
        """As `Provider.create`."""
        path = f"/users/{quote(self._user_id, safe='@')}/meetings"
        # The host's own Zoom need not be there first: whoever has the link may begin.
        settings = {"join_before_host": True, "jbh_time": 0, "waiting_room": False}
        try:
            made = self._api.call("POST", path, body=_meeting(wanted) | {"settings": settings})
        except MeetingMissing:
            raise MeetingRefused("Zoom: there is no such user", for_good=True) from None
        if not isinstance(made, dict) or not isinstance(made.get("id"), int | str):
            raise self._api.malformed("id")
        link = link_in(made.get("join_url"))
        if link is None:
            raise self._api.malformed("join_url")
        return Made(str(made["id"])[:200], link)

    def move(self, external_id: str, wanted: Wanted) -> None:
        """As `Provider.move`."""
        self._api.call("PATCH", _path(external_id), body=_meeting(wanted))

    def remove(self, external_id: str) -> None:
        """As `Provider.remove`."""
        quiet = {"schedule_for_reminder": "false", "cancel_meeting_reminder": "false"}
        with suppress(MeetingMissing):
            self._api.call("DELETE", _path(external_id), query=quiet)


def _path(external_id: str) -> str:
    return f"/meetings/{quote(external_id, safe='')}"


def _meeting(wanted: Wanted) -> dict[str, Any]:
    return {
        "topic": wanted.title,
        "type": _SCHEDULED,
        "start_time": clock.rfc3339(wanted.starts_at.replace(microsecond=0)),
        "duration": wanted.minutes,
        "timezone": "UTC",
    }


# -- credentials -----------------------------------------------------------------------


def from_settings(config: Mapping[str, Any]) -> Zoom:
    """The provider of these settings."""
    timeout = float(config["MEETING_TIMEOUT_SECONDS"])
    api = ProviderApi(
        "Zoom",
        config["ZOOM_API_URL"],
        _renewing(config, timeout),
        timeout=timeout,
        reason_of=lambda body: body["code"],
    )
    return Zoom(api, config["ZOOM_USER_ID"])


def _renewing(config: Mapping[str, Any], timeout: float) -> Callable[[requests.Session], Token]:
    def renew(session: requests.Session) -> Token:
        answer = session.post(
            config["ZOOM_OAUTH_URL"].rstrip("/") + "/oauth/token",
            data={"grant_type": "account_credentials", "account_id": config["ZOOM_ACCOUNT_ID"]},
            auth=(config["ZOOM_CLIENT_ID"], config["ZOOM_CLIENT_SECRET"]),
            timeout=(CONNECT_SECONDS, timeout),
            allow_redirects=False,
        )
        if answer.status_code != 200:
            raise MeetingRefused(f"Zoom token: {answer.status_code}")
        try:
            body = answer.json()
            value, seconds = body["access_token"], float(body["expires_in"])
        except (ValueError, TypeError, KeyError):
            raise MeetingRefused("Zoom token: the answer has none") from None
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise MeetingRefused("Zoom token: the answer has none")
        return Token(value, seconds)

    return renew
