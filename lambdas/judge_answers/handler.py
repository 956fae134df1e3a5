"""Judge answers: every hidden question, both orders, each verdict kept in the vault."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle, models
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import logger, metrics, settings, table
from lambdas.shared.large_models import LargeModel, large_model
from lambdas.shared.storage import Bucket
from league import judging, keys
from league.errors import JudgeUnavailable, NotPrepared
from league.judging import Game, GameRecord
from league.question import parse_questions
from league.records import ModelState

ATTEMPTS = 2  # a malformed verdict is asked for once more


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Play what has not been played: games already in the vault are final."""
    models.load(table(), event)
    models.move(table(), event, ModelState.JUDGING)
    vault = Bucket(settings().vault_bucket)
    league = bundle.event()
    key = keys.games(event["model_id"], league.judging.protocol)
    games = _games(vault, event["model_id"])
    kept = vault.read_lines(key)
    played = {(row["question_id"], row["order"]) for row in kept}
    judge = large_model(league.judge, league)

    def play(game: Game) -> GameRecord | Exception:
        try:
            return _play(judge, game)
        except (ClientError, BotoCoreError) as error:
            failure: Exception = error
            return failure

    todo = [game for game in games if (game.question.id, game.order) not in played]
    results = concurrently(play, todo, league.judge.concurrency)
    rows = [asdict(result) for result in results if isinstance(result, GameRecord)]
    vault.write_lines(key, [*kept, *rows])
    _report(event["model_id"], results)
    return {"games": len(kept) + len(rows)}


def _report(model_id: str, results: list[GameRecord | Exception]) -> None:
    records = [result for result in results if isinstance(result, GameRecord)]
    errors = [result for result in results if isinstance(result, Exception)]
    tokens = sum(record.input_tokens + record.output_tokens for record in records)
    metrics.add_metric("JudgeTokens", MetricUnit.Count, tokens)
    without = sum(record.winner is None for record in records)
    metrics.add_metric("GamesWithoutVerdict", MetricUnit.Count, without)
    logger.info("judged", model_id=model_id, games=len(records), tokens=tokens, errors=len(errors))
    if errors:
        kinds = sorted({type(error).__name__ for error in errors})
        raise JudgeUnavailable(f"{len(errors)} games were not judged: {', '.join(kinds)}")


def _games(vault: Bucket, model_id: str) -> list[Game]:
    reference = vault.read_json(keys.REFERENCE_ANSWERS)
    if reference is None:
        raise NotPrepared("the vault holds no reference answers")
    cap = bundle.event().judging.answer_characters
    questions = parse_questions(vault.read(keys.HIDDEN_QUESTIONS) or "")
    answers = vault.read_json(keys.hidden_answers(model_id))
    texts = {row["question_id"]: row["text"] for row in answers["answers"]}
    references = {row["question_id"]: row["text"] for row in reference["answers"]}

    def canonical(text: str) -> str:
        return judging.canonicalise(text, cap).text

    return [
        Game(
            question,
            canonical(texts.get(question.id, "")),
            canonical(references[question.id]),
            order,
        )
        for question in questions
        for order in judging.ORDERS
    ]


def _play(judge: LargeModel, game: Game) -> GameRecord:
    settled = judging.settled_without_judge(game)
    if settled:
        return _record(game, winner=settled, why="settled without the judge")
    league = bundle.event()
    request = judging.request(game, league.judging, league.judge.model)
    used = [0, 0]
    verdict = judging.Verdict(None)
    for _ in range(ATTEMPTS):
        answer = judge.ask(request.system, request.user)
        used = [used[0] + answer.input_tokens, used[1] + answer.output_tokens]
        verdict = judging.parse_verdict(answer.text, answer.stop_reason)
        if verdict.winner is not None:
            break
    return _record(
        game,
        winner=judging.outcome(game, verdict),
        why=verdict.why,
        criteria=judging.candidate_criteria(game, verdict),
        input_tokens=used[0],
        output_tokens=used[1],
    )


def _record(game: Game, **fields: Any) -> GameRecord:
    question = game.question
    return GameRecord(question_id=question.id, topic=question.topic, order=game.order, **fields)
