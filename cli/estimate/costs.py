"""What a league comes to, in USD at list prices."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from statistics import mean

from cli.estimate.demand import DAY
from cli.estimate.simulation import Journey, Outcome
from cli.estimate.workload import GameTokens, Workload
from league.event import LargeModel
from league.leaderboard import CONTENDERS
from league.money import CHARACTERS_PER_TOKEN, MICRO, instance_musd, slot_musd, tokens_musd

MONTH = 30 * DAY
TURN_SECONDS = 840  # of a judging function's time, before the machine calls it again


@dataclass(frozen=True)
class Costs:
    """USD. `practice`: judging answers to the practice questions; `preparing`: reference answers,
    the untuned baseline, the second set of the best; `other`: Step Functions, DynamoDB, Lambda, S3
    requests, and what an event pays for being there."""

    training: float
    hosting: float
    judging: float
    practice: float
    preparing: float
    storage: float
    other: float

    @property
    def total(self) -> float:
        return float(sum(getattr(self, part.name) for part in fields(self)))


def costs(outcome: Outcome) -> Costs:
    """What `outcome` costs.

    Raises:
        UnknownPrice: `league.prices` does not list something the event uses.
    """
    work, journeys = outcome.work, outcome.journeys
    event = work.event
    training = sum(work.training_billed(journey.wish) for journey in journeys)
    hosting = sum(journey.hosting.left - journey.hosting.granted for journey in journeys)
    return Costs(
        training=slot_musd(event, "training", round(training)) / MICRO,
        hosting=slot_musd(event, "hosting", round(hosting)) / MICRO,
        judging=_judging(outcome),
        practice=_tokens(event.judge, outcome.practice_games, work.practice_game),
        preparing=_preparing(outcome),
        storage=stored_gb_seconds(outcome) / MONTH * work.assumed.bill.gb_month,
        other=_other(outcome),
    )


def per_participant(outcome: Outcome) -> dict[int, float]:
    """USD by the league's own ledger: what counts towards a participant's cap."""
    work, found = outcome.work, defaultdict[int, float](float)
    event = work.event
    for journey in outcome.journeys:
        seconds = round(journey.hosting.left - journey.hosting.granted)
        musd = slot_musd(event, "training", round(work.training_billed(journey.wish)))
        musd += slot_musd(event, "hosting", seconds)
        games = _tokens(event.judge, journey.games, work.game)
        found[journey.wish.participant] += musd / MICRO + games
    return found


def stored_gb_seconds(outcome: Outcome, *, all_of_them: bool = False) -> float:
    """Gigabyte-seconds of trained weights, until the last of them has expired."""
    size = outcome.work.assumed.sizes.weights_gb
    kept = outcome.work.event.retention_days * DAY
    if all_of_them:
        return size * kept * len(outcome.journeys)
    return size * sum(
        min(until - journey.training.left, kept) for journey, until in _expiries(outcome)
    )


def _expiries(outcome: Outcome) -> Iterator[tuple[Journey, float]]:
    """When each model's weights expire, by the rule of `league.artifacts`."""
    owners = defaultdict[int, list[Journey]](list)
    for journey in sorted(outcome.journeys, key=lambda journey: journey.done):
        owners[journey.wish.participant].append(journey)
    for models in owners.values():
        yield from _expiries_of(models, outcome)


def _expiries_of(models: Iterable[Journey], outcome: Outcome) -> Iterator[tuple[Journey, float]]:
    """`models` are one participant's, in the order in which they were done."""
    event = outcome.work.event
    kept: dict[bool, list[Journey]] = {True: [], False: []}  # by whether they were submitted
    for journey in models:
        submitted = journey.wish.submitted
        first = sorted([*kept[submitted], journey], key=_rank)
        for other in first[event.artifacts.best :]:
            yield other, journey.done + event.artifacts.days * DAY
        kept[submitted] = first[: event.artifacts.best]
    for journey in [*kept[True], *kept[False]]:
        yield journey, journey.training.left + event.retention_days * DAY


def _rank(journey: Journey) -> float:
    """The best of those that were submitted come first, and the newest of those that were not."""
    return -journey.wish.win_rate if journey.wish.submitted else -journey.done


def _judging(outcome: Outcome) -> float:
    event, work = outcome.work.event, outcome.work
    if event.judge.kind == "endpoint":
        return _large_endpoint(work, outcome.judge_up_seconds)
    return _tokens(event.judge, sum(one.games for one in outcome.submitted()), work.game)


def _preparing(outcome: Outcome) -> float:
    work = outcome.work
    event, sizes, times = work.event, work.assumed.sizes, work.assumed.times
    games = 2 * event.hidden_questions + CONTENDERS * 2 * event.second_hidden_questions
    judged = _tokens(event.judge, games, work.game)
    baseline = round(mean(work.hosting_held(one.wish) for one in outcome.journeys))
    hosted = slot_musd(event, "hosting", baseline) / MICRO
    if event.reference.kind == "endpoint":
        answering = work.hidden_answers * times.reference / event.reference.concurrency
        return judged + hosted + _large_endpoint(work, times.loading + answering)
    asked = work.hidden_answers * (len(event.reference_prompt) // CHARACTERS_PER_TOKEN + 110)
    said = work.hidden_answers * min(sizes.reference_tokens, event.reference.max_tokens)
    return judged + hosted + tokens_musd(event.reference, asked, said) / MICRO


def _large_endpoint(work: Workload, seconds: float) -> float:
    large = work.event.large_endpoint
    assert large is not None  # league.event checks it
    return instance_musd(large.instance_type, round(seconds)) / MICRO


def _tokens(model: LargeModel, games: float, game: GameTokens) -> float:
    return tokens_musd(model, round(games * game.given), round(games * game.said)) / MICRO


def _other(outcome: Outcome) -> float:
    work, journeys = outcome.work, outcome.journeys
    bill, poll = work.assumed.bill, work.event.pace.endpoint_poll_seconds
    months = (outcome.demand.seconds + DAY) / MONTH
    polls = sum(journey.wish.creating / poll for journey in journeys)
    judging = [one.judging.left - one.judging.asked for one in outcome.submitted()]
    turns = sum(1 + seconds // TURN_SECONDS for seconds in judging)
    transitions = bill.transitions * len(journeys) + 3 * polls + 3 * turns
    long = sum(judging) + work.answering() * len(journeys)
    gb_seconds = bill.long_gb * long + bill.short_gb_seconds * len(journeys)
    puts = sum(one.games for one in outcome.submitted()) + 40 * len(journeys)
    each = bill.writes * bill.write + bill.reads * bill.read + bill.calls * bill.call
    return (
        transitions * bill.transition
        + gb_seconds * bill.gb_second
        + puts * bill.put
        + each * len(journeys)
        + bill.standing * max(1.0, months)
    )
