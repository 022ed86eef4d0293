"""The cases themselves, each on a mesh that is in sync before and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from product import EAST, RECEIVES, TIMEOUT_S, WEST, Delivery, Report, target
from rig import Fault
from rig.faults import Mode

from .cases import Case, Kill, Kind, Trouble, Undisturbed
from .mesh import HASTY_MS, PATIENT_MS, Mesh, Scene
from .semantics import GROUP, TARGET, allowed
from .spots import SPOTS, Role, Scenario, Spot
from .watch import Watch

#: What a run may find in a mesh that nothing happens to: the rules of others on its ports.
_USUAL = {"foreign-rule"}

#: Time for a run whose own mirror never answers: on a busy machine it may have to ask it twice, 8 seconds each time.
_LONG_S = 30.0

#: The codes of each service for what goes wrong: throttled, failed, denied (`docs/facts/aws.md`, Error codes).
_CODES = {
    "ec2": {
        Kind.THROTTLE: ("RequestLimitExceeded", 503),
        Kind.ERROR_500: ("InternalError", 500),
        Kind.DENIED: ("UnauthorizedOperation", 403),
    },
    "autoscaling": {
        Kind.THROTTLE: ("Throttling", 400),
        Kind.ERROR_500: ("InternalFailure", 500),
        Kind.DENIED: ("AccessDenied", 403),
    },
    "dynamodb": {
        Kind.THROTTLE: ("ThrottlingException", 400),
        Kind.ERROR_500: ("InternalServerError", 500),
        Kind.DENIED: ("AccessDeniedException", 400),
    },
}


def play(case: Case, mesh: Mesh) -> None:
    """Plays a case; an error tells what happened until then."""
    mesh.suit(case.scenario)
    scene = mesh.set(case.scenario)
    watch = Watch(mesh)
    told: list[str] = []
    try:
        match case:
            case Undisturbed():
                _undisturbed(mesh, scene, watch, told)
            case Kill():
                _kill(case, mesh, scene, watch, told)
            case Trouble():
                _trouble(case, mesh, scene, watch, told)
        _true_up_makes_exact(mesh, watch, told)
    except BaseException as error:
        asked = [f"{request.call.action}@{request.call.region}" for request in watch.asked()]
        for line in [*told, f"calls: {', '.join(asked)}"]:
            error.add_note(line)
        raise


def _run(
    mesh: Mesh,
    scene: Scene,
    told: list[str],
    budget_ms: int = PATIENT_MS,
    deadline_s: float = TIMEOUT_S["lifecycle"],
) -> Delivery:
    delivery = mesh.run(scene, budget_ms, deadline_s)
    told.append(f"run: {delivery.result.error or delivery.result.value}")
    told.extend(line for line in delivery.result.logs if not line.startswith('{"_aws"'))
    return delivery


def _true_up_makes_exact(mesh: Mesh, watch: Watch, told: list[str]) -> None:
    """One true-up, of the own member only: every group and every mirror holds exactly what it should."""
    report = mesh.products[PATIENT_MS].true_up(EAST)
    told.append(f"true-up: {report}")
    watch.step()
    assert watch.inexact() == set()
    assert mesh.mirrors() == dict.fromkeys((EAST, WEST), mesh.members())
    assert {one["status"] for one in report["targets"]} <= {"in-sync", "changed"}
    assert mesh.waiting() == []


# -- nothing happens --------------------------------------------------------------------------------------------------


def _undisturbed(mesh: Mesh, scene: Scene, watch: Watch, told: list[str]) -> None:
    """The calls of the run are those that the matrix goes through, in each region in this order."""
    delivery = _run(mesh, scene, told)
    watch.step()
    _went_well(mesh, scene, delivery)
    assert watch.inexact() == set()
    spots = SPOTS[scene.scenario]
    made = [request.call for request in watch.asked()]
    for region in (EAST, WEST):
        expected = [f"{spot.service}:{spot.action}" for spot in spots if spot.region == region]
        assert [f"{call.service}:{call.action}" for call in made if call.region == region] == expected
    assert len(made) == len(spots)


def _went_well(mesh: Mesh, scene: Scene, delivery: Delivery) -> None:
    assert delivery.result.ok
    if scene.events:
        assert delivery.hooks == {scene.instance: "CONTINUE"}
        _is_answered(mesh, scene, delivery)


# -- the process dies -------------------------------------------------------------------------------------------------


def _kill(case: Kill, mesh: Mesh, scene: Scene, watch: Watch, told: list[str]) -> None:
    fault = _fault(case.spot, mesh, "reset-reply" if case.after else "refuse", times=1)
    fault.then = mesh.function(scene).kill
    with _in_force(fault, mesh):
        killed = _run(mesh, scene, told)
    assert fault.hits == 1
    assert killed.result.error == {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with -9"}
    watch.step()
    if scene.events and case.redelivered:
        again = _run(mesh, scene, told)
        watch.step()
        assert again.failed == []
        _is_answered(mesh, scene, again)
    elif scene.events:
        _event_is_lost(case, mesh, scene, watch, told)


def _is_answered(mesh: Mesh, scene: Scene, delivery: Delivery) -> None:
    """Promise 3: the hook was answered CONTINUE, once, when both groups were as it has to be."""
    assert delivery.hooks[scene.instance] in ("CONTINUE", "GONE")
    assert mesh.waiting() == []
    assert _answers(mesh, scene) == ["CONTINUE"]
    assert _too_early(mesh, scene) == set()
    in_service = [one["id"] for one in mesh.world.instances(EAST, "InService")]
    assert (scene.instance in in_service) == (scene.scenario is Scenario.LAUNCH)


def _event_is_lost(case: Kill, mesh: Mesh, scene: Scene, watch: Watch, told: list[str]) -> None:
    """The true-up heals the groups; the hook is nobody's, and waits for its heartbeat to run out."""
    told.append(f"true-up: {mesh.products[PATIENT_MS].true_up(EAST)}")
    watch.step()
    assert watch.inexact() == set()
    answered = case.spot.role in (Role.LATER_RULES, Role.LATER_ROWS) or (case.spot.role is Role.ANSWER and case.after)
    assert mesh.waiting() == ([] if answered else [scene.instance])
    if not answered:
        mesh.answer_by_hand(scene)


