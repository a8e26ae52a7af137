"""What the mails of the outbox look like: a row's template and context as a message.

Each template is one file under `templates/email/` with the words of one mail, in
blocks; it is rendered twice, into `layout.html.j2` and `layout.txt.j2`, so both say the
same. When, where and who are laid out here. The environment is mail's own: rendering
needs no request, and templates get plain data and `manage_url`, nothing else. All of it
is said in the language of the `Wording`, which is the reader's.

Mails are sent to addresses that somebody typed. What they typed beside it (name,
notes) is shown to the host and never to that address: our sender must not carry a
stranger's words to a stranger. The name alone stands in the invitation, which needs
it. The reason of a cancellation is shown to both, because hosts give reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.charset import QP, Charset
from email.mime.base import MIMEBase
from email.mime.text import MIMEText
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app
from flask_babel import gettext, ngettext
from flask_mail import Message
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.services import clock, colours, languages, mail_wording, settings
from app.services.cancel_reasons import reason_text
from app.services.icalendar_export import Method, booking_calendar, web_address
from app.services.local_text import day_text, weekday_text
from app.services.mail_wording import PARTS, Wording
from app.services.manage_links import decision_url, manage_url
from app.services.meeting_links import place_text
from app.services.plain_text import clean, one_line

_TEMPLATES = Path(__file__).parents[1] / "templates"
# Lines of a mail end at 998 octets (RFC 5322, 2.1.1); notes do not.
_QUOTED_PRINTABLE = Charset("utf-8")
_QUOTED_PRINTABLE.body_encoding = QP
# Flask-Mail's, policy.SMTP, parses each header again: half of a mail's time, and it may
# leave the first line of a subject empty.
_POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=None)
_MAX_SUBJECT = 150
_DASH = "\N{EN DASH}"
HIDDEN = "\N{BULLET}" * 6  # in place of what lets somebody act


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of when, where and who. `link` is http(s); `over` marks what holds no more."""

    label: str
    lines: tuple[str, ...]
    link: str | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words: what people read of it."""

    subject: str
    text: str
    html: str


def compose(
    template: str,
    recipient: str,
    context: Mapping[str, Any],
    *,
    message_id: str,
    wording: Wording | None = None,
) -> Message:
    """The message of an outbox row.

    Raises `jinja2.TemplateError`, `KeyError` or `ValueError` when template and context
    do not fit.
    """
    wording = wording or Wording(current_app.config["PRODUCT_NAME"])
    with languages.speaking(wording.language):
        return _compose(template, recipient, context, message_id, wording)


def _compose(
    template: str, recipient: str, context: Mapping[str, Any], message_id: str, wording: Wording
) -> Message:
    rendered = _render(template, _values(template, context, wording), wording)
    message = _Message(
        subject=rendered.subject,
        recipients=[recipient],
        body=rendered.text,
        html=rendered.html,
        sender=_sender(wording.product),
        reply_to=_reply_to(template, context),
        charset="us-ascii",  # of headers that are; others become UTF-8
        date=clock.now().timestamp(),
        # RFC 3834, 5: nobody's out-of-office shall answer; the second is for Exchange.
        extra_headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
    message.msgId = message_id
    if "booking" in context:
        _invite(message, template, context, wording.product)
    return message


def preview(template: str, context: Mapping[str, Any], wording: Wording) -> Rendered:
    """What people read of a mail, with nothing in it that lets anybody act.

    Codes are dots and manage links lead nowhere. Raises as `compose` does.
    """
    nowhere = f"{current_app.config['PUBLIC_URL']}/b/{HIDDEN}"
    hidden = {**context, "secret": HIDDEN} if _is_secret(template, context) else context
    with languages.speaking(wording.language):
        values = {
            name: (lambda *_: nowhere) if callable(value) else value  # what makes secret links
            for name, value in _values(template, hidden, wording).items()
        }
        return _render(template, values, wording)


def list_templates() -> list[str]:
    """The names of all mails."""
    return sorted(
        path.name.removesuffix(".j2")
        for path in (_TEMPLATES / "email").glob("*.j2")
        if not path.name.startswith("layout")
    )


def default_parts(template: str, context: Mapping[str, Any], language: str) -> dict[str, str]:
    """Our own words of a mail, part by part, with placeholders where there is a value.

    `context` is a sample. They are read from the template itself.
    """
    wording = Wording(current_app.config["PRODUCT_NAME"])
    found = _environment(html=False).get_template(f"email/{template}.j2")
    with languages.speaking(language):
        values = mail_wording.marked(_values(template, context, wording))
        return {
            part: one_line("".join(found.blocks[part](found.new_context(values))))
            if part in found.blocks
            else ""
            for part in PARTS
        }


def placeholders(template: str, context: Mapping[str, Any], language: str) -> dict[str, str]:
    """The placeholders that a mail has, and what they stand for in the sample `context`."""
    wording = Wording(current_app.config["PRODUCT_NAME"])
    with languages.speaking(language):
        return mail_wording.values_for(template, _values(template, context, wording))


def _is_secret(template: str, context: Mapping[str, Any]) -> bool:
    # It is forgotten once the mail is sent, and its template still asks for it.
    source = (_TEMPLATES / "email" / f"{template}.j2").read_text()
    return "secret" in context or "secret" in source


def _render(template: str, values: Mapping[str, Any], wording: Wording) -> Rendered:
    values = {**values, "own": mail_wording.own_parts(template, values, wording.own)}
    text = _environment(html=False).get_template(f"email/{template}.j2")
    html = _environment(html=True).get_template(f"email/{template}.j2")
    subject = values["own"]["subject"] or "".join(text.blocks["subject"](text.new_context(values)))
    return Rendered(
        subject=_subject(subject),
        text=text.render(values, layout="email/layout.txt.j2").strip() + "\n",
        html=html.render(values, layout="email/layout.html.j2"),
    )


class _Message(Message):
    def _mimetext(self, text: str | None, subtype: str = "plain") -> MIMEText:
        return MIMEText(text or "", subtype, _QUOTED_PRINTABLE)  # type: ignore[arg-type]

    def _message(self) -> MIMEBase:
        message = super()._message()
        message.policy = _POLICY
        return message


def _values(template: str, context: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    """What a template may use: the context, the facts, and addresses made of PUBLIC_URL."""
    public_url = current_app.config["PUBLIC_URL"]
    values: dict[str, Any] = {
        **context,
        "facts": [],
        "product": wording.product,
        "language": languages.current(),
        "colours": {
            name.replace("-", "_"): pair for name, pair in colours.shades(wording.accent).items()
        },
        "public_url": public_url,
        "manage_url": manage_url,
        "decision_url": decision_url,
    }
    if "booking" in context:
        booking = context["booking"]
        zone = _zone(context.get("time_zone"))
        values["facts"] = _facts(booking, context, zone, for_host=_is_for_host(template))
        values["when"] = _short(_instant(booking["starts_at"]).astimezone(zone))
        if "decide_by" in booking:
            values["until"] = _short(_instant(booking["decide_by"]).astimezone(zone))
    elif "offer_expires_at" in context:
        zone = _zone(context.get("time_zone"))
        values["until"] = _short(_instant(context["offer_expires_at"]).astimezone(zone))
    return values


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=html,  # noqa: S701 (plain text has no markup to escape)
        undefined=StrictUndefined,
        finalize=_as_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # Newstyle: values are put in by Jinja, which escapes them where the sentence is HTML.
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _as_one_line(value: Any) -> Any:
    """No value breaks out of its line in the plain text, or of a header.

    Nor does one inside a sentence, which arrives here whole, and in HTML as markup.
    """
    if isinstance(value, Markup):
        return Markup(one_line(str(value)))  # noqa: S704 (escaped already)
    return one_line(value) if isinstance(value, str) else value


# -- headers -----------------------------------------------------------------------


def _sender(product: str) -> tuple[str, str]:
    """MAIL_DEFAULT_SENDER, with the product's name unless it brings one."""
    name, address = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])
    return name or product, address


