"""What happened, kept: the journal, and the tables that are folded from it."""