# -- a call fails -----------------------------------------------------------------------------------------------------


def _trouble(case: Trouble, mesh: Mesh, scene: Scene, watch: Watch, told: list[str]) -> None:
    expected = allowed(case, scene.instance)
    if expected.answer == "ABANDON":
        mesh.hold_replacements()
    fault = _fault_of(case, mesh)
    hasty = case.kind is Kind.TIMEOUT and case.for_the_run and case.spot.region == WEST
    budget_ms = HASTY_MS if hasty else PATIENT_MS
    with _in_force(fault, mesh):
        mirror = case.kind is Kind.TIMEOUT and case.spot.role in (Role.ROWS, Role.LATER_ROWS)
        delivery = _run(mesh, scene, told, budget_ms, _LONG_S if mirror else TIMEOUT_S["lifecycle"])
    assert fault.hits >= 1
    watch.step()
    assert delivery.result.ok
    if expected.slow is not None and _looked_anew(delivery.reports[0], scene):
        expected = expected.slow
    _reported(mesh, delivery.reports[0], expected.findings, case)
    assert watch.inexact() <= expected.open_regions
    if scene.events:
        _answered_as_allowed(mesh, scene, delivery, expected.answer, case)
        _redeliver(mesh, scene, delivery, watch, told)
    if expected.answer == "ABANDON":
        mesh.let_replacements()
    if case.for_the_run:
        # What the SDK keeps for retries is used up by many failures in one process: the next case gets a new one.
        mesh.function(scene, budget_ms).kill()


