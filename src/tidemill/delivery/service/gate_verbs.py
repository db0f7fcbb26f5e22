"""Gates: judge a version, ask people."""

import logging

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, check_text
from tidemill.core.refs import Ref
from tidemill.delivery import champions, reports, store
from tidemill.delivery.gate_rules import parse_gate
from tidemill.delivery.gates import GateInput, Judge
from tidemill.delivery.ports import OnDecision
from tidemill.delivery.records import GateReport
from tidemill.delivery.service.place import LONGEST_COMMENT, most
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService

log = logging.getLogger(__name__)


class GateVerbs:
    """The verbs of gates; what they work on is set by the service."""

    _ledger: Ledger
    _models: ModelService
    _judge: Judge
    on_decision: OnDecision | None

    def evaluate_gate(  # noqa: PLR0913 - the words that a gate has in the project file
        self,
        actor: Actor,
        *,
        model: str,
        rules: list[dict[str, object]],
        holdout: str,
        training: str = "",
        label: str = "",
        positive: str | float | bool | None = None,
        score: str = "",
        time: str | None = None,
        key: str = "",
    ) -> GateReport:
        """Judge a model version by the rules of a gate, and record the report.

        Args:
            actor: Who asks.
            model: The version, such as `delay@3`.
            rules: The rules, as in the project file.
            holdout: The rows to judge on: `artifact:<digest>` of a Parquet file, or `dataset_version:<id>`.
            training: The rows that the candidate learned from, for rules that look at them.
            label: The column that holds the truth.
            positive: Which value of it is the positive class; the larger of its two values when left out.
            score: Which output of the model is its score; found by itself when left out.
            time: The column by whose day rows are judged as one group, because rows of one day are alike.
            key: Judging again with the same key returns the same report.

        Raises:
            InvalidGateRule: If a rule cannot be read.
            HoldoutUnfit: If the rows cannot judge this model.
        """
        parsed = parse_gate(rules)
        Ref.parse(holdout)
        version = self._models.prepare(actor, ref=model)
        identifier = check_name(key, "key") if key else new_id()
        with self._ledger.read() as connection:
            there = reports.same_request(connection, identifier, version)
            champion = champions.find(connection, version.model)
        if there is not None:
            return there
        if champion is not None and champion.number == version.number:
            champion = None
        given = GateInput(holdout=holdout, training=training, label=label, positive=positive, score=score, time=time)
        status, results, rows = self._judge.judge(version, champion, parsed, given)
        return self._ledger.write(
            actor,
            lambda tx: reports.add(
                tx,
                identifier,
                version=version,
                champion=champion,
                status=status,
                results=results,
                rows=rows,
                holdout=holdout,
            ),
        )

    def get_gate_report(self, actor: Actor, *, id: str) -> GateReport:  # noqa: A002 - the word of the API
        """Return a gate report with what persons said to it.

        Raises:
            GateReportNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return reports.need(connection, id)

    def list_gate_reports(
        self, actor: Actor, *, model: str = "", version: int | None = None, limit: int = 100
    ) -> list[GateReport]:
        """Return gate reports, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_gate_reports(connection, model=model, version=version, limit=most(limit))

    def approve(self, actor: Actor, *, id: str, comment: str = "") -> GateReport:  # noqa: A002 - the word of the API
        """Say yes to a model version whose gate waits for a person; bound to the version's digest.

        Raises:
            GateNotWaiting: If the gate waits for nobody.
            OwnWork: If the actor registered the version; only the owner of an embedded workspace may, on record.
        """
        return self._answer(actor, id, comment, approved=True)

    def reject(self, actor: Actor, *, id: str, comment: str = "") -> GateReport:  # noqa: A002 - the word of the API
        """Say no to a model version whose gate waits for a person, or is open: the gate shuts.

        Raises:
            GateNotWaiting: If the gate is shut.
            OwnWork: If the actor registered the version; only the owner of an embedded workspace may, on record.
        """
        return self._answer(actor, id, comment, approved=False)

    def _answer(self, actor: Actor, identifier: str, comment: str, *, approved: bool) -> GateReport:
        check_text(comment, "the comment", LONGEST_COMMENT, lines=True)
        report = self.get_gate_report(actor, id=identifier)
        version = self._models.get(actor, ref=f"{report.model}@{report.version}")
        answered = self._ledger.write(
            actor, lambda tx: reports.answer(tx, identifier, version, approved=approved, comment=comment)
        )
        if self.on_decision is not None:
            try:
                self.on_decision(answered)
            except TidemillError as error:  # the word is said and stands; whoever follows it looks again by itself
                log.warning("What was said to gate report %s was not followed yet: %s", identifier, error)
        return answered
