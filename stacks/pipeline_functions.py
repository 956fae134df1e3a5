"""The pipeline's functions: how large each is and what each may do."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from league import keys
from league.event import Event, LargeModel
from league.names import TRAINING_LOGS
from league.settings import Settings
from stacks.data import DataStack
from stacks.functions import FunctionDefaults, LeagueFunction, Size
from stacks.sagemaker_access import SageMakerArns

LONGEST = 900  # what Lambda allows: answering and judging continue where a retry finds them

# How large each function is, and the buckets that it is told of.
FUNCTIONS: Mapping[str, tuple[Size, tuple[str, ...]]] = {
    "ReserveAttempt": (Size(memory=512, seconds=300), ("datasets", "models")),
    "LookUpModel": (Size(), ()),
    "RecordTraining": (Size(seconds=120), ()),
    "AnswerQuestions": (Size(memory=1024, seconds=LONGEST), ("models", "vault")),
    "JudgeAnswers": (Size(memory=1024, seconds=LONGEST), ("vault",)),
    "ScoreModel": (Size(memory=512), ("vault",)),
    "PublishLeaderboard": (Size(), ("site",)),
    "RecordFailure": (Size(), ()),
    "LeaseLargeModel": (Size(), ()),
    "RequestSlot": (Size(memory=512), ()),
    "ReleaseSlot": (Size(memory=512), ()),
    "AdoptResource": (Size(), ()),
    "AnswerReference": (Size(memory=1024, seconds=LONGEST), ("vault",)),
    "FreezeAnswers": (Size(), ("vault",)),
    "PlanBaseline": (Size(), ()),
    "PlanRejudge": (Size(memory=512, seconds=120), ()),
    "PlanFinalists": (Size(memory=512, seconds=60), ()),
    "SelectFinalists": (Size(memory=512, seconds=120), ("vault",)),
    "JudgePractice": (Size(memory=512, seconds=LONGEST), ("models",)),
    "RecordPracticeFailure": (Size(), ()),
    "ValidateDataset": (Size(memory=1024, seconds=300), ("datasets",)),
}
READS_TABLE_ONLY = ("PublishLeaderboard",)
TABLELESS = ("AdoptResource",)
WAKES_WAITERS = ("RequestSlot", "ReleaseSlot")

QUESTIONS = "questions/*"
REFERENCE = "reference/*"
ANSWERS = "answers/*"
GAMES = "games/*"
SCORES = "games/*.score.json"


class PipelineFunctions:
    """The functions by construct id, each with exactly the permissions of its work."""

    def __init__(
        self, scope: Construct, *, event: Event, data: DataStack, defaults: FunctionDefaults
    ) -> None:
        self.event = event
        self.data = data
        self.stack = Stack.of(scope)
        self.arns = SageMakerArns(self.stack, event)
        self.by_id = {
            construct_id: LeagueFunction(
                scope,
                construct_id,
                defaults=defaults,
                settings=self._settings(buckets),
                size=size,
            )
            for construct_id, (size, buckets) in FUNCTIONS.items()
        }
        self._grant_table()
        self._grant_training()
        self._grant_answering()
        self._grant_judging()
        self._grant_practice()
        self._grant_publishing()
        self._grant_preparing()

    def __getitem__(self, construct_id: str) -> LeagueFunction:
        return self.by_id[construct_id]

    def _settings(self, buckets: tuple[str, ...]) -> Settings:
        names = {f"{name}_bucket": getattr(self.data, name).bucket_name for name in buckets}
        return Settings(event=self.event.name, table=self.data.table.table_name, **names)

    def _grant_table(self) -> None:
        for construct_id, function in self.by_id.items():
            if construct_id in READS_TABLE_ONLY:
                self.data.table.grant_read(function)
            elif construct_id not in TABLELESS:
                self.data.table.grant_change(function)

    def _grant_training(self) -> None:
        uploads = f"{keys.UPLOADS}*"
        self.data.datasets.grant_read(self["ValidateDataset"], uploads)
        self.data.datasets.grant_read(self["ReserveAttempt"], uploads)
        self.data.models.grant_put(self["ReserveAttempt"], "*/training/*")
        logs = self.stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=TRAINING_LOGS,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._may(
            "RecordTraining", ["sagemaker:DescribeTrainingJob"], self.arns.of_models("training-job")
        )
        self._may("RecordTraining", ["logs:FilterLogEvents"], [logs, f"{logs}:*"])
        self._grant_adoption()

    def _grant_adoption(self) -> None:
        """Look, and read the tags that say whose it is."""
        nouns = {
            "training-job": "TrainingJob",
            "model": "Model",
            "endpoint-config": "EndpointConfig",
            "endpoint": "Endpoint",
        }
        for kind, noun in nouns.items():
            self._may("AdoptResource", [f"sagemaker:Describe{noun}"], self.arns.of_models(kind))
        self._may("AdoptResource", ["sagemaker:ListTags"], self.arns.of_models(*nouns))

    def _grant_answering(self) -> None:
        self.data.vault.grant_read(self["AnswerQuestions"], QUESTIONS)
        self.data.vault.grant_put(self["AnswerQuestions"], ANSWERS)
        self.data.models.grant_put(self["AnswerQuestions"], "*/practice_answers.json")
        self._may("AnswerQuestions", ["sagemaker:InvokeEndpoint"], self.arns.of_models("endpoint"))

    def _grant_judging(self) -> None:
        for readable in (QUESTIONS, ANSWERS, REFERENCE, GAMES):
            self.data.vault.grant_read(self["JudgeAnswers"], readable)
        self.data.vault.grant_put(self["JudgeAnswers"], GAMES)
        self._may_ask("JudgeAnswers", self.event.judge)
        for scoring in ("ScoreModel", "SelectFinalists"):
            for readable in (QUESTIONS, ANSWERS, REFERENCE, GAMES):
                self.data.vault.grant_read(self[scoring], readable)
        self.data.vault.grant_put(self["ScoreModel"], SCORES)
        if self.event.uses_large_endpoint:
            self._may(
                "LeaseLargeModel",
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateEndpoint",
                    "sagemaker:DeleteEndpoint",
                    "sagemaker:DescribeEndpoint",
                ],
                self.arns.of_large_model("endpoint", "endpoint-config"),
            )

    def _grant_practice(self) -> None:
        """Nothing of the vault: practice questions are public."""
        practice, models = self["JudgePractice"], self.data.models
        for readable in ("*/practice_answers.json", keys.PRACTICE_REFERENCE):
            models.grant_read(practice, readable)
        for written in ("*/practice_verdicts.json", keys.PRACTICE_REFERENCE):
            models.grant_put(practice, written)
        for model in (self.event.judge, self.event.reference):
            self._may_ask("JudgePractice", model)

    def _grant_publishing(self) -> None:
        self.data.site.grant_read(self["PublishLeaderboard"], keys.LEADERBOARD)
        self.data.site.grant_put(self["PublishLeaderboard"], keys.LEADERBOARD)

    def _grant_preparing(self) -> None:
        for construct_id in ("AnswerReference", "FreezeAnswers"):
            for readable in (QUESTIONS, REFERENCE):
                self.data.vault.grant_read(self[construct_id], readable)
            self.data.vault.grant_put(self[construct_id], REFERENCE)
        self._may_ask("AnswerReference", self.event.reference)

    def _may_ask(self, construct_id: str, model: LargeModel) -> None:
        if model.kind == "endpoint":
            endpoint = self.arns.of_large_model("endpoint")
            self._may(construct_id, ["sagemaker:InvokeEndpoint"], endpoint)
        else:
            self._may(construct_id, ["bedrock:InvokeModel"], bedrock_arns(self.stack, model.model))

    def _may(self, construct_id: str, actions: list[str], resources: list[str]) -> None:
        statement = iam.PolicyStatement(actions=actions, resources=resources)
        self[construct_id].add_to_role_policy(statement)


GEOGRAPHIES = ("us", "eu", "apac", "jp", "au", "us-gov", "global")


def bedrock_arns(stack: Stack, model: str) -> list[str]:
    """What invoking `model` needs: a profile such as `us.meta...` stands before the foundation
    model, which the profile may run in any region of its geography."""
    geography, _, foundation = model.partition(".")
    if geography not in GEOGRAPHIES:
        return [_foundation_model(stack, model, stack.region)]
    profile = stack.format_arn(service="bedrock", resource="inference-profile", resource_name=model)
    return [profile, _foundation_model(stack, foundation, "*")]


def _foundation_model(stack: Stack, model: str, region: str) -> str:
    return stack.format_arn(
        service="bedrock",
        region=region,
        account="",
        resource="foundation-model",
        resource_name=model,
    )
