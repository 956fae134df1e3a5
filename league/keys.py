"""Every key of the table and every object of the buckets. Nothing else builds one.

| item | pk | sk |
|---|---|---|
| event state | EVENT | STATE |
| when a sweep came to its end last | EVENT | SWEPT |
| participant | P#<participant> | PROFILE |
| dataset | P#<participant> | DATASET#<id> |
| model | P#<participant> | MODEL#<id> |
| usage of limits | P#<participant> | USAGE#<day or total> |
| display name, once per event | NAME#<folded name> | NAME |
| idempotency key | REQUEST#<participant> | <key> |
| score, immutable once final | SCORES#<protocol> | <model> |
| leaderboard entry | BOARD#<protocol> | <participant or baseline> |
| organizers' ruling on a model | RULINGS | <model> |
| what organizers started last | RUNS | <what> |
| selection of finalists | SELECTIONS | <number> |
| large endpoint's holders | LEASE | <what> |
| line for a kind of slot | LINE#<kind> | CONTROL, LEASE#<resource name>, WAIT#<since>#<same> |
| one who waits: since when, task tokens | TOKEN#<kind>#<resource name> | TOKEN |
| model on its way | WORK | <model> |
| practice judging on its way | PRACTICE | <model> |
| money of the event | LEDGER | EVENT |
| charge, immutable | P#<participant> | CHARGE#<model>#<what> |
| money reserved for a judging | P#<participant> | RESERVED#<model>#<what> |
| tokens a model was asked for | TOKENS#<model> | <UTC minute> |
| mail that was sent | NOTICE#<model> | <change of its state> |
"""

from typing import Literal, NamedTuple


class Key(NamedTuple):
    """Primary key of an item."""

    pk: str
    sk: str

    def item(self) -> dict[str, str]:
        return {"pk": self.pk, "sk": self.sk}


DATASET_PREFIX = "DATASET#"
MODEL_PREFIX = "MODEL#"
BOARD_PREFIX = "BOARD#"
RULINGS = "RULINGS"
SELECTIONS = "SELECTIONS"

EVENT_STATE = Key("EVENT", "STATE")
# Not in the state: transactions check that, and a write each minute would be in their way.
LAST_SWEEP = Key("EVENT", "SWEPT")


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


def scores(protocol: str) -> str:
    """The partition of every score under a protocol."""
    return f"SCORES#{protocol}"


def score(model_id: str, protocol: str) -> Key:
    """A score. A provisional one is replaced once, by the final one, which is immutable."""
    return Key(scores(protocol), model_id)


def board(protocol: str) -> str:
    """The partition of a protocol's leaderboard: a re-judge fills its own before it is shown."""
    return BOARD_PREFIX + protocol


def board_entry(owner: str, protocol: str) -> Key:
    """A row of the leaderboard: the best score of a participant or of a baseline."""
    return Key(board(protocol), owner)


def ruling(model_id: str) -> Key:
    """What organizers decided on a model: it is annulled, or released."""
    return Key(RULINGS, model_id)


def run(what: str) -> Key:
    """Who last had a state machine started for `what`, and for which time."""
    return Key("RUNS", what)


def selection(number: int) -> Key:
    """The `number`th selection of finalists; they sort by number."""
    return Key(SELECTIONS, f"{number:06d}")


LARGE_ENDPOINT_LEASE = Key("LEASE", "LARGE_ENDPOINT")

# The lines that executions wait in: league.slots.
SlotKind = Literal["training", "hosting"]
SLOT_KINDS: tuple[SlotKind, ...] = ("training", "hosting")
LINE_CONTROL = "CONTROL"
LEASE_PREFIX = "LEASE#"
WAIT_PREFIX = "WAIT#"
CHARGE_PREFIX = "CHARGE#"
RESERVED_PREFIX = "RESERVED#"
WORK = "WORK"
PRACTICE = "PRACTICE"
EVENT_LEDGER = Key("LEDGER", "EVENT")


def line(kind: SlotKind) -> str:
    """The partition of a line: its control, who holds a slot, who waits."""
    return f"LINE#{kind}"


def line_control(kind: SlotKind) -> Key:
    return Key(line(kind), LINE_CONTROL)


def lease(kind: SlotKind, name: str) -> Key:
    """The slot that a resource name (`league.names.resource_name`) holds."""
    return Key(line(kind), LEASE_PREFIX + name)


