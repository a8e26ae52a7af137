"""Texts for people that are not marked for translation, found in the source.

Each finder yields where a text stands and what it says. What a program reads, rather than a
person, looks different: it has no capital at its beginning and no space between words, or
it is compared, or is a key. `OBJECT` stands for whatever is filled in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from jinja2 import Environment

MARKS = {
    "_",
    "gettext",
    "ngettext",
    "lazy_gettext",
    "lazy_ngettext",
    "gettext_noop",
    "pgettext",
    "lazy_pgettext",
}
OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"


class Found(NamedTuple):
    """An unmarked text."""

    line: int
    text: str


class Token(NamedTuple):
    """A piece of an expression: a "name", an "operator", a "string" or a "template"."""

    line: int
    kind: str
    text: str


# -- expressions, of templates and of scripts ------------------------------------------------

_WORD = r"[A-Za-z][a-z\u2019']+"
# `Cancel`, `Nothing was lost`, `“Talk” is taken`: a capital, small letters; not `Content-Type`.
_CAPITAL = re.compile(
    rf"[\W_]*[A-Z][a-z\u2019']+(?![\w-]|[/:.=(]\w)(?:\W|$)|.*\b[A-Z][a-z]+ +{_WORD}", re.DOTALL
)
# ` until next`, `OBJECT seats left`, `overlaps your OBJECT`: a piece of a sentence.
_PIECE = re.compile(
    rf"(?:^ +|{OBJECT} )(?:{_WORD}[ ,.:;?…]*)+(?:$|{OBJECT})|^(?:{_WORD}[ ,]+){{2,}}{OBJECT}[.?]?$"
)
_COMPARED = {"==", "===", "!=", "!==", "case", "in"}


def is_for_people(text: str) -> bool:
    """Whether it reads like something to be shown."""
    return bool(_CAPITAL.match(text) or _PIECE.search(text))


def unmarked(tokens: Iterable[Token], *, excused: frozenset[str] = frozenset()) -> Iterator[Found]:
    """The texts in an expression that stand neither in a mark's own brackets nor in `excused` calls'.

    And marks of what is not written there: they are not collected for the catalogs.
    """
    tokens = list(tokens)
    callees = [""]
    nothing = Token(0, "", "")
    is_definition = False
    for before, token, after in zip(
        [nothing, *tokens], tokens, [*tokens[1:], nothing], strict=False
    ):
        if token.kind == "name" and token.text in MARKS:
            is_definition = before.text == "function"
        if token.kind == "operator":
            if token.text in ("(", "[", "{"):
                is_call = token.text == "(" and before.kind == "name"
                callees.append(before.text if is_call else "")
                if callees[-1] in MARKS and after.kind != "string" and not is_definition:
                    yield Found(token.line, f"{before.text}() of what is no text")
            elif token.text in (")", "]", "}") and len(callees) > 1:
                callees.pop()
        elif token.kind in ("string", "template"):
            is_marked = token.kind == "string" and callees[-1] in MARKS
            is_key = after.text == ":" and before.text in ("{", ",")
            is_compared = bool({before.text, after.text} & _COMPARED)
            if is_marked or is_key or is_compared or callees[-1] in excused:
                continue
            if is_for_people(token.text):
                yield Found(token.line, token.text)


# -- templates -----------------------------------------------------------------------------

_SHOWN = {"aria-label", "title", "placeholder", "alt", "aria-description", "aria-roledescription"}
_LEXER = Environment(autoescape=True).lexer
_ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"?')
# Letters alone, but for punctuation around them: no class with hyphens, no path, no file's ending.
_PLAIN_WORD = re.compile(
    r"(?<!\S)[^\w\s./=#&]*[^\W\d_]{2,}(?:[\u2019'-][^\W\d_]+)?[^\w\s/=]*(?!\S)"
)


def in_template(source: str) -> Iterator[Found]:
    """In the markup between tags, in attributes that are read out or shown, and in expressions."""
    page: list[str] = []
    expression: list[Token] = []
    is_passed_over = False
    for line, kind, text in _LEXER.tokeniter(source, None):
        if kind == "data" and not is_passed_over:
            page.append(text)
            continue
        page.append("\n" * text.count("\n"))
        if kind == "variable_begin" and not is_passed_over:
            page.append(OBJECT)
        elif kind == "string":
            expression.append(Token(line, kind, ast.literal_eval(text)))
        elif kind in ("name", "operator"):
            expression.append(Token(line, kind, text))
        elif kind in ("variable_end", "block_end"):
            yield from unmarked(expression)
            match [token.text for token in expression] if kind == "block_end" else []:
                case ["trans", *_] | ["block", "main_class"]:  # that one stands in an attribute
                    is_passed_over = True
                case ["endtrans" | "endblock", *_]:
                    is_passed_over = False
            expression = []
    parser = _Page()
    parser.feed("".join(page))
    parser.close()
    yield from parser.found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_button = tag == "input" and ("type", "submit") in attrs
        for name, value in attrs:
            if name in _SHOWN or (is_button and name == "value"):
                self._look(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # else a script or a style
            self._look(_ATTRIBUTE.sub("", data))  # a macro may write them

    def _look(self, text: str) -> None:
        if word := _PLAIN_WORD.search(text):
            line = self.getpos()[0] + text.count("\n", 0, word.start())
            self.found.append(Found(line, " ".join(text.split())))


# -- Python --------------------------------------------------------------------------------

_SENTENCE = re.compile(rf"[“\"(]?(?:[A-Z].* .*|{OBJECT}.* .*[a-z]{{2,}}.*)[.?…]", re.DOTALL)
_LABEL = re.compile(r"[\u201c\"(]?[A-Z][a-z\u2019']+(?: [^/{}]*)?")
# Errors of those who program or set up; nobody else sees them.
_PROGRAMMERS = {
    *("AssertionError", "ConfigurationError", "KeyError", "LookupError", "NotImplementedError"),
    *("RuntimeError", "TypeError", "ValueError"),
}
_LOGS = {"debug", "info", "warning", "error", "exception", "critical", "log", "warn"}


def labels_in_python(source: str) -> Iterator[Found]:
    """Words that begin with a capital, sentences or not: in views they are mostly labels."""
    yield from in_python(source, _LABEL)


def in_python(source: str, pattern: re.Pattern[str] = _SENTENCE) -> Iterator[Found]:
    """Sentences that are neither docstrings, nor marked, logged, or for programmers.

    A constant whose text is marked in the same module too is kept in English, and said by that.
    """
    tree = ast.parse(source)
    marked = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name_of(node.func) in MARKS
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    for node in tree.body:
        is_kept = (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and node.value.value in marked
        )
        if not is_kept:
            yield from _matching(node, pattern)


def _matching(node: ast.AST, pattern: re.Pattern[str]) -> Iterator[Found]:
    if isinstance(node, ast.Constant | ast.JoinedStr):
        text = _text_of(node)
        if text and pattern.fullmatch(text):
            yield Found(node.lineno, text)
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and _is_excused(node.func):
        if _name_of(node.func) in MARKS and not isinstance(node.args[0], ast.Constant):
            yield Found(node.lineno, f"{_name_of(node.func)}() of what is no text")
        return
    for child in ast.iter_child_nodes(node):
        yield from _matching(child, pattern)


def _text_of(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = (part.value if isinstance(part, ast.Constant) else OBJECT for part in node.values)
    return "".join(map(str, parts))


def _is_excused(called: ast.expr) -> bool:
    name = _name_of(called)
    match called:
        case ast.Attribute(value=ast.Name(id="log" | "logger" | "warnings")):
            return name in _LOGS
        case ast.Name() | ast.Attribute():
            return name in MARKS | _PROGRAMMERS
    return False


def _name_of(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


# -- scripts -------------------------------------------------------------------------------

_SCRIPT = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<template>`)
    | (?P<operator>===|!==|==|!=|=>|&&|\|\||\?\?=?|\?\.|\.\.\.|.)""",
    re.DOTALL | re.VERBOSE,
)
_PATTERN = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_CHUNK = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*", re.DOTALL)
_ENDS_A_VALUE = re.compile(r"[\w$)\]]$")
_BEFORE_A_VALUE = {"return", "case", "typeof", "in", "of", "await", "yield", "new"}
_ERRORS = frozenset({"Error", "TypeError", "RangeError"})


