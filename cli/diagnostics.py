"""`league diagnostics`: what may explain a score. Offline only; nothing here feeds a rank.

The length-controlled win rate follows AlpacaEval 2 (Dubois et al. 2024, arXiv:2404.04475). It is no
defence: a constant answer reached 76.9 % raw and 86.5 % controlled on that leaderboard.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.audit_games import games_of, score_games
from cli.json_lines import BadInput, Problem, name_of, read_rows, refuse
from league.judging import GameRecord
from league.scoring import points_of

PENALTY = 100.0  # scikit-learn's C: weak, so that a model that wins everything still has a fit
INSTALL = "pip install scikit-learn==1.9.1"


@dataclass(frozen=True)
class Answered:
    """A question as one model met it. `length_difference` is candidate minus reference."""

    points: float
    length_difference: int


@dataclass(frozen=True)
class LengthControl:
    """Win rates in percent, as played and at equal lengths, and the weights of the fit.

    `length` is the weight of tanh(difference / standard deviation): above 0, longer answers won.
    """

    win_rate: float
    length_controlled: float
    length: float
    difficulty: float
    model: float


class SklearnMissing(Exception):
    """scikit-learn is not installed; the message names the command that installs it."""


def length_controlled(
    answered: Sequence[Answered], difficulty: Sequence[float], penalty: float = PENALTY
) -> LengthControl:
    """Fit logit p = w1 tanh(delta / sd) + w2 difficulty + w3 and predict it at delta 0.

    A question of half a point is half a win and half a loss. `difficulty` is one number a question,
    0 for all when nothing is known of it. `penalty` is the inverse strength of the L2 penalty.

    Raises:
        SklearnMissing: scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise SklearnMissing(f"this diagnostic needs scikit-learn: {INSTALL}") from None
    lengths = _tanh_lengths([answer.length_difference for answer in answered])
    features = [[length, hard, 1.0] for length, hard in zip(lengths, difficulty, strict=True)]
    points = [answer.points for answer in answered]
    fit = LogisticRegression(C=penalty, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(
        features * 2,
        [1] * len(points) + [0] * len(points),
        sample_weight=points + [1 - value for value in points],
    )
    w1, w2, w3 = (float(weight) for weight in fit.coef_[0])
    at_equal_length = [1 / (1 + math.exp(-(w2 * hard + w3))) for hard in difficulty]
    return LengthControl(
        win_rate=100 * sum(points) / len(points),
        length_controlled=100 * sum(at_equal_length) / len(points),
        length=w1,
        difficulty=w2,
        model=w3,
    )


def difficulties(models: Sequence[Mapping[str, float]], questions: Sequence[str]) -> list[float]:
    """How easy each question was for all `models`: the logit of their smoothed mean points.

    Centred, so that the model's own weight stays its strength on the average question; 0 for all
    when there is only one model, which says nothing of its questions.
    """
    if len(models) < 2:
        return [0.0] * len(questions)
    logits = []
    for question in questions:
        met = [points[question] for points in models if question in points]
        share = (sum(met) + 0.5) / (len(met) + 1)
        logits.append(math.log(share / (1 - share)))
    centre = sum(logits) / len(logits)
    return [value - centre for value in logits]


def _tanh_lengths(differences: Sequence[int]) -> list[float]:
    n = len(differences)
    centre = sum(differences) / n
    spread = math.sqrt(sum((value - centre) ** 2 for value in differences) / max(n - 1, 1))
    return [math.tanh(value / spread) if spread else 0.0 for value in differences]


def answered_questions(games: Sequence[GameRecord]) -> dict[str, Answered]:
    """Each question of a model's games, by id; those without lengths are left out."""
    lengths = {
        game.question_id: game.candidate_characters - game.reference_characters
        for game in games
        if game.reference_characters
    }
    points = points_of(score_games(games).outcomes)
    questions = sorted({game.question_id for game in games})
    return {
        question: Answered(value, lengths[question])
        for question, value in zip(questions, points, strict=True)
        if question in lengths
    }


@click.group()
def diagnostics() -> None:
    """What may explain a score; never part of one."""


@diagnostics.command("length")
@click.argument("files", metavar="GAMES...", type=click.File("rb"), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")
def length_command(files: Sequence[BinaryIO], as_json: bool) -> None:
    """Win rates at equal answer lengths, after AlpacaEval 2. A diagnostic: it ranks nobody.

    GAMES are audit records or games as for `league audit score`, one file a model, with
    candidate_characters and reference_characters. With several models a question's difficulty is
    taken into account. Needs scikit-learn.
    """
    try:
        models = {name_of(file): _answered(file) for file in files}
        found = _controlled(models)
    except BadInput as error:
        refuse(error, as_json)
    except SklearnMissing as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        _print(found)


def _answered(file: BinaryIO) -> dict[str, Answered]:
    answered = answered_questions(games_of(read_rows(file, half_characters=True)))
    if not answered:
        remedy = "give each game candidate_characters and reference_characters"
        raise BadInput([Problem(name_of(file), 0, "", "holds no answer lengths", remedy)])
    return answered


def _controlled(models: Mapping[str, Mapping[str, Answered]]) -> list[dict[str, Any]]:
    points = [{q: one.points for q, one in answered.items()} for answered in models.values()]
    found = []
    for name, answered in models.items():
        hard = difficulties(points, list(answered))
        found.append({"file": name, **asdict(length_controlled([*answered.values()], hard))})
    return found


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    table = Table("games", "win rate", "at equal length", "weight of length")
    for row in found:
        rates = (f"{row[name]:.1f} %" for name in ("win_rate", "length_controlled"))
        table.add_row(escape(row["file"]), *rates, f"{row['length']:+.2f}")
    Console().print(table)
