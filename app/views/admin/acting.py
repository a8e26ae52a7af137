"""What is done with rows of a list, one or several: asked, done each by itself, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import flash, redirect, request
from flask_babel import gettext, lazy_gettext

from app.errors import status_of, wants_json
from app.extensions import db
from app.gates import current_actor
from app.services.attachments import Attached
from app.services.errors import (
    DomainError,
    EmailTaken,
    Gone,
    InvalidInput,
    NotAllowed,
    NotFound,
    Stale,
)
from app.services.policy import Actor
from app.views.admin import bulk
from app.views.admin.access import FINAL, Answer
from app.views.admin.bulk import BulkAction, Chosen, Outcome, Selection
from app.views.admin.forms import OfficeForm
from app.views.admin.wording import removing

MAX_SELECTED = 100
MAX_QUERY = 1000
_FEW = 4  # so many messages are told one by one

AFFECTS_OTHERS = lazy_gettext(
    "Whom this affects has changed since the page was shown. Please look at it again."
)


class RowActions:
    """How a `ServiceModelView` deletes, and does its bulk actions and takes them back."""

    def _delete(self, pk: int) -> Answer:
        # From a row of a list one comes back to that list, as it was.
        asked = request.values.get("back")
        back = self._url("show", pk=pk) if asked is None else self._list_as(asked)
        return self._act(self._removal(), [self._item(pk)], back=back)

    def _delete_many(self) -> Answer:
        return self._bulk(self._removal())

    def _removal(self) -> BulkAction:
        """Deleting, as what is done with several."""

        def remove(view: Any, actor: Actor | None, item: Any, form: Any) -> Outcome:
            name = view.name_of(item)
            return Outcome(view.remove(actor, item, form) or view.removal.done(name))

        return BulkAction(
            name="delete_many",
            label=self.removal.selected,
            wording=removing(self.removal, self.texts),
            perform=remove,
            icon="trash-2",
            permission="delete",
            is_destructive=True,
            is_removal=True,
            form=self.delete_form,
            undo=type(self).undo_removal,
            impact=_impact_of_removal if self.tells_impact else None,
        )

    def _bulk(self, action: BulkAction) -> Answer:
        """Do something with the rows that were selected, once that is confirmed."""
        values = request.form if request.method == "POST" else request.args
        wanted = [int(pk) for pk in values.getlist("pk") if pk.isdecimal() and len(pk) < 10]
        if len(wanted) > MAX_SELECTED:
            raise InvalidInput({}, gettext("At most %(number)s at once.", number=MAX_SELECTED))
        key = self._column("id")
        found = db.session.scalars(self._visible().where(key.in_(wanted)).order_by(key)).unique()
        items = found.all()
        back = self._list_as(values.get("back", ""))
        if not items:
            flash(str(self.texts.choose), "warning")
            return redirect(back, 303)
        return self._act(action, items, back=back)

    def _list_as(self, query: str) -> str:
        """The list, narrowed and ordered as it was."""
        asked = urlencode(parse_qsl(query[:MAX_QUERY]))
        return f"{self._url('list')}?{asked}" if asked else self._url("list")

    def _act(self, action: BulkAction, items: Sequence[Any], *, back: str) -> Answer:
        form = action.form(request.form if request.method == "POST" else None)
        self.offer_to_many(form)
        if request.method == "GET":
            return self._action_page(action, self._selection(action, items), form, back)
        if not form.validate():
            selection = self._selection(action, items)
            return self._action_page(action, selection, form, back, InvalidInput({}))
        if "again" in request.form:  # back from the page that said whom it affects
            return self._action_page(action, self._selection(action, items), form, back)
        selection = self._selection(action, items, form)
        agreed = request.form.get("agreed")
        if selection.must_be_agreed and agreed != selection.digest:
            is_first_look = selection.is_second_step and not agreed
            overtaken = None if is_first_look else Stale(str(AFFECTS_OTHERS))
            return self._action_page(action, selection, form, back, overtaken)
        wording, names = action.wording, selection.names
        refused: list[tuple[str, DomainError]] = []
        done: list[tuple[int, Any]] = []
        messages = []
        for pk, name in names.items():
            try:  # each on its own: one that is kept keeps no other
                outcome = action.perform(self, current_actor(), self._item(pk), form)
            except FINAL:
                raise
            except DomainError as error:
                refused.append((name, error))
            else:
                messages.append(outcome.message or wording.done(name))
                done.append((pk, outcome.before))
        text = messages[0] if len(done) == 1 else wording.done_many(len(done))
        # Told once: by the bar that offers to take it back, where there is one.
        is_undoable = bulk.remember(self.endpoint, action, text, done)
        if not refused:
            if not is_undoable:
                are_few = len({*messages}) == len(messages) < _FEW
                flash(" ".join(messages) if are_few else text, "success")
            # Its own page may be gone.
            return redirect(back if "/list/" in back else self._url("list"), 303)
        if len(names) == 1:
            selection = self._selection(action, [self._item(pk) for pk in names])
            return self._action_page(action, selection, form, back, refused[0][1])
        summary = InvalidInput({}, wording.done_some(len(done), len(names)))
        reasons = bulk.reasons(refused, names)
        return self._action_page(action, Selection(), form, back, summary, reasons)

    def _undo(self) -> Answer:
        """Take back what was done last, row by row."""
        actions = {
            each.name: each
            for each in (*self.bulk_actions, self._removal())
            if each.undo and self.offers(each.permission)
        }
        if not actions:
            raise NotAllowed
        last = bulk.find_undoable(self.endpoint)
        action = actions.get(last.action) if last else None
        if last is None or action is None or action.undo is None:
            gone = Gone(gettext("There is nothing to take back any more."))
            if wants_json():
                raise gone
            flash(gone.detail, "warning")
            return redirect(self._list_as(request.form.get("back", "")), 303)
        bulk.forget()
        refused: list[tuple[str, DomainError]] = []
        names = {pk: self._name_of_id(pk) for pk, _ in last.rows}
        for pk, before in last.rows:
            try:
                action.undo(current_actor(), pk, before)
            except FINAL:
                raise
            except DomainError as error:
                refused.append((names[pk], error))
        number = len(names) - len(refused)
        if not refused:
            flash(gettext("Taken back: %(what)s", what=last.text), "success")
            return redirect(self._list_as(request.form.get("back", "")), 303)
        told = gettext("%(done)s of %(all)s taken back.", done=number, all=len(names))
        summary = InvalidInput({}, told)
        reasons = [bulk.refusal(name, error) for name, error in refused]
        form, back = OfficeForm(), self._url("list")
        return self._action_page(action, Selection(), form, back, summary, reasons)

    def _name_of_id(self, pk: int) -> str:
        try:
            return self.name_of(self._item(pk))
        except NotFound:
            return str(pk)

    def _selection(
        self, action: BulkAction, items: Sequence[Any], form: OfficeForm | None = None
    ) -> Selection:
        """What is chosen, and whom it affects where that is known: by what `form` says."""
        rows = [
            Chosen(
                pk=item.id,
                name=self.name_of(item),
                detail=self.detail_of(item),
                attached=self._attached(action, item),
                instead=self.instead(item),
            )
            for item in items
        ]
        if action.impact is None or (action.impact_by_form and form is None):
            return Selection(rows)
        return Selection(
            [self._foreseen(action, each, form) for each in rows],
            is_second_step=action.impact_by_form,
        )

    def _foreseen(self, action: BulkAction, chosen: Chosen, form: OfficeForm | None) -> Chosen:
        """A row with whom it affects, or with why nothing will be done with it."""
        assert action.impact
        try:  # read anew: a rehearsal is rolled back, and what was read goes with it
            return replace(chosen, impact=action.impact(self, self._item(chosen.pk), form))
        except FINAL:
            raise
        except DomainError as error:
            return replace(chosen, attached=Attached(forbids=[error.detail]), instead=None)

    def _attached(self, action: BulkAction, item: Any) -> Attached:
        attached = self.attached(item)
        if action.is_removal:
            return attached
        return Attached(goes=[*attached.forbids, *attached.goes])

    def _action_page(
        self,
        action: BulkAction,
        selection: Selection,
        form: OfficeForm,
        back: str,
        error: DomainError | None = None,
        reasons: Sequence[str] = (),
    ) -> Answer:
        wording, number = action.wording, len(selection.rows)
        title = action.label
        if number:
            one = number == 1
            title = (
                wording.question(selection.rows[0].name) if one else wording.question_many(number)
            )
        notes = [*reasons, *self._placed(form, error), *self._notes(error)]
        page = self._page(
            "admin/action.html",
            title=title,
            action=action,
            selection=selection,
            submit=wording.submit(number) if number and selection.is_possible else "",
            form=form,
            error=error,
            headline=headline(form, error),
            notes=notes,
            back=back,
            asked=back.partition("?")[2],
            undoable=None if number else bulk.find_undoable(self.endpoint),
        )
        return (page, status_of(error)) if error else page


def _impact_of_removal(view: Any, item: Any, _form: OfficeForm) -> Any:
    return view.impact(item)


def headline(form: OfficeForm, error: DomainError | None) -> str:
    """What a refusal is headed with: it sends nobody to fields where none is marked."""
    if error is None:
        return ""
    if isinstance(error, EmailTaken):  # its words are for who registers
        return str(InvalidInput.detail)
    marked = any(field.errors for field in form)
    is_about_fields = isinstance(error, InvalidInput) and error.detail == str(InvalidInput.detail)
    return error.detail if marked or not is_about_fields else str(DomainError.detail)
