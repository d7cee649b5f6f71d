"""The bill of materials of an image: Python's, npm's and Debian's in one, and the licences that they declare."""

from pathlib import Path
from typing import Any

import msgspec

from services.bill import BILL, LICENCES, licences, main, merged, of_base


def _component(name: str, *stated: dict[str, Any]) -> dict[str, Any]:
    return {"bom-ref": f"{name}@1", "name": name, "version": "1", "licenses": list(stated)}


def _document(root: str, dependencies: dict[str, list[str]], *components: Any) -> dict[str, Any]:
    return {
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": root, "name": root}},
        "components": list(components),
        "dependencies": [{"ref": ref, "dependsOn": needs} for ref, needs in dependencies.items()],
    }


PYTHON = _document(
    "root",
    {"root": ["httpx@1"], "httpx@1": ["anyio@1"], "anyio@1": []},
    _component("httpx", {"license": {"id": "BSD-3-Clause"}}, {"license": {"name": "License :: OSI Approved :: BSD License"}}),
    _component("anyio", {"expression": "MIT OR Apache-2.0"}),
    _component("Nkeys", {"license": {"name": "License :: OSI Approved :: Apache Software License"}}),
    {"bom-ref": "silent@1", "name": "silent", "version": "1"},
)  # fmt: skip
PAGE = _document(
    "page", {"page": ["lit@1"], "lit@1": []}, _component("lit", {"license": {"id": "MIT"}})
)

BASE = "debian 13\nlibstdc++6 14.2.0-19 amd64\npython 3.13.5\n"


def test_bill_has_the_packages_of_all() -> None:
    """Every package of each is in it, and the whole depends on what the page is made of."""
    bill = merged(PYTHON, PAGE, of_base(BASE))

    assert [each["name"] for each in bill["components"]] == [
        "httpx", "anyio", "Nkeys", "silent", "lit", "libstdc++6", "python",
    ]  # fmt: skip
    assert {each["ref"]: each["dependsOn"] for each in bill["dependencies"]} == {
        "root": ["httpx@1", "lit@1"], "httpx@1": ["anyio@1"], "anyio@1": [], "lit@1": [],
    }  # fmt: skip
    assert bill["metadata"] == PYTHON["metadata"]


def test_licences_are_those_that_makers_declare() -> None:
    """By SPDX names where there are some, else in words; a package that declares none says so."""
    assert list(licences(merged(PYTHON, PAGE, of_base(BASE)))) == [
        "anyio 1: MIT OR Apache-2.0",
        "httpx 1: BSD-3-Clause",
        "libstdc++6 14.2.0-19: as in /usr/share/doc/libstdc++6/copyright",
        "lit 1: MIT",
        "Nkeys 1: Apache Software License",
        "python 3.13.5: as its makers say",
        "silent 1: not declared",
    ]


def test_packages_of_the_base_are_named_as_scanners_look_them_up() -> None:
    """By purl, in which what Debian's names and versions may hold is escaped; Python is none of the distribution's."""
    found = [each["purl"] for each in of_base(f"{BASE}adduser 1:3.152 all\n")]

    assert found == [
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=debian-13",
        "pkg:generic/python@3.13.5",
        "pkg:deb/debian/adduser@1%3A3.152?arch=all&distro=debian-13",
    ]


def test_both_files_are_written(tmp_path: Path) -> None:
    """The command reads what the tools wrote and leaves the bill and the list side by side."""
    for name, document in (("python", PYTHON), ("page", PAGE)):
        (tmp_path / name).write_bytes(msgspec.json.encode(document))
    (tmp_path / "base").write_text(BASE)
    code = main([str(tmp_path / name) for name in ("python", "page", "base", "")])

    assert code == 0
    assert msgspec.json.decode((tmp_path / BILL).read_bytes()) == merged(
        PYTHON, PAGE, of_base(BASE)
    )
    assert len((tmp_path / LICENCES).read_text().splitlines()) == 7
