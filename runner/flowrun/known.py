"""What one run knows so far: results, saved names, flows; and what it hands to a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any

from flowrun import template
from flowrun.client import Client
from flowrun.dataclass import dataclass
from flowrun.errors import INTERRUPTED, WRONG_FILE, FlowrunError, Problem, StepError
from flowrun.events import Told
from flowrun.filters import new_uuid
from flowrun.flow import Flow, automatic_parameters
from flowrun.steps.base import Outcome, Tools
from flowrun.tamper import Tampering

if TYPE_CHECKING:
    from flowrun.browser.driver import Browser
    from flowrun.browser.hand import Hand
    from flowrun.dpop import Prover
    from flowrun.events import Event
    from flowrun.jose import Key
    from flowrun.plan import Plan
    from flowrun.scenario import WrittenStep
    from flowrun.session import Session


@dataclass(slots=True)
class Known:
    """The state of one run. `flows` are kept by the name a step gives (`flow: b`); most runs have one.

    `provers` make DPoP proofs, by the name of the client.
    """

    plan: Plan
    session: Session
    tell: Callable[[Event], None]
    browser: Callable[[bool, bool], Browser | Hand]
    use: Callable[[WrittenStep, Mapping[str, Any], Mapping[str, Any]], Outcome]
    issuer: str = ""
    flows: dict[str, Flow] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    provers: dict[str, Prover] = field(default_factory=dict)

    def flow(self, step: WrittenStep) -> Flow:
        """Return the transaction that a step belongs to; a second one begins with the metadata of the first."""
        if step.flow not in self.flows:
            first = next(iter(self.flows.values()), Flow())
            self.flows[step.flow] = Flow(server=dict(first.server), jwks=first.jwks)
        return self.flows[step.flow]

    def client(self, step: WrittenStep) -> Client:
        """Return who authenticates in a step; an environment without clients has an anonymous one."""
        environment = self.plan.environment
        if environment.has_client(step.client):
            return environment.client(step.client)
        return Client(name=step.client, client_id="", auth="none")

    def remember(self, step: WrittenStep, outcome: Outcome) -> None:
        """Keep what a step left."""
        self.results[step.name] = outcome.values
        self.saved |= outcome.leaves

    def names(self, step: WrittenStep) -> Mapping[str, Any]:
        """Return what templates may read now: inputs, results, saved names, and the latest of the flow."""
        flow = self.flow(step)
        names: dict[str, Any] = {
            "environment": {"name": self.plan.environment.name, "issuer": self.issuer},
            "case": self.plan.case,
            "client": self._client_known(self.client(step)),
            **self.plan.inputs,
            **self.results,
            **self.saved,
        }
        if flow.server:
            names["server"] = flow.server
        if flow.callback is not None:
            names["callback"] = flow.callback
        if flow.tokens:
            names["tokens"] = flow.tokens
        return names

    def tools(self, step: WrittenStep, tamper: Mapping[str, Any]) -> Tools:
        """Return what a step may use; `tamper` is what it changes in what it sends, filled."""
        environment = self.plan.environment
        self.flow(step).signed.clear()  # of this step, not of those before it
        return Tools(
            environment=environment,
            client=self.client(step),
            flow=self.flow(step),
            issuer=self.issuer,
            wire=self.session.wire(environment),
            redactor=self.session.redactor,
            tell=self.tell,
            load_key=self._load_key,
            browser=self.browser,
            names=lambda: self.names(step),
            parameters=lambda: self._parameters(step),
            interaction_id=new_uuid,
            pause=self.pause,
            use=partial(self.use, step),
            prover=lambda: self._prover(self.client(step)),
            any_status=self._any_status(step),
            may_be_refused=bool({"callback", "page", step.name} & set(self.plan.scenario.refused)),
            tampering=Tampering(
                tamper,
                tell=lambda words: self.tell(Told("tampered", words)),
                other_key=partial(self._other_key, self.client(step)),
                moved=self.flow(step).moved,
            ),
        )

    def _any_status(self, step: WrittenStep) -> bool:
        """Tell whether a step says itself what status it wants; a refusal that the scenario wants stays one."""
        wanted = {"call", step.name} & set(self.plan.scenario.refused)
        return "http.status" in (step.expect or {}) and not wanted

    def _client_known(self, client: Client) -> dict[str, Any]:
        """Return what templates read as `client.…`; `jkt` is the thumbprint of its DPoP key, if it has one."""
        prover = self._prover(client)
        return {**client.known(), "jkt": prover.jkt} if prover is not None else client.known()

    def _prover(self, client: Client) -> Prover | None:
        """Return what makes the DPoP proofs of a client, the same for the whole run."""
        if client.sender_constraint != "dpop":
            return None
        if client.name not in self.provers:
            from flowrun.dpop import Prover  # noqa: PLC0415  most clients have no DPoP key
            from flowrun.jose import generate_key  # noqa: PLC0415

            named = client.dpop.key
            key = self._load_key(client, named) if named else generate_key(client.dpop.alg)
            self.provers[client.name] = Prover(key, client.dpop.alg)
        return self.provers[client.name]

    def pause(self, seconds: float) -> None:
        """Wait for some seconds; raises `StepError` when the person does not want to wait any longer."""
        if self.session.rest(seconds):
            raise StepError("interrupted", "interrupted while waiting", exit_code=INTERRUPTED)

    def _other_key(self, client: Client, name: str) -> Key:
        """Return the key that a tampering names: one of the client's, else the signing key of another client."""
        if name in client.keys:
            return self._load_key(client, name)
        return self._load_key(self.plan.environment.client(name), "signing")

    def _load_key(self, client: Client, name: str) -> Key:
        if name not in client.keys:
            raise StepError("unknown-key-name", f"the client '{client.name}' has no key '{name}'", exit_code=WRONG_FILE)
        return self.session.keyring.load(client, name, self.plan.environment)

    def _parameters(self, step: WrittenStep) -> dict[str, Any]:
        """Return the authorization request of the step's flow, made the first time it is asked for."""
        flow = self.flow(step)
        if flow.parameters is None:
            written = self.plan.scenario.authorization
            try:
                filled = template.fill(dict(written), self.names(step))
            except template.HoleError as error:
                at = self.plan.scenario.document.at(("authorization", *error.path))
                raise FlowrunError(Problem(error.code, error.title, at, error.label)) from error
            client = self.client(step)
            made, verifier = automatic_parameters(client)
            prover = self._prover(client) if client.dpop.bind_code == "jkt" else None
            if prover is not None:
                made["dpop_jkt"] = prover.jkt  # RFC 9449, section 10
            left_out = set(written) - set(filled)  # "{{ omit }}" leaves an automatic parameter out
            flow.parameters = {key: value for key, value in {**made, **filled}.items() if key not in left_out}
            if "code_challenge" not in flow.parameters:
                flow.parameters.pop("code_challenge_method", None)
            elif "code_challenge" not in written:
                flow.code_verifier = verifier
                self.session.redactor.learn("code_verifier", verifier)
        return flow.parameters
