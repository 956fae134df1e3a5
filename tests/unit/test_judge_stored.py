"""What judging keeps, on an engine: the minute's tokens in the table, games in a bucket."""

from concurrent.futures import ThreadPoolExecutor

from lambdas.shared.storage import Bucket
from lambdas.shared.token_budget import TokenBudget
from tests.unit.test_judge_fixtures import START, FakeTime

pytest_plugins = ["tests.unit.test_api_fixtures"]


def test_executions_never_reserve_more_than_the_minute_holds(cloud):
    table = cloud.table()
    now = FakeTime(START + 1)
    executions = [TokenBudget(table, "judge", 1000, now, jitter=lambda: 0.0) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        waits = [*pool.map(lambda number: executions[number % 8].take(70, calls=3), range(64))]
    assert waits.count(0.0) == 1000 // 70
    assert set(waits) == {0.0, 59.0}
    (item,) = table.query("TOKENS#judge")
    assert item["used"] <= 1000
    assert item["expires"] > START
    now.wait_until(START + 60)
    assert executions[0].take(70) == 0
    assert len(list(table.query("TOKENS#judge"))) == 2


def test_object_is_written_once_and_listed_in_order(cloud):
    bucket = Bucket(cloud.bucket("vault"), cloud.s3)
    assert bucket.write_new("games/b.json", {"winner": "tie"})
    assert not bucket.write_new("games/b.json", {"winner": "candidate"})
    assert bucket.read_json("games/b.json") == {"winner": "tie"}
    bucket.write_new("games/a.json", {})
    bucket.write_new("other/a.json", {})
    assert bucket.keys("games/") == ["games/a.json", "games/b.json"]


def test_one_of_many_writers_of_a_game_is_first(cloud):
    bucket = Bucket(cloud.bucket("vault"), cloud.s3)
    with ThreadPoolExecutor(8) as pool:
        written = [
            *pool.map(lambda number: bucket.write_new("game.json", {"by": number}), range(8))
        ]
    assert written.count(True) == 1
    assert bucket.read_json("game.json") == {"by": written.index(True)}
