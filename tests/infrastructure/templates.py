"""Synthesized templates as values: resources by readable name, intrinsic functions worked out.

`League-x-Data` / `Vault/Resource` reads `Data/Vault`, and its ARN is one that an IAM evaluator can
match: what the templates say can be read and asked about without an account.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

REGION = "us-east-1"
ACCOUNT = "111122223333"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_HERE = f"{REGION}:{ACCOUNT}"
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/{{name}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{name}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{name}}:*",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{name}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{name}}",
    "AWS::Cognito::UserPool": f"arn:aws:cognito-idp:{_HERE}:userpool/{{name}}",
}

REF_IS_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    stack: "Stack"
    logical_id: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("Properties", {}))

    @cached_property
    def name(self) -> str:
        """`<stack>/<construct path>`, without the parts that every path has."""
        path = self.stack.paths[self.logical_id].split("/")[1:]
        return "/".join([self.stack.short, *(part for part in path if part != "Resource")])

    @property
    def arn(self) -> str:
        return ARNS[self.type].format(name=self.name)

    def resolved(self, name: str) -> Any:
        """A property with its intrinsic functions worked out."""
        return self.stack.resolve(self.properties[name])


class Stack:
    """One synthesized template."""

    def __init__(self, assembly: "Assembly", name: str) -> None:
        self.assembly = assembly
        self.name = name
        self.short = name.rsplit("-", 1)[1]
        self.event = name.removeprefix("League-").removesuffix(f"-{self.short}")
        self.template: dict[str, Any] = assembly.read(f"{name}.template.json")
        self.paths = {
            str(entry["data"]): path.removeprefix("/")
            for path, entries in assembly.read(f"{name}.metadata.json").items()
            for entry in entries
            if entry["type"] == "aws:cdk:logicalId"
        }
        self.resources = {
            logical_id: Resource(self, logical_id, body)
            for logical_id, body in self.template["Resources"].items()
        }

    def of(self, kind: str) -> list[Resource]:
        """The resources of a type."""
        return [resource for resource in self.resources.values() if resource.type == kind]

    def resolve(self, value: Any) -> Any:
        """`value` with references, joins and imports as texts."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), *_ = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        return {key: self.resolve(item) for key, item in value.items()}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return PSEUDO.get(argument) or self._ref(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Join":
                return str(argument[0]).join(str(part) for part in self.resolve(argument[1]))
            case "Fn::Select":
                return self.resolve(argument[1])[int(argument[0])]
            case "Fn::Split":
                return str(self.resolve(argument[1])).split(argument[0])
            case "Fn::ImportValue":
                return self.assembly.exports[argument]
            case "Fn::Sub":
                return re.sub(r"\$\{(AWS::\w+)\}", lambda m: PSEUDO[m[1]], str(argument))
        raise AssertionError(f"{function} is not known here")

    def _ref(self, logical_id: str) -> str:
        if logical_id not in self.resources:
            return logical_id
        resource = self.resources[logical_id]
        return resource.arn if resource.type in REF_IS_ARN else resource.name

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource = self.resources[logical_id]
        if attribute == "Arn" and resource.type in ARNS:
            return resource.arn
        if attribute == "Name":
            return resource.name
        return f"{resource.arn if resource.type in ARNS else resource.name}/{attribute}"


class Assembly:
    """A cloud assembly on disk."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        names = sorted(
            p.name.removesuffix(".template.json") for p in folder.glob("*.template.json")
        )
        self.stacks = {name: Stack(self, name) for name in names}

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    @cached_property
    def exports(self) -> dict[str, str]:
        return {
            output["Export"]["Name"]: stack.resolve(output["Value"])
            for stack in self.stacks.values()
            for output in stack.template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of_event(self, event: str) -> list[Stack]:
        return [stack for stack in self.stacks.values() if stack.event == event]

    def stack(self, event: str, short: str) -> Stack:
        return self.stacks[f"League-{event}-{short}"]

    def resources(self, event: str, kind: str) -> Iterator[Resource]:
        """Every resource of a type in an event's stacks."""
        for stack in self.of_event(event):
            yield from stack.of(kind)

    def resource(self, event: str, kind: str, name: str) -> Resource:
        """The resource of a readable name, such as `Data/Vault`."""
        return next(r for r in self.resources(event, kind) if r.name == name)
