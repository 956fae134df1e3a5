"""/datasets: uploads, and what was found in them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from lambdas.api import quota
from lambdas.api.answers import (
    DatasetAnswer,
    DatasetList,
    DatasetSummary,
    DatasetUpload,
    UploadForm,
)
from lambdas.api.bodies import LABEL_LENGTH, NewDataset
from lambdas.api.identity import PARTICIPANTS
from lambdas.api.me import usage
from lambdas.api.paging import InvalidPage, page
from lambdas.api.routing import Call, Routes
from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed, put_new_write
from league import keys, names, uploads
from league.errors import LimitReached, NotFound
from league.limits import Use
from league.participants import check_name
from league.records import DatasetRecord, DatasetState, timestamp

routes = Routes(PARTICIPANTS)


@routes.post("/datasets", status=201, body=NewDataset, answer=DatasetUpload, errors=(LimitReached,))
def create_dataset(call: Call, body: NewDataset) -> DatasetUpload:
    """A new dataset, and a form to upload it with."""
    dataset_id = names.derived_id(call.participant, "dataset", call.key)
    logger.append_keys(dataset_id=dataset_id)
    record = call.services.table.get(keys.dataset(call.participant, dataset_id))
    if record is None:
        record = _create(call, dataset_id, check_name(body.name, "name", LABEL_LENGTH))
    return DatasetUpload(
        **_summary(record),
        upload=_form(call, dataset_id),
        remaining=usage(call)["remaining"],
    )


@routes.get("/datasets", answer=DatasetList, paged=True, errors=(InvalidPage,))
def list_datasets(call: Call) -> DatasetList:
    """The caller's datasets."""
    partition = keys.participant_partition(call.participant)
    found = call.services.table.query(partition, keys.DATASET_PREFIX)
    items, cursor = page(found, call.query)
    return DatasetList(items=[_summary(item) for item in items], next=cursor)


@routes.get("/datasets/<dataset_id>", answer=DatasetAnswer, errors=(NotFound,))
def get_dataset(call: Call) -> DatasetAnswer:
    """One dataset, with the report on its newest upload."""
    record = load(call, call.path["dataset_id"])
    shown = {name: record[name] for name in ("sha256", "checked_at", "report") if name in record}
    return cast(DatasetAnswer, {**_summary(record), **shown})


def load(call: Call, dataset_id: str) -> dict[str, Any]:
    """The caller's dataset.

    Raises:
        NotFound: there is none of that id, or it is somebody else's.
    """
    record = call.services.table.get(keys.dataset(call.participant, dataset_id))
    if record is None:
        raise NotFound("There is no such dataset.", "GET /datasets lists yours", "no_such_dataset")
    return record


def _create(call: Call, dataset_id: str, name: str) -> dict[str, Any]:
    """The new record, or the one that the same request made a moment ago."""
    table, key = call.services.table, keys.dataset(call.participant, dataset_id)
    record = DatasetRecord(
        id=dataset_id,
        participant=call.participant,
        name=name,
        state=DatasetState.AWAITING_UPLOAD,
        created_at=timestamp(call.now),
    )
    writes = [put_new_write(key, record)]
    limits = call.event.limits
    try:
        quota.write_within(table, call.participant, Use(datasets=1), limits, call.now, writes)
    except ConditionFailed:
        pass  # the same request was faster
    return load(call, dataset_id)


def _form(call: Call, dataset_id: str) -> UploadForm:
    """A form that S3 takes for this key, type and size only."""
    limits, settings = call.event.limits, call.services.settings
    form = call.services.s3.generate_presigned_post(
        Bucket=settings.datasets_bucket,
        Key=keys.upload(call.participant, dataset_id),
        Fields={"Content-Type": uploads.CONTENT_TYPE},
        Conditions=[
            {"Content-Type": uploads.CONTENT_TYPE},
            ["content-length-range", 1, limits.dataset_bytes],
        ],
        ExpiresIn=uploads.FORM_SECONDS,
    )
    expires = call.now + dt.timedelta(seconds=uploads.FORM_SECONDS)
    return UploadForm(url=form["url"], fields=form["fields"], expires_at=timestamp(expires))


def _summary(record: Mapping[str, Any]) -> DatasetSummary:
    summary = DatasetSummary(
        id=record["id"],
        name=record["name"],
        state=record["state"],
        created_at=record["created_at"],
    )
    if "report" in record:
        summary["size_bytes"] = record["size_bytes"]
        summary["rows"] = record["report"]["rows"]
        summary["error_count"] = record["report"]["error_count"]
    return summary
