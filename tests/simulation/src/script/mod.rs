//! A history as data: what happens in a world and what goes wrong with it, made from a
//! seed, played, shrunk when it breaks a promise, and printed so that it can be played
//! again.

use sync_core::names::{AsgName, InstanceId, MemberName};

use crate::world::{Fault, Mishaps, Rates, Scope};

mod deeds;
mod document;
mod generate;
mod play;
mod shrink;
mod text;

pub use play::{Played, play, play_telling};
pub use shrink::{shrink, shrink_while};

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where chance comes from: latencies, jitter, and how long things take.
    pub seed: u64,
    /// The world it happens in.
    pub shape: Shape,
    /// How often chance makes something go wrong.
    pub rates: Rates,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What goes wrong besides.
    pub mishaps: Mishaps,
}

/// The world of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Members: 2 to 4, or 8.
    pub members: u64,
    /// Whether the first member has two Auto Scaling groups and two targets.
    pub double: u64,
    /// Who may reach whom: 0 everybody, 1 and 2 with `from` and `to`.
    pub allow: u64,
    /// Whether ports are learned from what the targets open to themselves.
    pub base: u64,
    /// Kinds of addresses: 0 public, 1 public and IPv6, 2 private; 3 private and 4 all
    /// others from the first member to the second.
    pub kinds: u64,
    /// Rules a group holds by the document; 0 for the default.
    pub limit: u64,
    /// Blocks in place of single addresses: 0 never, 1 when needed, 2 always.
    pub compact: u64,
    /// Groups over which each member's rules are spread; 0 where they are not.
    pub spread: u64,
    /// Prefix lists, one for each family of addresses: 1 beside each member's groups, 2 in
    /// place of them.
    pub lists: u64,
    /// Whether the guard holds nearly every removal.
    pub guard: u64,
    /// Whether launches go on that cannot be admitted.
    pub lenient: u64,
    /// Instances of each member at the start.
    pub each: u64,
    /// Public addresses there are.
    pub pool: u64,
    /// How long a queue gathers messages, in milliseconds.
    pub window: u64,
    /// Whether what is still to be delivered is lost when things calm down.
    pub deaf: u64,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number, which stays the same when others are left out.
    pub id: u64,
    /// When, in milliseconds.
    pub at: u64,
    /// In which member's region.
    pub member: MemberName,
    /// In which group, where that matters.
    pub asg: AsgName,
    /// What.
    pub action: Action,
}

/// Which instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One of those that fit.
    Pick(usize),
    /// This one.
    Named(InstanceId),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Instances are launched.
    Launch(usize),
    /// An instance joins, without a hook.
    Attach,
    /// An instance is launched into the warm pool.
    IntoPool,
    /// Something happens to an instance.
    Do(Deed, Who),
    /// A stranger takes an address.
    StrangerComes,
    /// A stranger gives an address back.
    StrangerGoes,
    /// A person adds a rule of their own.
    PersonAdds(usize),
    /// A person removes a rule of their own.
    PersonRemoves(usize),
    /// A person edits what a target opens to itself.
    EditsBase(usize),
    /// A person removes one of the mesh's rules.
    Drift(usize),
    /// The member's mirror is lost.
    LoseTable,
    /// A target takes only a few rules more.
    FillsUp(usize),
    /// A region, or a part of it, fails for a while, in milliseconds.
    Fails(Scope, Fault, u64),
    /// A true-up of this member.
    TrueUp,
    /// A true-up of every member at once.
    TrueUps,
    /// An operator applies.
    Operator,
}

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Scale-in.
    Terminate,
    /// It leaves its group and runs on.
    Detach,
    /// It goes on standby.
    EnterStandby,
    /// It comes back from standby.
    ExitStandby,
    /// A rolling refresh replaces it.
    Refresh,
    /// A refresh replaces its root volume.
    ReplaceRoot,
    /// It comes out of the warm pool.
    FromPool,
    /// It goes back into the warm pool.
    ToPool,
    /// It is stopped.
    Stop,
    /// It is started again.
    Start,
    /// It gets another address.
    Readdress,
    /// It is terminated in EC2.
    EndInEc2,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 12] = [
        Self::Terminate,
        Self::Detach,
        Self::EnterStandby,
        Self::ExitStandby,
        Self::Refresh,
        Self::ReplaceRoot,
        Self::FromPool,
        Self::ToPool,
        Self::Stop,
        Self::Start,
        Self::Readdress,
        Self::EndInEc2,
    ];

    /// Its word in scripts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Detach => "detach",
            Self::EnterStandby => "enter-standby",
            Self::ExitStandby => "exit-standby",
            Self::Refresh => "refresh",
            Self::ReplaceRoot => "replace-root",
            Self::FromPool => "from-pool",
            Self::ToPool => "to-pool",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Readdress => "readdress",
            Self::EndInEc2 => "end-in-ec2",
        }
    }

    /// The states in which it can happen.
    #[must_use]
    pub fn fits(self) -> &'static [&'static str] {
        match self {
            Self::Terminate => {
                &["InService", "Standby", "Pending:Wait", "Warmed:Stopped", "Warmed:Running"]
            }
            Self::Detach
            | Self::EnterStandby
            | Self::Refresh
            | Self::ReplaceRoot
            | Self::ToPool => &["InService"],
            Self::ExitStandby => &["Standby"],
            Self::FromPool => &["Warmed:Stopped", "Warmed:Running"],
            Self::Stop | Self::Start => &["InService", "Standby"],
            Self::Readdress => &["InService", "Standby", "Pending:Wait"],
            Self::EndInEc2 => &["InService", "Terminating:Wait", "Pending:Wait"],
        }
    }
}

impl Action {
    /// Its word in scripts and totals.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Launch(_) => "launch",
            Self::Attach => "attach",
            Self::IntoPool => "into-pool",
            Self::Do(deed, _) => deed.word(),
            Self::StrangerComes => "stranger-comes",
            Self::StrangerGoes => "stranger-goes",
            Self::PersonAdds(_) => "person-adds",
            Self::PersonRemoves(_) => "person-removes",
            Self::EditsBase(_) => "edits-base",
            Self::Drift(_) => "drift",
            Self::LoseTable => "lose-table",
            Self::FillsUp(_) => "fills-up",
            Self::Fails(scope, ..) => match scope {
                Scope::Far => "fails-far",
                Scope::Mirror => "fails-mirror",
                Scope::Rules => "fails-rules",
                Scope::All => "fails-all",
            },
            Self::TrueUp => "true-up",
            Self::TrueUps => "true-ups",
            Self::Operator => "operator",
        }
    }

    /// Every word there is.
    #[must_use]
    pub fn words() -> Vec<&'static str> {
        let mut words: Vec<_> = Deed::ALL.into_iter().map(Deed::word).collect();
        words.extend([
            "launch",
            "attach",
            "into-pool",
            "stranger-comes",
            "stranger-goes",
            "person-adds",
            "person-removes",
            "edits-base",
            "drift",
            "lose-table",
            "fills-up",
            "fails-far",
            "fails-mirror",
            "fails-rules",
            "fails-all",
            "true-up",
            "true-ups",
            "operator",
        ]);
        words
    }
}
