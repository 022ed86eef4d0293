//! What each step does in the world.

use sync_core::names::InstanceId;

use super::{Action, Deed, Step};
use crate::world::State;

/// Something happens to an instance; whether it could.
pub(super) fn do_it(
    state: &mut State,
    step: &Step,
    deed: Deed,
    id: &InstanceId,
    crowd: usize,
) -> bool {
    let member = &step.member;
    match deed {
        Deed::Terminate => state.scale_in(member, id),
        Deed::Detach => state.detach(member, id),
        Deed::EnterStandby => state.enter_standby(member, id),
        Deed::ExitStandby => state.exit_standby(member, id),
        Deed::Refresh => {
            let new = InstanceId::new(format!("i-{}d", step.id));
            state.refresh(member, id, &new, crowd)
        }
        Deed::ReplaceRoot => state.replace_root(member, id),
        Deed::FromPool => state.from_pool(member, id),
        Deed::ToPool => state.to_pool(member, id),
        Deed::Stop => state.stop(member, id),
        Deed::Start => state.start_again(member, id),
        Deed::Readdress => state.readdress(member, id),
        Deed::EndInEc2 => state.end_in_ec2(member, id),
    }
}

/// A step that is about no instance that is there; whether it had anything to do.
pub(super) fn act(state: &mut State, step: &Step, crowd: usize) -> bool {
    let Step { id, member, asg, .. } = step;
    let named = |letter: char| InstanceId::new(format!("i-{id}{letter}"));
    match &step.action {
        Action::Launch(count) => {
            let launched = ('a'..)
                .take(*count)
                .map(|letter| state.launch(member, asg, &named(letter), false, crowd));
            launched.fold(false, |some, launched| some | launched)
        }
        Action::Attach => state.attach(member, asg, &named('e'), crowd),
        Action::IntoPool => state.launch(member, asg, &named('f'), true, crowd),
        Action::StrangerComes => state.stranger_comes(),
        Action::StrangerGoes => state.stranger_goes(),
        Action::PersonAdds(pick) => state.person_adds(member, *pick),
        Action::PersonRemoves(pick) => state.person_removes(member, *pick, true),
        Action::EditsBase(pick) => state.edits_base(member, *pick),
        Action::Drift(pick) => state.person_removes(member, *pick, false),
        Action::LoseTable => state.lose_table(member),
        Action::FillsUp(pick) => state.fills_up(member, *pick),
        Action::Fails(scope, fault, millis) => state.fails(member, *scope, *fault, *millis),
        Action::Do(..) | Action::TrueUp | Action::TrueUps | Action::Operator => false,
    }
}
