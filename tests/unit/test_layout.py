"""`operator` is a stdlib module: the folder of that name must stay a plain source root."""

from __future__ import annotations

import operator
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_operator_folder_holds_no_python_file() -> None:
    assert list((ROOT / "operator").glob("*.py")) == []


def test_every_folder_with_python_files_below_operator_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "operator").rglob("*.py")}

    assert [str(f) for f in folders if not (f / "__init__.py").exists()] == []


def test_operator_is_the_one_of_the_standard_library() -> None:
    stdlib = Path(sys.base_prefix).resolve()

    assert stdlib in Path(operator.__file__).resolve().parents
