"""Plain SQL that runs on SQLite and PostgreSQL. Only `tasks.database` reads it."""
