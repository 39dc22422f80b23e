"""Alembic's migrations of the tables that are folded from the journal."""
