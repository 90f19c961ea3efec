"""How the tracker tells the API of changes: a body is JSON, `{topic: [{"id", "op", "data"}, …]}`.

Where the same fields of many objects have changed, `columns` has them before all others:
`{"columns": {topic: {"id": [name, …], field: [value, …], …}}}`, each a merge.
"""

COLUMNS = "columns"
