//! What planning costs, against what sorting the same keys costs.
//!
//! `make bench` runs this: first divan's own table, then the ratios. For those, sorting
//! and planning take turns, sample by sample, so that a busy moment of the machine hits
//! both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use sync_core::cidr::Cidr;
use sync_core::mesh::{Compact, Guard};
use sync_core::names::{InstanceId, MemberName, MeshName, RuleId};
use sync_core::permission::{MEMBER_TAG, MESH_TAG, Permission, Protocol, Rule, Source, Traffic};
use sync_core::planner::{Desired, Origin, Policy, check, plan};

/// Permissions in the desired set, and as many in the actual one.
const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

/// One permission in so many differs: one is wanted and not there, another is there
/// and not wanted.
const ONE_IN: u32 = 100;

/// How much longer than sorting the same keys planning may take.
const MUST: f64 = 4.0;

/// Samples for each ratio, whose medians count; fewer where they take too long.
const SAMPLES: usize = 31;
const LONG_ENOUGH: Duration = Duration::from_secs(5);
/// What takes this long for one size is not tried with ten times as many.
const TOO_LONG: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    divan::main();
    // divan has read the arguments; a test run or a listing wants no figures.
    if std::env::args().any(|argument| ["--test", "--list"].contains(&argument.as_str())) {
        return ExitCode::SUCCESS;
    }
    ratios()
}

#[divan::bench(args = SIZES, max_time = 3)]
fn sorting_the_same_keys(bencher: Bencher<'_, '_>, size: u32) {
    let case = Case::new(size);
    bencher.with_inputs(|| case.keys.clone()).bench_values(sorted);
}

#[divan::bench(args = SIZES, max_time = 3)]
fn planning(bencher: Bencher<'_, '_>, size: u32) {
    let case = Case::new(size);
    bencher.bench(|| plan(black_box(&case.desired), black_box(&case.actual), &case.policy));
}

/// What a run does with every plan before it applies it.
#[divan::bench(args = SIZES, max_time = 3)]
fn checking(bencher: Bencher<'_, '_>, size: u32) {
    let case = Case::new(size);
    let plan = plan(&case.desired, &case.actual, &case.policy);
    bencher.bench(|| check(black_box(&plan), &case.desired, &case.actual, &case.policy));
}

/// One desired set and one actual one.
struct Case {
    desired: Desired,
    actual: Vec<Rule>,
    policy: Policy,
    /// The permissions of both, in no order.
    keys: Vec<Permission>,
}

impl Case {
    fn new(size: u32) -> Self {
        let members = ["us-east-1", "us-west-2"].map(MemberName::new);
        let place = |host: u32| usize::from(host % 2 == 1);
        let origin = |host: u32| Origin {
            place: place(host),
            member: members[place(host)].clone(),
            asg: format!("orders-{}", members[place(host)]).as_str().into(),
            instance: InstanceId::new(format!("i-{host:017x}")),
        };
        // Whoever is not there any more had an address that nobody has now.
        let held = |host: u32| if host.is_multiple_of(ONE_IN) { host + size } else { host };
        // EC2 lists rules in no order, and they lie in memory as they were read.
        let mut hosts: Vec<_> = (0..size).collect();
        shuffle(&mut hosts);
        let actual: Vec<_> = hosts
            .iter()
            .map(|host| held(*host))
            .map(|host| rule(host, &members[place(host)]))
            .collect();
        shuffle(&mut hosts);
        let mut keys: Vec<_> = hosts.into_iter().map(permission).collect();
        keys.extend(actual.iter().filter_map(Rule::permission));
        let desired = Desired {
            wanted: (0..size).map(|host| (permission(host), origin(host))).collect(),
            unknown: BTreeSet::new(),
            members: members.into_iter().collect(),
            contested: BTreeSet::new(),
        };
        Self { desired, actual, policy: policy(), keys }
    }
}

