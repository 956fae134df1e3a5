"""What each choice changes: an event with one thing done otherwise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cli.estimate.assumptions import GPUS, default_requests_per_minute
from league.event import Event, LargeEndpoint, LargeModel
from league.jumpstart import PinnedModel
from league.prices import PRICE_PER_HOUR, PRICE_PER_MILLION_TOKENS

LARGE_JUDGE = "meta-vlm-llama-3-2-90b-vision-instruct"
LARGE_INSTANCE = "ml.g5.48xlarge"
LARGE_CONTEXT = 8192


@dataclass(frozen=True)
class Scenario:
    """An event to simulate. `requests_per_minute`: a quota of the judge's beside its tokens."""

    label: str
    event: Event
    requests_per_minute: int | None = None


def alternatives(event: Event, base: PinnedModel) -> Iterator[Scenario]:
    """Each differs from `event` in one thing."""
    yield from _slots(event)
    yield from _judge_quotas(event)
    yield from _instances(event, base)
    yield from _judging(event)
    yield from _judges(event)
    more = replace(event.limits, unfinished_models=2 * event.limits.unfinished_models)
    label = f"{more.unfinished_models} unfinished models a person"
    yield Scenario(label, replace(event, limits=more))


def _slots(event: Event) -> Iterator[Scenario]:
    for count in (_half(event.training.instances), 2 * event.training.instances):
        training = replace(event.training, instances=count)
        yield Scenario(f"{count} training instances", replace(event, training=training))
    for count in (_half(event.hosting.instances), 4):
        if count < event.hosting.instances:
            hosting = replace(event.hosting, instances=count)
            yield Scenario(f"{count} hosting instances", replace(event, hosting=hosting))


def _half(count: int) -> int:
    return max(1, count // 2)


def _judge_quotas(event: Event) -> Iterator[Scenario]:
    judge = event.judge
    if judge.tokens_per_minute is not None:
        half = _half(judge.tokens_per_minute)
        slower = replace(event, judge=replace(judge, tokens_per_minute=half))
        yield Scenario(f"{half:,} judge tokens a minute", slower)
    calls = default_requests_per_minute(judge.model)
    if judge.kind == "bedrock" and calls is not None:
        yield Scenario(f"{calls} judge calls a minute (the default quota)", event, calls)


def _instances(event: Event, base: PinnedModel) -> Iterator[Scenario]:
    for name in _priced(base.training_instance_types, event.training.instance_type):
        training = replace(event.training, instance_type=name)
        yield Scenario(f"training on {name}", replace(event, training=training))
    for name in _priced(base.inference_instance_types, event.hosting.instance_type):
        # Several GPUs would be idle: a 3-billion model answers from one.
        if GPUS.get(name) == 1:
            hosting = replace(event.hosting, instance_type=name)
            yield Scenario(f"hosting on {name}", replace(event, hosting=hosting))


def _priced(names: Sequence[str], but: str) -> Iterator[str]:
    return (name for name in names if name in PRICE_PER_HOUR and name != but)


def _judging(event: Event) -> Iterator[Scenario]:
    judging = event.judging
    other = replace(judging, orders="both" if judging.orders == "contenders" else "contenders")
    yield Scenario(f"orders: {other.orders}", replace(event, judging=other))
    if judging.detail == "verdict":
        judge = replace(event.judge, max_tokens=max(event.judge.max_tokens, 120))
        detailed = replace(judging, detail="criteria")
        yield Scenario("detail: criteria", replace(event, judging=detailed, judge=judge))


def _judges(event: Event) -> Iterator[Scenario]:
    for name in PRICE_PER_MILLION_TOKENS:
        if not event.judge.model.endswith(name):
            judge = replace(event.judge, kind="bedrock", model=name, stand_in=False)
            yield Scenario(f"judge {name.rpartition(':')[0] or name}", replace(event, judge=judge))
    if event.judge.kind != "endpoint":
        yield Scenario(f"judge: an own 90B model on {LARGE_INSTANCE}", _with_own_judge(event))


def _with_own_judge(event: Event) -> Event:
    judge = LargeModel(
        kind="endpoint",
        model=LARGE_JUDGE,
        label="Llama 3.2 90B",
        max_tokens=event.judge.max_tokens,
        concurrency=event.judge.concurrency,
    )
    large = event.large_endpoint or LargeEndpoint(
        model=LARGE_JUDGE, instance_type=LARGE_INSTANCE, max_model_length=LARGE_CONTEXT
    )
    return replace(event, judge=judge, large_endpoint=large)
