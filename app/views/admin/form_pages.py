"""How one thing is added and changed: its forms, filled, judged, and shown again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from flask import flash, request
from flask_babel import gettext, lazy_gettext

from app.errors import status_of
from app.gates import current_actor
from app.services.errors import DomainError, EmailTaken, InvalidInput, Stale
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.access import FINAL, Answer
from app.views.admin.acting import headline
from app.views.admin.forms import OfficeForm, UserField, ZoneField, suggested_users
from app.views.admin.wording import Words
from app.views.local_time import zone_choices

_NOT_TYPED = {"csrf_token", "agreed", "again"}

OVERTAKEN = lazy_gettext(
    "Somebody changed this in the meantime. What you typed is still here;"
    " saving again puts it in place of theirs."
)


class ToConfirm(Exception):
    """What a form asks for affects others: `values` fill the page that says whom.

    Its form carries everything typed, and `agreed`, a digest of what was shown.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.values = values


class FormPages:
    """The pages on which a `ServiceModelView` adds and changes, and what a subclass says of them."""

    add_columns: list[str] = []
    edit_columns: list[str] = []
    add_form: type[OfficeForm] | None = None
    edit_form: type[OfficeForm] | None = None
    error_fields: Mapping[str, str] = {}  # a service's field: the form's

    def create(self, actor: Actor | None, form: Any) -> Any:
        """Make what the form says; returns what `_created` takes, its id."""
        raise NotImplementedError

    def update(self, actor: Actor | None, item: Any, form: Any) -> str | None:
        """Change `item`; returns what else there is to say of it."""
        raise NotImplementedError

    def values_of(self, item: Any) -> dict[str, Any]:
        """What the edit form shows at first."""
        return {name: getattr(item, name) for name in self.edit_columns}

    def initial(self) -> dict[str, Any]:
        """What the add form shows at first."""
        return {}

    def adding(self) -> Words:
        """What the add form and its button say."""
        return self.texts.add

    def offer(self, form: Any, item: Any = None) -> None:
        """Fill in what the form's fields offer to choose from; `item` is what is edited."""

    def _add(self) -> Answer:
        form = self._filled(self._add_form(), self.initial())
        if request.method == "GET":
            return self._form_page(form)
        if not form.validate():
            return self._form_page(form, InvalidInput({}))
        try:
            made = self.create(current_actor(), form)
        except FINAL:
            raise
        except DomainError as error:
            return self._form_page(form, error)
        return self._created(made)

    def _created(self, made: Any) -> Answer:
        flash(str(self.texts.added), "success")
        return self._to("show", pk=made)

    def _edit(self, pk: int) -> Answer:
        item = self._item(pk)
        if not self.is_changeable(item):
            flash(
                gettext("“%(name)s” cannot be changed any more.", name=self.name_of(item)),
                "warning",
            )
            return self._to("show", pk=pk)
        values = self.values_of(item)
        form = self._filled(self._edit_form(item), values, item)
        name, seen = self.name_of(item), _digest(values)
        if request.method == "GET":
            return self._form_page(form, item=item, name=name, seen=seen)
        if not form.validate():
            return self._form_page(form, InvalidInput({}), item=item, name=name)
        if request.form.get("seen", seen) != seen:
            return self._form_page(form, Stale(str(OVERTAKEN)), item=item, name=name, seen=seen)
        if "again" in request.form:  # back from the page that said whom it affects
            return self._form_page(form, item=item, name=name, seen=seen)
        try:
            message = self.update(current_actor(), item, form)
        except ToConfirm as step:
            typed = [each for each in request.form.items(multi=True) if each[0] not in _NOT_TYPED]
            back = self._url("show", pk=pk)
            return self._page("admin/step.html", typed=typed, back=back, **step.values)
        except FINAL:
            raise
        except DomainError as error:
            return self._form_page(form, error, item=self._item(pk), name=name)
        flash(message or gettext("Saved."), "success")
        return self._to("show", pk=pk)

    def _form_page(
        self,
        form: OfficeForm,
        error: DomainError | None = None,
        *,
        item: Any = None,
        name: str = "",
        seen: str = "",
    ) -> Answer:
        notes = [*self._placed(form, error), *self._notes(error)]
        page = self._page(
            "admin/form.html",
            title=gettext("Edit “%(name)s”", name=name) if name else self.adding(),
            form=form,
            fields=_in_order(form, self.edit_columns if name else self.add_columns),
            item=item,
            error=error,
            notes=notes,
            headline=headline(form, error),
            users=suggested_users() if any(isinstance(each, UserField) for each in form) else [],
            seen=seen or request.form.get("seen", ""),
            submit=gettext("Save") if name else self.adding(),
            back=self._url("show", pk=item.id) if item else self._url("list"),
        )
        return (page, status_of(error)) if error else page

    def _placed(self, form: OfficeForm, error: DomainError | None) -> Iterable[str]:
        """Put a refusal under the fields it speaks of; returns what has no field."""
        if isinstance(error, EmailTaken):
            return form.place({"email": [gettext("There is an account with this address.")]})
        if not isinstance(error, InvalidInput):
            return []
        return form.place(
            {self.error_fields.get(name, name): texts for name, texts in error.errors.items()}
        )

    def _notes(self, error: DomainError | None) -> Iterable[str]:
        """What a refusal collides with, and what is near."""
        if error is None:
            return
        for conflict in error.extra.get("conflicts", ()):
            title = conflict.get("title", gettext("Private"))
            time = cells.plain_span(conflict["starts_at"], conflict["ends_at"], self.zone())
            yield f"{title}: {time}"
        alternatives = error.extra.get("alternatives", ())
        if alternatives:
            near = "; ".join(
                each["title"] if isinstance(each, dict) else cells.plain_moment(each, self.zone())
                for each in alternatives
            )
            yield gettext("Free near it: %(near)s", near=near)

    def _filled(
        self, form: type[OfficeForm], values: Mapping[str, Any], item: Any = None
    ) -> OfficeForm:
        filled = form(request.form if request.method == "POST" else None, data=dict(values))
        for field in filled:
            if isinstance(field, ZoneField):
                field.offer(zone_choices())
        self.offer(filled, item)
        return filled

    def _add_form(self) -> type[OfficeForm]:
        assert self.add_form
        return self.add_form

    def _edit_form(self, item: Any) -> type[OfficeForm]:
        assert self.edit_form
        return self.edit_form


def _in_order(form: OfficeForm, names: Sequence[str]) -> list[Any]:
    """The fields of `form` in the order of `names`, then whatever else it has."""
    fields = {field.name: field for field in form}
    return [fields[name] for name in dict.fromkeys([*names, *fields]) if name in fields]


def _digest(values: Mapping[str, Any]) -> str:
    """What an edit form was filled with, to notice whether that still holds."""
    return sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
