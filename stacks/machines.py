"""The state machines and what they may do."""

from collections.abc import Iterable, Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from league.event import Event
from stacks.definition import fill, placeholders, read_definition
from stacks.functions import LeagueFunction, folder
from stacks.league_stack import log_group
from stacks.sagemaker_access import SERVICE, ExecutionRole, SageMakerArns


class LeagueMachine(sfn.StateMachine):
    """`TrainDeployJudge` is `statemachines/train_deploy_judge.asl.json`, word for word.

    It may invoke the functions that its text names. Its log holds errors without data: an
    execution's data is nobody's to read in a log.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, event: Event, available: Mapping[str, str]
    ) -> None:
        name = folder(construct_id)
        text = read_definition(name)
        # Step Functions writes to groups of this prefix without an account-wide policy each.
        log_name = f"/aws/vendedlogs/states/{Stack.of(scope).stack_name}-{construct_id}"
        super().__init__(
            scope,
            construct_id,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions=fill(name, text, available),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(scope, f"{construct_id}Log", event, log_name),
                level=sfn.LogLevel.ERROR,
                include_execution_data=False,
            ),
        )
        self.names = placeholders(text)

    def may_invoke(self, functions: Mapping[str, LeagueFunction]) -> None:
        """Invoke the functions that the definition names, and no others."""
        for construct_id, function in functions.items():
            if placeholder(construct_id) in self.names:
                function.grant_invoke(self)

    def may(self, actions: list[str], resources: list[str]) -> None:
        self.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def may_watch(self, managed_rule: str) -> None:
        """Keep the rule by which Step Functions learns that a `.sync` task has ended."""
        rule = Stack.of(self).format_arn(
            service="events", resource="rule", resource_name=managed_rule
        )
        self.may(["events:DescribeRule", "events:PutRule", "events:PutTargets"], [rule])


def placeholder(construct_id: str) -> str:
    """The name a definition has for a function's ARN."""
    return f"{construct_id}Function"


def may_use_sagemaker(machine: LeagueMachine, event: Event, *roles: ExecutionRole) -> None:
    """Train, host and tear down models of this event, with these roles and no others."""
    arns = SageMakerArns(Stack.of(machine), event)
    jobs = arns.of_models("training-job")
    hosting = arns.of_models("model", "endpoint-config", "endpoint")
    machine.may(_on("TrainingJob", "Create", "Describe", "Stop"), jobs)
    machine.may(_on("Model", "Create", "Delete"), hosting[:1])
    machine.may(_on("EndpointConfig", "Create", "Delete"), hosting[:2])
    machine.may(_on("Endpoint", "Create", "Describe", "Delete"), hosting[1:])
    machine.may(["sagemaker:AddTags", "sagemaker:ListTags"], [*jobs, *hosting])
    machine.may_watch("StepFunctionsGetEventsForSageMakerTrainingJobsRule")
    machine.add_to_role_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn for role in roles],
            conditions={"StringEquals": {"iam:PassedToService": SERVICE}},
        )
    )


def may_wake(functions: Iterable[LeagueFunction], machine: LeagueMachine) -> None:
    """Answer the task tokens of a machine that itself invokes these functions.

    The policy stands apart: a function is made after its role's own policy, the machine after the
    function, and this after the machine. In the role's own policy it would be a circle, which synth
    does not notice.
    """
    iam.Policy(
        Stack.of(machine),
        f"{machine.node.id}Wakers",
        roles=[function.role for function in functions if function.role is not None],
        statements=[
            iam.PolicyStatement(
                actions=["states:SendTaskFailure", "states:SendTaskSuccess"],
                resources=[machine.state_machine_arn],
            )
        ],
    )


def executions_of(machine: LeagueMachine) -> str:
    """The ARN of every execution of a machine."""
    return Stack.of(machine).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def may_run(machine: LeagueMachine, other: LeagueMachine) -> None:
    """Start another machine and wait for it."""
    other.grant_start_execution(machine)
    machine.may(["states:DescribeExecution", "states:StopExecution"], [executions_of(other)])
    machine.may_watch("StepFunctionsGetEventsForStepFunctionsExecutionRule")


def _on(noun: str, *verbs: str) -> list[str]:
    return [f"sagemaker:{verb}{noun}" for verb in verbs]
