"""One run of one plan: the steps in order, then those that always run."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from flowrun import blame, endpoints, refusals, rule, template, validate
from flowrun import plan as plans
from flowrun.blame import past
from flowrun.dataclass import dataclass
from flowrun.errors import FAILED, HELD, INTERRUPTED, WRONG_FILE, FlowrunError, Problem, StepError
from flowrun.events import (
    Called,
    Event,
    JwtSeen,
    PageSeen,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)
from flowrun.flow import Refusal
from flowrun.known import Known
from flowrun.needs import unmet
from flowrun.paths import MissingValueError, PathError, follow, parse
from flowrun.retry import Retry
from flowrun.scenario import inherited
from flowrun.steps import kind as step_kind
from flowrun.steps.base import Outcome
from flowrun.verdict import Verdict

if TYPE_CHECKING:
    from flowrun.browser import BrowserSettings
    from flowrun.browser.driver import Browser
    from flowrun.browser.hand import Hand
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario, WrittenStep
    from flowrun.session import Session
    from flowrun.state import Recorder, Resume


_ONCE: Final = Retry()
_SPOILT: Final = f"{blame.UNCLEAR}: this step tampers with what it sends, and the server did not like it"


@dataclass(slots=True)
class Run:
    """Runs one plan; `known` is what it has learned, `verdict` what it thinks of it.

    `keep_login`: the first visit of the browser finds the cookies of the scenarios before, unless it says otherwise.
    `proven` are needs that a scenario before has seen met, whatever the metadata say.
    """

    plan: Plan
    session: Session
    browser_settings: BrowserSettings | None
    strict: bool
    tell: Callable[[Event], None]
    known: Known = field(init=False)
    verdict: Verdict = field(init=False)
    _browser_used: bool = False
    _tried: bool = False
    _has_pages: bool = False
    _waited: float = 0.0  # for others, which is no time of ours
    _visit: Mapping[str, Any] = field(default_factory=dict)
    _last_call: Called | None = None
    _past: list[past.Done] = field(default_factory=list)
    sent: bool = False
    recorder: Recorder | None = None
    resume: Resume | None = None
    keep_login: bool = False
    proven: Collection[str] = ()

    def __post_init__(self) -> None:
        """Start knowing nothing."""
        self.known = Known(self.plan, self.session, self._note, self._browser, self._use)
        self.verdict = Verdict(self.known, self.tell)

    def _note(self, event: Event) -> None:
        """Tell what a step tells, and remember that something went out."""
        self.sent |= isinstance(event, Called | PageSeen)
        if isinstance(event, Called):
            self._last_call = event
        self.tell(event)

    def run(self) -> ScenarioFinished:
        """Run the steps, then the `after` steps, and tell how it ended."""
        try:
            return self._run()
        finally:
            self._leave_pages()

    def _run(self) -> ScenarioFinished:
        plan, started = self.plan, time.monotonic()
        scenario, environment = plan.scenario, plan.environment
        if self.session.turn is None:  # else others are under way, with secrets of their own
            self.session.redactor.forget()
        self.tell(
            ScenarioStarted(
                scenario.title,
                scenario.document.file,
                environment.name,
                plan.case,
                scenario.why,
                tuple(_step_names(scenario)),
                tuple(environment.warnings),
                scenario.id,
                scenario.tags,
                environment.profile.name,
                scenario.line,
                time.time(),
            )
        )
        if self.recorder is not None:
            self.recorder.begin(plan)
        if scenario.proves is not None and scenario.proves.level_in(environment.profile.family) == "off":
            why = f"the profile {environment.profile.name} does not ask for it"
            return self._finish("not applicable", started, why, HELD)
        lacking = self._unmet({}) or self._steps()
        if lacking:
            return self._finish("not applicable", started, f"needs {', '.join(lacking)}, which is not there", HELD)
        if scenario.proves is not None and not self.session.interrupted.is_set():
            self.verdict.of_rule(tried=self._tried)
        for step in scenario.after:
            self._after(step)
        if self.session.interrupted.is_set():
            return self._finish("interrupted", started, "stopped before the end", INTERRUPTED)
        self.verdict.of_outcome()
        code = self.verdict.exit_code(strict=self.strict)
        if code == WRONG_FILE and self.sent:
            code = FAILED  # "nothing was sent" is what the other code promises
        return self._finish("passed" if code == HELD else "failed", started, self.verdict.summary(code), code)

    def _finish(self, status: str, started: float, summary: str, code: int) -> ScenarioFinished:
        finished = ScenarioFinished(
            title=self.plan.scenario.title,
            status=status,
            seconds=time.monotonic() - started - self._waited,
            summary=summary,
            exit_code=code,
            environment=self.plan.environment.name,
            file=self.plan.scenario.document.file,
            case=self.plan.case,
            problems=tuple(self.verdict.problems),
        )
        if self.recorder is not None:
            try:
                self.recorder.write()
            except OSError as error:
                self.tell(Told("note", f"the state of the run could not be kept: {error.strerror}"))
        self.tell(finished)
        return finished

    def _steps(self) -> list[str]:
        """Run the steps until one leaves nothing to go on from; return the needs that turned out to be unmet."""
        going = True
        try:
            self.known.issuer = self.session.issuer(self.plan.environment)
        except FlowrunError as error:
            self.verdict.problems += error.problems
            going = False
        for step in self._from_here():
            if not going or self.session.interrupted.is_set():
                self.tell(StepFinished(step.name, step.kind, "not reached", 0.0))
                continue
            going = self._step(step)
            if going and self.recorder is not None:
                self.recorder.step(self.known, step)
            if step.kind == "discover" and going:
                lacking = self._unmet(self.known.flow(step).server)
                if lacking:
                    return lacking
        return []

    def _unmet(self, server: Mapping[str, Any]) -> list[str]:
        lacking = unmet(self.plan.scenario.needs, self.plan.environment, server)
        return [need for need in lacking if need not in self.proven]

    @property
    def has_refresh_token(self) -> bool:
        """Tell whether the server gave one."""
        return any("refresh_token" in flow.tokens for flow in self.known.flows.values())

    def _from_here(self) -> Iterator[WrittenStep]:
        """Yield the steps to run: all, or those that a kept run is gone on with."""
        kept = self.resume
        if kept is not None:
            kept.restore(self.known)
        for step in self.plan.scenario.steps:
            if kept is not None and step.name == kept.first:
                kept = None
            if kept is None:
                yield step
            else:
                self.tell(StepFinished(step.name, step.kind, "skipped", 0.0, "kept from the earlier run"))

    def _goes_on_in_the_browser(self, step: WrittenStep) -> bool:
        """Tell whether a later step needs the cookies or the tab that this visit leaves."""
        later = [one for one in self.plan.scenario.steps if one.at > step.at]
        return any(
            one.kind == "browse" and (one.input.get("session") == "keep" or one.input.get("resume")) for one in later
        )

    def _is_browsed_next(self, step: WrittenStep) -> bool:
        """Tell whether what a step pushes goes to the browser at once: it must not expire while others have that."""
        if step.kind != "push":
            return False
        later = [one.kind for one in self.plan.scenario.steps if one.at > step.at]
        return next((kind for kind in later if kind in {"browse", "wait"}), "") == "browse"

    def _take_pages(self) -> None:
        """Have the browser to oneself, where several run in turns."""
        if not self._has_pages:
            self._waited += self.session.take_pages()
            self._has_pages = True

    def _leave_pages(self) -> None:
        """Let another scenario have the browser, where several run in turns."""
        if self._has_pages:
            self._has_pages = False
            self.session.give_pages()

    def _after(self, step: WrittenStep) -> None:
        if self._can_undo(step):
            if self.recorder is not None:
                self.recorder.undone(step)
            self._step(step, after=True)
        else:
            self.tell(StepFinished(step.name, step.kind, "skipped", 0.0, "nothing to undo"))

    def _can_undo(self, step: WrittenStep) -> bool:
        """Tell whether what an `after` step works on ever came about."""
        flow = self.known.flow(step)
        needed, client = step_kind(step.kind).needs(step.input), self.known.client(step)
        there = {
            need
            for need in needed
            if endpoints.url_of(need.removeprefix("endpoint:"), self.plan.environment, flow.server, client)
        }
        there |= {"auth", "issuer", "signing_key", "redirect_uri", "pages"}
        there |= {"tokens"} if flow.tokens else set()
        there |= {"callback"} if flow.callback else set()
        if not needed <= there:
            return False
        token = step.input.get("token")
        if token in {"access_token", "refresh_token"} and token not in flow.tokens:
            return False
        known = {*self.known.names(step), *template.ALWAYS_KNOWN}
        return all(str(need.chain[0]) in known for need in template.needs(dict(step.input)))

    def _step(self, step: WrittenStep, *, after: bool = False) -> bool:
        """Run one step; return whether the next one can go on from it."""
        started, waited, before = time.monotonic(), self._waited, len(self.verdict.problems)
        if not self._wanted(step):
            return len(self.verdict.problems) == before
        self._last_call = None
        if step.kind == "browse":
            self._visit = step.input
        self.tell(StepStarted(step.name, step.kind, after, step.line, time.time()))
        if self._is_browsed_next(step):
            self._take_pages()
        outcome, summary, expected = self._attempts(step, after=after)
        if step.kind == "browse" and not self._visit.get("stop") and not self._goes_on_in_the_browser(step):
            self._leave_pages()
        if outcome is None and self.session.interrupted.is_set():
            del self.verdict.problems[before:]  # what broke because the person pressed Ctrl-C is no finding
            self.tell(StepFinished(step.name, step.kind, "interrupted", time.monotonic() - started))
            return False
        if rule.concerns(self.plan.scenario, step):
            self._tried = True
            self._blame(step, before, outcome)  # by what happened, before it gets the name of the rule
            self.verdict.under_the_rule(before)
        self.verdict.excuse(before)
        self._blame(step, before, outcome)
        if step.kind != "use":  # its steps have done so themselves
            self._remember(step)
        new = tuple(self.verdict.problems[before:])
        failed = any(not problem.warning for problem in new)
        status = "failed" if failed else "refused" if expected else "warned" if new else "passed"
        seconds = time.monotonic() - started - (self._waited - waited)
        self.tell(StepFinished(step.name, step.kind, status, seconds, summary, new))
        return outcome is not None and outcome.refusal is None

    def _remember(self, step: WrittenStep) -> None:
        """Keep what the step has sent, for the blame of those that come after it."""
        place, client = f"{step.file}:{step.line}", self.known.client(step).name
        flow, call = self.known.flow(step), self._last_call
        self._past.append(past.done(step.kind, step.name, place, client, flow, call, time.time()))

    def _blame(self, step: WrittenStep, before: int, outcome: Outcome | None) -> None:
        """Say of each problem of a step whose fault it is; the steps of a `use` have done so themselves."""
        problems = self.verdict.problems
        for index in range(before, len(problems)):
            if not problems[index].blame and not problems[index].warning:
                case = blame.Case(
                    problem=problems[index],
                    kind=step.kind,
                    flow=self.known.flow(step),
                    client=self.known.client(step),
                    environment=self.plan.environment,
                    now=time.time(),
                    refusal=outcome.refusal if outcome else None,
                    call=self._last_call,
                    past=self._past,
                    scenario=self.plan.scenario.document,
                )
                spoilt = step.tamper and case.refusal is not None  # what is wrong with it is so on purpose
                found = blame.Blame(_SPOILT) if spoilt else blame.of(case)
                problems[index] = replace(problems[index], blame=found.words, hint=found.do or problems[index].hint)

    def _attempts(self, step: WrittenStep, *, after: bool) -> tuple[Outcome | None, str, bool]:
        """Do a step, again as long as `retry` allows; return what the last attempt came to."""
        try:
            retry = _ONCE if step.retry is None else Retry.read(template.fill(step.retry, self.known.names(step)))
        except (template.HoleError, ValueError) as error:
            at = self.plan.scenario.document.at((*step.at, "retry"))
            self.verdict.problems.append(Problem("wrong-value", str(error), at))
            return None, "", False
        started, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            kept, counts = len(self.verdict.problems), dict(self.verdict.counts)
            outcome = self._attempt(step)
            summary, expected = "", False
            if outcome is not None:
                summary, expected = self._judge(step, outcome, after=after)
                self._until(step, retry)
            failures = [problem for problem in self.verdict.problems[kept:] if not problem.warning]
            spent = time.monotonic() - started + retry.every
            if not failures or attempt >= retry.times or spent > retry.at_most or self.session.interrupted.is_set():
                return outcome, summary, expected
            # Only the last attempt counts; what was wrong with this one is told and taken back.
            self.tell(Told("again", f"attempt {attempt} of {retry.times}: {failures[0].title}"))
            del self.verdict.problems[kept:]
            self.verdict.counts.clear()
            self.verdict.counts.update(counts)
            if self.session.rest(retry.every):
                return None, "", False

    def _judge(self, step: WrittenStep, outcome: Outcome, *, after: bool) -> tuple[str, bool]:
        """Judge what a step left; return its summary and whether a refusal was expected."""
        self.known.remember(step, outcome)
        if step.kind == "userinfo":
            self.session.redactor.learn_claims(outcome.values)
        self._show_jwts(step, outcome)
        summary, expected = outcome.summary, False
        if outcome.refusal is not None:  # told first: what else did not hold follows from it
            if outcome.judged:
                expected = bool(self.verdict.refused)
            else:
                expected = self.verdict.of_refusal(step, outcome, outcome.refusal, after=after)
            summary = refusals.sentence(outcome.refusal)
        self.verdict.check(step, outcome)
        if outcome.refusal is None or expected:  # of a refusal nobody wanted, expectations say nothing new
            self.verdict.expect(step, outcome)
        if outcome.refusal is None:
            self.verdict.save(step, outcome)
        return summary, expected

    def _show_jwts(self, step: WrittenStep, outcome: Outcome) -> None:
        """Tell the JWTs of a step, decoded: those we signed and those that came."""
        for made in self.known.flow(step).signed:
            self.tell(JwtSeen(made.what, True, made.header, made.claims))
        names = {"browse": "response", "userinfo": "userinfo"}
        for what, came in (("id_token", outcome.id_token), (names.get(step.kind, "answer"), outcome.jwt)):
            if came is not None:
                self.session.redactor.learn_claims(came.claims)
                self.tell(JwtSeen(what, False, came.header, came.claims, came.distrust))

    def _until(self, step: WrittenStep, retry: Retry) -> None:
        if retry.until is None:
            return
        at = self.plan.scenario.document.at((*step.at, "retry", "until"))
        try:
            held = template.evaluate(retry.until, self.known.names(step))
        except template.HoleError as error:
            self.verdict.hole(error, at)
            return
        if not held:
            title = "what was waited for did not come true"
            self.verdict.problems.append(Problem("retry-until", title, at, "", (), "", FAILED))

    def _use(self, step: WrittenStep, given: Mapping[str, Any], outputs: Mapping[str, Any]) -> Outcome:
        """Run the steps of another file in the same transaction; what it leaves are its outputs."""
        used = inherited(self.plan.scenario.used[step.name], step)
        plan = plans.used_by(used, self.plan, given, step.place(self.plan.scenario.document))
        inner = Run(plan, self.session, self.browser_settings, self.strict, _named(self._note, step.name))
        inner.known.flows, inner.known.issuer = self.known.flows, self.known.issuer
        inner.known.provers = self.known.provers  # tokens stay bound to the key that they were asked for with
        inner.verdict.of_the_same_run(self.verdict)
        inner._past = self._past
        inner.known.browser = self._browser  # one scenario, one browser session
        for one in used.steps:
            if inner._step(one):
                continue
            if inner.verdict.refusal is not None:
                self.verdict.refused = inner.verdict.refused
                return Outcome(inner.known.saved, refusal=inner.verdict.refusal, judged=True)
            raise StepError("use-failed", f"the step '{one.name}' of {used.document.file} left nothing to go on from")
        values: dict[str, Any] = {}
        for name, path in outputs.items():
            try:
                values[name] = follow(inner.known.names(used.steps[-1]), parse(str(path)))
            except (MissingValueError, PathError) as error:
                raise StepError("no-output", str(error), field=("outputs", name)) from error
        return Outcome({**inner.known.saved, **values}, leaves=values, summary=used.title)

    def _wanted(self, step: WrittenStep) -> bool:
        if step.when is None:
            return True
        try:
            if template.evaluate(step.when, self.known.names(step)):
                return True
        except template.HoleError as error:
            at = self.plan.scenario.document.at((*step.at, "when"))
            self.verdict.hole(error, at)
            self.tell(StepFinished(step.name, step.kind, "failed", 0.0, "", (self.verdict.problems[-1],)))
            return False
        self.tell(StepFinished(step.name, step.kind, "skipped", 0.0, f"when: {step.when}"))
        return False

    def _attempt(self, step: WrittenStep) -> Outcome | None:
        """Fill and do a step; what can't be done becomes a problem at the line that asked for it."""
        from flowrun.jose import JoseError  # noqa: PLC0415  light: the name alone loads no JOSE library

        document, problems = self.plan.scenario.document, self.verdict.problems
        try:
            return self._done(step)
        except template.HoleError as error:
            self.verdict.hole(error, step.place(document, error.path))
        except StepError as error:
            # What flowrun itself refuses to send (no_par_endpoint, par_required) may be what the scenario is about.
            if error.place and self.verdict.expects(step, error.place, error.error):
                return Outcome(refusal=Refusal(error.place, error.error, error.title))
            problems.append(self._problem(error, step))
        except JoseError as error:
            at = step.place(document)
            problems.append(Problem(error.code, error.title, at, error.label, tuple(error.facts), error.hint))
        except FlowrunError as error:
            problems += error.problems
        return None

    def _done(self, step: WrittenStep) -> Outcome:
        """Do a step; what it should have tampered with and never sent is an error, whatever came of it."""
        kind = step_kind(step.kind)
        filled = {name if name != "for" else "for_": value for name, value in self._filled(step).items()}
        tools = self.known.tools(step, self._tampered(step))
        outcome = kind.run(kind.model(**filled), tools)
        tools.tampering.finish()
        return outcome

    def _problem(self, error: StepError, step: WrittenStep) -> Problem:
        """Point at what is to be put right: a page's line in the environment file, or the field of the step."""
        at, facts = step.place(self.plan.scenario.document, error.field), error.facts
        if error.field and error.field[0] == "tamper":  # it stands beside the step's own fields
            at = step.place_of_tamper(self.plan.scenario.document, error.field[1:])
        if error.field and error.field[0] == "pages":
            facts = (("step", str(step.place(self.plan.scenario.document))), *facts)
            at = self.plan.environment.document.at(error.field)
        return Problem(error.code, error.title, at, error.label, facts, error.hint, error.exit_code)

    def _filled(self, step: WrittenStep) -> dict[str, Any]:
        """Fill the holes and look at the result with the same schema, holes no longer allowed."""
        filled: dict[str, Any] = template.fill(dict(step.input), self.known.names(step))
        if step.kind == "set" or (filled == step.input and not step.short):  # without holes it has been looked at
            return filled
        wrong = validate.filled(filled, f"steps/{step.kind}")
        if wrong:
            document = self.plan.scenario.document
            raise FlowrunError(
                *(Problem("wrong-value", text, step.place(document, path), blame.FILLED) for path, text in wrong)
            )
        return filled

    def _tampered(self, step: WrittenStep) -> dict[str, Any]:
        """Fill what a step changes in what it sends, and look at it as at the step's own fields."""
        if not step.tamper:
            return {}
        document = self.plan.scenario.document
        try:
            filled: dict[str, Any] = template.fill(dict(step.tamper), self.known.names(step))
        except template.HoleError as error:
            at = step.place_of_tamper(document, error.path)
            raise FlowrunError(Problem(error.code, error.title, at, error.label)) from error
        wrong = validate.filled(filled, "step", "/definitions/tamper") if filled else []
        if wrong:
            label = "this is what the template came to"
            raise FlowrunError(
                *(Problem("wrong-value", text, step.place_of_tamper(document, path), label) for path, text in wrong)
            )
        return filled

    def _browser(self, keep: bool, by_hand: bool) -> Browser | Hand:
        assert self.browser_settings is not None  # noqa: S101  the command line always says which browser
        if by_hand or self.browser_settings.by_hand:
            return self.session.hand()
        self._take_pages()
        shared = self.keep_login and not self.session.own_login and self._visit.get("session") != "new"
        self.session.own_login = not self.keep_login
        if self._browser_used if keep else shared and not self._browser_used:
            self._browser_used = True
            return self.session.browser(self.browser_settings)
        self._browser_used = True
        return self.session.empty_browser(self.browser_settings)  # a scenario never finds another one's cookies


def _step_names(scenario: Scenario) -> Iterator[str]:
    for step in (*scenario.steps, *scenario.after):
        if step.name in scenario.used:
            yield from (f"{step.name}/{name}" for name in _step_names(scenario.used[step.name]))
        yield step.name


def _named(tell: Callable[[Event], None], name: str) -> Callable[[Event], None]:
    """Return a `tell` that puts the name of the `use` step before the names of the steps it runs."""

    def told(event: Event) -> None:
        if isinstance(event, StepStarted | StepFinished):
            event = replace(event, name=f"{name}/{event.name}")
        tell(event)

    return told
