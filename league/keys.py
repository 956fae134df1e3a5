"""Every key of the table and every object of the buckets. Nothing else builds one.

| item | pk | sk |
|---|---|---|
| event state | EVENT | STATE |
| participant | P#<participant> | PROFILE |
| dataset | P#<participant> | DATASET#<id> |
| model | P#<participant> | MODEL#<id> |
| usage of limits | P#<participant> | USAGE#<day or total> |
| display name, once per event | NAME#<folded name> | NAME |
| idempotency key | REQUEST#<participant> | <key> |
| score, immutable | SCORE#<model> | <protocol> |
| leaderboard entry | BOARD | <participant or baseline> |
| lease | LEASE | <what> |
"""

from typing import NamedTuple


class Key(NamedTuple):
    """Primary key of an item."""

    pk: str
    sk: str

    def item(self) -> dict[str, str]:
        return {"pk": self.pk, "sk": self.sk}


DATASET_PREFIX = "DATASET#"
MODEL_PREFIX = "MODEL#"
BOARD = "BOARD"

EVENT_STATE = Key("EVENT", "STATE")


def participant_partition(participant: str) -> str:
    return f"P#{participant}"


def profile(participant: str) -> Key:
    return Key(participant_partition(participant), "PROFILE")


def dataset(participant: str, dataset_id: str) -> Key:
    return Key(participant_partition(participant), DATASET_PREFIX + dataset_id)


def model(participant: str, model_id: str) -> Key:
    return Key(participant_partition(participant), MODEL_PREFIX + model_id)


def request(participant: str, idempotency_key: str) -> Key:
    """What a participant's idempotency key stood for."""
    return Key(f"REQUEST#{participant}", idempotency_key)


def display_name(folded: str) -> Key:
    """Who bears a display name; `league.participants.fold` says which names are the same."""
    return Key(f"NAME#{folded}", "NAME")


def usage(participant: str, span: str) -> Key:
    """What a participant used in a UTC day (`2026-12-01`) or in all (`total`)."""
    return Key(participant_partition(participant), f"USAGE#{span}")


def score(model_id: str, protocol: str) -> Key:
    """An immutable score."""
    return Key(f"SCORE#{model_id}", protocol)


def board_entry(owner: str) -> Key:
    """A row of the leaderboard: the best score of a participant or of a baseline."""
    return Key(BOARD, owner)


LARGE_ENDPOINT_LEASE = Key("LEASE", "LARGE_ENDPOINT")


# --- objects ---------------------------------------------------------------------------------

UPLOADS = "uploads/"
HIDDEN_QUESTIONS = "questions/hidden.jsonl"
REFERENCE_ANSWERS = "reference/answers.json"
FREEZE = "reference/freeze.json"
LEADERBOARD = "leaderboard.json"


def upload(participant: str, dataset_id: str) -> str:
    """In the datasets bucket."""
    return f"{UPLOADS}{participant}/{dataset_id}.jsonl"


def parse_upload(key: str) -> tuple[str, str] | None:
    """Participant and dataset id of an upload's key; None when it is no upload."""
    parts = key.removeprefix(UPLOADS).removesuffix(".jsonl").split("/")
    if not key.startswith(UPLOADS) or len(parts) != 2:
        return None
    return parts[0], parts[1]


def training_prefix(participant: str, model_id: str, attempt: int) -> str:
    """In the models bucket: what one training job reads, and nothing else."""
    return f"{participant}/{model_id}/{attempt}/training/"


def output_prefix(participant: str, model_id: str, attempt: int) -> str:
    """In the models bucket: what the training job writes below `<job name>/output/model/`."""
    return f"{participant}/{model_id}/{attempt}/output/"


def practice_answers(participant: str, model_id: str) -> str:
    """In the models bucket: the answers a participant may read."""
    return f"{participant}/{model_id}/practice_answers.json"


def hidden_answers(model_id: str) -> str:
    """In the vault."""
    return f"answers/{model_id}.json"


def games(model_id: str, protocol: str) -> str:
    """In the vault."""
    return f"games/{protocol}/{model_id}.jsonl"
