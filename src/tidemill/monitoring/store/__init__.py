"""The tables of monitoring and the SQL on them, a file an idea."""
