"""Who runs PostgreSQL: it refuses root, so root hands it to an account without rights."""

import os
import pwd
import stat
from pathlib import Path

from kaireon.launch.children import Account
from kaireon.launch.failure import LaunchFailure

UNPRIVILEGED_USER = "nobody"


def database_account(data: Path) -> Account | None:
    """None unless we are root; else the owner of the data, so that they may change hands, or `nobody` for new ones."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(uid=data.stat().st_uid, gid=data.stat().st_gid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise LaunchFailure(
            f"PostgreSQL doesn't run as root and this system has no user {UNPRIVILEGED_USER!r}:"
            " start Kaireon as another user, or set DATABASE_URL."
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def let_pass(account: Account | None, path: Path) -> None:
    """Lets `account` walk through the folders above `path`. Only the right to pass is added, none to look inside.

    Needed where root works below a folder that it keeps to itself, such as /root. Raises LaunchFailure.
    """
    if account is None:
        return
    for folder in path.resolve().parents:
        status = folder.stat()
        if status.st_uid == account.uid or status.st_mode & stat.S_IXOTH:
            continue
        try:
            folder.chmod(status.st_mode | stat.S_IXOTH)
        except OSError as error:
            raise LaunchFailure(
                f"PostgreSQL (as user {account.uid}) can't get through {folder}: {error.strerror}."
                " Choose another folder with KAIREON_HOME, or set DATABASE_URL."
            ) from None


def let_read(account: Account | None, folder: Path) -> None:
    """Lets `account` read `folder` and all below it, which a strict umask at installation may have kept from it."""
    if account is None or folder.stat().st_mode & stat.S_IROTH:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            executable = stat.S_IXOTH if mode & stat.S_IXUSR else 0
            path.chmod(mode | stat.S_IROTH | executable)
