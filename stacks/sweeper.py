"""The sweeper: each minute it puts right whatever was left behind, by whomever."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from league.event import Event
from league.settings import Settings
from stacks.data import DataStack
from stacks.functions import FunctionDefaults, LeagueFunction, Size
from stacks.machines import LeagueMachine, executions_of
from stacks.sagemaker_access import SageMakerArns
from stacks.triggers import SweepSchedule

LISTED = ("Endpoints", "EndpointConfigs", "Models", "TrainingJobs")
PRACTICE = "practice_machine"
WEIGHTS = "*/output/*"


class Sweeper(Construct):
    """The function and its schedule. No machine invokes it, so it is made after them.

    `models` is the machine that it starts executions of, and stops those whose time is over.
    Executions of `others`, by their settings, may hold the event's large endpoint; they are stopped
    when the event is ended.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        event: Event,
        data: DataStack,
        defaults: FunctionDefaults,
        models: LeagueMachine,
        others: Mapping[str, LeagueMachine],
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = LeagueFunction(
            self,
            "Sweep",
            defaults=defaults,
            size=Size(memory=512, seconds=300),
            settings=Settings(
                event=event.name,
                table=data.table.table_name,
                models_bucket=data.models.bucket_name,
                train_machine=models.state_machine_arn,
                **{setting: machine.state_machine_arn for setting, machine in others.items()},
            ),
        )
        data.table.grant_change(self.function)
        self._may_clean_up(event)
        self._may_look_after(models)
        others[PRACTICE].grant_start_execution(self.function)  # what was asked for and got lost
        self._may_stop((models, *others.values()))
        self._may(["s3:ListBucket"], [data.models.bucket_arn])
        self._may(["s3:PutObjectTagging"], [data.models.arn_for_objects(WEIGHTS)])
        SweepSchedule(self, "Schedule", function=self.function)

    def _may_clean_up(self, event: Event) -> None:
        arns = SageMakerArns(Stack.of(self), event)
        jobs = arns.of_models("training-job")
        hosting = arns.of_models("model", "endpoint-config", "endpoint")
        self._may([f"sagemaker:List{noun}" for noun in LISTED], ["*"])  # lists know no resource
        self._may(["sagemaker:StopTrainingJob"], jobs)
        self._may(["sagemaker:DeleteModel"], hosting[:1])
        self._may(["sagemaker:DeleteEndpointConfig"], hosting[1:2])
        self._may(["sagemaker:DeleteEndpoint"], hosting[2:])
        self._may(["sagemaker:ListTags"], [*jobs, *hosting])
        if event.uses_large_endpoint:
            large = arns.of_large_model("endpoint")
            self._may(["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"], large)

    def _may_look_after(self, machine: LeagueMachine) -> None:
        """Start what was accepted, wake who waits."""
        machine.grant_start_execution(self.function)
        machine.grant_task_response(self.function)

    def _may_stop(self, machines: Sequence[LeagueMachine]) -> None:
        """Look up executions, and stop who is out of time; all of them once the event is ended."""
        self._may(["states:ListExecutions"], [machine.state_machine_arn for machine in machines])
        watched = [executions_of(machine) for machine in machines]
        self._may(["states:DescribeExecution", "states:StopExecution"], watched)

    def _may(self, actions: list[str], resources: list[str]) -> None:
        statement = iam.PolicyStatement(actions=actions, resources=resources)
        self.function.add_to_role_policy(statement)
