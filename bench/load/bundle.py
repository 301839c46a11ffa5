"""Bundles of a given size that look like code: small functions that are used, none equal to another."""

_FUNCTION = """\
function step{n}(state) {{
  const key = "k{n}-{salt}";
  const seen = state.get(key) ?? 0;
  state.set(key, seen + {n});
  return seen % 2 === 0 ? `even ${{key}}` : `odd ${{key}}`;
}}
"""


def make(size, salt):
    """A module of about `size` bytes; another salt gives another module."""
    parts, length = [], 0
    while length < size - 300:
        parts.append(_FUNCTION.format(n=len(parts), salt=salt))
        length += len(parts[-1])
    calls = ", ".join(f"step{n}" for n in range(0, len(parts), max(1, len(parts) // 4)))
    parts.append(f"const steps = [{calls}];\n"
                 "export default { fetch() { const state = new Map(); "
                 f"return new Response(steps.map((step) => step(state)).length + \" {salt}\"); }} }};\n")
    return "".join(parts)
