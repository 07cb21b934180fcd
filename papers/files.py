"""Read a text file as it stands, and replace it whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

_ABANDONED = 3600.0
"""Seconds after which a temporary file is nobody's, whatever its process's number is now."""


class UnreadableFileError(ValueError):
    """The file is missing, is no file, or is not UTF-8."""


class FileChangedError(RuntimeError):
    """The file is no longer what was read."""


def read_text(path: str | Path) -> str:
    """Return a file's text with its own line ends and byte order mark.

    Raises:
        UnreadableFileError: if there is no such file, it cannot be opened, or it is not UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{path} is not UTF-8 (byte {error.start}); convert it first") from None
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from None


def check_folder(path: str | Path) -> Path:
    """Return where a path leads to; refuse what is no file, lies in no folder, or is not to be replaced.

    A file is replaced by a rename. That would make a read-only file a new one without a word, and part a file from its
    other names (hard links): a copy in a backup has to stay as it is, a second working copy would be left behind, and
    nobody but the file's owner knows which of the two it is.

    Raises:
        OSError: saying which of it, and what to do.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"cannot write {path}: it is a folder or a device; name a file")
    if not target.parent.is_dir():
        raise OSError(f"cannot write {path}: there is no folder {target.parent}; make it first")
    if target.exists():
        status = target.stat()
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise OSError(f"cannot write {path}: it is read-only; make it writable first (chmod u+w)")
        if status.st_nlink > 1:
            remedy = "copy it to a name of its own first (cp -p, then mv over it)"
            raise OSError(f"cannot write {path}: the file has {status.st_nlink} names (hard links); {remedy}")
    return target


def replace_text(path: str | Path, old: str | None, new: str) -> None:
    """Replace a file's text, atomically: a reader, or a crash, finds the old file or the new one, whole.

    The new text is written to a temporary file in the same folder, brought to the disk, given the permissions of the
    old one, and renamed. Symbolic links are followed. What a killed process has left is cleared away by the next one.

    Args:
        path: the file.
        old: what the file held when it was read; None if there was none.
        new: what it is to hold.

    Raises:
        FileChangedError: if the file no longer holds ``old``; nothing is written then.
        OSError: if it cannot be written, or is not to be replaced: see :func:`check_folder`.
    """
    target = check_folder(path)
    _clear_away(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as handle:
            handle.write(new.encode("utf-8"))
            handle.flush()
            os.fsync(handle.fileno())
        if target.exists():
            _keep_owner_and_mode(temporary, target)
        # Last thing before the rename: has somebody else saved the file meanwhile?
        if (target.read_bytes() if target.exists() else None) != (None if old is None else old.encode("utf-8")):
            raise FileChangedError(f"{path} has changed on disk meanwhile; nothing was written, run the command again")
        temporary.replace(target)
    except OSError as error:  # which names the temporary file
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # it is there only if the rename was not reached
            temporary.unlink()
    _sync_folder(target.parent)


def _clear_away(target: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote this file."""
    name = re.compile(rf"\.{re.escape(target.name)}\.(?:(?P<process>\d+)-)?[0-9a-f]{{8}}\.tmp")
    with suppress(OSError):
        for left in os.scandir(target.parent):
            if (match := name.fullmatch(left.name)) and not _at_work(match["process"], left):
                Path(left.path).unlink()


def _at_work(process: str | None, left: os.DirEntry[str]) -> bool:
    """Whether a process may still be writing its temporary file; after an hour none is."""
    if time.time() - left.stat(follow_symlinks=False).st_mtime > _ABANDONED:
        return False
    if os.name != "posix" or process is None:  # elsewhere the call below would end the process
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _keep_owner_and_mode(temporary: Path, target: Path) -> None:
    status = target.stat()
    if hasattr(os, "chown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # only root can give a file away; the content is what matters
            os.chown(temporary, status.st_uid, status.st_gid)
    temporary.chmod(status.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    """Bring the rename itself to the disk, where the system has such a call."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
