"""The one prompt that training and answering share.

JumpStart reads it as `template.json` beside the rows, and joins prompt and completion with a
demarcation (`add_input_output_demarcation_key`); whoever asks the tuned model must send exactly
what it was trained on.
"""

import json

PROMPT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}"
)
COMPLETION = "{response}"
DEMARCATION = "\n\n### Response:\n"
STOP = ("\n\n### Instruction:", "<|eot_id|>", "<|end_of_text|>")


def training_template() -> str:
    """The text of `template.json`."""
    return json.dumps({"prompt": PROMPT, "completion": COMPLETION})


def answering_prompt(instruction: str) -> str:
    """What a tuned model is sent for one question."""
    return PROMPT.replace("{instruction}", instruction) + DEMARCATION
