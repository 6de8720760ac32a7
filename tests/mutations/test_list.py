"""The list of mutations fits the code and the tests."""

from __future__ import annotations

import ast
import re

import pytest
from tests.mutations.run import CORES, ROOT, Mutation, load


@pytest.fixture(scope="module")
def mutations() -> list[Mutation]:
    return load()


def test_each_mutation_can_be_applied(mutations: list[Mutation]) -> None:
    for mutation in mutations:
        text = (ROOT / mutation.file).read_text("utf-8")
        mutated = mutation.applied_to(text)
        assert mutated != text
        if mutation.file.endswith(".py"):
            ast.parse(mutated)


def test_tests_of_each_mutation_exist(mutations: list[Mutation]) -> None:
    tests = {test for mutation in mutations for test in mutation.tests}
    missing = []
    for test in tests:
        path, name = test.split("::")
        if not re.search(
            rf"^(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE
        ):
            missing.append(test)
    assert missing == []


def test_names_are_sentences_and_none_is_in_two_files(mutations: list[Mutation]) -> None:
    promises = [mutation.promise for mutation in mutations]
    assert len(set(promises)) == len(promises)
    assert [promise for promise in promises if not promise.endswith(".")] == []
    assert {mutation.core for mutation in mutations} == set(CORES)