def _subject(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _MAX_SUBJECT else line[: _MAX_SUBJECT - 1].rstrip() + "…"


def _reply_to(template: str, context: Mapping[str, Any]) -> str | None:
    """The other person of an appointment: an answer to our mail is meant for them."""
    if "organizer" not in context:
        return None
    person = context["booking"].get("attendee") if _is_for_host(template) else context["organizer"]
    address: str = (person or {}).get("email") or ""
    return address if address.isprintable() and "@" in address else None


def _is_for_host(template: str) -> bool:
    return template.endswith("_host")


# -- the invitation ------------------------------------------------------------------


def _invite(message: Message, template: str, context: Mapping[str, Any], product: str) -> None:
    """Add the calendar, as an alternative that clients act on and as a file (RFC 6047)."""
    booking = context["booking"]
    attendee = booking.get("attendee") or {}
    method = _method(context)
    if not attendee.get("email") or method is None:
        return
    if not _is_for_host(template):
        booking = {key: value for key, value in booking.items() if key != "attendee"}
    address = _sender(product)[1]
    organizer = context.get("organizer") or {
        "name": (booking.get("event") or {}).get("title") or product,
        "email": address,
    }
    calendar = booking_calendar(
        booking,
        method=method,
        organizer={**organizer, "sent_by": address},
        attendee={"name": attendee.get("name") or "", "email": attendee["email"]},
    )
    message.alts[f"calendar; method={method}"] = calendar.decode()
    message.attach("invite.ics", "application/ics", calendar)


def publisher(booking: Mapping[str, Any]) -> dict[str, str]:
    """Whose a file to keep is: the expert's or the event's, at the address that we mail from.

    RFC 5546, 3.2.1 wants an organizer; an expert's own address is for those who are mailed.
    """
    party = booking.get("expert") or booking.get("event") or {}
    product = settings.current().product_name
    name = party.get("name") or party.get("title") or product
    return {"name": name, "email": _sender(product)[1]}


def _method(context: Mapping[str, Any]) -> Method | None:
    """What the file does to the readers' calendars; None for no file."""
    if said := context.get("invitation"):
        return None if said == "NONE" else said
    by_status: dict[str, Method | None] = {"cancelled": "CANCEL", "pending": None}
    return by_status.get(context["booking"]["status"], "REQUEST")


# -- when, where, who ----------------------------------------------------------------


def _facts(
    booking: Mapping[str, Any], context: Mapping[str, Any], zone: ZoneInfo, *, for_host: bool
) -> list[Fact]:
    other_zone = _other_zone(booking, context, zone, for_host=for_host)
    facts = [Fact(gettext("When"), _when(booking, zone, other_zone))]
    cancelled = booking["status"] == "cancelled"
    if previous := context.get("previous"):
        facts.append(Fact(gettext("Before"), _when(previous, zone), over=True))
    link = None if cancelled else web_address(booking.get("meeting_url"))
    if booking.get("location") or link:
        where = (place_text(booking["location"]),) if booking.get("location") else ()
        facts.append(Fact(gettext("Where"), where, link))
    facts += _who(booking, for_host=for_host)
    if context.get("reason"):
        facts.append(Fact(gettext("Reason"), _paragraphs(reason_text(context["reason"]))))
    return facts


def _who(booking: Mapping[str, Any], *, for_host: bool) -> list[Fact]:
    if booking["kind"] == "seat":
        return [Fact(gettext("Event"), (booking["event"]["title"],))]
    if not for_host:
        return [Fact(gettext("With"), (booking["expert"]["name"],))]
    client = booking["attendee"]
    reached = (client["name"], client["email"], client.get("phone") or "")
    facts = [Fact(gettext("Who"), tuple(line for line in reached if line))]
    if client.get("notes"):
        facts.append(Fact(gettext("Notes"), _paragraphs(client["notes"])))
    return facts


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in clean(text).split("\n") if line.strip())


