"""What the estimate assumes beyond `event.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Triangle = tuple[float, float, float]  # shortest, most likely, longest

# GPUs of an instance type (AWS instance specifications); the smallest three have the same one.
GPUS: Mapping[str, int] = MappingProxyType(
    {
        "ml.g5.xlarge": 1,
        "ml.g5.2xlarge": 1,
        "ml.g5.4xlarge": 1,
        "ml.g5.12xlarge": 4,
        "ml.g5.48xlarge": 8,
    }
)
# Calls a minute that a new account was seen to have of a Bedrock model (L: look it up in Service
# Quotas). The product keeps to tokens a minute; this is the quota beside it.
REQUESTS_PER_MINUTE: Mapping[str, int] = MappingProxyType({"amazon.nova-pro-v1:0": 100})


def default_requests_per_minute(model: str) -> int | None:
    """None where it is not known. A profile such as `us.amazon.nova-pro-v1:0` is its model."""
    return REQUESTS_PER_MINUTE.get(model) or REQUESTS_PER_MINUTE.get(model.partition(".")[2])


@dataclass(frozen=True, kw_only=True)
class People:
    """Who takes part. The first three are the reference event's.

    `last_day_share` of the submissions come in the last 24 hours, ever faster: their rate doubles
    every `rush_doubling_hours`, so that the last six hours see half of them (assumed; no log of an
    event was at hand). Before that days and evenings are busier than nights, weekends half as busy.
    `eagerness` is the spread (sigma of a lognormal) of how much one person does beside another.
    `unsubmitted` models are trained, looked at and never submitted, for each one submitted.
    `rows` and `epochs` are the typical (median) ones; a finalist's published run had 1,708 rows and
    8 epochs. `practice_share` of the models are judged on the practice questions too.
    A model's win rate is drawn from a Beta with mean 0.6 and standard deviation 0.15 (win rates of
    42 to 71 % were seen; the five best had 93 %): it matters for `orders: contenders` only.
    """

    participants: int = 409
    submissions: int = 4100
    last_day_share: float = 0.3
    rush_doubling_hours: float = 6.0
    weekend: float = 0.5
    night: float = 0.15
    eagerness: float = 0.8
    unsubmitted: float = 0.0
    rows: int = 1000
    rows_spread: float = 0.5
    epochs: float = 5.0
    epochs_spread: float = 0.35
    practice_share: float = 0.2
    own_prompts: int = 2
    strength: tuple[float, float] = (6.0, 4.0)

    @property
    def all_models(self) -> int:
        """Submitted or not."""
        return self.submissions + round(self.submissions * self.unsubmitted)


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long AWS takes, in seconds. C: AWS's documentation or measurements; L: one source;
    A: assumed here.

    `provisioning` of a training instance, about 2 min (L), is not billed. `preparing`: image and
    base model, 4 min (L). `example_epoch`: 69 s for 1,000 examples and one epoch on ml.g5.12xlarge
    (L), and `scaling` of that speed for twice the GPUs (A). `uploading` 6.43 GB: 100 s (L).
    `creating` an endpoint takes 3 to 7 min, 164 s at the median with a cached container (C);
    `stuck_share` of them stay Creating for an hour (C; how often: A). `answer`: a 3-billion model
    gives 87 answers of 350 tokens in 18 s on one A10G (L), whichever instance it is part of.
    `deleting` until DescribeEndpoint no longer finds it (A). `verdict`: one call of the judge (A).
    `step`: what the machine takes between two of these (A). `loading`: the 90B model until
    InService (A); its endpoint judges `large_games` a minute (L), and writes a reference answer in
    `reference` (A).
    """

    provisioning: Triangle = (60, 120, 240)
    preparing: Triangle = (200, 240, 320)
    example_epoch: float = 0.069
    scaling: float = 1.7
    uploading: float = 100
    creating: Triangle = (164, 290, 420)
    stuck_share: float = 0.005
    stuck: float = 3600
    answer: float = 18 / 87
    deleting: float = 60
    verdict: float = 1.5
    step: float = 5
    loading: float = 1200
    large_games: float = 46
    reference: float = 20


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How long texts are, in tokens of four characters, and how large a model is.

    A tuned model's answer has 350 tokens (L; a finalist's median response had 2,085 characters),
    the reference model's 420 (A; asked for at most 350 words). A verdict takes 10 tokens, with
    evidence 150 (L), with criteria 70 (A). `budget_used` of a minute's reserved tokens are really
    used (A). A judge's prompt is built by the product itself from the practice questions.
    """

    answer_tokens: int = 350
    reference_tokens: int = 420
    verdict_tokens: Mapping[str, int] = field(
        default_factory=lambda: {"verdict": 10, "criteria": 70, "evidence": 150}
    )
    budget_used: float = 0.95
    weights_gb: float = 6.43


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What the rest of AWS costs (USD, us-east-1, 2026-11), and how much of it a model uses (A).

    Step Functions 0.025 for 1,000 transitions (C); DynamoDB 0.625 for a million writes and 0.125
    reads (C); Lambda on ARM 0.0000133334 a GB-second and 0.20 for a million calls (L); S3 Standard
    0.023 a GB-month and 0.005 for 1,000 writes (L). `standing` is what an event pays for being
    there for a month: WAF with a few rules, two keys, a dashboard, some twenty alarms, logs, API
    calls (A).
    A model's execution makes about 60 transitions, 3 more for each look at an endpoint that is
    being created, and 3 for each turn of its judging; each game is one object in the vault.
    """

    transition: float = 0.025 / 1000
    write: float = 0.625 / 1e6
    read: float = 0.125 / 1e6
    gb_second: float = 0.0000133334
    call: float = 0.20 / 1e6
    gb_month: float = 0.023
    put: float = 0.005 / 1000
    standing: float = 40.0
    transitions: int = 60
    writes: int = 250
    reads: int = 600
    calls: int = 25
    short_gb_seconds: float = 10.0
    long_gb: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Everything the estimate assumes."""

    people: People = field(default_factory=People)
    times: Times = field(default_factory=Times)
    sizes: Sizes = field(default_factory=Sizes)
    bill: Bill = field(default_factory=Bill)
