"""`python -m rig`: starts the rig with a world in it, prints how to reach it, and waits for Ctrl-C."""

from __future__ import annotations

import signal

from . import Rig, World


def main() -> None:
    """Runs until interrupted or terminated."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Rig() as rig:
        world = World(rig)
        print(f"moto       {rig.moto.url}\nministack  {rig.ministack.url}\nlogs       {rig.work_dir}\n")
        for region in rig.regions:
            print(f"# as {region}\n" + "\n".join(f"export {key}={value}" for key, value in rig.env(region).items()))
        print(f"\n# mesh.toml\n{world.mesh_toml()}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
