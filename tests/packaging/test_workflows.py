"""The workflows run only code that a commit of this repository chose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github/workflows").glob("*.yml"))
#: A release by its commit, and its version for readers and for updates.
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
STEP = re.compile(r"^ +- ", re.MULTILINE)

if not WORKFLOWS:
    pytest.skip("a distribution has no workflows", allow_module_level=True)


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text("utf-8")


def test_actions_are_named_by_a_commit(workflow: str) -> None:
    used = [used.strip() for used in re.findall(r"\buses: (.+)", workflow)]
    assert used
    assert [name for name in used if not (name.startswith("./") or PINNED.fullmatch(name))] == []


def test_no_step_keeps_the_credentials_of_a_checkout(workflow: str) -> None:
    checkouts = [step for step in STEP.split(workflow) if "actions/checkout@" in step]
    assert [step for step in checkouts if "persist-credentials: false" not in step] == []


def test_nothing_is_pasted_into_a_script(workflow: str) -> None:
    scripts = re.findall(r"\brun: (\|\n(?: {10,}.*\n)+|.+)", workflow)
    assert [script for script in scripts if "${{" in script] == []


def test_reading_is_all_that_is_permitted_unless_a_job_says_more(workflow: str) -> None:
    assert re.search(r"^permissions:\n  contents: read\n\n", workflow, re.MULTILINE)
