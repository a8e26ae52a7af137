"""Google Meet, by the Calendar API: an event with a conference, in a calendar of ours.

By `requests` and google-auth rather than google-api-python-client: three calls need no
discovery documents, and httplib2, which that brings, knows no limit of time for a whole
call. A service account that stands for a user of the organisation (domain-wide
delegation, GOOGLE_DELEGATED_USER) may make conferences; one alone may only on some plans.

The event's id is our own reference, which Google takes once: a repeat after a crash is
answered by 409, and then what is there is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from app.services import clock
from app.services.meeting_providers import Made, MeetingMissing, MeetingRefused, Wanted
from app.services.provider_calls import ProviderApi, Token, link_in

SCOPES = ["https://www.googleapis.com/auth/calendar.events"]
# Refusals by 403 that pass: Google counts calls, and says so by this status too.
_TRANSIENT = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
# As long as Google's last; one that ends sooner is refused, and renewed then.
_TOKEN_SECONDS = 3600.0


class _Exists(Exception):
    """There is an event with this id."""


class GoogleMeet:
    """Meetings in one Google calendar."""

    def __init__(self, api: ProviderApi, calendar_id: str) -> None:
        self._api = api
        self._events = f"/calendar/v3/calendars/{quote(calendar_id, safe='')}/events"

    def create(self, wanted: Wanted) -> Made:
        """As `Provider.create`."""
        body = _event(wanted) | {
            "id": wanted.reference,
            "visibility": "private",
            "conferenceData": {
                "createRequest": {
                    "requestId": wanted.reference,
                    "conferenceSolutionKey": {"type": "hangoutsMeet"},
                }
            },
        }
        query = {"conferenceDataVersion": "1", "sendUpdates": "none"}
        try:
            event = self._api.call(
                "POST",
                self._events,
                query=query,
                body=body,
                conflict_is=_Exists,
                transient=_TRANSIENT,
            )
        except MeetingMissing:
            raise MeetingRefused("Google: there is no such calendar", for_good=True) from None
        except _Exists:  # made before, and the answer was lost
            event = self._patch(wanted.reference, wanted)
        return self._made(wanted.reference, event)

    def move(self, external_id: str, wanted: Wanted) -> None:
        """As `Provider.move`."""
        self._patch(external_id, wanted)

    def remove(self, external_id: str) -> None:
        """As `Provider.remove`."""
        with suppress(MeetingMissing):
            self._api.call(
                "DELETE",
                f"{self._events}/{external_id}",
                query={"sendUpdates": "none"},
                transient=_TRANSIENT,
            )

    def _patch(self, external_id: str, wanted: Wanted) -> Any:
        event = self._api.call(
            "PATCH",
            f"{self._events}/{external_id}",
            query={"conferenceDataVersion": "1", "sendUpdates": "none"},
            body=_event(wanted),
            transient=_TRANSIENT,
        )
        # One that was removed is kept under its id, and patching does not bring it back.
        if isinstance(event, dict) and event.get("status") == "cancelled":
            raise MeetingMissing
        return event

    def _made(self, external_id: str, event: Any) -> Made:
        if not isinstance(event, dict):
            raise self._api.malformed("event")
        conference = event.get("conferenceData")
        if not isinstance(conference, dict):
            raise MeetingRefused("Google: this calendar gives no Meet links", for_good=True)
        if link := _link(event, conference):
            return Made(external_id, link)
        match _status(conference):
            case "pending":  # made in a moment; asked again, it is there
                raise MeetingRefused("Google: the conference is being made")
            case "failure":
                self.remove(external_id)
                raise MeetingMissing
        raise self._api.malformed("link")


def _event(wanted: Wanted) -> dict[str, Any]:
    return {
        "summary": wanted.title,
        "start": {"dateTime": clock.rfc3339(wanted.starts_at), "timeZone": "UTC"},
        "end": {"dateTime": clock.rfc3339(wanted.ends_at), "timeZone": "UTC"},
    }


def _link(event: Mapping[str, Any], conference: Mapping[str, Any]) -> str | None:
    if link := link_in(event.get("hangoutLink")):
        return link
    entries = conference.get("entryPoints")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("entryPointType") == "video":
            return link_in(entry.get("uri"))
    return None


def _status(conference: Mapping[str, Any]) -> str:
    try:
        return str(conference["createRequest"]["status"]["statusCode"])
    except (KeyError, TypeError):
        return ""


# -- credentials -----------------------------------------------------------------------


def from_settings(config: Mapping[str, Any]) -> GoogleMeet:
    """The provider of these settings. Raises `MeetingRefused` for a key that is none."""
    try:
        credentials = read_key(config["GOOGLE_SERVICE_ACCOUNT_FILE"])
    except ValueError as error:
        raise MeetingRefused(f"Google: {error}") from None
    if user := config["GOOGLE_DELEGATED_USER"]:
        credentials = credentials.with_subject(user)
    timeout = float(config["MEETING_TIMEOUT_SECONDS"])
    api = ProviderApi(
        "Google",
        config["GOOGLE_API_URL"],
        _renewing(credentials, timeout),
        timeout=timeout,
        reason_of=lambda body: body["error"]["errors"][0]["reason"],
    )
    return GoogleMeet(api, config["GOOGLE_CALENDAR_ID"])


def read_key(file: str) -> Any:
    """The credentials in a service account's key file. Raises ValueError, saying what is wrong."""
    try:
        info = json.loads(Path(file).read_text())
    except OSError:
        raise ValueError("the key file cannot be read") from None
    except ValueError:
        raise ValueError("the key file is not JSON") from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise ValueError("the file is not the key of a service account")
    try:
        return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=SCOPES
        )
    except (GoogleAuthError, ValueError):
        raise ValueError("the key in the file is not complete or not valid") from None


def _renewing(credentials: Any, timeout: float) -> Callable[[requests.Session], Token]:
    def renew(session: requests.Session) -> Token:
        try:
            credentials.refresh(partial(Request(session), timeout=timeout))
        except RefreshError as error:
            raise MeetingRefused(f"Google token: {_code_of(error)}") from None
        except GoogleAuthError as error:
            raise MeetingRefused(f"Google token: {type(error).__name__}") from None
        except (AttributeError, KeyError, TypeError, ValueError):  # of an answer that is no object
            raise MeetingRefused("Google token: the answer has none") from None
        if not isinstance(credentials.token, str) or not credentials.token:
            raise MeetingRefused("Google token: the answer has none")
        return Token(credentials.token, _TOKEN_SECONDS)

    return renew


def _code_of(error: RefreshError) -> str:
    """OAuth's own code, such as invalid_grant: the message may hold more than is ours to tell."""
    details = error.args[1] if len(error.args) > 1 else None
    code = details.get("error") if isinstance(details, dict) else None
    return code if isinstance(code, str) and code.isidentifier() else "refused"