def waiting(kind: SlotKind, since: str, name: str) -> Key:
    """The place in the line that a resource name has. They sort by time, then by name: the line is
    read from its front."""
    return Key(line(kind), f"{WAIT_PREFIX}{since}#{name}")


def slot_token(kind: SlotKind, name: str) -> Key:
    """Since when one waits, and the task tokens by which they are woken."""
    return Key(f"TOKEN#{kind}#{name}", "TOKEN")


def work(model_id: str) -> Key:
    """A model that is on its way: from being accepted until nothing of it is left to do."""
    return Key(WORK, model_id)


def practising(model_id: str) -> Key:
    """A model whose practice answers are to be judged: from the request until that has ended."""
    return Key(PRACTICE, model_id)


def charge(participant: str, model_id: str, what: str) -> Key:
    """What a model cost for one thing (`training#1#7`, `judging#pairwise-1`)."""
    return Key(participant_partition(participant), f"{CHARGE_PREFIX}{model_id}#{what}")


def reserved(participant: str, model_id: str, what: str) -> Key:
    """Money set aside for a judging that is under way."""
    return Key(participant_partition(participant), f"{RESERVED_PREFIX}{model_id}#{what}")


def notice(model_id: str, change: int) -> Key:
    """The mail about the `change`th state of a model."""
    return Key(f"NOTICE#{model_id}", f"{change:04d}")


def tokens(model: str, minute: str) -> Key:
    """What all executions together asked of a large model in a UTC minute (`2026-12-01T08:59`)."""
    return Key(f"TOKENS#{model}", minute)


# --- objects ---------------------------------------------------------------------------------

# The set everyone is judged on, and the one that only the best are judged on at the close.
HiddenSet = Literal["first", "second"]
HIDDEN_SETS: tuple[HiddenSet, ...] = ("first", "second")

UPLOADS = "uploads/"
QUESTIONS = "questions/"
HIDDEN_QUESTIONS = f"{QUESTIONS}hidden.jsonl"
SECOND_HIDDEN_QUESTIONS = f"{QUESTIONS}second_hidden.jsonl"
REFERENCE_ANSWERS = "reference/answers.json"
SECOND_REFERENCE_ANSWERS = "reference/second_answers.json"
FREEZE = "reference/freeze.json"
LEADERBOARD = "leaderboard.json"
PRACTICE_REFERENCE = "practice/reference.json"  # in the models bucket: these questions are public


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


def practice_verdicts(participant: str, model_id: str) -> str:
    """In the models bucket: what the judge said of them, for the participant to read."""
    return f"{participant}/{model_id}/practice_verdicts.json"


def hidden_questions(hidden_set: HiddenSet) -> str:
    """In the vault."""
    return HIDDEN_QUESTIONS if hidden_set == "first" else SECOND_HIDDEN_QUESTIONS


def reference_answers(hidden_set: HiddenSet) -> str:
    """In the vault: the reference model's answers to a hidden set."""
    return REFERENCE_ANSWERS if hidden_set == "first" else SECOND_REFERENCE_ANSWERS


def hidden_answers(model_id: str, hidden_set: HiddenSet = "first") -> str:
    """In the vault: a model's answers to a hidden set."""
    return f"answers/{model_id}{_suffix(hidden_set)}.json"


def games(model_id: str, protocol: str, hidden_set: HiddenSet = "first") -> str:
    """In the vault: a submission's games as a chain of audit records, once all are played."""
    return f"games/{protocol}/{model_id}{_suffix(hidden_set)}.jsonl"


def score_record(model_id: str, protocol: str) -> str:
    """In the vault: the score that rests on the games beside it, for whoever audits both."""
    return f"games/{protocol}/{model_id}.score.json"


def games_prefix(model_id: str, protocol: str, hidden_set: HiddenSet = "first") -> str:
    """In the vault: what a submission's decided games lie below, each as soon as it is decided."""
    return f"games/{protocol}/{model_id}{_suffix(hidden_set)}/"


def game(model_id: str, protocol: str, cache_key: str, hidden_set: HiddenSet = "first") -> str:
    """In the vault: one game, written once."""
    return f"{games_prefix(model_id, protocol, hidden_set)}{cache_key}.json"


def cache_key_of(key: str) -> str:
    """The cache key of a game's object."""
    return key.rpartition("/")[2].removesuffix(".json")


def _suffix(hidden_set: HiddenSet) -> str:
    return "" if hidden_set == "first" else ".second"
