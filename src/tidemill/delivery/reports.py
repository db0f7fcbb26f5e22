"""Reports of gates and what persons say to them: what changes together in the ledger."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery import champions, rules, store
from tidemill.delivery.records import GateReport, GateStatus, RuleResult
from tidemill.ledger import Transaction
from tidemill.models.records import ModelVersion


def need(connection: sa.Connection, identifier: str) -> GateReport:
    """Return a gate report with what persons said to it.

    Raises:
        GateReportNotFound: If there is none of that id.
    """
    found = store.find_gate_report(connection, identifier)
    if found is None:
        raise rules.GateReportNotFound(
            f"There is no gate report {shown(identifier)}", hint="List them with `tidemill gates list`."
        )
    return found


def same_request(connection: sa.Connection, identifier: str, version: ModelVersion) -> GateReport | None:
    """Return the report that a key has made before.

    Raises:
        KeyReused: If it is about another version.
    """
    there = store.find_gate_report(connection, identifier)
    if there is not None and (there.model, there.version) != (version.model, version.number):
        raise rules.KeyReused(
            f"The key {shown(identifier)} made the report of {there.model}@{there.version}",
            hint="Give another key, or none.",
        )
    return there


def add(
    tx: Transaction,
    identifier: str,
    *,
    version: ModelVersion,
    champion: ModelVersion | None,
    status: GateStatus,
    results: Sequence[RuleResult],
    rows: int,
    holdout: str,
) -> GateReport:
    """Record how a version was judged; once, however often."""
    row = {
        "id": identifier,
        "model": version.model,
        "version": version.number,
        "digest": version.bundle,
        "champion": champion.number if champion else None,
        "status": status.value,
        "results": list(results),
        "rows": rows,
        "holdout": holdout,
        "created_at": tx.now,
        "created_by": tx.actor.name,
    }
    subject = Ref("gate_report", identifier)
    if tx.insert_new(store.gate_reports, row):
        tx.link(Ref("model_version", version.id), "judged_in", subject)
        tx.link(Ref.parse(holdout), "judged_on", subject)
        tx.audit("gate.evaluate", subject, model=version.model, version=version.number, status=status.value)
    return need(tx.connection, identifier)


def answer(tx: Transaction, identifier: str, version: ModelVersion, *, approved: bool, comment: str) -> GateReport:
    """Record a person's yes or no; the gate opens when as many different persons said yes as its rules ask for.

    Raises:
        GateNotWaiting: If the gate waits for nobody.
        OwnWork: If the person registered the version; only the owner of an embedded workspace may, on record.
    """
    report = need(tx.connection, identifier)
    if report.digest != version.bundle:
        raise rules.ReportOutdated(
            f"Report {identifier} is about other bytes than {version.ref}", hint="Judge it again."
        )
    own_work = version.created_by == tx.actor.name
    if own_work and tx.actor != OWNER:
        raise rules.OwnWork(f"{tx.actor.name} registered {version.ref}", hint="Let somebody else approve it.")
    said_yes = {each.actor for each in report.approvals if each.approved}
    if report.status is GateStatus.SHUT or (approved and report.status is GateStatus.OPEN):
        raise rules.GateNotWaiting(
            f"The gate of {version.ref} is {report.status.value} and waits for nobody",
            hint="Judge the version again to ask anew.",
        )
    if approved and tx.actor.name in said_yes:
        return report
    row = {
        "id": new_id(),
        "gate_report": identifier,
        "digest": report.digest,
        "actor": tx.actor.name,
        "approved": approved,
        "comment": comment,
        "own_work": own_work,
        "created_at": tx.now,
    }
    tx.execute(sa.insert(store.approvals), row)
    needed = sum(each.verdict == "waiting" for each in report.results)
    status = GateStatus.SHUT
    if approved:
        status = GateStatus.OPEN if len(said_yes | {tx.actor.name}) >= needed else GateStatus.WAITING
    tx.execute(sa.update(store.gate_reports).where(store.gate_reports.c.id == identifier).values(status=status.value))
    subject = Ref("gate_report", identifier)
    tx.link(Ref("approval", str(row["id"])), "approves" if approved else "refuses", subject)
    tx.audit("gate.approve" if approved else "gate.reject", subject, own_work=own_work, digest=report.digest)
    return need(tx.connection, identifier)


def need_open(connection: sa.Connection, version: ModelVersion, identifier: str | None) -> str:
    """Return the id of the open report that lets a version pass now.

    Args:
        connection: The ledger.
        version: What is to be deployed.
        identifier: The report; the newest of the version when None.

    Raises:
        GateMissing: If the version has no report.
        GateShut: If the report is not open.
        ReportOutdated: If it is not the newest of these bytes, or it compared with a version that is champion no more.
    """
    found = store.list_gate_reports(connection, model=version.model, version=version.number, limit=1)
    if not found:
        raise rules.GateMissing(
            f"{version.ref} has not been through a gate", hint="Judge it with `tidemill gates evaluate`."
        )
    report = found[0]
    if identifier is not None and need(connection, identifier).id != report.id:
        raise rules.ReportOutdated(
            f"Report {identifier} is not the newest of {version.ref}", hint=f"The newest is {report.id}."
        )
    if report.digest != version.bundle:
        raise rules.ReportOutdated(
            f"Report {report.id} is about other bytes than {version.ref}", hint="Judge it again."
        )
    if report.status is GateStatus.WAITING:
        raise rules.GateShut(
            f"The gate of {version.ref} waits for approval",
            hint=f"Approve it with `tidemill gates approve {report.id}`.",
        )
    if report.status is not GateStatus.OPEN:
        raise rules.GateShut(
            f"The gate of {version.ref} is shut: {why_shut(report)}", hint="Improve the model, or deploy with --force."
        )
    champion = champions.find(connection, version.model)
    is_compared = any(each.champion is not None for each in report.results)
    if is_compared and champion is not None and champion.number not in {report.champion, version.number}:
        raise rules.ReportOutdated(
            f"Report {report.id} compares {version.ref} with version {report.champion}, and {champion.number} is "
            "champion by now",
            hint="Judge it again.",
        )
    return report.id


def why_shut(report: GateReport) -> str:
    """Return why a gate is shut, in a sentence."""
    refused = [each for each in report.approvals if not each.approved]
    if refused:
        comment = f": {refused[-1].comment}" if refused[-1].comment else ""
        return f"{refused[-1].actor} said no{comment}"
    return " ".join(each.reason for each in report.results if each.verdict in {"fail", "inconclusive"})
