"""What a participant is called."""


def default_name(participant: str) -> str:
    """Before they choose a name: nothing on the board tells who somebody is."""
    return f"Participant {participant.replace('-', '')[:4].upper()}"
