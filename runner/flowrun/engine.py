"""Runs plans: fills each step, does it, judges what came of it, and tells of everything as events."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from flowrun import checks, matchers, refusals, template, validate
from flowrun.checks.base import NotApplicable
from flowrun.errors import (
    FAILED,
    HELD,
    INTERRUPTED,
    FlowrunError,
    Problem,
    Span,
    StepError,
    gravest,
)
from flowrun.events import (
    Event,
    Expected,
    Judged,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)
from flowrun.flow import Around, Flow, automatic_parameters
from flowrun.needs import unmet
from flowrun.paths import MissingValueError, follow, parse
from flowrun.redact import SECRET_MEMBERS, mask
from flowrun.steps import kind as step_kind
from flowrun.steps.base import Outcome, Tools

if TYPE_CHECKING:
    from flowrun.browser import Browser, BrowserSettings
    from flowrun.client import Client
    from flowrun.flow import Refusal
    from flowrun.jose import Key
    from flowrun.plan import Plan
    from flowrun.scenario import WrittenStep
    from flowrun.session import Session

_LONGEST_WIND_UP: Final = 10.0  # seconds for the `after` steps once a person has pressed Ctrl-C


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: stop at the first failed scenario, let warnings fail, the browser to use."""

    fail_fast: bool = False
    strict: bool = False
    browser: BrowserSettings | None = None


def events(plans: Sequence[Plan], session: Session, options: Options) -> Iterator[Event]:
    """Yield what happens. The steps run on a thread of their own, so that whoever reads can show the time passing.

    Ctrl-C ends the step under way; the `after` steps still run, and the exit code is 130.
    """
    told: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            _run(plans, session, options, lambda event: told.put(session.redactor.value(event)))
        except BaseException as error:  # noqa: BLE001  a fault of flowrun itself must surface where it is read
            told.put(error)
        told.put(None)

    worker = threading.Thread(target=work, name="steps", daemon=True)
    worker.start()
    deadline: float | None = None
    while True:
        try:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            event = told.get(timeout=wait)
        except KeyboardInterrupt:
            if deadline is not None:
                raise
            deadline = time.monotonic() + _LONGEST_WIND_UP
            session.interrupt()
            continue
        except queue.Empty:
            raise KeyboardInterrupt from None
        if event is None:
            return
        if isinstance(event, BaseException):
            raise event
        yield event


def _run(plans: Sequence[Plan], session: Session, options: Options, tell: Callable[[Event], None]) -> None:
    started = time.monotonic()
    tell(RunStarted(len(plans)))
    counts: Counter[str] = Counter()
    codes: list[int] = []
    for plan in plans:
        if session.interrupted.is_set():
            counts["not run"] += 1
            codes.append(INTERRUPTED)
            continue
        finished = _Run(plan, session, options, tell).run()
        counts[finished.status] += 1
        codes.append(finished.exit_code)
        if options.fail_fast and finished.exit_code != HELD:
            counts["not run"] = len(plans) - sum(counts.values())
            break
    if counts and not (counts["passed"] + counts["failed"] + counts["interrupted"]):
        codes.append(FAILED)  # everything was left out: a run that checked nothing must not look like success
    tell(RunFinished(dict(+counts), time.monotonic() - started, gravest(codes)))


