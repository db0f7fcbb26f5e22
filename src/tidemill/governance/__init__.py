"""Who may do what, and who did what: tokens, roles, the audit."""
