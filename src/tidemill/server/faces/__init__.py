"""Wire protocols of other tools, spoken so that their clients work unmodified; a face decides nothing."""
