"""Api: the REST API, the public board and their functions."""

from pathlib import Path

from aws_cdk import ArnFormat
from aws_cdk import aws_iam as iam
from constructs import Construct

from league import keys
from league.event import Event
from league.settings import Settings
from stacks.data import DataStack
from stacks.functions import FunctionDefaults, LeagueFunction, Size
from stacks.gateway import Gateway
from stacks.league_stack import LeagueStack
from stacks.machines import LeagueMachine
from stacks.pipeline import PipelineStack
from stacks.sagemaker_access import SageMakerArns


class ApiStack(LeagueStack):
    """What participants, organizers and the audience talk to."""

    def __init__(
        self,
        scope: Construct,
        *,
        event: Event,
        data: DataStack,
        pipeline: PipelineStack,
        code: Path,
    ) -> None:
        super().__init__(scope, "Api", event=event)
        self.event = event
        self.data = data
        self.pipeline = pipeline
        defaults = FunctionDefaults(self, event, code)
        self.gateway = Gateway(self, "Rest", event=event, users=data.users.pool)
        self.gateway.route(self._api(defaults))
        leaderboard = self._leaderboard(defaults)
        for path in ("/", "/leaderboard", "/sign-in", "/web/{file}"):
            self.gateway.route_public(path, leaderboard)
        self.publish(ApiUrl=self.gateway.url)

    def _leaderboard(self, defaults: FunctionDefaults) -> LeagueFunction:
        """Public: it can read one object and nothing else."""
        function = LeagueFunction(
            self,
            "Leaderboard",
            defaults=defaults,
            size=Size(memory=512, seconds=10),
            settings=Settings(
                event=self.event.name,
                table=self.data.table.table_name,
                site_bucket=self.data.site.bucket_name,
                user_pool=self.data.users.pool.user_pool_id,
                user_pool_client=self.data.users.client.user_pool_client_id,
            ),
        )
        self.data.site.grant_read(function, keys.LEADERBOARD)
        return function

    def _api(self, defaults: FunctionDefaults) -> LeagueFunction:
        function = LeagueFunction(
            self,
            "Api",
            defaults=defaults,
            size=Size(memory=1024, seconds=29),  # the gateway waits 29 s
            settings=self._api_settings(),
        )
        self.data.table.grant_change(function)
        # A presigned upload is made with the rights of whoever signed it.
        self.data.datasets.grant_put(function, f"{keys.UPLOADS}*")
        for readable in ("*/practice_answers.json", "*/practice_verdicts.json"):
            self.data.models.grant_read(function, readable)
        for machine in (
            self.pipeline.train_deploy_judge,
            self.pipeline.prepare_event,
            self.pipeline.rejudge,
            self.pipeline.close_league,
            self.pipeline.practice_judging,
        ):
            self._may_start(function, machine)
        # A model that is cancelled leaves the line: its task is told so.
        self.pipeline.train_deploy_judge.grant_task_response(function)
        jobs = SageMakerArns(self, self.event).of_models("training-job")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:StopTrainingJob"], resources=jobs)
        )
        return function

    def _api_settings(self) -> Settings:
        return Settings(
            event=self.event.name,
            table=self.data.table.table_name,
            datasets_bucket=self.data.datasets.bucket_name,
            models_bucket=self.data.models.bucket_name,
            train_machine=self.pipeline.train_deploy_judge.state_machine_arn,
            prepare_machine=self.pipeline.prepare_event.state_machine_arn,
            rejudge_machine=self.pipeline.rejudge.state_machine_arn,
            close_machine=self.pipeline.close_league.state_machine_arn,
            practice_machine=self.pipeline.practice_judging.state_machine_arn,
            user_pool=self.data.users.pool.user_pool_id,
            user_pool_client=self.data.users.client.user_pool_client_id,
        )

    def _may_start(self, function: LeagueFunction, machine: LeagueMachine) -> None:
        machine.grant_start_execution(function)
        executions = self.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{machine.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[executions])
        )
