"""What the back-office says in another language, and what stays as it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import flask_babel
import pytest
from babel.support import NullTranslations

import app as product
from app.services import languages
from app.views.admin import audit_words, mail_names
from app.views.admin.events import PublishForm
from tests.views.admin.conftest import Office, World

APP = Path(product.__file__).parent
GERMAN = {"Accept-Language": "de"}


class Bracketed(NullTranslations):
    """German in which everything that is marked for translation stands in brackets."""

    def ugettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ungettext(self, singular: str, plural: str, number: int) -> str:
        return f"⟦{singular if number == 1 else plural}⟧"


@pytest.fixture
def brackets(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office reads `Bracketed` from now on; English is as it is."""

    def find(_domain: flask_babel.Domain) -> NullTranslations:
        return Bracketed() if languages.current().code == "de" else NullTranslations()

    monkeypatch.setattr(flask_babel.Domain, "get_translations", find)
    monkeypatch.setitem(office._client.environ_base, "HTTP_ACCEPT_LANGUAGE", "de")


@pytest.mark.usefixtures("brackets")
def test_menu_titles_columns_filters_and_actions_are_translated(office: Office) -> None:
    page = office.page("/backoffice/sessions/list/")
    nav = page[page.index('class="office-nav') : page.index('class="office__page"')]
    links = re.findall(r"</svg>\s*([^<]+)</a>", nav)
    assert len(links) > 15
    assert all(re.fullmatch("⟦.+⟧", each) for each in links if each != "API"), links
    for text in (
        "<h1>⟦Sessions⟧</h1>",
        "⟦2 in all⟧",
        "⟦Add session⟧</a>",
        'aria-label="⟦Select Opening⟧"',
        "⟦Cancel selected⟧</button>",
        "⟦Move to a room⟧</button>",
        ">⟦Filling up⟧</option>",
        'data-label="⟦Seats⟧"',
        "⟦Confirmed⟧",
    ):
        assert text in page, text
    assert 'scope="col">⟦Event⟧' in page


@pytest.mark.usefixtures("brackets")
def test_lazy_texts_are_escaped_like_others(world: World, office: Office) -> None:
    form = office.get("/backoffice/sessions/add").text
    assert "With an account: Name &lt;address&gt;;" in form
    assert "⟦Cancel “Opening”?⟧" in office.page(f"/backoffice/sessions/delete/{world.session}")


@pytest.mark.usefixtures("brackets")
def test_what_programs_read_stays_in_english(office: Office) -> None:
    for path in (
        "reports/rooms.csv",
        "imports/template/sessions.csv",
        "imports/export/users.csv",
    ):
        answer = office.get(f"/backoffice/{path}")
        assert answer.status_code == 200, path
        assert "⟦" not in answer.text, path


def test_days_and_wtforms_own_messages_are_the_readers(world: World, office: Office) -> None:
    page = office.get("/backoffice/bookings/list/", headers=GERMAN).text
    assert "Di., 4. März, 10:00" in page
    with world.app.app_context(), flask_babel.force_locale("de"):
        form = PublishForm(data={"public": "maybe"})
        assert not form.validate()
        assert form.errors["public"] == ["Keine gültige Auswahl."]


def test_every_mail_has_a_name() -> None:
    templates = {path.stem for path in (APP / "templates" / "email").glob("*.j2")}
    assert {each for each in templates if not each.startswith("layout.")} == {*mail_names.NAMES}


def test_every_code_of_the_audit_log_has_words() -> None:
    actions, kinds = set(), set()
    for path in (APP / "services").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in {"record", "record_each"}:
                actions |= constants(node.args[1:2])
                kinds |= constants(node.args[2:3])
            elif node.func.attr in {"record_update", "record_creation"}:
                kinds |= constants(node.args[1:2])
    assert {"sign_in", "book", "update_availability"} <= actions <= {*audit_words.ACTIONS}
    assert {"room", "booking", "settings"} <= kinds <= {*audit_words.KINDS}


def constants(nodes: list[ast.expr]) -> set[str]:
    """The literal texts among them."""
    return {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
