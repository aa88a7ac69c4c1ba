"""The JavaScript SDK v3, from npm, tells javascript/story.mjs to a daemon."""
import os
import pathlib
import shutil
import subprocess
import unittest

from enid_daemon import Daemon

SOURCE = pathlib.Path(__file__).resolve().parent / "javascript"
# Installed once into the build folder, so that the source stays clean and runs after the first are quick.
INSTALLED = pathlib.Path(os.environ.get("ENID_BINARY", "/tmp/enid")).resolve().parent / "javascript"


def install():
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json", "story.mjs"]:
        shutil.copy(SOURCE / name, INSTALLED / name)
    if not (INSTALLED / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=INSTALLED, check=True, capture_output=True, text=True)


class JavaScript(unittest.TestCase):
    def test_the_sdk_v3_tells_its_story(self):
        install()
        daemon = Daemon()
        self.addCleanup(daemon.close)
        environment = os.environ | daemon.environment | {"ENID_ENDPOINT": daemon.endpoint}
        result = subprocess.run(["node", "story.mjs"], cwd=INSTALLED, env=environment, text=True, capture_output=True,
                                timeout=200, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertTrue(result.stdout.endswith("gone again\n"), result.stdout)


if __name__ == "__main__":
    unittest.main()
