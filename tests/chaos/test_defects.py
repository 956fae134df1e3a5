"""Seeded defects can be planted; whether each is caught says `make chaos-teeth`."""

from __future__ import annotations

import pytest

from local.chaos import teeth
from local.chaos.defects import DEFECTS
from local.chaos.product import ROOT


@pytest.fixture(scope="module")
def product() -> list[str]:
    return [
        path.read_text(encoding="utf-8")
        for folder, pattern in teeth.SEARCHED
        for path in sorted((ROOT / folder).glob(pattern))
    ]


def test_there_are_more_than_twenty_and_none_twice():
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) > 20


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_text_of_a_defect_stands_exactly_once_in_the_product(defect, product):
    assert sum(text.count(defect.text) for text in product) == 1
    assert defect.instead != defect.text


def test_defect_that_cannot_be_planted_is_no_defect_caught(tmp_path):
    nowhere = teeth.Defect("nowhere", "", "this text stands nowhere in the product", "")
    with pytest.raises(teeth.NotPlanted):
        teeth.plant(nowhere, tmp_path)
