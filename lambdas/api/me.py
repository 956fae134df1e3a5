"""/me: who one is, what one is called, and what is left to use."""

from collections.abc import Mapping
from typing import Any

from lambdas.api import quota
from lambdas.api.answers import MeAnswer, Spending, UsageAnswer
from lambdas.api.bodies import Profile
from lambdas.api.finalists import selected
from lambdas.api.identity import EVERYONE, PARTICIPANTS
from lambdas.api.operations import spending
from lambdas.api.routing import Call, Routes
from lambdas.shared.table import ConditionFailed, put_new_write, update_write
from league import keys, limits, participants, rejudging
from league.errors import Conflict, FieldProblem, InvalidRequest
from league.finalists import Placed
from league.records import day, timestamp

routes = Routes(*EVERYONE)

COUNTED_BY_DAY = ("models", "submissions", "datasets", "practice_judgings", "attempts")


@routes.get("/me", answer=MeAnswer)
def get_me(call: Call) -> MeAnswer:
    """The caller: id, name, groups, and what is used and left."""
    return _answer(call, call.services.table.get(keys.profile(call.participant)))


@routes.put("/me", groups=(PARTICIPANTS,), body=Profile, answer=MeAnswer, errors=(Conflict,))
def put_me(call: Call, body: Profile) -> MeAnswer:
    """Choose the name that the leaderboard shows, which nobody else of the event can bear, and
    whether to get mail when a model is ready, scored or failed."""
    if body.display_name is None and body.notifications is None:
        problem = FieldProblem("display_name", None, "a name", "add it, notifications or both")
        raise InvalidRequest("Nothing is to be changed.", [problem])
    if body.display_name is not None:
        name = participants.check_name(body.display_name)
        profile = call.services.table.get(keys.profile(call.participant)) or {}
        if profile.get("display_name") != name:
            _rename(call, profile, name)
        _rename_on_board(call, name)
    if body.notifications is not None:
        _choose_mail(call, body.notifications)
    return get_me(call)


def _choose_mail(call: Call, wanted: bool) -> None:
    call.services.table.update(
        keys.profile(call.participant),
        "SET notifications = :wanted, updated_at = :now",
        {":wanted": wanted, ":now": timestamp(call.now)},
        condition="",
    )


def _rename(call: Call, profile: Mapping[str, Any], name: str) -> None:
    """Take the new name and let go of the old one, together."""
    old, mine = profile.get("display_name"), {":mine": call.participant}
    unchanged = "display_name = :old" if old else "attribute_not_exists(display_name)"
    values = {":new": name, ":now": timestamp(call.now)} | ({":old": old} if old else {})
    expression = "SET display_name = :new, updated_at = :now"
    writes = [update_write(keys.profile(call.participant), expression, values, unchanged)]
    if not old or participants.fold(old) != participants.fold(name):
        taken = put_new_write(
            keys.display_name(participants.fold(name)), {"participant": call.participant}
        )
        writes.append(taken)
        if old:
            key = keys.display_name(participants.fold(old)).item()
            condition = "attribute_not_exists(pk) OR participant = :mine"
            writes.append(
                {
                    "Delete": {
                        "Key": key,
                        "ConditionExpression": condition,
                        "ExpressionAttributeValues": mine,
                    }
                }
            )
    try:
        call.services.table.transact(writes)
    except ConditionFailed:
        raise Conflict(
            "This name is taken, or yours was just changed.",
            "choose another name, or look at GET /me",
            code="name_taken",
        ) from None


def _rename_on_board(call: Call, name: str) -> None:
    """Whoever has a row on the leaderboard of a protocol has the new name there too."""
    for protocol in rejudging.kept_protocols(call.event, call.services.event_state()):
        try:
            call.services.table.update(
                keys.board_entry(call.participant, protocol),
                "SET #name = :name",
                {":name": name},
                {"#name": "name"},
            )
        except ConditionFailed:
            pass  # no row yet; it will be written with the name


def _answer(call: Call, profile: Mapping[str, Any] | None) -> MeAnswer:
    return MeAnswer(
        participant=call.participant,
        display_name=participants.shown_name(profile, call.participant),
        notifications=(profile or {}).get("notifications", True),
        groups=list(call.caller.groups),
        usage=usage(call),
        spending=_spending(call),
        finalist=_finalist(call),
    )


def _spending(call: Call) -> Spending:
    account = call.services.table.get(keys.usage(call.participant, "total")) or {}
    return spending(account, call.event.money.participant_usd)


def _finalist(call: Call) -> Placed | None:
    """Their own place only: who else plays is the organizers' to announce."""
    contenders = (selected(call.services.table) or {"result": {"contenders": []}})["result"]
    mine = [p for p in contenders["contenders"] if p["owner"] == call.participant]
    return next((placed for placed in mine if placed["finalist"]), None)


def usage(call: Call) -> UsageAnswer:
    """What the caller used and what is left."""
    today, total = quota.used(call.services.table, call.participant, call.now)
    return UsageAnswer(
        day=day(call.now),
        day_ends=timestamp(limits.window_end(call.now)),
        used_today={name: today.get(name, 0) for name in COUNTED_BY_DAY},
        used_total={
            name: total.get(name, 0) for name in ("models", "submissions", "datasets", "unfinished")
        },
        remaining=limits.remaining(call.event.limits, today, total),
    )
