"""Which of several uploads to one key is the newest."""

CONTENT_TYPE = "application/jsonl"
FORM_SECONDS = 15 * 60
_WIDTH = 64


def sortable(sequencer: str) -> str:
    """An S3 event's sequencer as text that sorts by age.

    They are hexadecimal numbers of differing length, to be padded on the right with zeros and
    compared as text (S3 User Guide, Event message structure).
    """
    return sequencer.upper().ljust(_WIDTH, "0")
