"""Lists of the back-office: what narrows and orders them, and how a page of one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, case, func, or_, select

from app.extensions import db
from app.gates import current_actor
from app.services import clock
from app.services.errors import NotFound
from app.views.admin.wording import Words
from app.views.api.payload import MAX_INTEGER, read_query

PAGE_SIZE = 25
PREVIEWED = 5
MAX_WORDS = 10


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


class ListReading:
    """How a `ServiceModelView` reads its rows: what is visible, narrowed, ordered, paged."""

    def preview(self, query: Mapping[str, Any]) -> tuple[Sequence[Any], int]:
        """The first rows of the list that `query` leads to, and how many it has."""
        filters = {each.name: each for each in self.list_filters}
        wanted = self._visible().where(
            *(filters[name].where(str(value)) for name, value in query.items() if name in filters)
        )
        order, direction = query.get("order", ""), query.get("direction", "")
        wanted_rows = self._ordered(wanted, order, direction)
        rows = db.session.scalars(wanted_rows.limit(PREVIEWED)).unique().all()
        self.annotate(rows)
        return rows, self._count(wanted) if len(rows) == PREVIEWED else len(rows)

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

    def _text_of(self, narrowed: Any, value: str, options: Iterable[Any]) -> Words | None:
        """What a filter calls a value; None for what is no choice of the reader's.

        A link may name anything that there is: who does not see all rows is told no name
        that none of theirs has.
        """
        text: Words | None = narrowed.text_of(value, options)
        actor = current_actor()
        if text is None or narrowed.is_offered or (actor and actor.is_admin):
            return text
        there = self._visible().where(narrowed.where(value)).exists()
        return text if db.session.scalar(select(there)) else None

    def _read_listing(self) -> Listing:
        query = read_query()
        filters = {each.name: each for each in self.list_filters}
        for name in request.args:
            if name not in {"q", "order", "direction", "page", *filters}:
                query.reject(name, gettext("There is nothing of this name to narrow or order by."))
        words = query.text("q", max_length=200) or ""
        order = query.text("order", max_length=100) or ""
        if order and order not in self.order_columns:
            query.reject("order", gettext("This is none of its choices."))
        direction = query.choice("direction", ("asc", "desc")) or ("asc" if order else "")
        page = query.integer("page", minimum=1, maximum=MAX_INTEGER // PAGE_SIZE) or 1
        options = {name: [*each.options()] for name, each in filters.items() if each.is_offered}
        chosen, texts = {}, {}
        for name, each in filters.items():
            if value := query.text(name, max_length=100):
                text = self._text_of(each, value, options.get(name, ()))
                if text is None:
                    query.reject(name, gettext("This is none of its choices."))
                else:
                    chosen[name], texts[name] = value, text
        query.check()

        wanted = self._visible().where(
            *(filters[name].where(each) for name, each in chosen.items())
        )
        if words:
            # A person is looked for by a whole name, a seat by session and name.
            wanted = wanted.where(*map(self.matching, words.split(maxsplit=MAX_WORDS - 1)))
        wanted_rows = self._ordered(wanted, order, direction)
        rows = db.session.scalars(
            wanted_rows.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
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
        """`wanted` by what was asked for, or as usual: what is to come before what is over."""
        column, key = self._column(by or self.base_order[0]), self._column("id")
        if not by and self.is_by_time:
            over = self._column("ends_at") <= clock.now()
            to_come = case((over, None), else_=column)
            return wanted.order_by(case((over, 1), else_=0), to_come, column.desc(), key)
        is_last_first = (way if by else self.base_order[1]) == "desc"
        return wanted.order_by(
            *((column.desc(), key.desc()) if is_last_first else (column.asc(), key.asc()))
        )

    def matching(self, words: str) -> ColumnElement[bool]:
        """The condition of a search for a word: any of the columns contains it."""
        return or_(
            *(self._column(name).icontains(words, autoescape=True) for name in self.search_columns)
        )

    def _column(self, name: str) -> Any:
        return getattr(self.datamodel.obj, name)
