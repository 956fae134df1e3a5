"""Nothing that can be sent is answered with a 5xx."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.api.routes import ROUTES
from tests.unit.test_api_fixtures import League, assert_is_problem, claims, gateway_event

pytest_plugins = ["tests.unit.test_api_fixtures"]

EVERYBODY = claims(groups="participants,organizers")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
fields = st.sampled_from(
    ["name", "dataset_id", "hyperparameters", "prompts", "submit", "display_name", "phase", "state"]
)
bodies = (
    st.dictionaries(fields | st.text(max_size=8), json_values, max_size=6).map(json.dumps)
    | json_values.map(json.dumps)
    | st.text(max_size=60)
)
paths = st.sampled_from(sorted({route.path for route in ROUTES})).flatmap(
    lambda path: st.text(min_size=1, max_size=20).map(
        lambda text: re.sub(r"<\w+>", lambda _: text, path)
    )
) | st.text(max_size=30).map(lambda text: "/" + text)
queries = st.none() | st.dictionaries(
    st.sampled_from(["limit", "cursor", "other"]), st.text(max_size=12), max_size=3
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=paths,
    body=st.none() | bodies,
    query=queries,
    key=st.none() | st.text(max_size=20) | st.just("a-good-key-for-a-request"),
    encoded=st.booleans(),
)
def test_nothing_that_can_be_sent_is_answered_with_a_5xx(
    shared_league: League,
    method: str,
    path: str,
    body: str | None,
    query: dict[str, str] | None,
    key: str | None,
    encoded: bool,
) -> None:
    event = gateway_event(method, path, body, who=EVERYBODY, key=key, query=query, encoded=encoded)
    reply = shared_league.send(event)
    assert reply.status < 500
    if reply.status >= 400:
        assert_is_problem(reply)
