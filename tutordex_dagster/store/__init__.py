"""Everything SQL: schema, migrations, queries, repositories. Only this package imports psycopg."""
