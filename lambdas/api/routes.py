"""Every route of the API, in the order the reference lists them."""

from lambdas.api import (
    admin,
    datasets,
    event,
    finalists,
    me,
    model_actions,
    models,
    operations,
    practice,
    rejudging,
    reviews,
)
from lambdas.api.routing import Routes

ROUTES = Routes.joined(
    event.routes,
    me.routes,
    datasets.routes,
    models.routes,
    model_actions.routes,
    practice.routes,
    admin.routes,
    reviews.routes,
    rejudging.routes,
    finalists.routes,
    operations.routes,
)
