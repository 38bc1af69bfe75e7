//! The one adapter round the YAML parser: nodes, scalars and comments with byte spans.
