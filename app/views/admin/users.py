"""Users and their roles in the back-office."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from flask import flash, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from app.extensions import db
from app.gates import current_actor
from app.models import Expert, Role, User
from app.models.user import full_name
from app.services import accounts, attachments, credentials, languages, sign_ins
from app.services.attachments import Attached
from app.services.errors import InvalidInput
from app.services.passwords import one_time
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT, Actor
from app.views.admin import cells, role_areas, tickets
from app.views.admin.access import Answer, permitted
from app.views.admin.base import Deed, ReadingInterface, Related, ServiceModelView
from app.views.admin.forms import (
    ChoiceField,
    EmailField,
    LineField,
    OfficeForm,
    RolesField,
    ZoneField,
)
from app.views.admin.listing import ListFilter
from app.views.admin.wording import Texts

PUBLIC = "Public"  # Flask-AppBuilder's, of who is not signed in
ROLES = {
    ATTENDEE: lazy_gettext("Attendee: books seats and appointments"),
    EXPERT: lazy_gettext("Expert: is booked"),
    CONTRIBUTOR: lazy_gettext("Contributor: reserves rooms, checks people in"),
    ADMIN: lazy_gettext("Admin: may do everything"),
}
ROLE_NAMES = {
    ATTENDEE: lazy_gettext("Attendee"),
    EXPERT: lazy_gettext("Expert"),
    CONTRIBUTOR: lazy_gettext("Contributor"),
    ADMIN: lazy_gettext("Admin"),
    PUBLIC: lazy_gettext("Public"),
}
MEANINGS = {
    ATTENDEE: lazy_gettext("Books seats and appointments"),
    EXPERT: lazy_gettext("Is booked"),
    CONTRIBUTOR: lazy_gettext("Reserves rooms, checks people in"),
    ADMIN: lazy_gettext("May do everything"),
    PUBLIC: lazy_gettext("Nothing: guests"),
}


class UserForm(OfficeForm):
    name = LineField(lazy_gettext("Name"), maximum=129, required=True)
    email = EmailField(lazy_gettext("Email"), maximum=128, required=True)
    time_zone = ZoneField(lazy_gettext("Time zone"), empty=lazy_gettext("Not known"))
    language = ChoiceField(
        lazy_gettext("Language"),
        choices=[
            ("", lazy_gettext("As their browser asks")),
            *((each.code, each.name) for each in languages.LANGUAGES.values()),
        ],
        default="",
        description=lazy_gettext("Mails to them are in it, and what they see when signed in."),
    )
    roles = RolesField(lazy_gettext("Roles"), choices=[*ROLES.items()])


class UserView(ServiceModelView):
    """`/backoffice/users/`."""

    datamodel = ReadingInterface(User)
    route_base = "/backoffice/users"
    plural, icon = lazy_gettext("Users"), "users"
    texts = Texts(
        add=lazy_gettext("Add user"),
        choose=lazy_gettext("Choose which users first."),
        remove=lambda number: ngettext("Delete user", "Delete users", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d user?", "Delete %(num)d users?", number
        ),
    )
    object_kind = "user"
    imported_as = "users"
    empty = lazy_gettext("Add somebody, or let people register.")

    list_columns = ["name", "email", "role_names", "state", "seen"]
    show_columns = [
        "name",
        "email",
        "role_names",
        "state",
        "time_zone",
        "language",
        "address_proven",
        "seen",
        "login_count",
        "devices",
        "expert_page",
    ]
    search_columns = ["first_name", "last_name", "email"]
    order_columns = ["first_name", "last_name", "email", "last_login"]
    add_columns = ["name", "email", "time_zone", "language", "roles"]
    edit_columns = add_columns
    label_columns = {
        "role_names": lazy_gettext("Roles"),
        "seen": lazy_gettext("Last sign-in"),
        "login_count": lazy_gettext("Sign-ins"),
        "devices": lazy_gettext("Signed in now"),
        "address_proven": lazy_gettext("Address proven"),
    }
    base_order = ("id", "desc")
    order_of = {"name": "first_name", "seen": "last_login"}
    loads = (selectinload(User.roles),)
    list_filters = (
        ListFilter(
            "role",
            lazy_gettext("Role"),
            lambda: [(name, ROLE_NAMES[name]) for name in ROLES],
            lambda value: User.roles.any(Role.name == value),
        ),
        ListFilter(
            "state",
            lazy_gettext("State"),
            lambda: [
                ("active", gettext("Active")),
                ("inactive", gettext("Deactivated")),
                ("flagged", gettext("Must change the password")),
            ],
            lambda value: (
                User.must_change_password.is_(True)
                if value == "flagged"
                else User.active.is_(value == "active")
            ),
        ),
    )
    add_form = edit_form = UserForm

    def name_of(self, item: User) -> str:
        return full_name(item.first_name, item.last_name)

    def matching(self, words: str) -> ColumnElement[bool]:
        whole = (User.first_name + " " + User.last_name).icontains(words, autoescape=True)
        return or_(super().matching(words), whole)

    def initial(self) -> dict[str, Any]:
        return {"roles": [ATTENDEE]}

    def values_of(self, item: User) -> dict[str, Any]:
        return {
            "name": self.name_of(item),
            "email": item.email,
            "time_zone": item.time_zone or "",
            "language": item.language or "",
            "roles": sorted(role.name for role in item.roles),
        }

    def create(self, actor: Actor | None, form: Any) -> tuple[int, str]:
        password = one_time()
        user = accounts.create_account(
            form.name.data,
            form.email.data,
            password,
            time_zone=form.time_zone.data or None,
            language=form.language.data or None,
            roles=form.roles.data,
            must_change_password=True,
            actor=actor,
        )
        return user.id, password

    def _created(self, made: tuple[int, str]) -> Answer:
        return self._password_page(*made)

    def update(self, actor: Actor | None, item: User, form: Any) -> None:
        accounts.update_user(
            actor,
            item.id,
            name=form.name.data,
            email=form.email.data,
            time_zone=form.time_zone.data,
            language=form.language.data,
            roles=form.roles.data,
        )

    def remove(self, actor: Actor | None, item: User, form: Any) -> None:
        accounts.delete_user(actor, item.id)

    def attached(self, item: User) -> Attached:
        return attachments.of_user(item.id)

    def instead(self, item: User) -> tuple[str, str]:
        return gettext("Deactivate the account instead."), self._url("show", pk=item.id)

    def deeds(self, item: User) -> list[Deed]:
        switch = (
            Deed(gettext("Deactivate"), self._url("deactivate", pk=item.id), "ban", asks=True)
            if item.active
            else Deed(gettext("Activate"), self._url("activate", pk=item.id), "check")
        )
        actor = current_actor()
        is_oneself = actor is not None and actor.user_id == item.id
        return [
            Deed(
                gettext("Reset password"),
                self._url("reset_password", pk=item.id),
                "key-round",
                asks=True,
            ),
            Deed(gettext("Sign out everywhere"), self._url("end_access", pk=item.id), "log-out"),
            *([] if is_oneself else [switch]),
        ]

    def related(self, item: User) -> list[Related]:
        signed_in = {"object": f"user:{item.id}", "action": "sign_in"}
        return [
            Related(gettext("Bookings"), "BookingView", {"user": item.id}),
            Related(
                gettext("Sign-ins"),
                "AuditView",
                signed_in,
                frozenset({"who", "what", "object", "summary"}),
            ),
            Related(gettext("What they did"), "AuditView", {"who": item.id}, frozenset({"who"})),
        ]

    @expose("/deactivate/<int:pk>", methods=["GET", "POST"])
    @permitted("edit")
    def deactivate(self, pk: int) -> Answer:
        if request.method == "POST":
            done = gettext("%(name)s is deactivated, and signed out everywhere.")
            return self._do(accounts.deactivate, pk, done)
        return self._page(
            "admin/confirm.html",
            title=gettext("Deactivate %(name)s?", name=self.name_of(self._item(pk))),
            lines=_ends_with_access(pk),
            hidden={},
            submit=gettext("Deactivate"),
            back=self._url("show", pk=pk),
        )

    @expose("/end-access/<int:pk>", methods=["POST"])
    @permitted("edit")
    def end_access(self, pk: int) -> Answer:
        return self._do(accounts.end_access, pk, gettext("%(name)s is signed out everywhere."))

    @expose("/activate/<int:pk>", methods=["POST"])
    @permitted("edit")
    def activate(self, pk: int) -> Answer:
        return self._do(accounts.activate, pk, gettext("%(name)s can sign in again."))

    @expose("/reset-password/<int:pk>", methods=["GET", "POST"])
    @permitted("edit")
    def reset_password(self, pk: int) -> Answer:
        item, purpose = self._item(pk), f"reset-password:{pk}"
        if request.method == "GET":
            return self._page(
                "admin/confirm.html",
                title=gettext("Reset the password of %(name)s?", name=self.name_of(item)),
                lines=_ends_with_password(sign_ins.count_live([pk]).get(pk, 0)),
                hidden={"ticket": tickets.give(purpose)},
                submit=gettext("Reset password"),
                back=self._url("show", pk=pk),
            )
        if not tickets.redeem(purpose, request.form.get("ticket", "")):
            flash(gettext("A one-time password is shown once. Reset it again for another."), "info")
            return self._to("show", pk=pk)
        return self._password_page(pk, credentials.reset_password(current_actor(), pk))

    def _do(self, command: Callable[[Actor | None, int], None], pk: int, done: str) -> Response:
        name = self.name_of(self._item(pk))
        try:
            command(current_actor(), pk)
        except InvalidInput as error:
            flash(" ".join(text for texts in error.errors.values() for text in texts), "danger")
        else:
            flash(done % {"name": name}, "success")
        return self._to("show", pk=pk)

    def _password_page(self, pk: int, password: str) -> Answer:
        # In the answer itself: a redirect would have to keep it somewhere.
        item = self._item(pk)
        return self._page(
            "admin/password.html",
            title=gettext("One-time password of %(name)s", name=self.name_of(item)),
            item=item,
            password=password,
        )

    def annotate(self, rows: Sequence[User]) -> None:
        experts = db.session.execute(
            select(Expert.user_id, Expert.id).where(Expert.user_id.in_([row.id for row in rows]))
        )
        of_user = dict(experts.all())
        live = sign_ins.count_live([row.id for row in rows])
        for row in rows:
            row.expert_id = of_user.get(row.id)
            row.live_sign_ins = live.get(row.id, 0)

    def cell_name(self, item: User) -> str:
        return self.name_of(item)

    def cell_role_names(self, item: User) -> str:
        return ", ".join(sorted(map(_name_of_role, item.roles))) or gettext("None")

    def cell_state(self, item: User) -> Markup:
        if not item.active:
            return cells.badge(gettext("Deactivated"), "bad")
        if item.must_change_password:
            return cells.badge(gettext("Must change the password"), "warn")
        return cells.badge(gettext("Active"), "good")

    def cell_language(self, item: User) -> str:
        known = languages.LANGUAGES.get(item.language or "")
        return known.name if known else gettext("As their browser asks")

    def cell_seen(self, item: User) -> Any:
        # FAB's column: UTC without zone.
        at = item.last_login and item.last_login.replace(tzinfo=UTC)
        return cells.moment(at, self.zone()) or gettext("Never")

    def cell_address_proven(self, item: User) -> Any:
        return cells.moment(item.email_verified_at, self.zone()) or gettext("Not yet")

    def cell_login_count(self, item: User) -> int:
        return item.login_count or 0

    def cell_devices(self, item: Any) -> str:
        if not item.live_sign_ins:
            return gettext("No")
        return ngettext("%(num)d device", "%(num)d devices", item.live_sign_ins)

    def cell_expert_page(self, item: Any) -> Any:
        if item.expert_id is None:
            return gettext("None")
        return cells.link(gettext("Profile"), url_for("ExpertView.show", pk=item.expert_id))


class RoleView(ServiceModelView):
    """`/backoffice/roles/`: to look at. What they may is code (`app/security.py`)."""

    datamodel = ReadingInterface(Role)
    route_base = "/backoffice/roles"
    plural, icon = lazy_gettext("Roles"), "shield-check"
    include_route_methods = {"list", "show"}

    list_columns = ["name", "meaning", "holders"]
    show_columns = ["name", "meaning", "holders", "may"]
    label_columns = {"may": lazy_gettext("Adds to what everybody may")}
    search_columns = ["name"]
    order_columns = ["name"]
    base_order = ("name", "asc")
    number_columns = frozenset({"holders"})

    def annotate(self, rows: Sequence[Role]) -> None:
        holds = User.__mapper__.relationships["roles"].secondary.c
        counted = db.session.execute(
            select(holds.role_id, func.count())
            .where(holds.role_id.in_([row.id for row in rows]))
            .group_by(holds.role_id)
        )
        numbers = dict(counted.all())
        for row in rows:
            row.holder_count = numbers.get(row.id, 0)

    def links(self, item: Role) -> list[tuple[str, str]]:
        if item.name not in ROLES:
            return []
        return [(gettext("Who has it"), url_for("UserView.list", role=item.name))]

    def name_of(self, item: Role) -> str:
        return _name_of_role(item)

    def cell_name(self, item: Role) -> str:
        return _name_of_role(item)

    def cell_may(self, item: Role) -> Any:
        """What the role adds to what everybody may, from the one table."""
        if item.name not in ROLES:
            return gettext("What everybody may.")
        areas = role_areas.gained_by(item.name)
        return Markup("").join(cells.folded(area, routes) for area, routes in areas)

    def cell_meaning(self, item: Role) -> str:
        return str(MEANINGS.get(item.name, ""))

    def cell_holders(self, item: Any) -> int:
        return item.holder_count


def _ends_with_access(user_id: int) -> list[str]:
    """What ends for somebody who is deactivated, and what does not."""
    to_come = attachments.to_come_of_user(user_id)
    stays = ngettext(
        "%(num)d booking to come stays. Cancel it if nobody will be there.",
        "%(num)d bookings to come stay. Cancel those where nobody will be there.",
        to_come,
    )
    return [
        gettext("They cannot sign in until you activate them again, nor be booked."),
        _signed_in_now(sign_ins.count_live([user_id]).get(user_id, 0)),
        *([stays] if to_come else []),
    ]


def _signed_in_now(devices: int) -> str:
    if not devices:
        return gettext("No device is signed in now.")
    return ngettext(
        "%(num)d device is signed in now, and is signed out.",
        "%(num)d devices are signed in now, and are signed out.",
        devices,
    )


def _ends_with_password(devices: int) -> list[str]:
    """What a reset password puts an end to."""
    return [
        gettext("Their password stops working. You are shown a one-time password instead."),
        _signed_in_now(devices),
        gettext("At the next sign-in another password must be chosen."),
    ]


def _name_of_role(role: Role) -> str:
    return str(ROLE_NAMES.get(role.name, role.name))
