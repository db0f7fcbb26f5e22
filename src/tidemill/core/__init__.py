"""Words every stage shares. Standard library only."""
