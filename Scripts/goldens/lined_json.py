"""JSON with one entry a line, so that a committed file stays small and its diffs stay readable."""

import json
from pathlib import Path


def text(value, depth):
    """Returns `value` as JSON: objects down to `depth` levels spread over lines, the rest stays on one."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    entries = (f"{text(key, 0)}: {text(item, depth - 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(entries) + "\n}"


def write(path, value, depth=2):
    """Writes `value` to `path` as `text` forms it."""
    Path(path).write_text(text(value, depth) + "\n", encoding="utf-8")
