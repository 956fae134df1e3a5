"""Publish, when others publish at the same moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.publish_leaderboard import handler as publish
from league.errors import BoardBusy
from stacks.definition import FOLDER


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the next `times` writes come too late; answers how many there were."""

    def lose(times: int) -> list[bytes]:
        written: list[bytes] = []

        def write(body: bytes, standing: str | None) -> bool:
            written.append(body)
            return len(written) > times

        monkeypatch.setattr(publish, "_write", write)
        return written

    monkeypatch.setattr(publish, "_standing_tag", lambda: '"tag"')
    monkeypatch.setattr(publish, "_board", lambda: {"rows": []})
    return lose


def test_board_that_others_wrote_meanwhile_is_derived_and_written_again(lose: Any) -> None:
    written = lose(3)
    assert publish.handler({}, None)["tag"]
    assert len(written) == 4


def test_board_that_others_keep_writing_is_an_error_that_the_machine_tries_again(lose: Any) -> None:
    lose(publish.TRIES)
    with pytest.raises(BoardBusy):
        publish.handler({}, None)
    machine = json.loads((FOLDER / "train_deploy_judge.asl.json").read_text())
    retriers = machine["States"]["Publish"]["Retry"]
    assert [retrier for retrier in retriers if BoardBusy.__name__ in retrier["ErrorEquals"]]
