"""What people are told and operators see: mail, metrics, the kill switch, on the embedded cloud."""

from __future__ import annotations

import json
import time

import pytest
import requests

from league import metrics
from league.metrics import METRICS, NAMESPACE, dimensions
from local.demo.api import Refused

pytestmark = pytest.mark.xdist_group("cloud")


def mails(league):
    """Everything that SES has sent, by address."""
    found = requests.get(f"{league.cloud.url}/_ministack/ses/messages", timeout=10).json()
    sent = {}
    for mail in (mail for account in found["messages"].values() for mail in account):
        sent.setdefault(mail["To"][0], []).append(mail)
    return sent


def mails_to(league, address, count):
    """The mails to an address, once there are so many, and a moment after."""
    deadline = time.monotonic() + 20
    while len(mails(league).get(address, [])) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    return mails(league).get(address, [])


def address_of(league, api):
    """Whose token it is, as the user pool knows them."""
    user = league.cloud.client("cognito-idp").admin_get_user(
        UserPoolId=league.cloud.output("UserPoolId"), Username=api.get("/me")["participant"]
    )
    return next(a["Value"] for a in user["UserAttributes"] if a["Name"] == "email")


def test_participant_gets_one_mail_for_each_end_and_none_after_opting_out(league):
    api = league.person()
    model = league.finished(api, league.train(api, name="Harbour"))
    path = f"/models/{model['id']}"
    api.post(f"{path}/submit")
    model = api.wait(path, lambda found: found["state"] == "scored", 60)
    ready, scored = mails_to(league, address_of(league, api), 2)
    assert ready["Source"] == "Rehearsal of the AI League <league@example.com>"
    assert ready["Subject"].endswith("Harbour is ready")
    assert scored["Subject"].endswith("Harbour is scored")
    assert f"Win rate: {model['score']['win_rate']:.1f} %" in scored["BodyText"]
    api.put("/me", {"notifications": False})
    league.finished(api, league.train(api, name="Quay"))
    assert len(mails_to(league, address_of(league, api), 3)) == 2


def test_mail_about_a_failure_gives_reason_and_next_step(league):
    api = league.person()
    dataset = league.dataset(api, "tiny.jsonl")
    model = league.finished(api, league.train(api, dataset_id=dataset["id"], name="Tiny"))
    (mail,) = mails_to(league, address_of(league, api), 1)
    assert mail["Subject"].endswith("Tiny has failed")
    assert model["reason"]["message"] in mail["BodyText"]
    assert model["reason"]["next_step"] in mail["BodyText"]


def emitted(league):
    """Name and dimensions of what the functions' logs hold as metrics (EMF)."""
    logs = league.cloud.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"]
            )
            for event in (event for each in pages for event in each["events"]):
                if '"_aws"' in event["message"]:
                    yield from named(json.loads(event["message"]))


def named(record):
    for described in record["_aws"]["CloudWatchMetrics"]:
        assert described["Namespace"] == NAMESPACE
        for names in described["Dimensions"]:
            for metric in described["Metrics"]:
                yield metric["Name"], frozenset((name, record[name]) for name in names)


def test_sweeper_emits_every_metric_that_is_looked_at_as_it_is_looked_for(league):
    wanted = {
        (metric.name, frozenset(dimensions(metric, "rehearsal").items()))
        for metric in METRICS
        if metric.service == metrics.SPENT_USD.service
    }
    deadline = time.monotonic() + 90  # it runs each minute
    while not wanted <= (found := set(emitted(league))) and time.monotonic() < deadline:
        time.sleep(1)
    assert wanted <= found
    assert found <= {
        (metric.name, frozenset(dimensions(metric, "rehearsal").items())) for metric in METRICS
    }


def test_organizers_see_that_the_sweeper_is_there(league):
    organizer = league.person("organizers")
    assert organizer.wait("/admin/operations", lambda found: found["swept_at"], 90)


def stopped_and_paused(found):
    return found["stopped"] and all(line["paused"] for line in found["lines"])


def test_spent_budget_stops_the_league_until_an_organizer_resumes_it(league):
    api, organizer = league.person(), league.person("organizers")
    dataset_id = league.dataset(api)["id"]
    topics = league.cloud.client("sns").list_topics()["Topics"]
    spent = next(t["TopicArn"] for t in topics if "-Operations-Spent" in t["TopicArn"])
    league.cloud.client("sns").publish(TopicArn=spent, Subject="AWS Budgets", Message="100 %")
    try:
        status = organizer.wait("/admin/operations", stopped_and_paused, 30)
        assert status["stopped"]["by"] == "AWS Budgets"
        with pytest.raises(Refused) as refused:
            league.train(api, dataset_id=dataset_id)
        assert refused.value.problem["code"] == "stopped"
    finally:
        organizer.post("/admin/resume")
    assert league.finished(api, league.train(api, dataset_id=dataset_id))["state"] == "ready"
