"""The layers and the habits of DESIGN.md, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {"app.models": 0, "app.services": 1, "app.views": 2, "app.live": 2, "app.cli": 2}


@dataclass(frozen=True)
class Module:
    path: str
    tree: ast.Module
    text: str

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def imports(self) -> set[str]:
        """Dotted names that it imports, `from a import b` as "a.b" and "a"."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Each call with what is called, as written."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


@cache
def modules(*folders: str) -> list[Module]:
    paths = sorted(path for folder in folders or ("app",) for path in (ROOT / folder).rglob("*.py"))
    found = []
    for path in paths:
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        if "/migrations/" not in name:
            found.append(Module(name, ast.parse(text), text))
    return found


def services() -> list[Module]:
    return modules("app/services")


def models() -> list[Module]:
    return modules("app/models")


def everything() -> list[Module]:
    top = [ROOT / "config.py", ROOT / "run.py", ROOT / "eventloop.py"]
    return modules() + [
        Module(path.name, ast.parse(path.read_text()), path.read_text()) for path in top
    ]


def layer_of(name: str) -> int | None:
    return next(
        (level for layer, level in LAYERS.items() if name == layer or name.startswith(layer + ".")),
        None,
    )


def test_there_is_something_to_read() -> None:
    assert len(models()) > 10
    assert len(services()) > 30


def test_a_layer_imports_only_what_is_below_it() -> None:
    upwards = [
        f"{module.path} imports {name}"
        for module in modules()
        if (level := layer_of(module.name)) is not None
        for name in module.imports()
        if (other := layer_of(name)) is not None and other > level
    ]
    assert upwards == []


def test_models_and_services_import_no_wiring_and_no_faces() -> None:
    allowed = {"app.extensions", "app.models", "app.services"}
    foreign = [
        f"{module.path} imports {name}"
        for module in models() + services()
        for name in module.imports()
        if name.startswith("app.") and ".".join(name.split(".")[:2]) not in allowed
    ]
    assert foreign == []


def test_the_extensions_import_no_application_code() -> None:
    (extensions,) = (module for module in modules() if module.path == "app/extensions.py")
    assert [name for name in extensions.imports() if name.startswith("app")] == []


REQUEST = {"flask.request", "flask.session", "flask.g"}


def test_services_and_models_know_no_request_and_no_signed_in_user() -> None:
    found = [
        f"{module.path} imports {name}"
        for module in models() + services()
        for name in module.imports()
        if name.startswith(("flask_login", "flask_jwt_extended", "flask_wtf")) or name in REQUEST
    ]
    assert found == []
    used = [
        module.path
        for module in models() + services()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "current_user"
    ]
    assert used == []


WRITES = {"insert", "update", "delete", "sqlite_insert", "pg_insert"}


def test_only_the_ledger_writes_busy_periods() -> None:
    writers = {
        module.path
        for module in modules()
        for called, call in module.calls()
        if (called.split(".")[-1] in WRITES or called == "BusyPeriod")
        and ("BusyPeriod" in called or any("BusyPeriod" in ast.unparse(arg) for arg in call.args))
        and (called == "BusyPeriod" or ast.unparse(call.args[0]).startswith("BusyPeriod"))
    }
    assert writers == {"app/services/ledger.py"}
    raw = [
        module.path
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(f"{verb} busy_period" in node.value for verb in ("INTO", "UPDATE", "FROM"))
    ]
    assert raw == []


def test_only_transactions_commit_and_roll_back() -> None:
    found = {
        f"{module.path}: {called}"
        for module in modules()
        for called, _ in module.calls()
        if called.split(".")[-1] in {"commit", "rollback"} and "session" in called
    }
    assert found == {
        "app/services/transaction.py: session.commit",
        "app/services/transaction.py: session.rollback",
        # Ends a read, not a command: what came since is to be seen.
        "app/live.py: db.session.rollback",
    }


def test_only_the_clock_tells_the_time() -> None:
    clocks = {"now", "utcnow", "today"}
    found = {
        module.path
        for module in everything()
        for called, _ in module.calls()
        if called.split(".")[-1] in clocks and called.split(".")[0] in {"datetime", "date", "dt"}
    }
    assert found == {"app/services/clock.py"}


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("eventlet", {"eventloop.py"}),
        ("ics", {"app/services/icalendar_export.py"}),
    ],
)
def test_a_package_is_wrapped_once(package: str, home: set[str]) -> None:
    found = {
        module.path
        for module in everything()
        if any(name.split(".")[0] == package for name in module.imports())
    }
    assert found == home


def test_no_module_is_called_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "managers", "base_service"}
    folders = modules("app", "tests", "tools")
    assert [module.path for module in folders if vague & set(module.name.split("."))] == []


def public_functions(module: Module) -> Iterator[ast.FunctionDef]:
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (
                each
                for each in node.body
                if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
            )


def test_public_functions_of_services_say_what_they_do() -> None:
    silent = [
        f"{module.path}: {function.name}"
        for module in services()
        for function in public_functions(module)
        if not ast.get_docstring(function)
    ]
    assert silent == []


def test_every_module_says_what_it_is() -> None:
    silent = [module.path for module in everything() if not ast.get_docstring(module.tree)]
    assert silent == []


def test_a_broad_except_states_its_reason() -> None:
    """Where `except Exception` stands, the line or the module's docstring says why."""
    unexplained = []
    for module in everything():
        lines = module.text.splitlines()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            ):
                line = lines[node.lineno - 1]
                reraises = any(
                    isinstance(each, ast.Raise) and each.exc is None for each in node.body
                )
                stated = "#" in line or "Exception" in (ast.get_docstring(module.tree) or "")
                if not (reraises or stated):
                    unexplained.append(f"{module.path}:{node.lineno}")
    assert unexplained == []
