"""Pipeline: the state machines and their functions."""

from collections.abc import Iterable
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
        self._functions = functions.by_id
        self._available = substitutions(event, functions.by_id, training, hosting)

        self.train_deploy_judge = self._machine("TrainDeployJudge")
        may_use_sagemaker(self.train_deploy_judge, event, training, hosting)
        may_wake([functions[name] for name in WAKES_WAITERS], self.train_deploy_judge)
        self.prepare_event = self._machine("PrepareEvent", runs=[self.train_deploy_judge])
        self.practice_judging = self._machine("PracticeJudging")
        self.judge_stored = self._machine("JudgeStored")
        self.rejudge = self._machine("Rejudge", runs=[self.judge_stored])
        self.close_league = self._machine("CloseLeague", runs=[self.judge_stored, self.rejudge])

        sweeper = self._sweeper(data, defaults)
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

    def _machine(self, construct_id: str, *, runs: Iterable[LeagueMachine] = ()) -> LeagueMachine:
        """It may invoke the functions that its definition names, and run the machines `runs`. Those
        after it can name it."""
        machine = LeagueMachine(self, construct_id, event=self._event, available=self._available)
        machine.may_invoke(self._functions)
        for other in runs:
            may_run(machine, other)
        self._available[f"{construct_id}Machine"] = machine.state_machine_arn
        return machine

    def _sweeper(self, data: DataStack, defaults: FunctionDefaults) -> Sweeper:
        return Sweeper(
            self,
            "Sweeper",
            event=self._event,
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
