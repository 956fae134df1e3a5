"""The REST API's function. What it answers is in the modules named after the routes' nouns."""

import os
from typing import Any

from lambdas.api.application import Application
from lambdas.api.routes import ROUTES
from lambdas.api.services import Services
from lambdas.shared.function import metrics

application = Application(ROUTES, Services.from_environment(os.environ))


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request that API Gateway passed on (REST API, Lambda proxy integration)."""
    return application.answer(event, context)
