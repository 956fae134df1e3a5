"""Every route of the API, in the order the reference lists them."""

from lambdas.api import admin, datasets, event, me, model_actions, models
from lambdas.api.routing import Routes

ROUTES = Routes.joined(
    event.routes, me.routes, datasets.routes, models.routes, model_actions.routes, admin.routes
)