fn permission(host: u32) -> Permission {
    let first = u32::from(Ipv4Addr::new(54, 0, 0, 0));
    let address = IpAddr::V4(Ipv4Addr::from(first + host));
    let traffic = Traffic::ports(Protocol::Tcp, 7000, 7001);
    Permission { traffic, cidr: Cidr::host(address) }
}

fn rule(host: u32, member: &MemberName) -> Rule {
    let Permission { traffic, cidr } = permission(host);
    Rule {
        id: RuleId::new(format!("sgr-{host:017x}")),
        traffic,
        source: Source::Cidr(cidr),
        description: Some(format!("sgsync orders-db i-{host:017x}")),
        tags: BTreeMap::from([
            (MESH_TAG.to_owned(), "orders-db".to_owned()),
            (MEMBER_TAG.to_owned(), member.to_string()),
        ]),
    }
}

fn policy() -> Policy {
    Policy {
        mesh: MeshName::parse("orders-db").unwrap_or_else(|_| unreachable!("a valid name")),
        guard: Guard { max_removals: 10, max_removal_percent: 50 },
        rules_per_group: u32::MAX,
        compact: Compact::Off,
        departed: BTreeSet::new(),
        allow_removals: false,
    }
}

/// Fisher and Yates with a fixed seed: every run has the same cases.
fn shuffle<T>(items: &mut [T]) {
    const FACTOR: u64 = 6_364_136_223_846_793_005;
    let mut state: u64 = 2017;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(FACTOR).wrapping_add(1);
        let place = usize::try_from(state >> 33).unwrap_or(0) % (last + 1);
        items.swap(last, place);
    }
}

fn sorted(mut keys: Vec<Permission>) -> Vec<Permission> {
    keys.sort_unstable();
    keys
}

// -- the ratios -------------------------------------------------------------------------

/// What one size takes.
struct Times {
    sort: Duration,
    plan: Duration,
    /// None where a smaller size took too long.
    check: Option<Duration>,
}

fn ratios() -> ExitCode {
    println!("\npermissions      sort       plan  ratio      check  ratio");
    let (mut met, mut checked) = (true, true);
    for size in SIZES {
        let Some(times) = measured(&Case::new(size), size, checked) else {
            println!("the plan for {size} permissions is wrong");
            return ExitCode::FAILURE;
        };
        let ratio = |time: Duration| time.as_secs_f64() / times.sort.as_secs_f64();
        let micros = |time: Duration| format!("{} µs", time.as_micros());
        let check = times.check.map_or_else(
            || format!("{:>10} {:>6}", "too long", "-"),
            |check| format!("{:>10} {:>6.2}", micros(check), ratio(check)),
        );
        let (sort, plan) = (micros(times.sort), micros(times.plan));
        println!("{size:>11} {sort:>9} {plan:>10} {:>6.2} {check}", ratio(times.plan));
        let fits = |time: Duration| ratio(time) <= MUST;
        met &= fits(times.plan) && times.check.is_some_and(fits);
        checked = times.check.is_some_and(|check| check < TOO_LONG);
    }
    println!("no ratio above {MUST}: {}", if met { "met" } else { "not met" });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Medians; none if what was measured did the wrong thing.
fn measured(case: &Case, size: u32, checked: bool) -> Option<Times> {
    let (mut sorts, mut plans, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    let begun = Instant::now();
    while sorts.len() < SAMPLES && (sorts.is_empty() || begun.elapsed() < LONG_ENOUGH) {
        let keys = case.keys.clone();
        sorts.push(timed(|| sorted(keys)).1);
        let (made, time) = timed(|| plan(&case.desired, &case.actual, &case.policy));
        plans.push(time);
        let different = (size / ONE_IN) as usize;
        if made.add.len() != different || made.revoke.len() != different {
            return None;
        }
        if checked {
            let judge = || check(&made, &case.desired, &case.actual, &case.policy);
            let (verdict, time) = timed(judge);
            checks.push(time);
            verdict.ok()?;
        }
    }
    let check = checked.then(|| median(checks));
    Some(Times { sort: median(sorts), plan: median(plans), check })
}

/// A result and how long it took, without the time to drop it.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let result = black_box(work());
    (result, begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
