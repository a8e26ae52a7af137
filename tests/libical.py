"""libical, a reader of iCalendar that shares no code with Python's: Evolution, KDE and Cyrus use it.

Bound by hand to the few functions that are needed; Debian's package is `libical3`.
"""

from __future__ import annotations

import ctypes
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache

from tests.servers import MissingProgramError

_ANY_PROPERTY = 0
_ANY_COMPONENT = 1
_Component = ctypes.c_void_p
_FUNCTIONS = {
    "icalparser_parse_string": (_Component, [ctypes.c_char_p]),
    "icalcomponent_count_errors": (ctypes.c_int, [_Component]),
    "icalcomponent_count_components": (ctypes.c_int, [_Component, ctypes.c_int]),
    "icalcomponent_get_first_component": (_Component, [_Component, ctypes.c_int]),
    "icalcomponent_get_first_property": (ctypes.c_void_p, [_Component, ctypes.c_int]),
    "icalcomponent_get_next_property": (ctypes.c_void_p, [_Component, ctypes.c_int]),
    "icalproperty_get_property_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "icalproperty_get_parameter_as_string": (ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_char_p]),
    "icalproperty_get_value_as_string": (ctypes.c_char_p, [ctypes.c_void_p]),
    "icalrestriction_check": (ctypes.c_int, [_Component]),
    "icalcomponent_free": (None, [_Component]),
}


@dataclass(frozen=True, slots=True)
class Read:
    """A calendar with its one event, as name → values; parameters as "ATTENDEE;CN"."""

    calendar: dict[str, list[str]]
    event: dict[str, list[str]]


def read(data: bytes, *, as_method: bool = True) -> Read:
    """Parse a file of one event; AssertionError if libical finds an error in it.

    `as_method` holds it against the rules of its METHOD too (RFC 5546, 3.2).
    """
    library = _library()
    whole = library.icalparser_parse_string(data)
    assert whole, "libical reads no component"
    try:
        assert library.icalcomponent_count_components(whole, _ANY_COMPONENT) == 1
        event = library.icalcomponent_get_first_component(whole, _ANY_COMPONENT)
        if as_method:
            assert library.icalrestriction_check(whole) == 1, _properties(event)
        assert library.icalcomponent_count_errors(whole) == 0, _properties(event)
        return Read(_properties(whole), _properties(event))
    finally:
        library.icalcomponent_free(whole)


@cache
def _library() -> ctypes.CDLL:
    """Raises `MissingProgramError`."""
    name = find_library("ical")
    if name is None:
        raise MissingProgramError("libical is not installed (Debian: libical3).")
    library = ctypes.CDLL(name)
    for function, (result, arguments) in _FUNCTIONS.items():
        bound = getattr(library, function)
        bound.restype, bound.argtypes = result, arguments
    return library


def library_name() -> str:
    """What is loaded. Raises `MissingProgramError`."""
    return str(_library()._name)


def _properties(component: int) -> dict[str, list[str]]:
    library = _library()
    found: dict[str, list[str]] = {}
    each = library.icalcomponent_get_first_property(component, _ANY_PROPERTY)
    while each:
        name = library.icalproperty_get_property_name(each).decode()
        value = library.icalproperty_get_value_as_string(each)
        found.setdefault(name, []).append((value or b"").decode())
        for parameter in ("CN", "PARTSTAT", "SENT-BY"):
            text = library.icalproperty_get_parameter_as_string(each, parameter.encode())
            if text is not None:
                found.setdefault(f"{name};{parameter}", []).append(text.decode())
        each = library.icalcomponent_get_next_property(component, _ANY_PROPERTY)
    return found