def _looked_anew(report: Report, scene: Scene) -> bool:
    """Whether a run took longer than a look is fresh, and left its hook to the next one."""
    left = ("hook-unanswered", scene.instance) in {(one["kind"], one["subject"]) for one in report["findings"]}
    return left and report["duration_ms"] > 1000


def _reported(mesh: Mesh, report: Report, wanted: frozenset[tuple[str, str]], case: Trouble) -> None:
    """Silent is worse than wrong: the findings name what was not done. And they name nothing that was."""
    names = {GROUP: mesh.member.group}
    names |= {TARGET + region: member.security_group for region, member in mesh.world.members.items()}
    expected = {(kind, names.get(subject, subject)) for kind, subject in wanted}
    found = {(one["kind"], one["subject"]) for one in report["findings"]}
    assert expected <= found
    if not case.outlasts_retries:
        # What a lost reply hid is no news to anybody, and only to be known.
        serious = {one["kind"] for one in report["findings"] if one["severity"] != "info"}
        assert serious <= _USUAL
        assert {target(report, region)["status"] for region in (EAST, WEST)} <= {"changed", "in-sync"}


def _answered_as_allowed(mesh: Mesh, scene: Scene, delivery: Delivery, answer: str | None, case: Trouble) -> None:
    assert delivery.hooks == {scene.instance: answer}
    lost = case.spot.role is Role.ANSWER and case.kind is Kind.RESET_AFTER
    given = {"RETRY": ["CONTINUE"] if lost else [], "GONE": ["CONTINUE"]}.get(str(answer), [answer])
    assert _answers(mesh, scene) == given
    assert mesh.waiting() == ([] if given else [scene.instance])
    assert delivery.failed == (scene.events if answer == "RETRY" else [])
    if answer in ("CONTINUE", "GONE"):
        assert _too_early(mesh, scene) <= allowed(case, scene.instance).open_regions


def _redeliver(mesh: Mesh, scene: Scene, delivery: Delivery, watch: Watch, told: list[str]) -> None:
    """The fault is over: what went back to the queue comes again, and its hook is answered."""
    for _ in range(RECEIVES - 1):
        if not delivery.failed:
            return
        delivery = _run(mesh, scene, told)
        watch.step()
    assert delivery.failed == []


# -- faults, and answers ----------------------------------------------------------------------------------------------


@contextmanager
def _in_force(fault: Fault, mesh: Mesh) -> Iterator[None]:
    """A fault, as long as the run takes."""
    mesh.rig.proxy.add(fault)
    try:
        yield
    finally:
        mesh.rig.proxy.heal(fault)


def _fault(spot: Spot, mesh: Mesh, mode: Mode, times: int | None) -> Fault:
    return Fault(
        mode,
        caller=mesh.caller,
        region=spot.region,
        service=spot.service,
        action=spot.action,
        skip=spot.occurrence - 1,
        times=times,
    )


def _fault_of(case: Trouble, mesh: Mesh) -> Fault:
    modes: dict[Kind, Mode] = {
        Kind.TIMEOUT: "swallow",
        Kind.RESET_BEFORE: "refuse",
        Kind.RESET_AFTER: "reset-reply",
    }
    fault = _fault(case.spot, mesh, modes.get(case.kind, "error"), None if case.for_the_run else 1)
    if fault.mode == "error":
        fault.error_code, fault.status = _CODES[case.spot.service][case.kind]
    return fault


def _answers(mesh: Mesh, scene: Scene) -> list[str]:
    return [one["result"] for one in mesh.answers(scene)]


def _too_early(mesh: Mesh, scene: Scene) -> set[str]:
    """Regions that were not as promise 3 asks for when the hook was answered."""
    admits = scene.scenario is Scenario.LAUNCH
    return {
        region
        for done in mesh.answers(scene)
        for region, member in mesh.world.members.items()
        if (f"{done['address']}/32" in done["admitted"].get(member.security_group, [])) != admits
    }
