"""The account, the container and the credentials of Azure Blob Storage.

pyarrow reads no environment variable for them, and it ends the process if a key is not base64 or if
signing in fails. Everything is therefore checked before pyarrow receives it.
"""

from __future__ import annotations

import base64
import os
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from losscli.errors import DataError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

# Any of these shows that the user signs in to Azure, rather than with a key of the account.
_SIGNED_IN = ("AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT")

_NO_CREDENTIALS = (
    "no credentials for Azure. Set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or "
    "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_AUTH_MODE=login after az login, or use "
    "--anonymous for a public container."
)


class Account(NamedTuple):
    """An account, its credentials, and the servers of its blobs and of its folders. A server that
    begins with a dot follows the name of the account."""

    name: str
    key: str = ""
    token: str = ""
    scheme: str = "https"
    blobs: str = ".blob.core.windows.net"
    folders: str = ".dfs.core.windows.net"


def place(authority: str, anonymous: bool) -> tuple[FileSystem, str]:
    """Return the store and the container of a URI, given the part between `abfs://` and `/`:
    CONTAINER, ACCOUNT@CONTAINER or CONTAINER@ACCOUNT.dfs.core.windows.net."""
    user, _, host = authority.rpartition("@")
    known = _of_environment()
    if "." not in host:
        account = known._replace(name=user or known.name)
        container = host
    else:
        name = host.partition(".")[0]
        account = known._replace(name=name, scheme="https", **_servers(host))
        container = user
    if not container or not re.fullmatch(r"[a-z0-9-]+", account.name):
        raise DataError(
            "expected abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH, or abfs://CONTAINER/PATH "
            "and the environment variable AZURE_STORAGE_ACCOUNT"
        )
    if anonymous:
        return _anonymous(account._replace(key="", token=""), container), container
    if known.name not in ("", account.name) and (known.key or known.token):
        raise DataError(f"the credentials in the environment are those of account {known.name}")
    return _signed_in(account), container


def _of_environment() -> Account:
    """The account that the environment variables of Azure's own tools describe."""
    settings = _settings(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    account = Account(
        settings.get("AccountName") or os.environ.get("AZURE_STORAGE_ACCOUNT", ""),
        settings.get("AccountKey") or os.environ.get("AZURE_STORAGE_KEY", ""),
        settings.get("SharedAccessSignature") or os.environ.get("AZURE_STORAGE_SAS_TOKEN", ""),
    )
    if suffix := settings.get("EndpointSuffix"):
        account = account._replace(blobs=f".blob.{suffix}", folders=f".dfs.{suffix}")
    if endpoint := settings.get("BlobEndpoint"):
        account = _at(account, endpoint)
    return account._replace(scheme=settings.get("DefaultEndpointsProtocol") or account.scheme)


def _settings(connection: str) -> dict[str, str]:
    """The settings of a connection string, such as AccountName=N;AccountKey=K."""
    pairs = (setting.partition("=") for setting in connection.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _at(account: Account, endpoint: str) -> Account:
    """The account at the address of its blobs."""
    parts = urlsplit(endpoint)
    name, _, suffix = parts.netloc.partition(".blob.")
    if suffix:
        account = account._replace(name=account.name or name, **_servers(parts.netloc))
    else:  # an emulator has the name of the account in the path, and no server of folders
        name = account.name or parts.path.strip("/")
        account = account._replace(name=name, blobs=parts.netloc, folders=parts.netloc)
    return account._replace(scheme=parts.scheme or account.scheme)


def _servers(host: str) -> dict[str, str]:
    """The servers of an account, given one of them, such as ACCOUNT.dfs.core.windows.net."""
    suffix = re.sub(r"^[^.]*\.((dfs|blob)\.)?", "", host)
    return {"blobs": f".blob.{suffix}", "folders": f".dfs.{suffix}"}


@cache
def _signed_in(account: Account) -> FileSystem:
    from pyarrow.fs import AzureFileSystem  # noqa: PLC0415 - only for URIs

    if account.key:
        _require_key(account.key)
    elif not account.token and not _can_sign_in(account):
        raise DataError(_NO_CREDENTIALS)
    return AzureFileSystem(
        account.name,
        account_key=account.key or None,
        sas_token=f"?{account.token.lstrip('?')}" if account.token and not account.key else None,
        blob_storage_authority=account.blobs,
        dfs_storage_authority=account.folders,
        blob_storage_scheme=account.scheme,
        dfs_storage_scheme=account.scheme,
    )


@cache
def _anonymous(account: Account, container: str) -> FileSystem:
    from pyarrow.fs import FileSystem  # noqa: PLC0415

    settings = {
        "credential_kind": "anonymous",
        "blob_storage_authority": account.blobs,
        "dfs_storage_authority": account.folders,
        "enable_tls": str(account.scheme == "https").lower(),
    }
    store, _ = FileSystem.from_uri(f"abfs://{account.name}@{container}?{urlencode(settings)}")
    return store


def _require_key(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        raise DataError(
            "the key in AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING is not a key of an "
            "account, which is base64"
        ) from None


def _can_sign_in(account: Account) -> bool:
    """Whether signing in was set up. pyarrow ends the process if signing in fails, and if it would
    send a token without encryption."""
    asked = os.environ.get("AZURE_STORAGE_AUTH_MODE", "").lower() == "login"
    return account.scheme == "https" and (asked or any(map(os.environ.get, _SIGNED_IN)))
