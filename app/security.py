"""Flask-AppBuilder's security, resting on our accounts, sign-ins and gates.

FAB commits by itself, asks for no current password and keeps a login of its own for its
API. Here its doors either lead through our services or are not built in.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import click
from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.api import SecurityApi as FabSecurityApi
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_appbuilder.security.sqla.models import PermissionView, Role, User
from flask_appbuilder.security.views import AuthDBView
from flask_appbuilder.utils.base import get_safe_redirect
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_login import LoginManager
from sqlalchemy import select

from app import gates, limits
from app.errors import answer
from app.extensions import db
from app.services import credentials
from app.services.errors import InvalidInput, Unauthenticated
from app.services.policy import ACCOUNT, ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT
from app.services.transaction import transactional
from app.views.api.answers import json_answer
from app.views.api.payload import read_json

# What roles may in the back-office; the faces ask `services/policy.py`. FAB matches
# prefixes, hence the `$`. Nothing of the back-office is public.
ROLES: dict[str, list[list[str]]] = {
    ADMIN: [[".*", ".*"]],
    CONTRIBUTOR: [
        ["HomeView$", "can_index$"],
        ["(Booking|Room|Blackout|Event|EventSession|Attendee)View$", "can_(list|show)$"],
        ["AttendeeView$", "can_check_in$"],
        ["(Time|People|Bookings|Rooms|Blackouts|Events|Sessions|Attendees)$", "menu_access$"],
    ],
    EXPERT: [],
    ATTENDEE: [],
}


@cache
def _allows(role: str, permission: str, view: str) -> bool:
    """Whether `ROLES` lets a role do this there. Asked for each link of the menu."""
    return any(
        re.match(of_view, view) and re.match(of_permission, permission)
        for of_view, of_permission in ROLES.get(role, ())
    )


class LoginView(AuthDBView):
    """`/login/` and `/logout/`, for pages."""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Response:
        target = get_safe_redirect(request.args.get("next", "/"))
        if request.method == "GET":
            if gates.current_actor() is not None:
                return redirect(target)  # type: ignore[return-value]
            return self._form()
        identifier = request.form.get("username", "")[:320]
        password = request.form.get("password", "")[:1024]
        limits.count_sign_in(identifier)
        try:
            sign_in = credentials.sign_in(identifier, password)
        except Unauthenticated as error:
            return self._form(identifier, error.detail, 401)
        gates.start_browser_session(sign_in)
        actor = gates.current_actor()
        if actor and actor.must_change_password:  # nothing else opens before
            form = url_for("account_pages.change_password")
            target = url_for(
                "account_pages.change_password", next=None if target == form else target
            )
        return redirect(target, 303)  # type: ignore[return-value]

    @expose("/logout/", methods=["GET", "POST"])
    def logout(self) -> Response:
        # FAB's menu is a link; one on another site must not sign anybody out.
        if request.method == "POST" or request.headers.get("Sec-Fetch-Site") != "cross-site":
            gates.sign_out_browser()
        return redirect("/", 303)  # type: ignore[return-value]

    def _form(self, username: str = "", message: str = "", status: int = 200) -> Response:
        page = render_template(
            "account/login.html", values={"username": username}, errors={}, message=message
        )
        return make_response(page, status)


class SecurityApi(FabSecurityApi):
    """FAB's API login: the same rules, limits and sign-ins as ours, and no refresh."""

    refresh = None

    @expose("/login", methods=["POST"])
    def login(self) -> Response:
        """Login endpoint for the API returns a JWT
        ---
        post:
          description: >-
            Authenticate and get a JWT access token
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  properties:
                    username:
                      type: string
                    password:
                      type: string
                    provider:
                      type: string
                      enum:
                      - db
          responses:
            200:
              description: Authentication Successful
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      access_token:
                        type: string
            401:
              $ref: '#/components/responses/401'
        """
        body = read_json()
        identifier = body.text("username", required=True, max_length=320)
        password = body.text("password", required=True, max_length=1024, strip=False)
        body.choice("provider", ("db",))
        body.check()
        limits.count_sign_in(identifier)
        token = gates.issue_token(credentials.sign_in(identifier, password))
        return json_answer({"access_token": token})


