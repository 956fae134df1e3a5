"""How long a model trains, answers and is judged, by the event's settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from cli.estimate.assumptions import GPUS, Assumptions
from cli.estimate.demand import Wish
from league import judging
from league.event import Event
from league.judging import ORDERS, Game
from league.money import CHARACTERS_PER_TOKEN
from league.practice import practice_event
from league.question import Question

MEASURED_ON = "ml.g5.12xlarge"  # where Times.example_epoch holds
WORD = "word "  # an answer's text does not matter, its length does


@dataclass(frozen=True)
class GameTokens:
    """What one game takes, in tokens."""

    given: float
    said: float

    @property
    def total(self) -> float:
        return self.given + self.said


class Workload:
    """The work of one model, in seconds, games and tokens.

    `questions` are the practice questions: the hidden ones are like them, and stay unread.
    """

    def __init__(self, event: Event, assumed: Assumptions, questions: Sequence[Question]) -> None:
        self.event = event
        self.assumed = assumed
        self.questions = questions
        self.practice_games = 2 * len(questions) if event.limits.practice_judgings_per_day else 0
        self.game = game_tokens(event, assumed, questions)
        self.practice_game = game_tokens(practice_event(event), assumed, questions)
        self.hidden_answers = event.hidden_questions + event.second_hidden_questions
        prompts = min(assumed.people.own_prompts, event.limits.own_prompts)
        self.answers = self.hidden_answers + len(questions) + prompts

    def training_billed(self, wish: Wish) -> float:
        """Seconds of the training instance that are paid for: without its provisioning."""
        times = self.assumed.times
        epochs = times.example_epoch * wish.rows * wish.epochs / self._speed()
        computed = wish.preparing + epochs + times.uploading
        return min(computed, float(self.event.training.max_runtime_seconds))

    def training_held(self, wish: Wish) -> float:
        """Seconds for which the training slot is taken."""
        return wish.provisioning + self.training_billed(wish) + self.assumed.times.step

    def hosting_held(self, wish: Wish) -> float:
        """Seconds for which the hosting slot is taken; all are paid for.

        The machine looks every `endpoint_poll_seconds`, so it notices half of that late, twice:
        when the endpoint is in service and when it is gone.
        """
        times, poll = self.assumed.times, self.event.pace.endpoint_poll_seconds
        return wish.creating + self.answering() + times.deleting + poll + times.step

    def answering(self) -> float:
        """Seconds in which the endpoint answers everything."""
        sizes, hosting = self.assumed.sizes, self.event.hosting
        longer = min(sizes.answer_tokens, hosting.answer_tokens) / 350
        return self.assumed.times.answer * self.answers * longer

    def _speed(self) -> float:
        """How much faster the event's training instance is than the one that was measured."""
        gpus = GPUS.get(self.event.training.instance_type, GPUS[MEASURED_ON])
        return float(self.assumed.times.scaling ** math.log2(gpus / GPUS[MEASURED_ON]))


def game_tokens(event: Event, assumed: Assumptions, questions: Sequence[Question]) -> GameTokens:
    """One game's mean tokens, by the prompt that the judge is really sent."""
    sizes, cap = assumed.sizes, event.judging.answer_characters
    candidate = _text(min(sizes.answer_tokens, event.hosting.answer_tokens), cap)
    reference = _text(min(sizes.reference_tokens, event.reference.max_tokens), cap)
    parameters = judging.sampling(event.judge)
    characters = []
    for question in questions:
        game = Game(question, candidate, reference, ORDERS[0])
        asked = judging.request(game, event.judging, event.judge.model, parameters)
        characters.append(len(asked.system) + len(asked.user))
    said = min(sizes.verdict_tokens[event.judging.detail], event.judge.max_tokens)
    return GameTokens(mean(characters) / CHARACTERS_PER_TOKEN, said)


def _text(tokens: int, cap: int) -> str:
    return (WORD * tokens)[: min(cap, tokens * CHARACTERS_PER_TOKEN)]
