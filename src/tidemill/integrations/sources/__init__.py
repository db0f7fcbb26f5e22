"""Sources of data beside files: databases, warehouses, lake tables, stores."""
