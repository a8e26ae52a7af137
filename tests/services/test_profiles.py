"""One's own profile."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import User
from app.services import profiles
from app.services.errors import InvalidInput, MustChangePassword, Unauthenticated
from tests.factories import make_actor


@pytest.mark.usefixtures("app")
class TestUpdateProfile:
    def test_changes_name_and_zone(self, app: Flask) -> None:
        with app.app_context():
            actor = make_actor()
            profiles.update_profile(actor, name=" Lena  Maria Hart ", time_zone="Asia/Tokyo")
            user = db.session.get_one(User, actor.user_id)
            assert (user.first_name, user.last_name) == ("Lena Maria", "Hart")
            assert user.time_zone == "Asia/Tokyo"

    def test_names_all_that_is_wrong(self, app: Flask) -> None:
        with app.app_context():
            actor = make_actor()
            with pytest.raises(InvalidInput) as refused:
                profiles.update_profile(actor, name=" ", time_zone="Nowhere")
            assert set(refused.value.errors) == {"name", "time_zone"}
            assert db.session.get_one(User, actor.user_id).first_name == actor.name

    def test_needs_an_account_in_good_standing(self, app: Flask) -> None:
        with app.app_context():
            with pytest.raises(Unauthenticated):
                profiles.update_profile(None, name="Lena", time_zone="UTC")
            flagged = make_actor(flagged=True)
            with pytest.raises(MustChangePassword):
                profiles.update_profile(flagged, name="Lena", time_zone="UTC")
