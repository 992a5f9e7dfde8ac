"""S3 as a file system of ``fsspec``: always asks the server anew, and holds one piece of a file at a time."""

from typing import Any

import s3fs  # type: ignore[import-untyped]

from par_warehouse.copying import MAX_ENTRIES


class S3FileSystem(s3fs.S3FileSystem):  # type: ignore[misc]
    """``s3fs`` for reading what somebody else writes: no listing is remembered, none grows without bound."""

    retries = 2  # once more on the spot; par_warehouse.copying tries again with longer breaks

    def __init__(self, **options: Any) -> None:
        super().__init__(use_listings_cache=False, default_cache_type="none", **options)

    def split_path(self, path: str) -> tuple[str, str, None]:
        """Bucket and key; ``s3fs`` would cut off what it takes for the version of a key."""
        bucket, _, key = path.removeprefix("s3://").partition("/")
        return bucket, key, None

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        bucket, key, _version = self.split_path(path.rstrip("/"))
        prefix = f"{key}/" if key else ""
        found: list[dict[str, Any]] = []
        async for info in self._iterdir(bucket, prefix=prefix):
            # An object that is called like the folder only says that the folder is there.
            if info["name"] != f"{bucket}/{prefix}" or info["type"] == "directory":
                found.append(info)
            if len(found) > MAX_ENTRIES:
                break
        return found if detail else [info["name"] for info in found]
