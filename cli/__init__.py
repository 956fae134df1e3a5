"""The `league` command: for organizers and participants, through HTTP and on one's own machine."""
