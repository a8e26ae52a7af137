# ruff: noqa: RUF001 (spans are written with a dash, as people read them)
"""The scheduler: booked, moved, stretched and given up by mouse and by keyboard, alone and among others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import text

from app.services import local_days
from e2e.scheduling import ZONE, Crew, SchedulerPage, backstage, clock_changes, crew
from e2e.site import Site

__all__ = ["backstage", "crew"]  # fixtures

SignIn = Callable[[Page, str], None]


def test_by_mouse(page: Page, crew: Crew, sign_in: SignIn) -> None:
    sign_in(page, crew.ada.email)
    page.goto("/")
    page.get_by_role("link", name="Open the scheduler").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scheduler")
    scheduler = SchedulerPage(page, crew.path(hour="9"))

    # Four clicks and one field; the last minute is included as seen and excluded as kept.
    scheduler.hour("10:00").click()
    scheduler.minute(10).click()
    expect(scheduler.heading).to_have_text("From 10:10: choose the last minute")
    scheduler.minute(19).click()
    expect(scheduler.heading).to_have_text("10:10–10:19, 10 min")
    scheduler.title.fill("Rehearsal")
    expect(scheduler.save).to_have_text("Book 10:10–10:19")
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("Booked 10:10–10:19.")
    scheduler.is_named(10, "10:10, busy, Rehearsal, yours")
    scheduler.is_named(19, "10:19, busy, Rehearsal, yours")
    scheduler.is_named(20, "10:20, free")
    assert crew.clocks("Rehearsal") == ["10:10-10:20"]
    page.reload()
    scheduler.settle()
    scheduler.minute(12).click()
    facts = page.locator("[data-facts]")
    expect(facts).to_contain_text("10:10–10:19, 10 min")
    expect(facts).to_contain_text("Yours")

    # Moved by choosing, then by dragging; stretched by choosing, then by its edge.
    scheduler.act("Move")
    scheduler.minute(30).click()
    expect(scheduler.toast).to_contain_text("Moved to 10:30–10:39.")
    scheduler.is_named(39, "10:39, busy, Rehearsal, yours")
    scheduler.is_named(10, "10:10, free")
    assert crew.clocks("Rehearsal") == ["10:30-10:40"]
    scheduler.drag(32, 7)  # held at its third minute
    expect(scheduler.toast).to_contain_text("Moved to 10:05–10:14.")
    assert crew.clocks("Rehearsal") == ["10:05-10:15"]
    scheduler.minute(6).click()
    scheduler.act("Change length")
    scheduler.minute(24).click()
    expect(scheduler.toast).to_contain_text("Now 10:05–10:24.")
    scheduler.drag(24, 28)
    expect(scheduler.toast).to_contain_text("Now 10:05–10:28.")
    assert crew.clocks("Rehearsal") == ["10:05-10:29"]
    scheduler.toast.get_by_role("button", name="Undo").click()
    expect(scheduler.toast).to_contain_text("Back to 10:05–10:24.")
    assert crew.clocks("Rehearsal") == ["10:05-10:25"]

    # What is taken is not run over, and that is said.
    scheduler.select(0, 40)
    expect(scheduler.alert).to_contain_text("It stops before “Rehearsal” (yours), 10:05–10:24.")
    expect(scheduler.heading).to_have_text("10:00–10:04, 5 min")
    page.keyboard.press("Escape")
    scheduler.drag(40, 49)
    expect(scheduler.heading).to_have_text("10:40–10:49, 10 min")
    page.get_by_role("button", name="Discard", exact=True).click()

    # Deleted, with Undo.
    scheduler.minute(10).click()
    scheduler.act("Delete")
    expect(scheduler.toast).to_contain_text("“Rehearsal” is deleted.")
    scheduler.is_named(10, "10:10, free")
    assert crew.clocks("Rehearsal") == []
    scheduler.toast.get_by_role("button", name="Undo").click()
    scheduler.is_named(10, "10:10, busy, Rehearsal, yours")
    assert crew.clocks("Rehearsal") == ["10:05-10:25"]

    # The way back, and a link to exactly this.
    page.get_by_role("link", name="Week").click()
    expect(page.locator(".block--mine")).to_contain_text("Rehearsal")
    page.go_back()
    scheduler.is_named(10, "10:10, busy, Rehearsal, yours")


def test_by_keyboard_alone(page: Page, crew: Crew, sign_in: SignIn) -> None:
    sign_in(page, crew.ada.email)
    scheduler = SchedulerPage(page, crew.path(hour="10"))
    press = page.keyboard.press

    def times(key: str, count: int) -> None:
        for _ in range(count):
            press(key)

    for _ in range(40):  # one stop for the hours, one for the minutes
        press("Tab")
        if page.evaluate("document.activeElement.dataset.index") is not None:
            break
    expect(scheduler.minute(0)).to_be_focused()
    press("?")
    expect(page.get_by_role("dialog", name="Keys in the grid of minutes")).to_be_visible()
    press("Escape")
    expect(scheduler.minute(0)).to_be_focused()
    press("End")
    expect(scheduler.minute(9)).to_be_focused()
    press("Control+End")
    expect(scheduler.minute(59)).to_be_focused()
    press("ArrowRight")  # time goes on
    scheduler.is_named(0, "11:00, free")
    press("PageUp")
    press("Shift+PageDown")
    expect(page).to_have_url(re.compile(str(crew.day + timedelta(days=1))))
    press("Shift+PageUp")
    press("Control+Home")
    press("ArrowDown")
    scheduler.is_named(10, "10:10, free")

    press("Enter")
    times("ArrowRight", 9)
    press("Enter")
    expect(scheduler.title).to_be_focused()
    page.keyboard.type("Sound m?l check")  # the grid's keys are text here
    press("Enter")
    expect(scheduler.toast).to_contain_text("Booked 10:10–10:19.")
    assert crew.clocks("Sound m?l check") == ["10:10-10:20"]

    expect(scheduler.minute(19)).to_be_focused()
    press("m")
    expect(scheduler.heading).to_contain_text("choose its new first minute")
    expect(scheduler.minute(10)).to_be_focused()
    times("ArrowDown", 3)
    press("Enter")
    expect(scheduler.toast).to_contain_text("Moved to 10:40–10:49.")
    assert crew.clocks("Sound m?l check") == ["10:40-10:50"]

    press("l")
    expect(scheduler.heading).to_contain_text("choose its new last minute")
    times("ArrowRight", 5)
    press("Enter")
    expect(scheduler.toast).to_contain_text("Now 10:40–10:54.")
    assert crew.clocks("Sound m?l check") == ["10:40-10:55"]
    press("m")
    times("ArrowDown", 1)
    press("Escape")  # nothing happens
    assert crew.clocks("Sound m?l check") == ["10:40-10:55"]

    scheduler.minute(45).focus()
    press("Delete")
    expect(scheduler.toast).to_contain_text("is deleted.")
    assert crew.clocks("Sound m?l check") == []
    press("Control+z")
    expect(scheduler.toast).to_contain_text("is back.")
    assert crew.clocks("Sound m?l check") == ["10:40-10:55"]


def test_two_browsers_and_the_loser_keeps_the_form(
    page: Page, another_page: Callable[[], Page], crew: Crew, sign_in: SignIn
) -> None:
    sign_in(page, crew.ada.email)
    others = another_page()
    sign_in(others, crew.ben.email)
    mine = SchedulerPage(page, crew.path())
    theirs = SchedulerPage(others, crew.path())
    others.wait_for_timeout(500)  # the socket is open

    crew.book(crew.ada, "10:10", "10:20", "Rehearsal")
    theirs.is_named(10, "10:10, busy, Rehearsal, Ada Quill")
    expect(others.locator(".span.changed").first).to_be_attached()
    expect(others.locator("[data-announcer]")).to_have_text(
        "“Rehearsal” (Ada Quill) was booked: 10:10–10:19."
    )
    mine.is_named(10, "10:10, busy, Rehearsal, yours")

    # Readable, with a lock; not to be changed.
    theirs.minute(10).click()
    expect(others.locator("[data-facts]")).to_contain_text("Only Ada Quill and admins")
    for name in ("Move", "Change length", "Edit", "Delete"):
        expect(theirs.panel.get_by_role("button", name=name, exact=True)).to_be_hidden()
    others.keyboard.press("Delete")
    expect(theirs.alert).to_contain_text("Only Ada Quill and admins can change")
    assert crew.clocks("Rehearsal") == ["10:10-10:20"]

    # Ben types while Ada books: he is told at once, and nothing that he typed is lost.
    theirs.select(30, 49)
    theirs.title.fill("Photo call")
    crew.book(crew.ada, "10:35", "10:40", "Stand-up")
    expect(theirs.alert).to_contain_text("Ada Quill booked 10:35–10:39 “Stand-up” a moment ago.")
    expect(theirs.title).to_have_value("Photo call")

    # The same without live messages: the answer says it.
    others.route("**/api/rooms/**", lambda route: route.abort())
    others.keyboard.press("Escape")
    theirs.select(50, 59)
    theirs.title.fill("Photo call")
    crew.book(crew.ada, "10:55", "11:05", "Interview")
    others.wait_for_timeout(600)
    others.unroute("**/api/rooms/**")
    theirs.save.click()
    expect(theirs.alert).to_contain_text("Ada Quill booked 10:55–11:04 “Interview” a moment ago.")
    expect(theirs.alert).to_contain_text("What you typed is kept.")
    expect(theirs.title).to_have_value("Photo call")
    theirs.alert.get_by_role("button", name="Take 10:50–10:54, 5 min").click()
    theirs.save.click()
    expect(theirs.toast).to_contain_text("Booked 10:50–10:54.")
    assert crew.clocks("Photo call") == ["10:50-10:55"]

    # An optimistic move that is refused goes back, and names the winner.
    def be_faster(route: Route) -> None:
        crew.book(crew.ada, "10:00", "10:05", "Warm-up")
        route.continue_()

    others.route("**/api/reservations/*", be_faster)
    theirs.minute(50).click()
    theirs.act("Move")
    theirs.minute(0).click()
    expect(theirs.toast).to_contain_text("Ada Quill booked 10:00–10:04 “Warm-up” a moment ago.")
    expect(theirs.toast).to_contain_text("“Photo call” is where it was.")
    theirs.is_named(54, "10:54, busy, Photo call, yours")
    assert crew.clocks("Photo call") == ["10:50-10:55"]


def test_doors(page: Page, site: Site, crew: Crew, sign_in: SignIn) -> None:
    page.goto("/scheduler?view=week")
    expect(page).to_have_url(re.compile(r"/login/\?next="))
    someone = site.register()
    sign_in(page, someone["email"])
    page.goto("/scheduler")
    expect(page.get_by_role("heading", level=1)).to_have_text("The scheduler is for staff")
    expect(page.get_by_role("link", name="Scheduler")).to_have_count(0)
    page.context.clear_cookies()

    with site.engine.begin() as connection:
        connection.execute(
            text("UPDATE ab_user SET must_change_password = :yes WHERE id = :id"),
            {"yes": True, "id": crew.ben.id},
        )
    sign_in(page, crew.ben.email)
    page.goto(crew.path())
    expect(page).to_have_url(re.compile(r"/change-password(\?|$)"))
    answer = page.request.get(f"/api/scheduler/day?date={crew.day}")
    assert (answer.status, answer.json()["code"]) == (403, "must_change_password")
    page.goto(f"/scheduler/rooms/{crew.rooms[0]}/display")  # which is everybody's
    expect(page.get_by_role("heading", level=1)).to_have_text(crew.names[0])


def test_days_on_which_the_clocks_are_turned_and_a_span_over_midnight(
    page: Page, crew: Crew, sign_in: SignIn
) -> None:
    forward, back = clock_changes(ZONE)
    sign_in(page, crew.ada.email)
    scheduler = SchedulerPage(page, crew.path(hour="1", day=forward))

    # The hour that is missing.
    expect(scheduler.hour("02:00")).to_have_attribute(
        "aria-label", "02:00, does not exist this day"
    )
    scheduler.hour("02:00").click()
    scheduler.is_named(30, "02:30, does not exist this day")
    expect(scheduler.minute(30)).to_have_attribute("aria-disabled", "true")
    scheduler.minute(30).click(force=True)
    expect(scheduler.alert).to_contain_text("does not exist")
    scheduler.hour("01:00").click()
    scheduler.minute(50).click()
    scheduler.hour("03:00").click()
    scheduler.minute(9).click()
    expect(scheduler.heading).to_have_text("01:50–03:09, 20 min")
    page.locator("[data-times-fold] summary").click()
    scheduler.panel.get_by_label("From", exact=True).fill("02:30")
    scheduler.panel.get_by_label("From", exact=True).blur()
    expect(scheduler.panel.locator("#reservation-starts_at-error")).to_contain_text(
        "02:30 does not exist"
    )
    page.keyboard.press("Escape")

    # The hour that comes twice: both runs can be had.
    page.goto(crew.path(hour="2b", day=back))
    scheduler.settle()
    for offset in ("GMT\\+1", "GMT\\+2"):
        scheduler.hour(f"02:00 {offset}").click()
        scheduler.select(10, 19)
        scheduler.title.fill("Night watch")
        scheduler.save.click()
        expect(scheduler.toast).to_contain_text("Booked 02:10 GMT+")
        expect(scheduler.minute(12)).to_have_attribute(
            "aria-label", re.compile(f"^02:12 {offset}, busy, Night watch, yours")
        )
    (first, _), (second, end) = crew.spans("Night watch")
    assert second - first == timedelta(hours=1)
    assert end - second == timedelta(minutes=10)

    # Over midnight, by the keyboard.
    page.goto(crew.path(hour="23"))
    scheduler.settle()
    scheduler.minute(50).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile(str(crew.day + timedelta(days=1))))
    scheduler.settle()
    for _ in range(41):
        page.keyboard.press("ArrowLeft")
    scheduler.is_named(9, "00:09, free, last minute")
    page.keyboard.press("Enter")
    expect(scheduler.heading).to_have_text(re.compile("23:50 – .*00:09, 20 min"))
    scheduler.title.fill("Strike the set")
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("00:09")
    assert crew.clocks("Strike the set") == ["23:50-00:10"]
    scheduler.is_named(9, "00:09, busy, Strike the set, yours")
    scheduler.is_named(10, "00:10, free")


def test_day_and_week_views_and_an_admin(page: Page, crew: Crew, sign_in: SignIn) -> None:
    booked = crew.book(crew.ada, "09:00", "10:00", "Rehearsal", room=1)
    sign_in(page, crew.admin.email)
    crew.hold_session("11:00", "12:00", "Opening talk", room=1)
    scheduler = SchedulerPage(page, crew.path(view="day", hour="9"))
    board = page.locator("[data-board]")
    cell = board.get_by_role(
        "gridcell", name=f"{crew.names[1]}, 09:00, 60 of 60 minutes taken, Rehearsal, Ada Quill"
    )
    expect(cell).to_be_attached()
    expect(board.get_by_role("columnheader", name=crew.names[2])).to_be_attached()

    # Dragged over the day: a span of any length, five minutes each.
    start = board.get_by_role("gridcell", name=re.compile(f"^{crew.names[0]}, 10:00"))
    start.scroll_into_view_if_needed()
    box = start.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"], steps=3)
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] * 1.99, steps=3)
    page.mouse.up()
    expect(scheduler.heading).to_have_text("10:00–11:59, 2 h")
    scheduler.title.fill("Get-in")
    scheduler.panel.get_by_label("Live", exact=True).check()
    scheduler.panel.get_by_label("Responsible").select_option(str(crew.ben.id))
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("Booked 10:00–11:59.")
    assert crew.clocks("Get-in") == ["10:00-12:00"]

    # An admin changes everybody's, also by plain fields: into another room, for another person.
    board.locator(f'[data-entry="{booked["uid"]}"]').click()
    scheduler.act("Edit")
    page.locator("[data-times-fold] summary").click()
    scheduler.panel.get_by_label("To", exact=True).fill("09:44")
    scheduler.panel.get_by_label("To", exact=True).blur()
    scheduler.panel.get_by_label("Room").select_option(str(crew.rooms[2]))
    scheduler.panel.get_by_label("Responsible").select_option(str(crew.ben.id))
    expect(scheduler.save).to_have_text("Change to 09:00–09:44")
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("“Rehearsal” is changed.")
    assert crew.clocks("Rehearsal") == ["09:00-09:45"]
    after = crew.site.call("GET", f"/api/bookings/{booked['uid']}", token=crew.ben.token)["booking"]
    assert after["room"]["id"] == crew.rooms[2]

    # Enter on a cell is the zoom; in the week a drag goes over midnight.
    cell = board.get_by_role("gridcell", name=re.compile(f"^{crew.names[2]}, 09:00"))
    cell.focus()
    page.keyboard.press("Enter")
    scheduler.is_named(44, "09:44, busy, Rehearsal, Ben Okoro")
    page.get_by_role("link", name="Week").click()
    expect(board.locator(f'[data-entry="{booked["uid"]}"]')).to_be_visible()
    monday = crew.day + timedelta(days=7 - crew.day.weekday())
    page.goto(crew.path(view="week", hour="13", day=monday))
    expect(board.locator(".lane--waiting")).to_have_count(0)
    first, second = (
        board.get_by_role("gridcell", name=re.compile(rf"^\w+,? {each.day} \w+, {hour}:00"))
        for each, hour in ((monday, 13), (monday + timedelta(days=1), 12))
    )
    first.hover(position={"x": 20, "y": 2})
    page.mouse.down()
    second.hover(position={"x": 20, "y": 2})
    second.hover(position={"x": 20, "y": 60})
    page.mouse.up()
    expect(scheduler.heading).to_have_text(re.compile(r"13:00 – .* 12:59, 24 h"))
    page.get_by_role("button", name="Discard", exact=True).click()

    # Sessions of events are there too, to be read.
    page.goto(crew.path(room=1, hour="11"))
    scheduler.settle()
    scheduler.is_named(30, "11:30, busy, Opening talk, event session")
    scheduler.minute(30).click()
    expect(page.locator("[data-facts]")).to_contain_text("This is part of an event.")
    expect(scheduler.panel.get_by_role("button", name="Move", exact=True)).to_be_hidden()


def test_the_minute_that_runs_can_be_had_and_what_is_past_cannot(
    page: Page, crew: Crew, sign_in: SignIn
) -> None:
    sign_in(page, crew.ada.email)
    if datetime.now(ZONE).minute in {58, 59}:  # the hour would end in the middle
        page.wait_for_timeout(120_000)
    page.goto(f"/scheduler?room={crew.rooms[0]}")  # opens with the present hour
    scheduler = SchedulerPage(page, page.url)
    past = scheduler.matrix.locator(".minute--past")
    if datetime.now(ZONE).minute:
        past.first.click(force=True)  # it is marked as disabled
        expect(scheduler.alert).to_contain_text("That is past.")
    free = scheduler.matrix.locator(".minute:not(.minute--past)").first
    free.click()
    scheduler.minute(59).click()
    scheduler.title.fill("At once")
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("Booked")
    assert len(crew.spans("At once")) == 1
    # What has begun cannot be moved any more, but shortened and lengthened.
    scheduler.minute(59).click()
    scheduler.act("Move")
    expect(scheduler.alert).to_contain_text("It has begun")


def test_error_offline_and_a_phone(page: Page, crew: Crew, sign_in: SignIn) -> None:
    sign_in(page, crew.ada.email)
    page.set_viewport_size({"width": 360, "height": 740})
    page.route("**/minutes?*", lambda route: route.abort())
    page.goto(crew.path())
    expect(page.get_by_text("This day could not be loaded.")).to_be_visible()
    page.unroute("**/minutes?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("This day could not be loaded.")).to_be_hidden()
    scheduler = SchedulerPage(page, crew.path())
    scheduler.select(0, 4)
    scheduler.title.fill("Short")
    page.context.set_offline(True)
    expect(page.locator("[data-connection]")).to_contain_text("You are offline. This is as of")
    scheduler.save.click()
    expect(scheduler.alert).to_contain_text("What you typed is kept.")
    page.context.set_offline(False)
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("Booked 10:00–10:04.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=re.compile(crew.day.strftime("%-d %b"))).click()
    other = crew.day + timedelta(days=1 if crew.day.day < 27 else -1)
    page.locator(f'[data-date="{other}"]').click()
    expect(page).to_have_url(re.compile(f"date={other}"))


def test_recurring_with_a_conflict(page: Page, crew: Crew, sign_in: SignIn) -> None:
    taken = crew.day + timedelta(days=7)
    crew.book(crew.ben, "10:15", "10:30", "Standing date", day=taken)
    sign_in(page, crew.ada.email)
    scheduler = SchedulerPage(page, crew.path())
    scheduler.select(10, 19)
    scheduler.title.fill("Weekly read-through")
    page.locator("[data-repeat-fold] summary").click()
    scheduler.panel.get_by_label("Repeat", exact=True).select_option("WEEKLY")
    scheduler.panel.get_by_label("How often").fill("3")
    preview = page.locator("[data-repeat-preview]")
    expect(preview).to_contain_text("2 of 3 are free.")
    expect(preview.locator(".repeat__date--taken")).to_contain_text(taken.strftime("%-d %b"))
    expect(scheduler.save).to_have_text("Book the 2 free ones")
    scheduler.save.click()
    expect(scheduler.toast).to_contain_text("Booked 2 times. 1 left out.")
    assert crew.clocks("Weekly read-through") == ["10:10-10:20"] * 2

    # This and following: the first stays as it was.
    page.goto(crew.path(day=crew.day + timedelta(days=14)))
    scheduler.settle()
    scheduler.minute(15).click()
    expect(page.locator("[data-facts]")).to_contain_text("Part of a series")
    scheduler.act("Edit")
    scheduler.title.fill("Weekly run-through")
    scheduler.save.click()
    page.get_by_role("dialog").get_by_role("button", name="This and following").click()
    expect(scheduler.toast).to_contain_text("The series is changed.")
    assert len(crew.spans("Weekly read-through")) == len(crew.spans("Weekly run-through")) == 1

    scheduler.minute(15).click()
    scheduler.act("Delete")
    dialog = page.get_by_role("dialog", name="Delete which of them?")
    dialog.get_by_role("button", name="None").click()
    assert len(crew.spans("Weekly run-through")) == 1
    page.goto(crew.path())
    scheduler.settle()
    scheduler.minute(15).click()
    scheduler.act("Delete")
    dialog.get_by_role("button", name="All of them").click()
    expect(scheduler.toast).to_contain_text("The series is deleted.")
    assert not crew.spans("Weekly read-through")
    scheduler.toast.get_by_role("button", name="Undo").click()
    expect(scheduler.toast).to_contain_text("is back.")
    scheduler.is_named(15, "10:15, busy, Weekly read-through, yours")


def test_copy_a_day_close_a_room_export_and_what_hangs_at_the_door(
    page: Page, crew: Crew, sign_in: SignIn
) -> None:
    crew.book(crew.admin, "09:00", "09:30", "Briefing")
    crew.book(crew.admin, "10:00", "10:30", "Rehearsal")
    following = crew.day + timedelta(days=1)
    crew.book(crew.ben, "10:10", "10:20", "In the way", day=following)
    sign_in(page, crew.admin.email)
    scheduler = SchedulerPage(page, crew.path(hour="9"))

    page.get_by_role("button", name="Copy a day").click()
    dialog = page.get_by_role("dialog", name="Copy a day")
    dialog.get_by_label("To").fill(following.isoformat())
    expect(dialog.get_by_role("status")).to_contain_text("1 of 2 are free")
    expect(dialog.get_by_role("status")).to_contain_text("Rehearsal")
    dialog.get_by_role("button", name="Copy what is free").click()
    expect(scheduler.toast).to_contain_text("One booking is copied.")
    assert crew.clocks("Briefing") == ["09:00-09:30"] * 2
    scheduler.toast.get_by_role("button", name="Undo").click()
    expect(scheduler.toast).to_contain_text("The copies are deleted.")
    assert crew.clocks("Briefing") == ["09:00-09:30"]

    page.get_by_role("button", name="Closed times").click()
    dialog = page.get_by_role("dialog", name="Closed times")
    expect(dialog).to_contain_text("Nothing to come is closed.")
    dialog.get_by_label("From", exact=True).fill("09:30")
    dialog.get_by_label("Last minute, included").fill("10:59")
    dialog.get_by_label("Why").fill("Floor is painted")
    dialog.get_by_role("button", name="Close the room").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Something is booked then, first on")
    dialog.get_by_label("Last minute, included").fill("09:49")
    dialog.get_by_role("button", name="Close the room").click()
    scheduler.is_named(49, "09:49, closed, Floor is painted, closed")
    scheduler.minute(40).click()
    expect(page.locator("[data-facts]")).to_contain_text("The room is closed then.")
    page.get_by_role("button", name="Closed times").click()
    dialog.get_by_role("button", name="Open again: Floor is painted").click()
    expect(dialog).to_contain_text("Nothing to come is closed.")
    dialog.get_by_role("button", name="Done").click()
    scheduler.is_named(40, "09:40, free")

    page.get_by_role("button", name="Export as CSV").click()
    with page.expect_download() as downloading:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    rows = downloading.value.path().read_text("utf-8-sig").splitlines()
    assert sum("Briefing" in row and "Olga Office" in row for row in rows) == 1

    page.get_by_role("link", name="Door sheet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(crew.names[0])
    expect(page.get_by_role("row", name="09:00–09:30 Briefing Olga Office")).to_be_visible()

    # The display names nobody, and follows what happens.
    page.context.clear_cookies()
    page.goto(f"/scheduler/rooms/{crew.rooms[1]}/display")
    screen = page.locator("[data-display]")
    expect(screen).to_contain_text("Free for the rest of the day")
    page.wait_for_timeout(500)  # the socket is open
    crew.book(crew.ada, "09:00", "09:30", "Poetry", room=1, day=crew.day - timedelta(days=5))
    expect(screen).to_contain_text("Poetry")
    expect(screen).not_to_contain_text("Ada")


def test_browser_and_server_agree_on_what_a_local_day_is(page: Page) -> None:
    """Whole, short and long days; shifts of an hour and of half, at midnight and at 23:00."""
    days = [
        ("Europe/Berlin", "2026-12-06"),
        ("Europe/Berlin", "2027-03-28"),
        ("Europe/Berlin", "2027-10-31"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Australia/Lord_Howe", "2027-04-04"),
        ("America/Santiago", "2026-09-06"),
        ("America/Santiago", "2027-04-03"),
        ("America/New_York", "2026-11-01"),
        ("Asia/Beirut", "2027-03-28"),
        ("Asia/Kathmandu", "2026-12-06"),
        ("Pacific/Chatham", "2027-04-04"),
    ]
    page.goto("/")
    seen = page.evaluate(
        """async (days) => {
          const { hoursOf } = await import("/static/js/scheduler/local-day.js");
          return days.map(([zone, date]) => hoursOf(date, zone).flatMap(({ hour, minutes }) =>
            minutes.flatMap((instant, minute) => (instant === null ? [] : [[hour, minute, instant / 60000]]))));
        }""",
        days,
    )
    kept = [
        [
            [part.hour, part.start_minute + number, part.period.starts_at.timestamp() / 60 + number]
            for part in local_days.hours_of(date.fromisoformat(day), ZoneInfo(zone))
            for number in range(part.end_minute - part.start_minute)
        ]
        for zone, day in days
    ]
    for name, browser, server in zip(days, seen, kept, strict=True):
        assert browser == server, name


def test_days_in_the_readers_language_and_from_right_to_left(
    page: Page, crew: Crew, sign_in: SignIn
) -> None:
    crew.book(crew.ada, "10:40", "10:50", "Rehearsal")
    sign_in(page, crew.ada.email)

    def speak(code: str) -> None:
        page.context.add_cookies([{"name": "language", "value": code, "url": crew.site.url}])

    speak("de")
    SchedulerPage(page, crew.path())
    title = page.locator("[data-stage-title]")
    expect(title).to_contain_text(re.compile(r"^(\w+tag|Mittwoch), \d"))
    expect(title).to_contain_text(re.compile("MEZ|MESZ"))

    speak("he")
    scheduler = SchedulerPage(page, crew.path(hour="10"))
    expect(title).to_contain_text(re.compile(f"^(יום|שבת).* {crew.day.day} ב.* {crew.day.year}"))
    scheduler.minute(30).focus()
    page.keyboard.press("ArrowRight")  # minutes run as on a clock
    expect(scheduler.minute(31)).to_be_focused()
    assert _left(scheduler.minute(30)) < _left(scheduler.minute(31))

    # A Hebrew keyboard has another letter where M is.
    scheduler.minute(40).focus()
    scheduler.minute(40).dispatch_event(
        "keydown", {"key": "צ", "code": "KeyM", "bubbles": True, "cancelable": True}
    )
    scheduler.minute(50).click()
    expect(scheduler.toast).to_be_visible()
    assert crew.clocks("Rehearsal") == ["10:50-11:00"]

    # Days run from the right, hours in rows too; the keys go where one sees them go.
    first = page.locator(f'[data-date="{crew.day:%Y-%m}-01"]')
    second = page.locator(f'[data-date="{crew.day:%Y-%m}-02"]')
    second.focus()
    page.keyboard.press("ArrowRight")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(second).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator('[data-hour="10"]').focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator('[data-hour="11"]')).to_be_focused()

    page.goto(crew.path(view="week", room=0))
    cell = page.locator('[data-row="10"][data-column="0"]')
    cell.focus()
    page.keyboard.press("ArrowLeft")
    beside = page.locator('[data-row="10"][data-column="1"]')
    expect(beside).to_be_focused()
    assert _left(beside) < _left(cell)

    # A room far along the day's columns is in sight, beside the hours.
    page.goto(crew.path(view="day", room=2))
    current = page.locator(".board__column--current")
    expect(current).to_be_in_viewport(ratio=0.9)


def _left(place: Locator) -> float:
    box = place.bounding_box()
    assert box
    return box["x"]