@dataclass(slots=True)
class _Run:
    """One run of one plan: what is known so far, and what went wrong."""

    plan: Plan
    session: Session
    options: Options
    tell: Callable[[Event], None]
    flows: dict[str, Flow] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refused: str = ""
    issuer: str = ""
    fresh_browser: bool = True
    deviations_held: set[str] = field(default_factory=set)
    deviations_used: set[str] = field(default_factory=set)

    def run(self) -> ScenarioFinished:
        """Run the steps, then the `after` steps, and tell how it ended."""
        plan, started = self.plan, time.monotonic()
        scenario, environment = plan.scenario, plan.environment
        self.tell(
            ScenarioStarted(
                scenario.title,
                scenario.document.file,
                environment.name,
                plan.case,
                scenario.why,
                tuple(environment.warnings),
            )
        )
        lacking = unmet(scenario.needs, environment, {})
        if not lacking:
            lacking = self._steps()
        if lacking:
            return self._finish("not applicable", started, f"needs {', '.join(lacking)}, which is not there")
        self._after()
        self._judge_outcome()
        if self.session.interrupted.is_set():
            return self._finish("interrupted", started, "interrupted", INTERRUPTED)
        code = gravest(problem.exit_code for problem in self.problems if not problem.warning)
        if code == HELD and self.options.strict and self.counts["warned"]:
            code = FAILED
        return self._finish("passed" if code == HELD else "failed", started, self._summary(code), code)

    def _finish(self, status: str, started: float, summary: str, code: int = HELD) -> ScenarioFinished:
        scenario, plan = self.plan.scenario, self.plan
        finished = ScenarioFinished(
            scenario.title,
            status,
            time.monotonic() - started,
            summary,
            code,
            plan.environment.name,
            scenario.document.file,
            plan.case,
            "",
            tuple(self.problems),
        )
        self.tell(finished)
        return finished

    # --- the steps -------------------------------------------------------------------------------------------------

    def _steps(self) -> list[str]:
        """Run the steps until one leaves nothing; return the needs that turned out to be unmet."""
        over = False
        try:
            self.issuer = self.session.issuer(self.plan.environment)
        except FlowrunError as error:
            self.problems += error.problems
            over = True
        for step in self.plan.scenario.steps:
            if over or self.session.interrupted.is_set():
                self.tell(StepFinished(step.name, step.kind, "not reached", 0.0))
                continue
            over = not self._step(step)
            if step.kind == "discover" and not over:
                lacking = unmet(self.plan.scenario.needs, self.plan.environment, self._flow(step).server)
                if lacking:
                    return lacking
        return []

    def _after(self) -> None:
        for step in self.plan.scenario.after:
            if not self._can_undo(step):
                self.tell(StepFinished(step.name, step.kind, "skipped", 0.0, "nothing to undo"))
                continue
            self._step(step, after=True)

    def _can_undo(self, step: WrittenStep) -> bool:
        """Tell whether what an `after` step works on ever came about."""
        flow = self._flow(step)
        there = {f"endpoint:{name}" for name in (*flow.server, *self.plan.environment.endpoints)}
        there |= {"auth", "issuer", "signing_key", "redirect_uri", "pages"}
        there |= {"tokens"} if flow.tokens else set()
        there |= {"callback"} if flow.callback else set()
        if not step_kind(step.kind).needs(step.input) <= there:
            return False
        token = step.input.get("token", "access_token" if step.kind in {"revoke", "introspect", "userinfo"} else "")
        if token in {"access_token", "refresh_token"} and token not in flow.tokens:
            return False
        names = self._names(step)
        return all(str(need.chain[0]) in {*names, *template.ALWAYS_KNOWN} for need in template.needs(dict(step.input)))

    def _step(self, step: WrittenStep, *, after: bool = False) -> bool:
        """Run one step; return whether the next one can go on from it."""
        started = time.monotonic()
        before = len(self.problems)
        try:
            if step.when is not None and not template.evaluate(step.when, self._names(step)):
                self.tell(StepFinished(step.name, step.kind, "skipped", 0.0, f"when: {step.when}"))
                return True
        except template.HoleError as error:
            self._hole(error, self.plan.scenario.document.at((*step.at, "when")))
            return False
        self.tell(StepStarted(step.name, step.kind, after))
        outcome = self._attempt(step)
        if self.session.interrupted.is_set() and outcome is None:
            del self.problems[before:]  # what broke because the person pressed Ctrl-C is no finding
            self.tell(StepFinished(step.name, step.kind, "interrupted", time.monotonic() - started))
            return False
        expected_refusal = False
        if outcome is not None:
            self.results[step.name] = outcome.values
            self.saved |= outcome.leaves
            self._check(step, outcome)
            self._expectations(step, outcome)
            if outcome.refusal is not None:
                expected_refusal = self._refusal(step, outcome, outcome.refusal, after=after)
            else:
                self._save(step, outcome)
        new = tuple(self.problems[before:])
        failed = any(not problem.warning for problem in new)
        status = "failed" if failed else "refused" if expected_refusal else "warned" if new else "passed"
        summary = (
            outcome.summary
            if outcome and not outcome.refusal
            else refusals.sentence(outcome.refusal)
            if outcome and outcome.refusal
            else ""
        )
        self.tell(StepFinished(step.name, step.kind, status, time.monotonic() - started, summary, new))
        return outcome is not None and outcome.refusal is None

    def _attempt(self, step: WrittenStep) -> Outcome | None:
        document = self.plan.scenario.document
        try:
            kind = step_kind(step.kind)
            filled = self._filled(step)
            return kind.run(kind.model(**filled), self._tools(step))
        except template.HoleError as error:
            at = (
                self.plan.scenario.document.at((*step.input_at, *error.path))
                if not step.short
                else document.at(step.input_at)
            )
            self._hole(error, at)
        except StepError as error:
            self.problems.append(
                Problem(
                    error.code,
                    error.title,
                    self._place_of(error, step),
                    error.label,
                    error.facts,
                    error.hint,
                    error.exit_code,
                )
            )
        except FlowrunError as error:
            self.problems += error.problems
        except Exception as error:
            # JOSE is imported only where something is signed, so its error is known by its shape.
            if type(error).__name__ != "JoseError":
                raise
            jose: Any = error
            self.problems.append(
                Problem(jose.code, jose.title, step.place(document), jose.label, tuple(jose.facts), jose.hint)
            )
        return None

    def _place_of(self, error: StepError, step: WrittenStep) -> Span:
        """Return where to point: a page's line in the environment file, or the field of the step."""
        if error.field and error.field[0] == "pages":
            return self.plan.environment.document.at(error.field)
        return step.place(self.plan.scenario.document, error.field)

    def _filled(self, step: WrittenStep) -> dict[str, Any]:
        """Fill the holes and look at the result with the same schema, holes no longer allowed."""
        filled = template.fill(dict(step.input), self._names(step))
        if step.kind == "set":
            return dict(filled)
        wrong = validate.filled(filled, f"steps/{step.kind}", "")
        if wrong:
            document = self.plan.scenario.document
            raise FlowrunError(
                *(
                    Problem("wrong-value", message, step.place(document, path), "this is what the template came to")
                    for path, message in wrong
                )
            )
        return dict(filled)

    # --- what is known ---------------------------------------------------------------------------------------------

    def _flow(self, step: WrittenStep) -> Flow:
        return self.flows.setdefault(step.flow, Flow())

    def _client(self, step: WrittenStep) -> Client:
        return self.plan.environment.client(step.client)

    def _names(self, step: WrittenStep) -> Mapping[str, Any]:
        flow = self._flow(step)
        environment = self.plan.environment
        names: dict[str, Any] = {
            "environment": {"name": environment.name, "issuer": self.issuer},
            "case": self.plan.case,
            **self.plan.inputs,
            **self.results,
            **self.saved,
        }
        if step.client in environment.client_names():
            names["client"] = self._client(step).known()
        if flow.server:
            names["server"] = flow.server
        if flow.callback is not None:
            names["callback"] = flow.callback
        if flow.tokens:
            names["tokens"] = flow.tokens
        return names

    def _tools(self, step: WrittenStep) -> Tools:
        environment, flow = self.plan.environment, self._flow(step)
        client = self._client(step) if step.client in environment.client_names() else _nobody(step.client)
        return Tools(
            environment=environment,
            client=client,
            flow=flow,
            issuer=self.issuer,
            wire=self.session.wire(environment),
            redactor=self.session.redactor,
            tell=self.tell,
            load_key=self._load_key,
            browser=self._browser,
            names=lambda: self._names(step),
            parameters=lambda: self._parameters(step),
            interaction_id=lambda: str(uuid.uuid4()),
        )

    def _load_key(self, client: Client, name: str) -> Key:
        return self.session.keyring.load(client, name, self.plan.environment)

    def _browser(self) -> Browser:
        assert self.options.browser is not None  # noqa: S101  the command line always says which browser
        browser = self.session.browser(self.options.browser)
        if self.fresh_browser:
            browser.clear()
            self.fresh_browser = False
        return browser

    def _parameters(self, step: WrittenStep) -> dict[str, Any]:
        """Return the authorization request of the step's flow, made the first time it is asked for."""
        flow, client = self._flow(step), self._client(step)
        if flow.parameters is None:
            written = self.plan.scenario.authorization
            try:
                filled = template.fill(dict(written), self._names(step))
            except template.HoleError as error:
                at = self.plan.scenario.document.at(("authorization", *error.path))
                raise FlowrunError(Problem(error.code, error.title, at, error.label)) from error
            made, verifier = automatic_parameters(client)
            left_out = set(written) - set(filled)  # "{{ omit }}" leaves an automatic parameter out
            flow.parameters = {key: value for key, value in {**made, **filled}.items() if key not in left_out}
            if "code_challenge" in flow.parameters:
                flow.code_verifier = verifier
                self.session.redactor.learn("code_verifier", verifier)
            else:
                flow.parameters.pop("code_challenge_method", None)
        return flow.parameters

    # --- judging ---------------------------------------------------------------------------------------------------

    def _check(self, step: WrittenStep, outcome: Outcome) -> None:
        environment = self.plan.environment
        around = Around(
            flow=self._flow(step),
            client=self._client(step) if step.client in environment.client_names() else _nobody(step.client),
            environment=environment,
            issuer="" if step.input.get("url") else str(step.input.get("issuer") or self.issuer),
            answer=outcome.answer,
            id_token=outcome.id_token,
            kind=outcome.kind,
            now=time.time(),
        )
        for check in checks.of(step.kind):
            level = environment.profile.level(check.id)
            if level == "off":
                continue
            try:
                complaint = check.judge(around)
            except NotApplicable as reason:
                self.counts["skipped"] += 1
                self.tell(Judged(check.id, level, "skipped", check.sentence, check.clause, str(reason)))
                continue
            deviation = self._deviation(check.id) if complaint else ""
            outcome_word = "held" if complaint is None else "deviation" if deviation else "failed"
            self.tell(Judged(check.id, level, outcome_word, check.sentence, check.clause, complaint or "", deviation))
            if complaint is None:
                self.counts["held"] += 1
                self.deviations_held.add(check.id)
                continue
            if deviation:
                self.counts["deviation"] += 1
                continue
            if level == "info":
                continue
            warning = level == "should"
            self.counts["warned" if warning else "failed"] += 1
            self.problems.append(
                Problem(
                    check.id,
                    complaint,
                    step.place(self.plan.scenario.document),
                    "",
                    (("rule", check.sentence), ("spec", check.clause), *_identity(outcome)),
                    ""
                    if warning
                    else f"a known deviation? add to {environment.document.file}: "
                    f"deviations: [{{check: {check.id}, reason: …}}]",
                    FAILED,
                    warning,
                )
            )

    def _deviation(self, check: str) -> str:
        for deviation in self.plan.environment.deviations:
            if deviation.check != check or deviation.scenario not in {"", self.plan.scenario.id}:
                continue
            if deviation.until and date.fromisoformat(deviation.until) < datetime.now(UTC).date():
                continue
            self.deviations_used.add(check)
            return deviation.reason
        return ""

    def _expectations(self, step: WrittenStep, outcome: Outcome) -> None:
        for path, wanted in (step.expect or {}).items():
            at = (*step.at, "expect", path)
            if path == "that":
                for expression in [wanted] if isinstance(wanted, str) else wanted:
                    self._that(step, outcome, expression, at)
                continue
            try:
                filled = template.fill(wanted, {**self._names(step), step.name: outcome.values})
            except template.HoleError as error:
                self._hole(error, self.plan.scenario.document.at((*at, *error.path)))
                continue
            missing = ""
            try:
                got = follow(outcome.values, parse(path))
            except MissingValueError as error:
                got, missing = matchers.ABSENT, str(error)
            complaint = matchers.expect_all(got, filled)
            self._expected(path, complaint, got, self.plan.scenario.document.key_at(at), missing)

    def _that(self, step: WrittenStep, outcome: Outcome, expression: str, at: tuple[str | int, ...]) -> None:
        names = {**outcome.values, **self._names(step), step.name: outcome.values}
        try:
            value = template.evaluate(expression, names)
        except template.HoleError as error:
            self._hole(error, self.plan.scenario.document.at(at))
            return
        complaint = None if value else f"that {expression}"
        self._expected("that", complaint, value, self.plan.scenario.document.at(at), "")

    def _expected(self, path: str, complaint: str | None, got: Any, at: Span, missing: str) -> None:
        self.tell(Expected(path, complaint is None))
        if complaint is None:
            self.counts["held"] += 1
            return
        self.counts["failed"] += 1
        last = parse(path)[-1] if path != "that" else ""
        secret = isinstance(got, str) and last in SECRET_MEMBERS
        shown = mask(str(last)) if secret else self.session.redactor.text(matchers.show(got))
        self.problems.append(
            Problem(
                "expectation",
                f"{path} is not what was expected",
                at,
                "",
                (("expected", complaint), ("got", f"{shown}: {missing}" if missing else shown)),
                "",
                FAILED,
            )
        )

    def _save(self, step: WrittenStep, outcome: Outcome) -> None:
        for name, path in (step.save or {}).items():
            parts = parse(path)
            try:
                value = follow(outcome.values, parts)
            except MissingValueError as error:
                at = self.plan.scenario.document.at((*step.at, "save", name))
                self.problems.append(Problem("nothing-to-save", str(error), at, "", (), "", FAILED))
                continue
            self.saved[name] = value
            if parts[-1] in SECRET_MEMBERS or name in SECRET_MEMBERS:
                self.session.redactor.learn(str(parts[-1]), value)
            self.tell(Told(f"saved {name}", matchers.show(value).strip('"')))

    def _refusal(self, step: WrittenStep, outcome: Outcome, refusal: Refusal, *, after: bool) -> bool:
        """Note a refusal; return whether the scenario expected this one."""
        wanted = {} if after else self.plan.scenario.refused
        for place in (step.name, refusal.place):
            if place in wanted and (not wanted[place] or refusal.error in wanted[place]):
                self.refused = refusals.sentence(refusal)
                self.counts["held"] += 1
                return True
        facts = [("error", refusal.error), ("description", refusal.description)]
        if wanted:
            allowed = "; ".join(f"{place}: {', '.join(errors) or 'any error'}" for place, errors in wanted.items())
            facts.insert(0, ("expected", f"a refusal at {allowed}"))
        facts += _identity(outcome, full=True)
        self.problems.append(
            Problem(
                "par_error" if refusal.place == "push" else f"refused-{refusal.place}",
                refusals.sentence(refusal),
                step.place(self.plan.scenario.document),
                "",
                tuple((name, value) for name, value in facts if value),
                refusals.ADVICE.get(refusal.error, ""),
                FAILED,
            )
        )
        self.refused = self.refused or "elsewhere"
        return False

    def _judge_outcome(self) -> None:
        scenario = self.plan.scenario
        if scenario.refused and not self.refused and not self.problems and not self.session.interrupted.is_set():
            places = ", ".join(scenario.refused)
            self.problems.append(
                Problem(
                    "not-refused",
                    "everything was accepted; a refusal was expected",
                    scenario.document.key_at(("outcome", "refused")),
                    f"at {places}",
                    (),
                    "",
                    FAILED,
                )
            )
        if not self.problems and not self.counts["held"] and not self.session.interrupted.is_set():
            self.problems.append(
                Problem(
                    "nothing-checked",
                    "nothing was checked, so nothing can have passed",
                    scenario.document.key_at(("scenario",)),
                    "",
                    (),
                    "write what you expect: expect: {…}",
                    FAILED,
                )
            )
        for deviation in self.plan.environment.deviations:
            if deviation.check in self.deviations_held - self.deviations_used:
                self.tell(Told("note", f"the deviation {deviation.check} is no longer needed: the check held"))

    def _summary(self, code: int) -> str:
        counts = self.counts
        held = f"{counts['held']} checks held"
        warned = f", {counts['warned']} warned" if counts["warned"] else ""
        excused = f", {counts['deviation']} known deviations" if counts["deviation"] else ""
        degraded = next((flow.degraded for flow in self.flows.values() if flow.degraded), "")
        tail = f"; degraded: {degraded}" if degraded else ""
        if code == HELD and self.refused:
            return f"refused as expected ({self.refused}); {held}{warned}{excused}{tail}"
        if code == HELD:
            return f"{held}{warned}{excused}{tail}"
        first = next((problem for problem in self.problems if not problem.warning), None)
        return first.title if first else f"{counts['warned']} warnings, and --strict lets none pass"

    def _hole(self, error: template.HoleError, at: Span) -> None:
        self.problems.append(Problem(error.code, error.title, at, error.label))


def _identity(outcome: Outcome, *, full: bool = False) -> Iterable[tuple[str, str]]:
    """Return what a server's own people need to find the call: the status and the interaction id."""
    answer = outcome.answer
    if answer is None:
        return []
    facts = [("answer", str(answer.status))] if full else []
    sent = answer.sent.headers.get("x-fapi-interaction-id")
    return [*facts, ("interaction id", sent)] if sent else facts


def _nobody(name: str) -> Client:
    from flowrun.client import Client  # noqa: PLC0415  only for scenarios that need no client at all

    return Client(name=name, client_id="", auth="none")
