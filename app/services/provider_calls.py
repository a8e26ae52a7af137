"""Calls of a provider's JSON API: with a token, time limits, and refusals in our words.

A token that the provider takes no longer (401) is renewed once and the call repeated.
Reasons name the status and the provider's own code, never a token, an address or a body.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from app.services.meeting_providers import MeetingMissing, MeetingRefused
from app.services.plain_text import one_line
from app.services.retry_after import seconds_of

CONNECT_SECONDS = 5.0
# A token is renewed so long before its end.
_EARLY_SECONDS = 60.0
_RETRIED = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and how many seconds it is good for."""

    value: str = field(repr=False)
    seconds: float


class ProviderApi:
    """One provider's API under `base_url`; `renew` gets a new token."""

    def __init__(
        self,
        name: str,
        base_url: str,
        renew: Callable[[requests.Session], Token],
        *,
        timeout: float,
        reason_of: Callable[[Any], str],
    ) -> None:
        self._name = name
        self._base_url = base_url.rstrip("/")
        self._renew = renew
        self._timeout = (CONNECT_SECONDS, timeout)
        self._reason_of = reason_of
        self._session = requests.Session()
        self._token = ""
        self._token_ends = 0.0

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        conflict_is: type[Exception] | None = None,
        transient: frozenset[str] = frozenset(),
    ) -> Any:
        """The JSON of a successful answer; None of one without.

        404 and 410 raise `MeetingMissing`, 409 raises `conflict_is` if given; anything
        else that is no success raises `MeetingRefused`. A refusal whose reason is among
        `transient` is worth another try, whatever its status.
        """
        answer = self._send(method, path, query, body)
        if answer.status_code == 401:
            self._token = ""
            answer = self._send(method, path, query, body)
        status = answer.status_code
        if status in {404, 410}:
            raise MeetingMissing
        if status == 409 and conflict_is:
            raise conflict_is
        if 200 <= status < 300:
            return self._json(answer) if answer.content else None
        reason = self._reason(answer)
        # 401: new credentials may be given; 5xx: theirs. All else is ours, and stays wrong.
        may_change = status in _RETRIED or status == 401 or status >= 500 or reason in transient
        raise MeetingRefused(
            f"{self._name}: {status} {reason}".strip(),
            for_good=not may_change,
            retry_after=seconds_of(answer.headers.get("Retry-After")),
        )

    def malformed(self, what: str) -> MeetingRefused:
        """The refusal for an answer that lacks something."""
        return MeetingRefused(f"{self._name}: the answer has no {what}")

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._base_url + path,
                params=query,
                json=body,
                headers={"Authorization": f"Bearer {self._bearer()}"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # Its text holds the URL.
            raise MeetingRefused(f"{self._name}: {type(error).__name__}") from None

    def _bearer(self) -> str:
        if not self._token or time.monotonic() >= self._token_ends:
            try:
                token = self._renew(self._session)
            except requests.RequestException as error:
                raise MeetingRefused(f"{self._name} token: {type(error).__name__}") from None
            self._token = token.value
            self._token_ends = time.monotonic() + token.seconds - _EARLY_SECONDS
        return self._token

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise MeetingRefused(f"{self._name}: the answer is not JSON") from None

    def _reason(self, answer: requests.Response) -> str:
        try:
            reason = self._reason_of(answer.json())
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return ""
        return one_line(str(reason))[:80]


def link_in(value: object) -> str | None:
    """`value` if it is a link that people may follow and a row can hold."""
    if isinstance(value, str) and value.startswith("https://") and len(value) <= 500:
        return value
    return None