def _other_zone(
    booking: Mapping[str, Any], context: Mapping[str, Any], zone: ZoneInfo, *, for_host: bool
) -> tuple[str, ZoneInfo] | None:
    """The expert's name and zone, for a client whose clock shows another time then."""
    host_zone = context.get("host_time_zone")
    if for_host or not host_zone:
        return None
    other = _zone(host_zone)
    starts_at = _instant(booking["starts_at"])
    if starts_at.astimezone(other).utcoffset() == starts_at.astimezone(zone).utcoffset():
        return None
    return booking["expert"]["name"], other


def _when(
    period: Mapping[str, Any], zone: ZoneInfo, other: tuple[str, ZoneInfo] | None = None
) -> tuple[str, ...]:
    """The day, the time with its length, and the time on the other's clock."""
    starts_at, ends_at = _instant(period["starts_at"]), _instant(period["ends_at"])
    local = starts_at.astimezone(zone)
    length = _length(starts_at, ends_at)
    lines = [day_text(local, "full"), f"{_span(starts_at, ends_at, zone)} ({length})"]
    if other:
        name, other_zone = other
        there = starts_at.astimezone(other_zone)
        day = f"{weekday_text(there.weekday())}, " if there.date() != local.date() else ""
        time = day + _span(starts_at, ends_at, other_zone)
        lines.append(gettext("For %(name)s: %(time)s", name=name, time=time))
    return tuple(lines)


def _span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """From when to when; with both zone names when the clocks change in between."""
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    zone_then = f" {_zone_name(start)}" if start.utcoffset() != end.utcoffset() else ""
    day = f"{weekday_text(end.weekday())} " if end.date() != start.date() else ""
    dash = f" {_DASH} " if day or zone_then else _DASH
    return f"{start:%H:%M}{zone_then}{dash}{day}{end:%H:%M} {_zone_name(end)}"


def _short(local: datetime) -> str:
    return f"{day_text(local, 'short')}, {local:%H:%M} {_zone_name(local)}"


def _zone_name(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name  # zones without letters of their own


def _length(starts_at: datetime, ends_at: datetime) -> str:
    minutes = round((ends_at - starts_at).total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    if not hours or (hours == 1 and rest):  # "45 min" and "90 min", as people say it
        return gettext("%(minutes)s min", minutes=minutes)
    if not rest:
        return gettext("%(hours)s h", hours=hours)
    return gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=rest)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _zone(name: str | None) -> ZoneInfo:
    """A browser's zone may be unknown to this server: then the installation's own."""
    try:
        return ZoneInfo(name or current_app.config["DEFAULT_TIME_ZONE"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(current_app.config["DEFAULT_TIME_ZONE"])
