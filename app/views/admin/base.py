"""`ServiceModelView`: Flask-AppBuilder's model view, whose writes go through services.

FAB's own `_add`, `_edit`, `_delete` catch every exception, tell its text and commit by
themselves; its filters reach every column that nobody excluded. So routes, permissions
and menu are FAB's; forms, lists and writes are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import wraps
from hashlib import sha256
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_appbuilder import ModelView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import gettext, lazy_gettext
from sqlalchemy import ColumnElement, Select, func, or_, select
from werkzeug.wrappers import Response

from app.errors import status_of
from app.extensions import db
from app.gates import current_actor
from app.services.attachments import Attached
from app.services.errors import (
    DomainError,
    EmailTaken,
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Stale,
    Unauthenticated,
)
from app.services.local_text import number_text
from app.services.policy import Actor
from app.views.admin import bulk, cells, columns
from app.views.admin.bulk import BulkAction, Chosen, Outcome, Selection
from app.views.admin.forms import OfficeForm, UserField, ZoneField, suggested_users
from app.views.admin.wording import DELETION, Texts, Words, removing
from app.views.api.payload import MAX_INTEGER, read_query
from app.views.local_time import zone_choices

PAGE_SIZE = 25
PREVIEWED = 5
MAX_SELECTED = 100
MAX_QUERY = 1000
_FEW = 4  # so many messages are told one by one
_NOT_TYPED = {"csrf_token", "agreed", "again"}
# Refusals that no other input would change.
_FINAL = (Unauthenticated, MustChangePassword, NotAllowed)

OVERTAKEN = lazy_gettext(
    "Somebody changed this in the meantime. What you typed is still here;"
    " saving again puts it in place of theirs."
)

AFFECTS_OTHERS = lazy_gettext(
    "Whom this affects has changed since the page was shown. Please look at it again."
)

Answer = str | tuple[str, int] | Response


class ReadingInterface(SQLAInterface):
    """FAB's view of a model, without its writes: they commit past the services."""

    def add(self, item: object, **_: object) -> NoReturn:
        raise NotImplementedError("Writes go through services.")

    edit = add
    delete = add
    delete_all = add


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A choice that narrows a list: `options` are values and texts, `where` the condition."""

    name: str
    label: Words
    options: Callable[[], Iterable[tuple[str, Words]]]
    where: Callable[[str], ColumnElement[bool]]
    is_offered = True

    def text_of(self, value: str, options: Iterable[tuple[str, Words]]) -> Words | None:
        """The text of a value that is a choice; None for another."""
        return dict(options).get(value)


@dataclass(frozen=True, slots=True)
class LinkFilter:
    """A thing, by id, that a list is narrowed to by links from elsewhere.

    `name_of` gives its name, or None where there is none: of thousands, one is looked up.
    """

    name: str
    label: Words
    name_of: Callable[[int], str | None]
    where: Callable[[str], ColumnElement[bool]]
    is_offered = False

    def options(self) -> Iterable[tuple[str, str]]:
        """None to choose from."""
        return ()

    def text_of(self, value: str, options: Iterable[tuple[str, str]]) -> str | None:
        """The name of a thing that is there."""
        is_id = value.isascii() and value.isdecimal() and len(value) < 10
        return self.name_of(int(value)) if is_id else None


@dataclass(frozen=True, slots=True)
class DayFilter:
    """A day that a list begins or ends with; `where` gets it as a date."""

    name: str
    label: Words
    where: Callable[[str], ColumnElement[bool]]
    is_offered = True
    is_day = True

    def options(self) -> Iterable[tuple[str, str]]:
        """Any."""
        return ()

    def text_of(self, value: str, options: Iterable[tuple[str, str]]) -> str | None:
        """The day in words; None for what is none."""
        try:
            return cells.day(f"{date.fromisoformat(value)}T12:00:00Z", "UTC")
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list, and how it was asked for."""

    rows: list[Any]
    total: int
    page: int
    words: str
    order: str
    direction: str
    chosen: dict[str, str]  # of the filters
    texts: dict[str, Words]  # of what is chosen
    options: dict[str, list[tuple[str, Words]]]

    @property
    def pages(self) -> int:
        return -(-self.total // PAGE_SIZE)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.chosen)

    def query(self, **changes: Any) -> dict[str, Any]:
        """The list's query string with `changes`; None drops a value."""
        now = {"q": self.words, **self.chosen, "order": self.order, "direction": self.direction}
        return {name: value for name, value in (now | changes).items() if value}


@dataclass(frozen=True, slots=True)
class Related:
    """A list in line with the thing that it belongs to: `view` as narrowed by `query`.

    `add` is where another is made.
    """

    title: str
    view: str
    query: Mapping[str, Any]
    without: frozenset[str] = frozenset()  # columns that would all say the same
    add: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a related list, ready to be shown."""

    title: str
    view: ServiceModelView
    columns: Sequence[str]
    rows: Sequence[Any]
    total: int
    href: str
    add: str


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done with one thing, beside editing and deleting it.

    `asks` says that it leads to a page that asks first.
    """

    label: str
    href: str
    icon: str
    asks: bool = False


class ToConfirm(Exception):
    """What a form asks for affects others: `values` fill the page that says whom.

    Its form carries everything typed, and `agreed`, a digest of what was shown.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.values = values


def permitted(permission: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Let in whom FAB's permissions let in; send guests to sign in, refuse others.

    FAB's own decorator sends everybody to the sign-in page, which sends who is signed
    in back again.
    """

    def decorate(method: Callable[..., Answer]) -> Callable[..., Answer]:
        @wraps(method)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Answer:
            if current_actor() is None:
                login = f"{self.appbuilder.sm.auth_view.endpoint}.login"
                return redirect(url_for(login, next=request.full_path.removesuffix("?")))
            if not self.appbuilder.sm.has_access(f"can_{permission}", self.class_permission_name):
                raise NotAllowed
            return method(self, *args, **kwargs)

        checked._permission_name = permission  # type: ignore[attr-defined]
        return checked

    return decorate


class ServiceModelView(ModelView):
    """List, show, add, edit and delete one kind of thing.

    A subclass names its columns, all of them; `cell_<column>` says how one looks, and
    `columns.NAMES` or its own `label_columns` what it is called. Its `create`, `update` and `remove` hand what the form holds to a service. A refusal
    shows the form again with everything typed.
    """

    plural: Words = ""
    texts = Texts()
    removal = DELETION
    object_kind = ""  # what the audit log calls it, where it does
    show_template = "admin/show.html"
    deed_permission = "edit"
    tells_impact = False
    empty: Words = ""  # what to do where there is nothing yet
    icon = "list-checks"

    list_columns: list[str] = []
    show_columns: list[str] = []
    search_columns: list[str] = []
    order_columns: list[str] = []
    add_columns: list[str] = []
    edit_columns: list[str] = []
    base_order: tuple[str, str] = ("id", "desc")
    order_of: Mapping[str, str] = {}  # a column of the list: what it is ordered by
    list_filters: Sequence[ListFilter | LinkFilter | DayFilter] = ()
    presets: Sequence[tuple[Words, Mapping[str, str]]] = ()  # what is looked at most, by name
    bulk_actions: Sequence[BulkAction] = ()
    undo_removal: Callable[[Actor | None, int, Any], object] | None = None
    number_columns: frozenset[str] = frozenset()
    loads: Sequence[Any] = ()  # loader options: what cells read beyond the row itself

    add_form: type[OfficeForm] | None = None
    edit_form: type[OfficeForm] | None = None
    delete_form: type[OfficeForm] = OfficeForm
    error_fields: Mapping[str, str] = {}  # a service's field: the form's

    exclude_route_methods = {"download", "action", "action_post"}

    # -- what a subclass says --------------------------------------------------------

    def create(self, actor: Actor | None, form: Any) -> Any:
        """Make what the form says; returns what `_created` takes, its id."""
        raise NotImplementedError

    def update(self, actor: Actor | None, item: Any, form: Any) -> str | None:
        """Change `item`; returns what else there is to say of it."""
        raise NotImplementedError

    def remove(self, actor: Actor | None, item: Any, form: Any) -> str | None:
        """Delete `item`; returns what happened where that differs."""
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

    def offer_to_many(self, form: Any) -> None:
        """Fill in what the form of a bulk action offers to choose from."""

    def attached(self, item: Any) -> Attached:
        """What hangs on `item`, told before it is deleted."""
        return Attached()

    def detail_of(self, item: Any) -> str:
        """What tells `item` from others of its name."""
        return ""

    def instead(self, item: Any) -> tuple[str, str] | None:
        """What to do with one that cannot be deleted: a text, and where."""
        return None

    def deeds(self, item: Any) -> list[Deed]:
        """What else can be done with `item`: each is a POST, or a page that asks before one."""
        return []

    def impact(self, item: Any) -> Mapping[str, Any]:
        """Who is affected when `item` is deleted, for `admin/_impact.html`.

        Asked where `tells_impact`.
        """
        raise NotImplementedError

    def related(self, item: Any) -> list[Related]:
        """Lists that belong to `item`, shown with it."""
        return []

    def links(self, item: Any) -> list[tuple[str, str]]:
        """Where else to look from `item`: texts and addresses."""
        return []

    def annotate(self, rows: Sequence[Any]) -> None:
        """Read what cells need beyond `loads`, in one go for all rows."""

    def visible_to(self, actor: Actor | None) -> list[ColumnElement[bool]]:
        """Conditions on what this actor may see."""
        return []

    def is_changeable(self, item: Any) -> bool:
        """Whether editing and deleting are offered."""
        return True

    def key_of(self, item: Any) -> str:
        """What the audit log calls `item` by."""
        return str(item.id)

    def name_of(self, item: Any) -> str:
        """The thing's name, in titles and messages."""
        return str(item)

    # -- routes ----------------------------------------------------------------------

    @expose("/list/")
    @permitted("list")
    def list(self) -> Answer:
        return self._list()

    @expose("/show/<int:pk>")
    @permitted("show")
    def show(self, pk: int) -> Answer:
        return self._show(pk)

    @expose("/add", methods=["GET", "POST"])
    @permitted("add")
    def add(self) -> Answer:
        return self._add()

    @expose("/edit/<int:pk>", methods=["GET", "POST"])
    @permitted("edit")
    def edit(self, pk: int) -> Answer:
        return self._edit(pk)

    @expose("/delete/<int:pk>", methods=["GET", "POST"])
    @permitted("delete")
    def delete(self, pk: int) -> Answer:
        return self._delete(pk)

    @expose("/delete/", methods=["GET", "POST"])
    @permitted("delete")
    def delete_many(self) -> Answer:
        return self._delete_many()

    @expose("/undo/", methods=["POST"])
    @permitted("list")
    def undo(self) -> Answer:
        return self._undo()

    # -- what they do ----------------------------------------------------------------

    def _list(self) -> Answer:
        listing = self._read_listing()
        self.annotate(listing.rows)
        return self._page(
            "admin/list.html",
            title=str(self.plural),
            listing=listing,
            actions=[each for each in self.bulk_actions if self.offers(each.permission)],
            undoable=bulk.find_undoable(self.endpoint),
        )

    def _show(self, pk: int) -> Answer:
        item = self._item(pk)
        self.annotate([item])
        return self._page(
            self.show_template,
            title=self.name_of(item),
            item=item,
            deeds=self.deeds(item) if self.offers(self.deed_permission) else [],
            links=self.links(item),
            previews=[*self._previews(item)],
        )

    def _previews(self, item: Any) -> Iterable[Preview]:
        views = {type(view).__name__: view for view in self.appbuilder.baseviews}
        for each in [*self.related(item), *self._history(item)]:
            view = views[each.view]
            if not view.offers("list"):
                continue
            rows, total = view.preview(each.query)
            yield Preview(
                title=each.title,
                view=view,
                columns=[name for name in view.list_columns if name not in each.without],
                rows=rows,
                total=total,
                href=url_for(f"{view.endpoint}.list", **each.query),
                add=each.add if view.offers("add") else "",
            )

    def _history(self, item: Any) -> Iterable[Related]:
        if self.object_kind:
            about = {"object": f"{self.object_kind}:{self.key_of(item)}"}
            yield Related(gettext("History"), "AuditView", about, frozenset({"object"}))

    def preview(self, query: Mapping[str, Any]) -> tuple[Sequence[Any], int]:
        """The first rows of the list that `query` leads to, and how many it has."""
        filters = {each.name: each for each in self.list_filters}
        wanted = self._visible().where(
            *(filters[name].where(str(value)) for name, value in query.items() if name in filters)
        )
        order = query.get("order", self.base_order[0]), query.get("direction", self.base_order[1])
        rows = db.session.scalars(self._ordered(wanted, *order).limit(PREVIEWED)).unique().all()
        self.annotate(rows)
        return rows, self._count(wanted) if len(rows) == PREVIEWED else len(rows)

    def _add(self) -> Answer:
        form = self._filled(self._add_form(), self.initial())
        if request.method == "GET":
            return self._form_page(form)
        if not form.validate():
            return self._form_page(form, InvalidInput({}))
        try:
            made = self.create(current_actor(), form)
        except _FINAL:
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
        except _FINAL:
            raise
        except DomainError as error:
            return self._form_page(form, error, item=self._item(pk), name=name)
        flash(message or gettext("Saved."), "success")
        return self._to("show", pk=pk)

    def _delete(self, pk: int) -> Answer:
        return self._act(self._removal(), [self._item(pk)], back=self._url("show", pk=pk))

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
            except _FINAL:
                raise
            except DomainError as error:
                refused.append((name, error))
            else:
                messages.append(outcome.message or wording.done(name))
                done.append((pk, outcome.before))
        text = messages[0] if len(done) == 1 else wording.done_many(len(done))
        bulk.remember(self.endpoint, action, text, done)
        if not refused:
            flash(" ".join(messages) if len(messages) < _FEW else text, "success")
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
            raise Gone(gettext("There is nothing to take back any more."))
        bulk.forget()
        refused: list[tuple[str, DomainError]] = []
        names = {pk: self._name_of_id(pk) for pk, _ in last.rows}
        for pk, before in last.rows:
            try:
                action.undo(current_actor(), pk, before)
            except _FINAL:
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
        except _FINAL:
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
            headline=_headline(form, error),
            notes=notes,
            back=back,
            asked=back.partition("?")[2],
            undoable=None if number else bulk.find_undoable(self.endpoint),
        )
        return (page, status_of(error)) if error else page

    # -- reading ---------------------------------------------------------------------

    def _visible(self) -> Select[Any]:
        model = self.datamodel.obj
        return select(model).options(*self.loads).where(*self.visible_to(current_actor()))

    def _item(self, pk: int) -> Any:
        item = (
            db.session.scalars(self._visible().where(self._column("id") == pk))
            .unique()
            .one_or_none()
        )
        if item is None:
            raise NotFound
        return item

    def _read_listing(self) -> Listing:
        query = read_query()
        filters = {each.name: each for each in self.list_filters}
        for name in request.args:
            if name not in {"q", "order", "direction", "page", *filters}:
                query.reject(name, gettext("There is nothing of this name to narrow or order by."))
        words = query.text("q", max_length=200) or ""
        order = query.choice("order", self.order_columns) or ""
        direction = query.choice("direction", ("asc", "desc")) or ("asc" if order else "")
        page = query.integer("page", minimum=1, maximum=MAX_INTEGER // PAGE_SIZE) or 1
        options = {name: [*each.options()] for name, each in filters.items() if each.is_offered}
        chosen, texts = {}, {}
        for name, each in filters.items():
            if value := query.text(name, max_length=100):
                text = each.text_of(value, options.get(name, ()))
                if text is None:
                    query.reject(name, gettext("This is none of its choices."))
                else:
                    chosen[name], texts[name] = value, text
        query.check()

        wanted = self._visible().where(
            *(filters[name].where(each) for name, each in chosen.items())
        )
        if words:
            wanted = wanted.where(self.matching(words))
        by, way = (order, direction) if order else self.base_order
        rows = db.session.scalars(
            self._ordered(wanted, by, way).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
        ).unique()
        return Listing(
            rows=[*rows],
            total=self._count(wanted),
            page=page,
            words=words,
            order=order,
            direction=direction if order else "",
            chosen=chosen,
            texts=texts,
            options=options,
        )

    def _count(self, wanted: Select[Any]) -> int:
        ids = wanted.with_only_columns(self._column("id")).order_by(None).subquery()
        return db.session.scalar(select(func.count()).select_from(ids)) or 0

    def _ordered(self, wanted: Select[Any], by: str, way: str) -> Select[Any]:
        column, key = self._column(by), self._column("id")
        return wanted.order_by(
            *((column.desc(), key.desc()) if way == "desc" else (column.asc(), key.asc()))
        )

    def matching(self, words: str) -> ColumnElement[bool]:
        """The condition of a search: any of the columns contains the words."""
        return or_(
            *(self._column(name).icontains(words, autoescape=True) for name in self.search_columns)
        )

    def _column(self, name: str) -> Any:
        return getattr(self.datamodel.obj, name)

    # -- rendering -------------------------------------------------------------------

    def cell(self, item: Any, column: str) -> Any:
        """How `column` of `item` looks."""
        look = getattr(self, f"cell_{column}", None)
        value = look(item) if look else getattr(item, column)
        if isinstance(value, bool):
            return cells.yes(value)
        if isinstance(value, int):
            return number_text(value)
        return "" if value is None else value

    def orders(self, column: str) -> str | None:
        """What a click on the head of `column` orders by."""
        name = self.order_of.get(column, column)
        return name if name in self.order_columns else None

    def label(self, column: str) -> str:
        """The head of a column."""
        return str(self.label_columns.get(column) or columns.NAMES[column])

    def offers(self, permission: str) -> bool:
        """Whether the actor may do this here."""
        name = f"can_{permission}"
        return name in self.base_permissions and self.appbuilder.sm.has_access(
            name, self.class_permission_name
        )

    def zone(self) -> str:
        """The reader's own time zone, for what has none of its own."""
        actor = current_actor()
        return (actor and actor.time_zone) or current_app.config["DEFAULT_TIME_ZONE"]

    def _page(self, template: str, **values: Any) -> str:
        return render_template(
            template, view=self, appbuilder=self.appbuilder, url=self._url, **values
        )

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
            item=item,
            error=error,
            notes=notes,
            headline=_headline(form, error),
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

    def _url(self, method: str, **values: Any) -> str:
        return url_for(f"{self.endpoint}.{method}", **values)

    def _to(self, method: str, **values: Any) -> Response:
        return redirect(self._url(method, **values), 303)

    # -- FAB's own start-up, without what it would generate ----------------------------

    def _init_properties(self) -> None:
        self.label_columns = dict(self.label_columns or {})
        self.related_views, self._related_views = [], []
        self._base_filters = self.datamodel.get_filters([])
        self._filters = self.datamodel.get_filters([])

    def _init_forms(self) -> None:
        """None: a generated form would have a field for every column."""

    def _init_titles(self) -> None:
        self.title = self.list_title = self.plural


def _impact_of_removal(view: ServiceModelView, item: Any, _form: OfficeForm) -> Any:
    return view.impact(item)


def _headline(form: OfficeForm, error: DomainError | None) -> str:
    """What a refusal is headed with: it sends nobody to fields where none is marked."""
    if error is None:
        return ""
    if isinstance(error, EmailTaken):  # its words are for who registers
        return str(InvalidInput.detail)
    marked = any(field.errors for field in form)
    is_about_fields = isinstance(error, InvalidInput) and error.detail == str(InvalidInput.detail)
    return error.detail if marked or not is_about_fields else str(DomainError.detail)


def _digest(values: Mapping[str, Any]) -> str:
    """What an edit form was filled with, to notice whether that still holds."""
    return sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
