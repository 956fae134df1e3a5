"""Who asks, from the token alone.

API Gateway's Cognito authorizer checks signature, expiry and pool. It checks neither the client
nor the use of a token, so an access token, or one issued to another client of the pool, would pass.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from league.errors import Forbidden, Unauthenticated
from league.settings import Settings

PARTICIPANTS = "participants"
ORGANIZERS = "organizers"
EXPERTS = "experts"
EVERYONE = (PARTICIPANTS, ORGANIZERS, EXPERTS)

_GATEWAY_DATE = "%a %b %d %H:%M:%S %Z %Y"
_SUBJECT = re.compile(r"[A-Za-z0-9-]{1,64}")
_REMEDY = "sign in again and send the id token in the Authorization header"


@dataclass(frozen=True)
class Identity:
    """A person of this event: Cognito's subject and the groups the token names."""

    participant: str
    groups: tuple[str, ...]


def identify(event: Mapping[str, Any], settings: Settings, now: dt.datetime) -> Identity:
    """
    Raises:
        Unauthenticated: the token is missing, expired, of another pool or client, or no id token.
    """
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = authorizer.get("claims") or {}
    expected = {
        "iss": issuer(settings.user_pool),
        "aud": settings.user_pool_client,
        "token_use": "id",
    }
    good = all(value and claims.get(name) == value for name, value in expected.items())
    subject = str(claims.get("sub", ""))
    expires = _expiry(str(claims.get("exp", "")))
    if not good or not _SUBJECT.fullmatch(subject) or expires is None or expires <= now:
        raise Unauthenticated("The token is not a valid id token of this event.", _REMEDY)
    return Identity(subject, _groups(str(claims.get("cognito:groups", ""))))


def require_group(identity: Identity, allowed: tuple[str, ...]) -> None:
    """
    Raises:
        Forbidden: the person is in none of the groups.
    """
    if not set(allowed) & set(identity.groups):
        raise Forbidden(
            f"This needs group {' or '.join(allowed)}.", "ask an organizer to add you, then sign in"
        )


def issuer(user_pool: str) -> str:
    """What a user pool writes into its tokens; the pool's id begins with its region."""
    return f"https://cognito-idp.{user_pool.split('_')[0]}.amazonaws.com/{user_pool}"


def _groups(claim: str) -> tuple[str, ...]:
    """The authorizer flattens the list: REST APIs send `a,b`, HTTP APIs `[a b]`."""
    return tuple(part for part in re.split(r"[\[\],\s]+", claim) if part)


def _expiry(claim: str) -> dt.datetime | None:
    """Seconds since 1970, or as REST APIs pass it on: `Tue Dec 01 08:00:00 UTC 2026`."""
    try:
        if claim.isdecimal():
            return dt.datetime.fromtimestamp(int(claim), dt.UTC)
        return dt.datetime.strptime(claim, _GATEWAY_DATE).replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
