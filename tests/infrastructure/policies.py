"""Who may do what, out of the templates: statements per role, and an evaluator's answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator as iam

from tests.infrastructure.templates import ACCOUNT, REGION, Assembly, Resource


@dataclass(frozen=True)
class Permission:
    """One action on one resource, perhaps under a condition."""

    action: str
    resource: str
    condition: str = ""

    def __str__(self) -> str:
        return (
            f"{self.action} on {self.resource}{f' if {self.condition}' if self.condition else ''}"
        )


def documents(assembly: Assembly, role: Resource) -> list[dict[str, Any]]:
    """The role's policy documents, wherever in the event's stacks they are."""
    inline = [policy["PolicyDocument"] for policy in role.properties.get("Policies", [])]
    found = [role.stack.resolve(document) for document in inline]
    for policy in assembly.resources(role.stack.event, "AWS::IAM::Policy"):
        if role.name in policy.resolved("Roles"):
            found.append(policy.resolved("PolicyDocument"))
    assert not role.properties.get("ManagedPolicyArns"), f"{role.name} has a managed policy"
    return found


def permissions(assembly: Assembly, role: Resource) -> list[Permission]:
    """Everything that a role may do, sorted."""
    found = {
        Permission(action, resource, _condition(statement))
        for document in documents(assembly, role)
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }
    return sorted(found, key=str)


def roles(assembly: Assembly, event: str) -> Iterator[Resource]:
    yield from assembly.resources(event, "AWS::IAM::Role")


def allows(
    assembly: Assembly, role: Resource, action: str, resource: str, **condition_keys: str
) -> bool:
    """Whether the role's policies allow the action: the evaluator of the embedded cloud's IAM."""
    context = iam.EvalContext(
        principal_arn=role.arn,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context={name.replace("__", ":").lower(): v for name, v in condition_keys.items()},
    )
    policies = [iam.parse_policy_document(document) for document in documents(assembly, role)]
    return bool(iam.evaluate(context, policies).decision == "Allow")


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _condition(statement: dict[str, Any]) -> str:
    return "; ".join(
        f"{key} {operator} {value}"
        for operator, pairs in statement.get("Condition", {}).items()
        for key, value in pairs.items()
    )
