"""What the demo prints."""

from __future__ import annotations

import time
from collections.abc import Callable

from rig import Rule, World

_WIDTH = 78


class Screen:
    """Numbers, times and judges the steps."""

    def __init__(self) -> None:
        self._results: list[tuple[str, bool, float]] = []

    def step(self, title: str, act: Callable[[], list[tuple[str, bool]]]) -> None:
        """Runs a step: `act` does it and returns what was checked. A step that raises has failed."""
        number = len(self._results) + 1
        print(f"\n── {number}. {title} ".ljust(_WIDTH, "─"), flush=True)
        begun = time.monotonic()
        try:
            checks = act()
        except Exception as error:  # the demo goes on, and ends with what failed
            checks = [(f"{type(error).__name__}: {error}", False)]
        taken = time.monotonic() - begun
        for what, passed in checks:
            print(f"  {'✓' if passed else '✗ FAILED:'} {what}")
        self._results.append((title, all(passed for _, passed in checks), taken))
        print(f"  ({taken:.1f} s)", flush=True)

    def groups(self, world: World) -> None:
        """Each region's security group as a table."""
        for region, member in world.members.items():
            print(f"\n  {region}, security group {member.security_group}")
            rules = sorted(world.rules(region), key=lambda rule: (rule.from_port, rule.cidr))
            for rule in rules:
                ports = f"{rule.from_port}" if rule.from_port == rule.to_port else f"{rule.from_port}-{rule.to_port}"
                print(f"    {rule.protocol} {ports:<10} {rule.cidr:<19} {_whose(rule, world)}")

    def finish(self) -> int:
        """What passed; the exit code."""
        failed = [title for title, passed, _ in self._results if not passed]
        print("\n" + "═" * _WIDTH)
        for title, passed, taken in self._results:
            print(f"  {'passed' if passed else 'FAILED'}  {taken:5.1f} s  {title}")
        print(f"\n{len(self._results) - len(failed)} passed, {len(failed)} failed", flush=True)
        return 1 if failed else 0


def _whose(rule: Rule, world: World) -> str:
    if rule.mesh != world.mesh:
        return f"foreign{': ' + rule.description if rule.description else ''}"
    member = dict(rule.tags).get("sgsync:member", "?")
    return f"{member} {rule.description.rsplit(' ', 1)[-1]}"
