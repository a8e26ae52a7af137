"""`ServiceModelView`: Flask-AppBuilder's model view, whose writes go through services.

FAB's own `_add`, `_edit`, `_delete` catch every exception, tell its text and commit by
themselves; its filters reach every column that nobody excluded. So routes, permissions
and menu are FAB's; forms, lists and writes are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import redirect, render_template, request, url_for
from flask_appbuilder import ModelView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import gettext
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response

from app.errors import status_of, wants_json
from app.services.attachments import Attached
from app.services.errors import InvalidInput
from app.services.local_text import number_text
from app.services.policy import Actor
from app.views.admin import bulk, cells, columns
from app.views.admin.access import Answer, permitted
from app.views.admin.acting import RowActions
from app.views.admin.bulk import BulkAction
from app.views.admin.days import DayFilter, reader_zone
from app.views.admin.form_pages import FormPages
from app.views.admin.forms import OfficeForm
from app.views.admin.listing import LinkFilter, ListFilter, ListReading
from app.views.admin.wording import DELETION, Texts, Words


class ReadingInterface(SQLAInterface):
    """FAB's view of a model, without its writes: they commit past the services."""

    def add(self, item: object, **_: object) -> NoReturn:
        raise NotImplementedError("Writes go through services.")

    edit = add
    delete = add
    delete_all = add


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
    columns: Sequence[str] = ()  # in place of the list's


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


class ServiceModelView(FormPages, RowActions, ListReading, ModelView):
    """List, show, add, edit and delete one kind of thing.

    A subclass names its columns, all of them; `cell_<column>` says how one looks, and
    `columns.NAMES` or its own `label_columns` what it is called. Its `create`, `update` and
    `remove` hand what the form holds to a service. A refusal shows the form again with
    everything typed.
    """

    plural: Words = ""
    texts = Texts()
    removal = DELETION
    object_kind = ""  # what the audit log calls it, where it does
    show_template = "admin/show.html"
    deed_permission = "edit"
    imported_as = ""  # what files of them are called, where there are such
    tells_impact = False
    empty: Words = ""  # what to do where there is nothing yet
    icon = "list-checks"

    list_columns: list[str] = []
    show_columns: list[str] = []
    search_columns: list[str] = []
    order_columns: list[str] = []
    base_order: tuple[str, str] = ("id", "desc")
    is_by_time = False  # as usual, what is to come stands first, the next at the top
    order_of: Mapping[str, str] = {}  # a column of the list: what it is ordered by
    list_filters: Sequence[ListFilter | LinkFilter | DayFilter] = ()
    presets: Sequence[tuple[Words, Mapping[str, str]]] = ()  # what is looked at most, by name
    bulk_actions: Sequence[BulkAction] = ()
    undo_removal: Callable[[Actor | None, int, Any], object] | None = None
    number_columns: frozenset[str] = frozenset()
    loads: Sequence[Any] = ()  # loader options: what cells read beyond the row itself

    delete_form: type[OfficeForm] = OfficeForm

    exclude_route_methods = {"download", "action", "action_post"}

    # -- what a subclass says --------------------------------------------------------

    def remove(self, actor: Actor | None, item: Any, form: Any) -> str | None:
        """Delete `item`; returns what happened where that differs."""
        raise NotImplementedError

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

    def beginnings(self) -> list[tuple[str, str]]:
        """Beside adding, how a list that is empty is filled: texts and addresses."""
        return []

    def exchanges(self) -> list[tuple[str, str]]:
        """Where such things come in and go out as a file: texts and addresses."""
        if not self.imported_as:
            return []
        text, view = gettext("Import and export"), "ImportView"
        return self.way_to(text, view, kind=self.imported_as)

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
        try:
            listing = self._read_listing()
        except InvalidInput as error:
            if wants_json():
                raise
            return self._refused_listing(error)
        self.annotate(listing.rows)
        return self._page(
            "admin/list.html",
            title=str(self.plural),
            listing=listing,
            actions=[each for each in self.bulk_actions if self.offers(each.permission)],
            undoable=bulk.find_undoable(self.endpoint),
        )

    def _refused_listing(self, error: InvalidInput) -> Answer:
        """What of a list's address is none of its choices, and the way to the whole list."""
        labels = {each.name: str(each.label) for each in self.list_filters} | {
            "q": gettext("Search"),
            "order": gettext("Sort by"),
            "direction": gettext("Direction"),
            "page": gettext("Page"),
        }
        page = self._page(
            "admin/refused.html",
            title=str(self.plural),
            refused=[
                (labels.get(name, name), request.args.get(name, ""), " ".join(texts))
                for name, texts in error.errors.items()
            ],
        )
        return page, status_of(error)

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
                columns=each.columns
                or [name for name in view.list_columns if name not in each.without],
                rows=rows,
                total=total,
                href=url_for(f"{view.endpoint}.list", **each.query),
                add=each.add if view.offers("add") else "",
            )

    def _history(self, item: Any) -> Iterable[Related]:
        if self.object_kind:
            about = {"object": f"{self.object_kind}:{self.key_of(item)}"}
            yield Related(gettext("History"), "AuditView", about, frozenset({"object"}))

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

    def sortings(self) -> list[tuple[str, str]]:
        """What the list can be ordered by, and the heads of those columns."""
        heads = {by: self.label(each) for each in self.list_columns if (by := self.orders(each))}
        return [*heads.items()]

    def label(self, column: str) -> str:
        """The head of a column."""
        return str(self.label_columns.get(column) or columns.NAMES[column])

    def offers(self, permission: str) -> bool:
        """Whether the actor may do this here."""
        name = f"can_{permission}"
        return name in self.base_permissions and self.appbuilder.sm.has_access(
            name, self.class_permission_name
        )

    def way_to(
        self, text: str, view: str, method: str = "list", **query: Any
    ) -> list[tuple[str, str]]:
        """A link to a page of another view, for whom it is open to."""
        if not self.appbuilder.sm.has_access(f"can_{method}", view):
            return []
        return [(text, url_for(f"{view}.{method}", **query))]

    def zone(self) -> str:
        """The reader's own time zone, for what has none of its own."""
        return reader_zone()

    def _page(self, template: str, **values: Any) -> str:
        return render_template(
            template, view=self, appbuilder=self.appbuilder, url=self._url, **values
        )

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
