"""Money, counted in micro-USD (musd, integers): what things cost, and what they may cost at most.

Prices are AWS's list prices (`league.prices`). An instance or a judge whose price is not known is
refused when the event is read (`unpriced`): a cap over unknown prices would hold nothing. Free are
the tokens of a large model that is marked `stand_in`, and of one on the event's own endpoint, which
is paid by the hour. Stand-ins for instances cost what the instance costs.
"""

from collections.abc import Iterable

from league.errors import UnknownPrice
from league.event import Event, LargeModel
from league.judging import load_protocol
from league.keys import SlotKind
from league.prices import PRICE_PER_HOUR, PRICE_PER_MILLION_TOKENS, price_per_million_tokens
from league.slots import billed_seconds

MICRO = 1_000_000
HOUR = 3600
ORDERS = 2  # of a question's two answers; judging.orders may do with fewer
CALLS_PER_GAME = 3  # the judge is asked so often for a verdict (`league.judging.requests`)
CHARACTERS_PER_TOKEN = 4  # English prose
QUESTION_TOKENS = 1000  # a question with its grading notes
ESCAPES = 2  # JSON's escapes, and another tokenizer than the one that counted the answers


def micro(usd: float) -> int:
    return round(usd * MICRO)


def shown(musd: int) -> str:
    """For a person: `12.30 USD`."""
    return f"{musd / MICRO:.2f} USD"


def instance_musd(instance_type: str, seconds: int) -> int:
    """One instance for `seconds`.

    Raises:
        UnknownPrice: `league.prices` does not list it.
    """
    if instance_type not in PRICE_PER_HOUR:
        raise UnknownPrice(instance_type)
    return _quotient(micro(PRICE_PER_HOUR[instance_type]) * seconds, HOUR)


def tokens_musd(model: LargeModel, input_tokens: int, output_tokens: int) -> int:
    """A large model's tokens.

    Raises:
        UnknownPrice: `league.prices` does not list it.
    """
    if model.stand_in or model.kind == "endpoint":
        return 0
    prices = price_per_million_tokens(model.model)
    if prices is None:
        raise UnknownPrice(model.model)
    of_input, of_output = map(micro, prices)
    return _quotient(of_input * input_tokens + of_output * output_tokens, MICRO)


def slot_musd(event: Event, kind: SlotKind, seconds: int) -> int:
    """A slot's instance for `seconds`."""
    return instance_musd(slot_instance(event, kind), seconds)


def slot_instance(event: Event, kind: SlotKind) -> str:
    return (event.training if kind == "training" else event.hosting).instance_type


def dearest_slot(event: Event, kind: SlotKind) -> int:
    """What a slot costs at most; reserved when it is granted."""
    return slot_musd(event, kind, billed_seconds(event, kind))


def dearest_judging(event: Event, questions: int) -> int:
    """What judging answers to `questions` costs at most: both orders of each, every game asked
    until nothing is left to ask, every answer as long as it may be."""
    calls = questions * ORDERS * CALLS_PER_GAME
    return tokens_musd(event.judge, calls * longest_prompt(event), calls * event.judge.max_tokens)


def dearest_reference(event: Event, questions: int) -> int:
    """What the reference model's answers to `questions` cost at most, each asked for once."""
    prompt = QUESTION_TOKENS + _quotient(len(event.reference_prompt), CHARACTERS_PER_TOKEN)
    return tokens_musd(event.reference, questions * prompt, questions * event.reference.max_tokens)


def dearest_model(event: Event) -> int:
    """What a model costs at most from being accepted to being scored, if nothing is repeated."""
    slots = dearest_slot(event, "training") + dearest_slot(event, "hosting")
    return slots + dearest_judging(event, event.hidden_questions)


def crossed(shares: Iterable[float], cap: int, before: int, after: int) -> tuple[float, ...]:
    """Which shares of `cap` were not reached at `before` and are at `after`, all in musd."""
    return tuple(share for share in sorted(shares) if before < share * cap <= after)


def unpriced(event: Event) -> dict[str, str]:
    """The event's settings whose price is not known: value by field."""
    asked = {
        "training.instance_type": event.training.instance_type,
        "hosting.instance_type": event.hosting.instance_type,
    }
    if event.large_endpoint is not None:
        asked["large_endpoint.instance_type"] = event.large_endpoint.instance_type
    missing = {field: name for field, name in asked.items() if name not in PRICE_PER_HOUR}
    for field, model in (("judge.model", event.judge), ("reference.model", event.reference)):
        paid = model.kind == "bedrock" and not model.stand_in
        if paid and price_per_million_tokens(model.model) is None:
            missing[field] = model.model
    return missing


def priced_like(field: str) -> list[str]:
    """What has a price and could stand in one of `unpriced`'s fields."""
    prices = PRICE_PER_HOUR if field.endswith("instance_type") else PRICE_PER_MILLION_TOKENS
    return list(prices)


def longest_prompt(event: Event) -> int:
    """Tokens of the longest prompt that the judge is sent for a game."""
    protocol, judging = load_protocol(event.judging.protocol), event.judging
    form = protocol.form[judging.detail].template
    texts = (protocol.system.template, protocol.user.template, form, judging.rubric)
    words = (*texts, *judging.criteria, *judging.criteria, *judging.criteria)
    answers = event.hosting.answer_tokens + event.reference.max_tokens
    ours = _quotient(sum(map(len, words)), CHARACTERS_PER_TOKEN)
    return ours + QUESTION_TOKENS + ESCAPES * answers


def _quotient(amount: int, by: int) -> int:
    """Rounded up: what is counted is never less than what is paid."""
    return -(-amount // by)
