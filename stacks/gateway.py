"""The REST API's gateway: who is let in, how fast, and how a refusal reads."""

import json
from collections.abc import Mapping

from aws_cdk import Size, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from league.event import Event
from stacks.functions import LeagueFunction
from stacks.league_stack import log_group

STAGE = "v1"
# Five thousand votes in 90 seconds are 56 a second; a hall of people polling the board, 200.
REQUESTS_PER_SECOND = 300
BURST = 600

ACCESS_LOG = {
    "request": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "address": "$context.identity.sourceIp",
    "participant": "$context.authorizer.claims.sub",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "refused": "$context.error.responseType",
}

Problem = tuple[int, str, str, str]  # status, code, title, remedy
PROBLEMS: Mapping[str, Problem] = {
    "UNAUTHORIZED": (401, "unauthenticated", "Unauthorized", "sign in and send the ID token"),
    "EXPIRED_TOKEN": (401, "unauthenticated", "Unauthorized", "sign in again"),
    "ACCESS_DENIED": (403, "forbidden", "Forbidden", "use an account that may do this"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not_found", "Not Found", "see docs/api/openapi.json"),
    "RESOURCE_NOT_FOUND": (404, "not_found", "Not Found", "see docs/api/openapi.json"),
    "REQUEST_TOO_LARGE": (413, "too_large", "Content Too Large", "send less than 10 MB"),
    "THROTTLED": (429, "limit_reached", "Too Many Requests", "wait a moment and try again"),
    "QUOTA_EXCEEDED": (429, "limit_reached", "Too Many Requests", "wait and try again"),
    "DEFAULT_4XX": (400, "bad_request", "Bad Request", "see docs/api/openapi.json"),
    "INTEGRATION_TIMEOUT": (504, "timeout", "Gateway Timeout", "try again"),
    "DEFAULT_5XX": (502, "internal", "Bad Gateway", "try again; then tell the organizers"),
}


class Gateway(apigateway.RestApi):
    """A regional API. All but the board and its page needs a token of the event's user pool."""

    def __init__(
        self, scope: Construct, construct_id: str, *, event: Event, users: cognito.IUserPool
    ) -> None:
        authorizer = apigateway.CognitoUserPoolsAuthorizer(
            scope, "Authorizer", cognito_user_pools=[users]
        )
        super().__init__(
            scope,
            construct_id,
            rest_api_name=Stack.of(scope).stack_name,  # a label, in a console of many events
            description=event.title,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,  # account-wide: the platform team's, not an event's
            min_compression_size=Size.kibibytes(1),
            default_method_options=apigateway.MethodOptions(
                authorizer=authorizer,
                authorization_type=apigateway.AuthorizationType.COGNITO,
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                tracing_enabled=True,
                metrics_enabled=True,
                throttling_rate_limit=REQUESTS_PER_SECOND,
                throttling_burst_limit=BURST,
                access_log_destination=apigateway.LogGroupLogDestination(
                    log_group(scope, "AccessLog", event)
                ),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
            ),
        )
        self.node.try_remove_child("Endpoint")  # an output of its own; ours is ApiUrl
        for name, problem in PROBLEMS.items():
            self._answer_with(name, problem)

    def route(self, function: LeagueFunction) -> None:
        """Every other route, for people who are signed in."""
        self.root.add_resource("{proxy+}").add_method("ANY", _integration(function))

    def route_public(self, path: str, function: LeagueFunction) -> None:
        """A GET that needs no token."""
        self.root.resource_for_path(path).add_method(
            "GET",
            _integration(function),
            authorization_type=apigateway.AuthorizationType.NONE,
        )

    def _answer_with(self, name: str, problem: Problem) -> None:
        """A refusal of the gateway's own, in the form of the API's (RFC 9457)."""
        status, code, title, remedy = problem
        self.add_gateway_response(
            name,
            type=apigateway.ResponseType.of(name),
            status_code=str(status),
            response_headers={"Content-Type": "'application/problem+json'"},
            templates={
                "application/json": json.dumps(
                    {
                        "type": "about:blank",
                        "title": title,
                        "status": status,
                        "code": code,
                        "detail": f"The request was refused: {title.lower()}.",
                        "remedy": remedy,
                    }
                )
            },
        )


def _integration(function: LeagueFunction) -> apigateway.LambdaIntegration:
    return apigateway.LambdaIntegration(function, allow_test_invoke=False)
