"""Read feed files: TOML with the place of every key, decoded into frozen Structs."""
