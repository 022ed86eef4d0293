//! One run: observe, tell, plan, apply, answer, look again (design section 5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt, join_all};
use tokio::time::Instant;

use crate::events::Hook;
use crate::mesh::{Member, Mesh};
use crate::names::{AsgName, MemberName};
use crate::ports::{AuditLog, Clock, MemberReaders, MemberWriters};
use crate::report::{Report, Trigger};

mod apply;
mod assemble;
mod blocks;
mod changes;
mod confirm;
mod dealing;
mod hooks;
mod look;
mod own;
mod region;
mod settle;
mod tell;
mod unlisted;

use hooks::answer_hooks;
use look::look;
use own::{Own, Views, observe_in_time};
use region::RegionRun;
use tell::{Floors, observe_overtaken};

/// What is kept back of an invocation's time to answer hooks: at most this, and
/// never more than a quarter of what there is.
const ANSWER_RESERVE: Duration = Duration::from_secs(3);

/// Everything a process needs for its runs; made once.
pub struct Engine {
    /// The mesh.
    pub mesh: Mesh,
    /// The function's own member; none on an operator's machine, which stands outside.
    pub home: Option<MemberName>,
    /// How each member's region is read.
    pub readers: BTreeMap<MemberName, MemberReaders>,
    /// How each member's region is changed.
    pub writers: BTreeMap<MemberName, MemberWriters>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where every change leaves its line.
    pub audit: Arc<dyn AuditLog>,
}

/// What one run is asked to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// Why.
    pub trigger: Trigger,
    /// Whose groups to observe, and which.
    pub scope: BTreeMap<MemberName, BTreeSet<AsgName>>,
    /// The hooks that wait.
    pub hooks: Vec<Hook>,
    /// Plan only.
    pub dry_run: bool,
    /// Carry out removals that the guard would hold.
    pub allow_removals: bool,
    /// The run's id.
    pub run_id: String,
    /// Who runs, for the audit lines: the function's name.
    pub function: String,
    /// When the invocation ends.
    pub deadline: Instant,
}

/// One run's surroundings, shared by everything in it.
struct Run<'a> {
    engine: &'a Engine,
    request: &'a Request,
    started: Instant,
    /// When work stops so that hooks can still be answered.
    work_until: Instant,
    /// When answering stops so that the run can still be reported.
    answer_until: Instant,
}

impl Engine {
    /// Carries a request out.
    ///
    /// Never fails as a whole: what could not be done is in the report.
    pub async fn run(&self, request: &Request) -> Report {
        let started = Instant::now();
        let left = request.deadline.saturating_duration_since(started);
        let reserve = ANSWER_RESERVE.min(left / 4);
        let work_until = started + left.saturating_sub(reserve);
        let answer_until = work_until + reserve * 3 / 4;
        let run = Run { engine: self, request, started, work_until, answer_until };

        let (mut own, mut regions) = run.observe_and_settle().await;
        let mut hooks = Vec::new();
        if !request.dry_run {
            if observe_overtaken(&run, &mut own, &regions).await {
                for region in &mut regions {
                    region.look_again = true;
                }
                settle_all(&run, &own, &mut regions).await;
            }
            hooks = answer_hooks(&run, &own, &regions).await;
            settle_all(&run, &own, &mut regions).await;
        }
        assemble::report(&run, &own, &regions, hooks)
    }
}

async fn settle_all<'a>(run: &Run<'a>, own: &Own, regions: &mut [RegionRun<'a>]) {
    join_all(regions.iter_mut().map(|region| region.settle_fully(run, own))).await;
}

impl<'a> Run<'a> {
    fn mesh(&self) -> &'a Mesh {
        &self.engine.mesh
    }

    fn is_home(&self, member: &Member) -> bool {
        self.engine.home.as_ref() == Some(&member.name)
    }

    fn readers(&self, member: &Member) -> &'a MemberReaders {
        &self.engine.readers[&member.name]
    }

    /// The writers of a member; none in a dry run.
    fn writers(&self, member: &Member) -> Option<&'a MemberWriters> {
        (!self.request.dry_run).then(|| &self.engine.writers[&member.name])
    }

    /// Whose run it is, for audit lines; an operator stands in for every member.
    fn by(&self, member: &MemberName) -> MemberName {
        self.engine.home.as_ref().unwrap_or(member).clone()
    }

    /// Who runs, for rows and audit lines.
    fn who(&self) -> String {
        format!("{}/{}", self.request.function, self.request.run_id)
    }

    /// How long a region may keep the run: a peer its budget, everything else the invocation.
    fn patience(&self, member: &Member) -> Duration {
        let left = self.work_until.saturating_duration_since(Instant::now());
        if self.engine.home.is_none() || self.is_home(member) {
            left
        } else {
            left.min(self.mesh().limits.peer_budget)
        }
    }

    /// Reads every target region from the start, observes meanwhile, then brings each
    /// region to where its hooks can be answered, all side by side. A peer's time with
    /// itself counts against its budget; its wait for the observation does not.
    async fn observe_and_settle(&self) -> (Own, Vec<RegionRun<'a>>) {
        let members: Vec<&Member> = self.mesh().members.iter().collect();
        let looks: Vec<_> = members
            .iter()
            .map(|member| {
                let begun = Instant::now();
                let patience = self.patience(member);
                let first = async { look(self, member, &member.targets()).await };
                tokio::time::timeout(patience, first)
                    .map(move |done| Arc::new((done, patience.saturating_sub(begun.elapsed()))))
                    .boxed()
                    .shared()
            })
            .collect();
        let own = join_all(self.request.scope.iter().filter_map(|(name, asgs)| {
            let place = members.iter().position(|member| member.name == *name)?;
            let (member, look) = (members[place], looks[place].clone());
            Some(async move {
                let looked = look.await;
                let rows = match &looked.0 {
                    Ok(look) => look.rows.as_ref().map_err(Clone::clone),
                    Err(_) => Err(look::no_answer("look", member)),
                };
                observe_in_time(self, member, asgs, rows, (&Floors::new(), Views::new())).await
            })
        }))
        .map(|groups| Arc::new(Own::new(groups)))
        .boxed()
        .shared();
        let regions = join_all(members.iter().zip(&looks).map(|(member, look)| {
            let (look, own) = (look.clone(), own.clone());
            async move {
                let ((looked, own), mut region) =
                    (futures::join!(look, own), RegionRun::new(self, member));
                match &looked.0 {
                    Ok(look) => region.settle_within(looked.1, self, &own, look).await,
                    Err(_) => region.fail(&look::no_answer("look", member)),
                }
                region
            }
        }))
        .await;
        let own = own.await;
        (Own::clone(&own), regions)
    }
}
