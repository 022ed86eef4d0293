//! The protocol of rows and rules (design sections 4 and 5) as a model that is
//! explored exhaustively, within bounds. `docs/protocol.md` explains it.

pub mod bounds;
pub mod check;
pub mod configurations;
pub mod model;
pub mod page;
pub mod pieces;
pub mod run;
pub mod tell;
pub mod variants;
pub mod world;

mod apply;
mod look;
mod next;
mod own;
mod set;
mod settle;

use model::{Action, Model, State};

impl stateright::Model for Model {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.settled_world()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.enabled(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.apply(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        let mut properties = Self::all_properties();
        properties.extend(Self::coverage());
        properties
    }
}
