"""The built-in kinds of route node, declared through the same hook as anyone's."""
