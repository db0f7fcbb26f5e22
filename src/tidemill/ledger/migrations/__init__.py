"""The history of the database's shape; a file a stage until the first release, then a file a change."""
