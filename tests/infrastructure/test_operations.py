"""What watches an event: alarms that reach somebody, over metrics that really exist."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from league.event_file import load_event
from league.metrics import METRICS, NAMESPACE
from stacks.functions import folder
from tests.infrastructure.conftest import ROOT, own_judge_settings
from tests.infrastructure.policies import allows
from tests.infrastructure.templates import ACCOUNT, REGION, Assembly, Resource

ALARM = "AWS::CloudWatch::Alarm"
# AWS's own metrics that are used, as its documentation names them, with their dimensions.
OF_AWS = {
    "AWS/ApiGateway": ({"Count", "4XXError", "5XXError", "Latency"}, {"ApiName"}),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, {"TableName"}),
    "AWS/Lambda": ({"Errors", "Throttles"}, {"FunctionName"}),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, {"QueueName"}),
    "AWS/States": (
        {"ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"},
        {"StateMachineArn"},
    ),
}


def alarms(assembly: Assembly, event: str) -> list[Resource]:
    return list(assembly.resources(event, ALARM))


def short(alarm: Resource) -> str:
    return alarm.name.rsplit("/", 1)[-1]


def measured(alarm: Resource) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric that an alarm looks at."""
    if "MetricName" in alarm.properties:
        dimensions = alarm.resolved("Dimensions")
        yield (
            alarm.properties["Namespace"],
            alarm.properties["MetricName"],
            {each["Name"]: each["Value"] for each in dimensions},
        )
    for query in alarm.resolved("Metrics") if "Metrics" in alarm.properties else []:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            yield (
                metric["Namespace"],
                metric["MetricName"],
                {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])},
            )


def dashboard(assembly: Assembly, event: str) -> dict[str, Any]:
    (board,) = assembly.resources(event, "AWS::CloudWatch::Dashboard")
    return dict(json.loads(board.resolved("DashboardBody")))


