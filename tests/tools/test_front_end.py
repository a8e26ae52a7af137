"""What `make` puts into app/static/vendor/ is complete and leads nowhere else."""

import re

import pytest

from tools import front_end


def test_every_listed_icon_is_a_symbol() -> None:
    drawn = re.findall(r'<symbol id="([^"]+)"', (front_end.VENDOR / "icons.svg").read_text())
    assert drawn == front_end.icon_names()
    assert "calendar" in drawn


def test_an_unknown_icon_is_refused_with_what_comes_near() -> None:
    with pytest.raises(SystemExit, match=r"no icon 'calender'.*calendar"):
        front_end.symbol("calender")


@pytest.mark.parametrize("name", ["socket.io.js", "inter.css", "icons.svg"])
def test_served_files_refer_only_to_files_beside_them(name: str) -> None:
    text = (front_end.VENDOR / name).read_text("utf-8")
    assert "sourceMappingURL" not in text
    for reference in re.findall(r"url\(([^)]+)\)", text):
        assert (front_end.VENDOR / reference).is_file()


def test_a_module_that_imports_a_package_is_refused(tmp_path) -> None:
    source = tmp_path / "module.js"
    source.write_text('import { html } from "atomico";\n')
    with pytest.raises(SystemExit, match="imports another package"):
        front_end.module(source)


def test_a_module_loses_its_source_map_and_nothing_else(tmp_path) -> None:
    source = tmp_path / "module.js"
    source.write_text('import "./beside.js";\nlet a = 1;\n//# sourceMappingURL=module.js.map')
    assert front_end.module(source) == 'import "./beside.js";\nlet a = 1;\n'
