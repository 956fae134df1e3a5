"""Pipeline: the state machines and their functions."""

from collections.abc import Mapping
from pathlib import Path

from constructs import Construct

from league.event import Event
from league.jumpstart import PinnedModel
from stacks.data import DataStack
from stacks.functions import FunctionDefaults
from stacks.league_stack import LeagueStack
from stacks.machines import LeagueMachine, may_run, may_use_sagemaker, may_wake
from stacks.pipeline_functions import WAKES_WAITERS, PipelineFunctions
from stacks.sagemaker_access import hosting_role, training_role
from stacks.substitutions import substitutions
from stacks.sweeper import Sweeper
from stacks.triggers import BoardTrigger, UploadTrigger


class PipelineStack(LeagueStack):
    """From an upload to a row of the leaderboard."""

    def __init__(
        self,
        scope: Construct,
        *,
        event: Event,
        base: PinnedModel,
        data: DataStack,
        code: Path,
    ) -> None:
        super().__init__(scope, "Pipeline", event=event)
        self._event = event
        defaults = FunctionDefaults(self, event, code)
        functions = PipelineFunctions(self, event=event, data=data, defaults=defaults)
        training = training_role(self, base, data.models)
        hosting = hosting_role(self, base, data.models)
        available = substitutions(event, functions.by_id, training, hosting)

        self.train_deploy_judge = LeagueMachine(
            self, "TrainDeployJudge", event=event, available=available
        )
        self.train_deploy_judge.may_invoke(functions.by_id)
        may_use_sagemaker(self.train_deploy_judge, event, training, hosting)
        may_wake([functions[name] for name in WAKES_WAITERS], self.train_deploy_judge)

        available["TrainDeployJudgeMachine"] = self.train_deploy_judge.state_machine_arn
        self.prepare_event = LeagueMachine(self, "PrepareEvent", event=event, available=available)
        self.prepare_event.may_invoke(functions.by_id)
        may_run(self.prepare_event, self.train_deploy_judge)

        self.practice_judging = LeagueMachine(
            self, "PracticeJudging", event=event, available=available
        )
        self.practice_judging.may_invoke(functions.by_id)
        self.judge_stored = LeagueMachine(self, "JudgeStored", event=event, available=available)
        self.judge_stored.may_invoke(functions.by_id)
        available["JudgeStoredMachine"] = self.judge_stored.state_machine_arn
        self.rejudge = self._judging_stored("Rejudge", functions, available)
        available["RejudgeMachine"] = self.rejudge.state_machine_arn
        self.close_league = self._judging_stored("CloseLeague", functions, available)
        may_run(self.close_league, self.rejudge)

        sweeper = Sweeper(
            self,
            "Sweeper",
            event=event,
            data=data,
            defaults=defaults,
            models=self.train_deploy_judge,
            others={
                "prepare_machine": self.prepare_event,
                "rejudge_machine": self.rejudge,
                "close_machine": self.close_league,
                "practice_machine": self.practice_judging,
                "stored_machine": self.judge_stored,
            },
        )
        UploadTrigger(self, "Uploads", data=data, function=functions["ValidateDataset"])
        BoardTrigger(self, "Board", data=data, function=functions["PublishLeaderboard"])
        self.publish(
            TrainDeployJudgeMachineArn=self.train_deploy_judge.state_machine_arn,
            PrepareEventMachineArn=self.prepare_event.state_machine_arn,
            RejudgeMachineArn=self.rejudge.state_machine_arn,
            CloseLeagueMachineArn=self.close_league.state_machine_arn,
            LeaseLargeModelFunctionName=functions["LeaseLargeModel"].function_name,
            SweepFunctionName=sweeper.function.function_name,
        )

    def _judging_stored(
        self, construct_id: str, functions: PipelineFunctions, available: Mapping[str, str]
    ) -> LeagueMachine:
        """A machine that has models judged anew from their stored answers."""
        machine = LeagueMachine(self, construct_id, event=self._event, available=available)
        machine.may_invoke(functions.by_id)
        may_run(machine, self.judge_stored)
        return machine
