"""JupyterLab in a real browser: a server of its own, and what a reader does with a notebook."""

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 120_000
"""Milliseconds that any one step may take on a busy machine."""

CHAPTER_PATIENCE = 500_000
"""Milliseconds that the cells of a notebook may take together."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false"},  # else a pop-up asks
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells out of sight are not in the page
}


@contextmanager
def server(root: Path, private: Path):
    """Serve a folder with JupyterLab; yield its address with the token in it. Ends the process that it started.

    Args:
        root: the folder that is served.
        private: an empty folder for the server's own settings, data and kernels' files.
    """
    for name, setting in SETTINGS.items():
        path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting))
    token, port = secrets.token_hex(16), _free_port()
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {name: str(private / folder) for name, folder in folders.items()}
    environment |= {"IPYTHONDIR": str(private / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(private / "settings")}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces")}
    with (private / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
                *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"),
                *(["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []),
            ],
            stdout=log,
            stderr=log,
            env=environment,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api?token={token}", process, private / "server.log")
            yield f"http://127.0.0.1:{port}/lab/tree/{{notebook}}?reset&token={token}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def open_and_run(page, address, notebook):
    """Open a notebook without outputs, run all its cells, and wait until each has its number.

    Raises:
        AssertionError: with the text, if a cell ends in an error or writes to stderr.
    """
    page.goto(address.format(notebook=notebook))
    idle(page)  # before that, the kernel is not connected, and Run All would be dropped silently
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    ended = page.wait_for_function(
        """() => {
            const error = document.querySelector("[data-mime-type='application/vnd.jupyter.stderr']");
            if (error) return error.textContent;
            const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
            return prompts.length > 0 && prompts.every(prompt => /\\[\\d+\\]/.test(prompt.textContent)) && "well";
        }""",
        timeout=CHAPTER_PATIENCE,
        polling=500,  # by default it asks at every frame, and the browser takes a core from the chapter
    ).json_value()
    assert ended == "well", ended
    idle(page)


def idle(page):
    """Wait until the status bar says that the kernel is connected and idle."""
    page.wait_for_function(
        "() => (document.querySelector('#jp-main-statusbar')?.textContent ?? '').includes('| Idle')",
        timeout=PATIENCE,
        polling=200,
    )


def move_slider(page, number=0):
    """Focus a slider's handle and press an arrow key: to the right, or from the right end to the left.

    Returns:
        The key that takes it back.
    """
    handle = page.locator(".jupyter-widgets .noUi-handle").nth(number)
    handle.scroll_into_view_if_needed(timeout=PATIENCE)
    at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    there, back = ("ArrowLeft", "ArrowRight") if at_the_end else ("ArrowRight", "ArrowLeft")
    handle.press(there)
    return back


def press_slider(page, key, number=0):
    """Press a key on a slider's handle."""
    page.locator(".jupyter-widgets .noUi-handle").nth(number).press(key)


def figure_hash(page):
    """Return the hash of the picture that the widget shows."""
    picture = page.locator("img.widget-image").first
    picture.wait_for(state="visible", timeout=PATIENCE)
    data = picture.evaluate(
        "async (img) => { await img.decode(); const bytes = await (await fetch(img.src)).arrayBuffer();"
        "  return [...new Uint8Array(bytes)]; }"
    )
    return hashlib.sha256(bytes(data)).hexdigest()


def wait_for_another_figure(page, before):
    """Return the hash of the picture as soon as it is another one.

    Raises:
        TimeoutError: if it stays the same.
    """
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if (now := figure_hash(page)) != before:
            return now
        page.wait_for_timeout(200)
    raise TimeoutError("the figure did not change")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address, process, log):
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended at once:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")
