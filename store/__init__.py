"""Everything that is SQL: migrations, named queries, binary COPY, the log, embedded PostgreSQL."""