class SecurityManager(FabSecurityManager):
    """FAB's questions about users and permissions, answered by us."""

    authdbview = LoginView
    security_api = SecurityApi

    @staticmethod
    def create_builtin_roles() -> dict[str, list[list[str]]]:
        return ROLES

    def create_limiter(self, app: Flask) -> Limiter:
        return limits.create_limiter(app)

    def create_login_manager(self, app: Flask) -> LoginManager:
        # Pages speak of the `actor`: `current_user` would cost each a query of its own.
        manager = LoginManager(app, add_context_processor=False)
        manager.user_loader(self.load_user)
        manager.request_loader(lambda _request: self._load())
        return manager

    def create_jwt_manager(self, app: Flask) -> JWTManager:
        manager = super().create_jwt_manager(app)
        # The gate has refused bad tokens already; this is what is left: none at all.
        manager.unauthorized_loader(lambda _why: answer(Unauthenticated()))
        manager.invalid_token_loader(lambda _why: answer(Unauthenticated()))
        manager.expired_token_loader(lambda _header, _claims: answer(Unauthenticated()))
        manager.user_lookup_error_loader(lambda _header, _claims: answer(Unauthenticated()))
        return manager

    def register_views(self) -> None:
        """FAB's login. Users and roles are the back-office's (`views/admin/users.py`);
        none of FAB's lists, password and registration forms is built in."""
        self.appbuilder.add_api(self.security_api)
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)

    # Who

    def load_user(self, pk: object) -> User | None:
        """Flask-Login's user: whoever the gate resolved, by whichever credential."""
        return self._load()

    def load_user_jwt(self, _header: object, _claims: object) -> User | None:
        """Flask-JWT-Extended's user: the same."""
        return self._load()

    def _load(self) -> User | None:
        actor = gates.current_actor()
        if actor is None or actor.audience != ACCOUNT:
            return None
        return db.session.get(User, actor.user_id)

    # What they may

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """By `ROLES` and the roles that came with the actor.

        Costs no query, and nothing can go stale: the roles are read with each request.
        """
        actor = gates.current_actor()
        if actor is None or actor.must_change_password or actor.audience != ACCOUNT:
            return False
        return any(_allows(role, permission_name, view_name) for role in actor.roles)

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        return False

    @transactional
    def grant_permissions(self) -> None:
        """Write what each role may beside its row, for whoever reads FAB's tables.

        `has_access` asks the code. Needs FAB's permissions: `flask booking init`.
        """
        existing = db.session.scalars(select(PermissionView)).all()
        for role in db.session.scalars(select(Role).where(Role.name.in_(ROLES))):
            role.permissions = [
                each
                for each in existing
                if _allows(role.name, each.permission.name, each.view_menu.name)
            ]

    def get_user_roles(self, user: Any) -> list[Role]:
        """The user's own roles. FAB's groups would be a second way to be an admin."""
        return list(user.roles) if user.is_authenticated else []

    # Passwords and accounts

    def auth_user_db(self, username: str, password: str) -> User | None:
        try:
            return credentials.check_credentials(username or "", password or "")
        except Unauthenticated:
            return None

    def update_user_auth_stat(self, user: User, success: bool = True) -> None:  # noqa: FBT001, FBT002
        """Nothing: `accounts` has counted, in the transaction of the sign-in."""

    def add_user(
        self, username: str, first_name: str, last_name: str, email: str, *args: Any, **kwargs: Any
    ) -> Any:
        """`flask fab create-admin` and `create-user`: names and addresses as we keep them."""
        return super().add_user(
            username.strip().lower(), first_name, last_name, email.strip().lower(), *args, **kwargs
        )

    def reset_password(self, userid: int, password: str) -> None:
        """`flask fab reset-password`."""
        try:
            credentials.set_password(userid, password)
        except InvalidInput as error:
            raise click.ClickException(" ".join(error.errors["password"])) from error