def in_script(source: str) -> Iterator[Found]:
    """Strings and template literals; what an `Error` says is for programmers."""
    yield from unmarked(_Script(source).tokens(), excused=_ERRORS)


class _Script:
    """A reader of JavaScript as far as strings go (ECMA-262, 12)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def tokens(self, *, until: str = "") -> list[Token]:
        """Up to the bracket that ends a template's hole, or to the end."""
        found: list[Token] = []
        depth = 0
        while self.at < len(self.source):
            line = self.source.count("\n", 0, self.at) + 1
            if pattern := self._pattern(found):
                self.at = pattern.end()
                found.append(Token(line, "pattern", "/"))
                continue
            match = _SCRIPT.match(self.source, self.at)
            assert match
            self.at = match.end()
            kind, text = str(match.lastgroup), match[0]
            if kind == "template":
                found += self._template(line)
            elif kind == "string":
                found.append(Token(line, kind, _unescaped(text[1:-1])))
            elif kind != "space":
                depth += {"{": 1, "}": -1}.get(text, 0)
                if until and depth < 0:
                    break
                found.append(Token(line, kind, text))
        return found

    def _pattern(self, before: list[Token]) -> re.Match[str] | None:
        """A regular expression, where a value may begin."""
        if not self.source.startswith("/", self.at) or self.source[self.at + 1] in "/*":
            return None
        last = before[-1].text if before else ""
        is_division = before and before[-1].kind in ("string", "template")
        if is_division or (_ENDS_A_VALUE.search(last) and last not in _BEFORE_A_VALUE):
            return None
        return _PATTERN.match(self.source, self.at)

    def _template(self, line: int) -> Iterator[Token]:
        """The literal's text, and then what stands in its holes."""
        chunks, holes = [], []
        while True:
            chunk = _CHUNK.match(self.source, self.at)
            assert chunk
            chunks.append(chunk[0])
            self.at = chunk.end() + 1  # the backtick, or the dollar sign
            if self.source[chunk.end()] == "`":
                break
            self.at += 1
            holes += [
                Token(line, "operator", "("),
                *self.tokens(until="}"),
                Token(line, "operator", ")"),
            ]
        yield Token(line, "template" if holes else "string", _unescaped(OBJECT.join(chunks)))
        yield from holes


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