def shown(body: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What a dashboard's graphs show; CloudWatch abbreviates what stands in the row above."""
    for widget in body["widgets"]:
        above: list[Any] = []
        for row in widget["properties"].get("metrics", []):
            words = [word for word in row if isinstance(word, str)]
            expression = next((w.get("expression") for w in row if isinstance(w, dict)), None)
            if expression:
                assert "SEARCH" not in expression, "nobody sees here what a search finds"
                continue
            assert "..." not in words, "an abbreviation that this test does not read"
            words = [up if word == "." else word for word, up in _beside(words, above)]
            above = words
            yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


def _beside(words: list[str], above: list[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        yield word, above[place] if place < len(above) else ""


def problem(namespace: str, name: str, dimensions: Mapping[str, str], event: str) -> str | None:
    """What is wrong with a metric that is looked at; None: it exists."""
    if namespace == NAMESPACE:
        ours = {(metric.name, metric.service) for metric in METRICS}
        if set(dimensions) != {"service", "event"} or dimensions["event"] != event:
            return f"{name} has the dimensions {dict(dimensions)}"
        return None if (name, dimensions["service"]) in ours else f"nobody emits {name}"
    names, keys = OF_AWS.get(namespace, (set(), set()))
    known = name in names and set(dimensions) == keys and all(dimensions.values())
    return None if known else f"{namespace} {name} {dict(dimensions)}"


def test_every_alarm_says_what_it_means_and_reaches_the_topic(
    assembly: Assembly, event_name: str
) -> None:
    topic = assembly.resource(event_name, "AWS::SNS::Topic", "Operations/Alarms").arn
    for alarm in alarms(assembly, event_name):
        assert alarm.resolved("AlarmActions") == [topic], alarm.name
        assert alarm.resolved("OKActions") == [topic], alarm.name
        assert alarm.properties.get("ActionsEnabled", True) is True
        sentence, _, link = alarm.properties["AlarmDescription"].partition(". docs/")
        assert len(sentence) > 20, alarm.name
        assert re.fullmatch(r"runbook\.md#[a-z-]+", link), alarm.name


def test_silence_rings_only_where_silence_is_the_trouble_and_not_in_a_new_stack(
    assembly: Assembly, event_name: str
) -> None:
    """Missing data make no alarm here but a state, in which an alarm also begins: without a change
    nothing rings."""
    (silent,) = (alarm for alarm in alarms(assembly, event_name) if short(alarm) == "SweeperSilent")
    assert silent.properties["TreatMissingData"] == "missing"
    assert silent.resolved("InsufficientDataActions") == silent.resolved("AlarmActions")
    assert silent.properties["Period"] * silent.properties["EvaluationPeriods"] <= 180
    others = [each for each in alarms(assembly, event_name) if each.name != silent.name]
    assert {each.properties["TreatMissingData"] for each in others} == {"notBreaching"}


def test_everything_that_the_issue_names_is_watched(assembly: Assembly, event_name: str) -> None:
    wanted = {
        "TrainingQueueAge",
        "HostingQueueAge",
        "FailureRate",
        "Orphans",
        "SlotLeaks",
        "JudgeThrottling",
        "SpendRate",
        "SpendShare50",
        "SpendShare80",
        "SpendShare95",
        "ApiErrors",
        "ApiLatency",
        "ExecutionsAborted",
        "ExecutionsTimedOut",
        "OrganizersRunFailed",
        "FunctionErrors",
        "SweeperSilent",
        "SweepErrors",
    }
    found = {short(alarm) for alarm in alarms(assembly, event_name)}
    assert {name for name in found if not name.endswith("DeadLetters")} == wanted


def test_every_queue_of_what_could_not_be_handled_has_an_alarm(
    assembly: Assembly, event_name: str
) -> None:
    queues = {queue.name for queue in assembly.resources(event_name, "AWS::SQS::Queue")}
    watched = {
        dimensions["QueueName"].removesuffix("/QueueName").rsplit(":", 1)[-1]
        for alarm in alarms(assembly, event_name)
        for namespace, _, dimensions in measured(alarm)
        if namespace == "AWS/SQS"
    }
    assert watched == queues


def test_every_machine_is_watched_for_being_cut_short(assembly: Assembly, event_name: str) -> None:
    machines = {m.arn for m in assembly.resources(event_name, "AWS::StepFunctions::StateMachine")}
    names = ("ExecutionsAborted", "ExecutionsTimedOut")
    watched = {
        (name, dimensions["StateMachineArn"])
        for alarm in alarms(assembly, event_name)
        if short(alarm) in names
        for _, name, dimensions in measured(alarm)
    }
    assert watched == {(name, machine) for name in names for machine in machines}


def test_organizers_are_rung_for_what_they_started_and_not_for_what_participants_did(
    assembly: Assembly, event_name: str
) -> None:
    """JudgeStored is run by theirs alone, and fails them."""
    watched = {
        dimensions["StateMachineArn"].rpartition("/")[2]
        for alarm in alarms(assembly, event_name)
        if short(alarm) == "OrganizersRunFailed"
        for _, _, dimensions in measured(alarm)
    }
    assert watched == {"PrepareEvent", "JudgeStored", "Rejudge", "CloseLeague"}


def test_every_machine_and_function_is_on_the_dashboard(
    assembly: Assembly, event_name: str
) -> None:
    """One by one: a search would have to know the names that CloudFormation makes up."""
    seen = {
        (name, *dimensions.values())
        for namespace, name, dimensions in shown(dashboard(assembly, event_name))
        if namespace in ("AWS/Lambda", "AWS/States")
    }
    functions = {f.name for f in assembly.resources(event_name, "AWS::Lambda::Function")}
    machines = {m.arn for m in assembly.resources(event_name, "AWS::StepFunctions::StateMachine")}
    ends = ("ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut")
    assert {(name, each) for name in ("Errors", "Throttles") for each in functions} <= seen
    assert {(name, each) for name in ends for each in machines} <= seen


def test_functions_that_everybody_needs_ring_together(assembly: Assembly, event_name: str) -> None:
    (alarm,) = (a for a in alarms(assembly, event_name) if short(a) == "FunctionErrors")
    watched = {
        dimensions["FunctionName"].rpartition("/")[2] for _, _, dimensions in measured(alarm)
    }
    assert {name for _, name, _ in measured(alarm)} == {"Errors"}
    assert {"Api", "Sweep", "RecordFailure", "RequestSlot", "ReleaseSlot"} <= watched


def test_alarms_keep_to_what_cloudwatch_evaluates(assembly: Assembly, event_name: str) -> None:
    """Ten metrics in one alarm's math; a day in all, a week from periods of an hour on."""
    for alarm in alarms(assembly, event_name):
        assert len(list(measured(alarm))) <= 10, alarm.name
        stats = [query.get("MetricStat", {}) for query in alarm.properties.get("Metrics", [])]
        periods = {each["Period"] for each in (alarm.properties, *stats) if "Period" in each}
        (period,) = periods
        longest = 604_800 if period >= 3600 else 86_400
        assert period * alarm.properties["EvaluationPeriods"] <= longest, alarm.name


def test_alarms_look_at_metrics_that_exist(assembly: Assembly, event_name: str) -> None:
    for alarm in alarms(assembly, event_name):
        looked_at = list(measured(alarm))
        assert looked_at, alarm.name
        assert [p for each in looked_at if (p := problem(*each, event_name))] == [], alarm.name


def test_dashboard_shows_metrics_that_exist_and_every_one_of_ours(
    assembly: Assembly, event_name: str
) -> None:
    seen = list(shown(dashboard(assembly, event_name)))
    assert [p for each in seen if (p := problem(*each, event_name))] == []
    ours = {name for namespace, name, _ in seen if namespace == NAMESPACE}
    assert ours == {metric.name for metric in METRICS}
    assert {namespace for namespace, _, _ in seen} == {NAMESPACE, *OF_AWS}


def test_dashboard_shows_every_alarm(assembly: Assembly, event_name: str) -> None:
    (status,) = (w for w in dashboard(assembly, event_name)["widgets"] if w["type"] == "alarm")
    assert len(set(status["properties"]["alarms"])) == len(alarms(assembly, event_name))


# --- what the alarms' math says ------------------------------------------------------------------


def _sum(values: list[float]) -> float:
    """As CloudWatch has it: of those that have data."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


MATH = {
    "SUM": _sum,
    "MAX": lambda values: max((v for v in values if not math.isnan(v)), default=math.nan),
    "IF": lambda condition, then, otherwise: then if condition else otherwise,
}


class Rates(dict[str, float]):
    """The values of an alarm's queries in one period, worked out when they are asked for. Of
    `emitted` each metric's sum stands under its name; of the others there are no data."""

    def __init__(self, alarm: Resource, emitted: Mapping[str, float]) -> None:
        super().__init__()
        self._queries = {query["Id"]: query for query in alarm.resolved("Metrics")}
        self._emitted = emitted

    def __missing__(self, name: str) -> Any:
        if name in MATH:
            return MATH[name]
        query = self._queries[name]
        if "Expression" not in query:
            return self._emitted.get(query["MetricStat"]["Metric"]["MetricName"], math.nan)
        calculation = compile(query["Expression"], name, "eval")
        try:
            return eval(calculation, {}, self)  # noqa: S307  the template's own text
        except ZeroDivisionError:
            return math.nan


def rings(assembly: Assembly, name: str, emitted: Mapping[str, float]) -> bool:
    (alarm,) = (each for each in alarms(assembly, "rehearsal") if short(each) == name)
    (judged,) = (query["Id"] for query in alarm.resolved("Metrics") if query.get("ReturnData"))
    value = Rates(alarm, emitted)[judged]
    assert math.isnan(value) or 0 <= value <= 100
    return bool(value >= alarm.properties["Threshold"])


@pytest.mark.parametrize(
    ("emitted", "rung"),
    [
        ({}, False),
        ({"ModelsEndedBySweeper": 0}, False),
        ({"ExecutionsSucceeded": 20, "ModelsEndedBySweeper": 0}, False),
        ({"ExecutionsSucceeded": 16, "ExecutionsFailed": 4, "ModelsRefunded": 4}, True),
        ({"ExecutionsSucceeded": 16, "ExecutionsFailed": 4, "ModelsRefunded": 3}, False),
        ({"ExecutionsFailed": 4, "ModelsRefunded": 4}, False),
        ({"ExecutionsSucceeded": 15, "ExecutionsFailed": 5, "ModelsEndedBySweeper": 5}, True),
        ({"ExecutionsSucceeded": 15, "ExecutionsAborted": 5, "ModelsEndedBySweeper": 5}, True),
        ({"ExecutionsTimedOut": 6, "ModelsEndedBySweeper": 6}, True),
        ({"ExecutionsSucceeded": 3, "ModelsEndedBySweeper": 9}, True),
        ({"ModelsEndedBySweeper": 9}, True),
    ],
    ids=[
        "silence",
        "nothing",
        "all well",
        "a fifth failed",
        "their owners' fault",
        "too few",
        "Record failure is broken",
        "aborted",
        "timed out",
        "sweeper hours later",
        "sweeper alone",
    ],
)
def test_failure_rate_rings_whoever_ended_the_models(
    assembly: Assembly, emitted: dict[str, float], rung: bool
) -> None:
    assert rings(assembly, "FailureRate", emitted) is rung


@pytest.mark.parametrize(
    ("emitted", "rung"),
    [
        ({}, False),
        ({"JudgeCalls": 0, "JudgeThrottled": 0}, False),
        ({"JudgeCalls": 900, "JudgeThrottled": 60}, False),
        ({"JudgeCalls": 25, "JudgeThrottled": 25}, True),
        ({"JudgeCalls": 8, "JudgeThrottled": 8}, False),
        ({"PracticeJudgeCalls": 40, "PracticeJudgeThrottled": 30}, True),
        (
            {
                "JudgeCalls": 900,
                "JudgeThrottled": 10,
                "PracticeJudgeCalls": 40,
                "PracticeJudgeThrottled": 40,
            },
            False,
        ),
    ],
    ids=["silence", "none asked", "many, few refused", "one submission", "few", "practice", "both"],
)
def test_judge_throttling_rings_by_the_share_of_calls_that_were_refused(
    assembly: Assembly, emitted: dict[str, float], rung: bool
) -> None:
    assert rings(assembly, "JudgeThrottling", emitted) is rung


def test_check_of_metrics_finds_what_is_wrong() -> None:
    good = {"service": "sweep", "event": "x"}
    assert problem(NAMESPACE, "SpentUsd", good, "x") is None
    assert problem(NAMESPACE, "SpentUsd", {"service": "sweep"}, "x")
    assert problem(NAMESPACE, "SpentUsd", {**good, "service": "api"}, "x")
    assert problem(NAMESPACE, "SpentUsd", good, "y")
    assert problem(NAMESPACE, "SpendUsd", good, "x")
    assert problem("AWS/States", "ExecutionFailed", {"StateMachineArn": "a"}, "x")
    assert problem("AWS/States", "ExecutionsFailed", {"Arn": "a"}, "x")


EMIT = """
from lambdas.shared.function import measure, metrics
from league.metrics import METRICS
import os
@metrics.log_metrics
def handler(event, context):
    for metric in METRICS:
        if metric.service == os.environ["POWERTOOLS_SERVICE_NAME"]:
            measure(metric, 1)
handler({}, None)
"""


def test_functions_emit_what_alarms_look_at_under_the_very_same_dimensions(
    assembly: Assembly,
) -> None:
    """The shared code under each function's environment, as the template has it."""
    emitted = set()
    for function in assembly.resources("rehearsal", "AWS::Lambda::Function"):
        variables = function.resolved("Environment")["Variables"]
        if variables["POWERTOOLS_SERVICE_NAME"] not in {metric.service for metric in METRICS}:
            continue
        assert folder(short(function)) == variables["POWERTOOLS_SERVICE_NAME"]
        emitted |= set(_emitted(variables))
    looked_at = {
        (name, frozenset(dimensions.items()))
        for alarm in alarms(assembly, "rehearsal")
        for namespace, name, dimensions in measured(alarm)
        if namespace == NAMESPACE
    }
    assert looked_at <= emitted
    assert len(emitted) == len(METRICS)


def _emitted(variables: Mapping[str, str]) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Name and dimensions, read from the log lines as CloudWatch reads them (EMF)."""
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT), "AWS_REGION": REGION}
    run = subprocess.run(
        [sys.executable, "-c", EMIT],
        env={**environment, "AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        record = json.loads(line)
        (described,) = record["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == NAMESPACE
        (names,) = described["Dimensions"]
        for metric in described["Metrics"]:
            yield metric["Name"], frozenset((name, record[name]) for name in names)


def test_thresholds_follow_from_the_event(assembly: Assembly, event_name: str) -> None:
    thresholds = {short(a): a.properties["Threshold"] for a in alarms(assembly, event_name)}
    path = ROOT / "events" / event_name
    event = load_event(path if path.exists() else ROOT / "events" / "insurance-underwriter")
    for share in event.money.warn_at:
        assert thresholds[f"SpendShare{share * 100:g}"] == share * event.money.event_usd
    assert thresholds["TrainingQueueAge"] > event.training.max_runtime_seconds
    polls = event.pace.endpoint_polls * event.pace.endpoint_poll_seconds
    assert thresholds["HostingQueueAge"] > polls


# --- the runbook ---------------------------------------------------------------------------------


def runbook_entries() -> dict[str, str]:
    """The entries below `## Alarms`: text by anchor."""
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    section = text.split("\n## Alarms\n")[1].split("\n## ")[0]
    _, *entries = section.split("\n### ")
    titled = (entry.partition("\n") for entry in entries)
    return {title.lower().replace(" ", "-"): body for title, _, body in titled}


def test_runbook_has_an_entry_for_every_alarm_and_no_other(assembly: Assembly) -> None:
    linked = {
        alarm.properties["AlarmDescription"].rpartition("#")[2]
        for stack in assembly.stacks.values()
        for alarm in stack.of(ALARM)
    }
    assert linked == set(runbook_entries())


@pytest.mark.parametrize("anchor", runbook_entries())
def test_entry_of_the_runbook_says_all_four_things(anchor: str) -> None:
    body = runbook_entries()[anchor]
    for part in ("**Means.**", "**Look.**", "**Do.**", "**Worry**"):
        assert body.count(part) == 1, part


LOGGED = re.compile(r"logger\.(?:debug|info|warning|error|exception)\(\s*\"([^\"]+)\"")
LOOKED_FOR = re.compile(r"[Ll]og of (\w+)[:,] ((?:(?:, )?`[^`]+`)+)")


def logged(construct_id: str) -> set[str]:
    """Every message that a function may log, its own and those of what functions share."""
    folders = (ROOT / "lambdas" / folder(construct_id), ROOT / "lambdas" / "shared")
    sources = (path.read_text(encoding="utf-8") for each in folders for path in each.glob("*.py"))
    return {message for source in sources for message in LOGGED.findall(source)}


def test_what_the_runbook_says_to_look_for_is_logged_there() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    wanted = {
        (function, message)
        for function, messages in LOOKED_FOR.findall(" ".join(text.split()))
        for message in re.findall(r"`([^`]+)`", messages)
    }
    assert {("Sweep", "removed"), ("Sweep", "not swept"), ("Api", "unexpected")} <= wanted
    assert {(f, message) for f, message in wanted if message not in logged(f)} == set()


# --- who is told, and what stops -----------------------------------------------------------------


def test_contacts_are_subscribed_by_mail(assembly: Assembly) -> None:
    contacts = own_judge_settings()["money"]["contacts"]
    assert contacts
    for event, expected in (("own-judge", contacts), ("insurance-underwriter", [])):
        subscribed = [
            (each.resolved("TopicArn"), each.properties["Endpoint"])
            for each in assembly.resources(event, "AWS::SNS::Subscription")
            if each.properties["Protocol"] == "email"
        ]
        topic = assembly.resource(event, "AWS::SNS::Topic", "Operations/Alarms").arn
        assert subscribed == [(topic, contact) for contact in expected]


def test_topics_are_encrypted_with_a_key_that_their_publishers_may_use(
    assembly: Assembly, event_name: str
) -> None:
    key = assembly.resource(event_name, "AWS::KMS::Key", "Operations/Key")
    statements = key.resolved("KeyPolicy")["Statement"]
    services = next(s for s in statements if "Service" in s["Principal"])
    assert set(services["Principal"]["Service"]) == {
        "cloudwatch.amazonaws.com",
        "budgets.amazonaws.com",
    }
    assert services["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    topics = list(assembly.resources(event_name, "AWS::SNS::Topic"))
    assert len(topics) == 2
    assert all(topic.resolved("KmsMasterKeyId") == key.arn for topic in topics)


def test_topics_refuse_plain_http_and_other_accounts(assembly: Assembly, event_name: str) -> None:
    policies = list(assembly.resources(event_name, "AWS::SNS::TopicPolicy"))
    assert len(policies) == 2
    for policy in policies:
        deny, allow = policy.resolved("PolicyDocument")["Statement"]
        assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert (allow["Effect"], allow["Action"]) == ("Allow", "sns:Publish")
        assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_budget_is_the_second_net_over_everything_tagged_with_the_event(
    assembly: Assembly, event_name: str
) -> None:
    (budget,) = assembly.resources(event_name, "AWS::Budgets::Budget")
    what = budget.resolved("Budget")
    assert what["CostFilters"] == {"TagKeyValue": [f"user:league:event${event_name}"]}
    settings = own_judge_settings()["money"]
    if event_name != "rehearsal":
        assert what["BudgetLimit"] == {"Amount": settings["event_usd"], "Unit": "USD"}
    topics = {
        name: assembly.resource(event_name, "AWS::SNS::Topic", f"Operations/{name}").arn
        for name in ("Alarms", "Spent")
    }
    told = sorted(
        (
            each["Notification"]["NotificationType"],
            each["Notification"]["Threshold"],
            [(s["SubscriptionType"], s["Address"]) for s in each["Subscribers"]],
        )
        for each in budget.resolved("NotificationsWithSubscribers")
    )
    warned = [("SNS", topics["Alarms"])]
    assert told == sorted(
        [(kind, share, warned) for kind in ("ACTUAL", "FORECASTED") for share in (50, 80, 95)]
        + [("ACTUAL", 100, [("SNS", topics["Spent"])])]
    )
    assert len(told) <= 10  # of a budget (AWS Budgets API reference)


def test_spent_budget_runs_the_kill_switch_and_what_fails_is_kept(
    assembly: Assembly, event_name: str
) -> None:
    function = assembly.resource(
        event_name, "AWS::Lambda::Function", "Operations/KillSwitch/PauseLeague"
    )
    (subscription,) = (
        each
        for each in assembly.resources(event_name, "AWS::SNS::Subscription")
        if each.properties["Protocol"] == "lambda"
    )
    spent = assembly.resource(event_name, "AWS::SNS::Topic", "Operations/Spent").arn
    assert subscription.resolved("TopicArn") == spent
    assert subscription.resolved("Endpoint") == function.arn
    lost = assembly.resource(event_name, "AWS::SQS::Queue", "Operations/KillSwitch/DeadLetters").arn
    assert subscription.resolved("RedrivePolicy") == {"deadLetterTargetArn": lost}
    (asynchronous,) = assembly.resources(event_name, "AWS::Lambda::EventInvokeConfig")
    assert asynchronous.resolved("DestinationConfig")["OnFailure"] == {"Destination": lost}


def test_mail_is_sent_only_where_the_event_names_a_sender_and_only_from_there(
    assembly: Assembly,
) -> None:
    names = {f.name for f in assembly.resources("insurance-underwriter", "AWS::Lambda::Function")}
    assert not [name for name in names if name.endswith("/Notify")]
    for event in ("rehearsal", "own-judge"):
        role = assembly.resource(event, "AWS::IAM::Role", "Operations/Notices/NotifyRole")
        here = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity"
        for identity in ("league@example.com", "example.com"):
            for sender, may in (("league@example.com", True), ("boss@example.com", False)):
                answer = allows(
                    assembly,
                    role,
                    "ses:SendEmail",
                    f"{here}/{identity}",
                    ses__FromAddress=sender,
                )
                assert answer is may, (identity, sender)
        other = f"{here}/example.org"
        assert not allows(
            assembly, role, "ses:SendEmail", other, ses__FromAddress="league@example.com"
        )


def test_mail_follows_models_that_come_to_rest_and_nothing_else(assembly: Assembly) -> None:
    (mapping,) = (
        each
        for each in assembly.resources("rehearsal", "AWS::Lambda::EventSourceMapping")
        if each.stack.short == "Operations"
    )
    (only,) = mapping.properties["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern["eventName"] == ["MODIFY"]
    assert pattern["dynamodb"]["Keys"] == {
        "pk": {"S": [{"prefix": "P#"}]},
        "sk": {"S": [{"prefix": "MODEL#"}]},
    }
    states = pattern["dynamodb"]["NewImage"]["state"]["S"]
    assert set(states) == {"ready", "scored", "failed", "annulled"}
    assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.properties["BisectBatchOnFunctionError"]
    assert mapping.properties["DestinationConfig"]["OnFailure"]
