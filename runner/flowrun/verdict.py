"""Judging what a step left: automatic checks, expectations, refusals, and the outcome of the whole scenario."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flowrun import blame, checks, matchers, refusals, rule, template
from flowrun.checks.base import NotApplicable
from flowrun.dataclass import dataclass
from flowrun.errors import FAILED, HELD, Problem, Span, gravest
from flowrun.events import Event, Expected, Judged, Told
from flowrun.flow import Around
from flowrun.paths import MissingValueError, follow, parse
from flowrun.redact import mask
from flowrun.steps.base import shown

if TYPE_CHECKING:
    from flowrun.checks.base import Check
    from flowrun.environment import Deviation
    from flowrun.flow import Refusal
    from flowrun.known import Known
    from flowrun.scenario import At, WrittenStep
    from flowrun.steps.base import Outcome

# What a server makes up anew each time, by the step that receives it.
_NEVER_THE_SAME: Final = {"push": ("request_uri",), "browse": ("code",), "exchange": ("access_token",)}


@dataclass(slots=True)
class Verdict:
    """Collects what went wrong in one run. `refused` says what was refused as expected, in words.

    `complaint` is what broke the rule that the scenario proves, `unclear` what left open whether anything did.
    """

    known: Known
    tell: Callable[[Event], None]
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refused: str = ""
    refusal: Refusal | None = None
    complaint: str = ""
    unclear: str = ""
    _held: set[str] = field(default_factory=set)
    _deviated: set[str] = field(default_factory=set)
    _received: dict[str, list[str]] = field(default_factory=dict)
    _excused: set[str] = field(default_factory=set)
    _scenario: str = ""

    def exit_code(self, *, strict: bool) -> int:
        """Return the exit code of the scenario; with `strict` a warning fails it too."""
        code = gravest(problem.exit_code for problem in self.problems if not problem.warning)
        return FAILED if code == HELD and strict and self.counts["warned"] else code

    def hole(self, error: template.HoleError, at: Span) -> None:
        """Note a template that could not be filled."""
        self.problems.append(Problem(error.code, error.title, at, error.label))

    # --- automatic checks ------------------------------------------------------------------------------------------

    def check(self, step: WrittenStep, outcome: Outcome) -> None:
        """Run the automatic checks of the step's kind; a scenario that proves one rule has no others."""
        known = self.known
        if known.plan.scenario.proves is not None:
            return
        environment = known.plan.environment
        around = Around(
            flow=known.flow(step),
            client=known.client(step),
            environment=environment,
            issuer=_issuer(step, known.issuer),
            answer=outcome.answer,
            id_token=outcome.id_token,
            jwt=outcome.jwt,
            kind=outcome.kind,
            now=time.time(),
            earlier=self._received,
            jkt=_jkt(known, step),
            wants_refusal=bool(known.plan.scenario.refused),
            tampered=bool(step.tamper),
        )
        for check in checks.of(step.kind):
            level = environment.profile.level(check.id)
            if level == "off":
                continue
            try:
                complaint = check.judge(around)
            except NotApplicable as reason:
                self.counts["skipped"] += 1
                self.tell(checks.judged(check.id, level, "skipped", str(reason)))
                continue
            if complaint is None:
                self.counts["held"] += 1
                self._held.add(check.id)
                self.tell(checks.judged(check.id, level, "held"))
            else:
                self._complain(check, level, complaint, step, outcome)
        for name in _NEVER_THE_SAME.get(step.kind, ()):
            value = outcome.values.get(name)
            if isinstance(value, str):
                self._received.setdefault(name, []).append(value)

    def _complain(self, check: Check, level: str, complaint: str, step: WrittenStep, outcome: Outcome) -> None:
        deviation = self._deviation(check.id)
        word = "deviation" if deviation else "noted" if level == "info" else "failed"
        self.tell(Judged(check.id, level, word, check.sentence, check.clause, complaint, deviation))
        if deviation:
            self.counts["deviation"] += 1
            return
        if level == "info":
            return
        warning = level == "should"
        self.counts["warned" if warning else "failed"] += 1
        hint = (
            f"a known deviation? say so in {self.known.plan.environment.document.file}: "
            f"deviations: [{{check: {check.id}, reason: …}}]"
        )
        self.problems.append(
            Problem(
                check.id,
                complaint,
                step.place(self.known.plan.scenario.document),
                "",
                (("rule", check.sentence), ("spec", check.clause), *self._over(check.id), *_identity(outcome)),
                "" if warning else hint,
                FAILED,
                warning,
            )
        )

    def _deviation(self, check: str) -> str:
        for deviation in self._deviations():
            if deviation.check != check or deviation.ended:
                continue
            self._deviated.add(check)
            return f"{deviation.reason}; until {deviation.until}" if deviation.until else deviation.reason
        return ""

    def _over(self, check: str) -> list[tuple[str, str]]:
        """Return the deviations that would excuse this, had they not ended."""
        return [
            ("deviation", f"{deviation.reason}; it ended on {deviation.until}")
            for deviation in self._deviations()
            if deviation.check == check and deviation.ended
        ]

    def _deviations(self) -> list[Deviation]:
        """Return the deviations that concern this scenario; steps that it uses are judged as its own."""
        scenario = self._scenario or self.known.plan.scenario.id
        return [one for one in self.known.plan.environment.deviations if one.scenario in {"", scenario}]

    def excuse(self, since: int) -> None:
        """Make warnings of those problems, from `since` on, that are known failures of this scenario."""
        for index in range(since, len(self.problems)):
            problem = self.problems[index]
            reason = "" if problem.warning else self._deviation(problem.code)
            if reason:
                facts = (*problem.facts, ("known failure", reason))
                self.problems[index] = replace(problem, facts=facts, hint="", warning=True)
                self.counts["deviation"] += 1
                self._excused.add(problem.code)

    # --- expectations ----------------------------------------------------------------------------------------------

    def expect(self, step: WrittenStep, outcome: Outcome) -> None:
        """Ask for everything that is written under `expect`, not only until the first that fails."""
        document = self.known.plan.scenario.document
        names = {**self.known.names(step), step.name: outcome.values}
        for path, wanted in (step.expect or {}).items():
            at: At = (*step.at, "expect", path)
            if path == "that":
                expressions = [wanted] if isinstance(wanted, str) else wanted
                for expression in expressions:
                    self._that({**outcome.values, **names}, expression, document.at(at))
                continue
            try:
                filled = self._schema_read(template.fill(wanted, names))
            except template.HoleError as error:
                self.hole(error, document.at((*at, *error.path)))
                continue
            except OSError as error:
                title = f"the JSON Schema {wanted['schema']} can't be read: {error.strerror}"
                self.problems.append(Problem("file-missing", title, document.at((*at, "schema"))))
                continue
            except ValueError:
                title = f"the JSON Schema {wanted['schema']} is no JSON"
                self.problems.append(Problem("file-unreadable", title, document.at((*at, "schema"))))
                continue
            missing = ""
            try:
                got = follow(outcome.values, parse(path))
            except MissingValueError as error:
                got, missing = matchers.ABSENT, str(error)
            self._expected(path, matchers.expect_all(got, filled), got, partial(document.key_at, at), missing)

    def _schema_read(self, wanted: Any) -> Any:
        """Return an expectation with the JSON Schema in place of the file that it names."""
        if not matchers.is_matcher(wanted) or not isinstance(wanted.get("schema"), str):
            return wanted
        path = self.known.plan.scenario.document.path.parent / wanted["schema"]
        return {**wanted, "schema": json.loads(path.read_text("utf-8"))}

    def _that(self, names: dict[str, Any], expression: str, at: Span) -> None:
        try:
            value = template.evaluate(expression, names)
        except template.HoleError as error:
            self.hole(error, at)
            return
        self._expected("that", None if value else f"that {expression}", value, lambda: at, "")

    def _expected(self, path: str, complaint: str | None, got: Any, place: Callable[[], Span], missing: str) -> None:
        self.tell(Expected(path, complaint is None))
        if complaint is None:
            self.counts["held"] += 1
            return
        self.counts["failed"] += 1
        last = parse(path)[-1] if path != "that" else ""
        secret = isinstance(got, str) and self.known.session.redactor.hides(last)
        shown = mask(str(last)) if secret else matchers.show(self.known.session.redactor.value(got))
        facts = (("expected", complaint), ("got", f"{shown}: {missing}" if missing else shown))
        self.problems.append(Problem("expectation", f"{path} is not what was expected", place(), "", facts, "", FAILED))

    def save(self, step: WrittenStep, outcome: Outcome) -> None:
        """Give names to values of the result, as `save:` says."""
        for name, path in (step.save or {}).items():
            parts = parse(path)
            try:
                value = follow(outcome.values, parts)
            except MissingValueError as error:
                at = self.known.plan.scenario.document.at((*step.at, "save", name))
                self.problems.append(Problem("nothing-to-save", str(error), at, "", (), "", FAILED))
                continue
            self.known.saved[name] = value
            hides = self.known.session.redactor.hides
            if hides(parts[-1]) or hides(name):
                self.known.session.redactor.learn(str(parts[-1]), value)
                value = mask(str(parts[-1]))
            shown = matchers.show(
                self.known.session.redactor.value(value)
            )  # before it is cut: half a secret is not found
            self.tell(Told(f"saved {name}", shown.strip('"')))

    # --- refusals and the outcome ----------------------------------------------------------------------------------

    def expects(self, step: WrittenStep, place: str, error: str) -> bool:
        """Tell whether the scenario's outcome is to be refused here, with this error."""
        wanted = self.known.plan.scenario.refused
        return any(one in wanted and (not wanted[one] or error in wanted[one]) for one in (step.name, place))

    def of_refusal(self, step: WrittenStep, outcome: Outcome, refusal: Refusal, *, after: bool) -> bool:
        """Note a refusal; return whether the scenario expected this one."""
        self.refusal = refusal
        scenario = self.known.plan.scenario
        wanted = {} if after else scenario.refused
        expected = not after and self.expects(step, refusal.place, refusal.error)
        otherwise = not after and not expected and rule.is_refused_all_the_same(scenario, step, refusal)
        if otherwise:
            self._warn_of_the_error(step, outcome, refusal)
        if expected or otherwise:
            self.refused = refusals.sentence(refusal)
            self.counts["held"] += 1
            return True
        facts = [("error", refusal.error), ("description", refusal.description)]
        if wanted:
            allowed = "; ".join(f"{place}: {', '.join(errors) or 'any error'}" for place, errors in wanted.items())
            facts.insert(0, ("expected", f"a refusal at {allowed}"))
        if outcome.answer is None and refusal.status is not None:
            facts.append(("status", str(refusal.status)))  # of the page; a call tells its own
        if outcome.answer is not None and not refusal.error:
            facts += shown(outcome.answer)  # no OAuth error says what is wrong, so what came says it
        else:
            facts += _identity(outcome, full=True)
        self.problems.append(
            Problem(
                "par_error"
                if refusal.place == "push"
                else "request_uri_expired"
                if self._came_late(step, outcome, refusal)
                else f"refused-{refusal.place}",
                refusals.sentence(refusal),
                step.place(scenario.document),
                "",
                tuple((name, value) for name, value in facts if value),
                refusals.ADVICE.get(refusal.error, ""),
                FAILED,
            )
        )
        return False

    def _warn_of_the_error(self, step: WrittenStep, outcome: Outcome, refusal: Refusal) -> None:
        """Tell that a refusal came as it must, but not with the error that it should name."""
        scenario = self.known.plan.scenario
        names = next(scenario.refused[one] for one in (step.name, refusal.place) if one in scenario.refused)
        came = f"with {refusal.error} instead of" if refusal.error else f"with {refusal.status} and none of the errors"
        title = f"refused, {came} {' or '.join(names)}"
        facts = (("spec", "RFC 6749 §5.2"), *_identity(outcome, full=True))
        at = step.place(scenario.document)
        self.counts["warned"] += 1
        self.problems.append(
            Problem(
                "other-error", title, at, "", facts, "", FAILED, warning=True, blame=f"{blame.THEIRS}: RFC 6749 §5.2"
            )
        )

    def _came_late(self, step: WrittenStep, outcome: Outcome, refusal: Refusal) -> bool:
        """Tell whether the browser was refused because its request_uri was dead."""
        expires_at = self.known.flow(step).expires_at
        if step.kind != "browse" or expires_at is None or time.time() < expires_at:
            return False
        # A page that comes at once says no to what the browser brought, not to what the person did.
        at_once = refusal.place == "page" and not outcome.values.get("pages")
        return at_once or refusal.error == "invalid_request_uri"

    def of_rule(self, *, tried: bool) -> None:
        """Judge the one rule that the scenario proves; `tried`: its steps came as far as that."""
        scenario, profile = self.known.plan.scenario, self.known.plan.environment.profile
        before = len(self.problems)
        if tried and not self.complaint and not self.unclear and self._should_have_been_refused():
            self.problems.append(self._not_refused())
            self.under_the_rule(before)
            self.excuse(before)
        deviation = self._deviation(scenario.id) if self.complaint else ""
        judged = rule.judged(scenario, profile, self.complaint, deviation, tried=tried, unclear=self.unclear)
        self.counts["skipped"] += judged.outcome == "skipped"
        self.counts["held"] += judged.outcome == "held" and not self.refused  # a refusal has been counted
        self.counts["noted"] += judged.outcome == "noted"
        self.counts["warned"] += judged.outcome == "failed" and judged.level == "should"
        self.tell(judged)

    def under_the_rule(self, since: int) -> None:
        """Put the problems from `since` on under the rule that the scenario proves."""
        new = self.problems[since:]
        self.complaint = self.complaint or next((one.title for one in new if rule.broken_by(one)), "")
        self.unclear = self.unclear or next((one.title for one in new if rule.stands_in_the_way(one)), "")
        self.problems[since:] = rule.told(new, self.known.plan.scenario, self.known.plan.environment.profile)

    def _should_have_been_refused(self) -> bool:
        scenario = self.known.plan.scenario
        return bool(scenario.refused) and not self.refused and not scenario.or_passed

    def _not_refused(self) -> Problem:
        scenario = self.known.plan.scenario
        at = scenario.document.key_at(("outcome", "refused"))
        label = f"at {', '.join(scenario.refused)}"
        title = "everything was accepted; a refusal was expected"
        doubt = (
            ""
            if scenario.proves
            else f"{blame.UNCLEAR}: is the server too lenient, or does the scenario expect too much?"
        )
        return Problem("not-refused", title, at, label, (), "", FAILED, blame=doubt)

    def of_the_same_run(self, outer: Verdict) -> None:
        """Share everything with the verdict of the scenario that uses this one's steps."""
        self.problems, self.counts = outer.problems, outer.counts
        self._held, self._deviated, self._received = outer._held, outer._deviated, outer._received
        self._excused, self._scenario = outer._excused, outer._scenario or outer.known.plan.scenario.id

    def of_outcome(self) -> None:
        """Judge the scenario as a whole: was it refused as it should, was anything checked, which excuses are idle."""
        scenario = self.known.plan.scenario
        failed = self._excused or any(not problem.warning for problem in self.problems)
        before = len(self.problems)
        if scenario.proves is None and not failed and self._should_have_been_refused():
            self.problems.append(self._not_refused())
        elif not failed and not self.counts["held"] and not self.complaint:
            at = scenario.document.key_at(("scenario",))
            title = "nothing was checked, so nothing can have passed"
            hint = "write what you expect: expect: {…}"
            self.problems.append(Problem("nothing-checked", title, at, "", (), hint, FAILED, blame=blame.OURS))
        self.excuse(before)
        for deviation in self._deviations():
            if deviation.check in self._held - self._deviated:
                self.tell(Told("note", f"the deviation {deviation.check} is no longer needed: the check held"))
            unseen = deviation.is_failure and not deviation.ended and deviation.check not in self._deviated
            if unseen and not any(not problem.warning for problem in self.problems):
                words = f"the deviation {deviation.check} is no longer needed: {deviation.scenario} passed without it"
                self.tell(Told("note", words))

    def summary(self, code: int) -> str:
        """Say in one line what happened."""
        if code != HELD:
            first = next((problem for problem in self.problems if not problem.warning), None)
            return first.title if first else f"{_number(self.counts['warned'], 'warning')}, and --strict lets none pass"
        parts = [f"{_number(self.counts['held'], 'check')} held"]
        if self.refused:
            parts.insert(0, f"refused as expected ({self.refused})")
        if self.counts["warned"]:
            parts.append(_number(self.counts["warned"], "warning"))
        if self.counts["deviation"]:
            parts.append(_number(self.counts["deviation"], "known deviation"))
        parts += [f"degraded: {flow.degraded}" for flow in self.known.flows.values() if flow.degraded]
        return ", ".join(parts)


def _issuer(step: WrittenStep, issuer: str) -> str:
    """Return the issuer that is expected; metadata read from a URL of its own may be anybody's."""
    if step.kind != "discover":
        return issuer
    return "" if step.input.get("url") else str(step.input.get("issuer") or issuer)


def _jkt(known: Known, step: WrittenStep) -> str:
    """Return the thumbprint of the client's DPoP key; a client that has proved none has no prover."""
    prover = known.provers.get(known.client(step).name)
    return prover.jkt if prover is not None else ""


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _identity(outcome: Outcome, *, full: bool = False) -> Iterable[tuple[str, str]]:
    """Return what a server's own people need to find the call: the status and the interaction id."""
    answer = outcome.answer
    if answer is None:
        return []
    facts = [("answer", str(answer.status))] if full else []
    sent = answer.sent.headers.get("x-fapi-interaction-id")
    return [*facts, ("interaction id", sent)] if sent else facts
