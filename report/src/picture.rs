//! The mesh as a picture: a box for each member, an arrow to whom it may reach, on which ports.

use maud::{Markup, html};

use crate::snapshot::{Member, Snapshot};
use crate::text::{Text, counted, shortened};

mod arrows;
mod places;

use arrows::Arrow;
use places::Place;

/// What fits into a line of a box.
const LINE_CHARS: usize = 30;
/// How many groups a box names, of each sort.
const GROUPS: usize = 3;
/// A picture of few members is not blown up to the page's width.
const ZOOM: f64 = 1.25;
/// From one line of a box to the next.
const LINE_HEIGHT: f64 = 18.0;

/// What the arrows' letters mean: each set of traffic that some pair of members has, once.
pub(crate) struct Key(Vec<Vec<String>>);

impl Key {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut sets: Vec<Vec<String>> = Vec::new();
        for reach in &snapshot.reach {
            if !sets.contains(&reach.traffic) {
                sets.push(reach.traffic.clone());
            }
        }
        Self(sets)
    }

    /// Whether every arrow means the same: then none needs a letter.
    pub(crate) fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Each letter with its traffic.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, &[String])> {
        self.0.iter().enumerate().map(|(place, traffic)| (letter(place), traffic.as_slice()))
    }

    /// The letter of what one member may reach of another; none if nothing.
    pub(crate) fn letter(&self, snapshot: &Snapshot, from: &str, to: &str) -> Option<String> {
        let reach = snapshot.reach.iter().find(|reach| reach.from == from && reach.to == to)?;
        self.0.iter().position(|traffic| *traffic == reach.traffic).map(letter)
    }
}

/// A to Z, then AA and so on.
fn letter(place: usize) -> String {
    let last = char::from(b'A' + u8::try_from(place % 26).unwrap_or_default());
    if place < 26 { last.to_string() } else { letter(place / 26 - 1) + &last.to_string() }
}

/// The picture. Everything in it stands in the tables, too: those are for who cannot see it.
pub(crate) fn picture(snapshot: &Snapshot, key: &Key) -> Markup {
    let boxes: Vec<Vec<Line>> =
        snapshot.members.iter().map(|member| lines(snapshot, key, member)).collect();
    let most = boxes.iter().map(Vec::len).max().unwrap_or_default();
    let (width, height, places) = places::places(boxes.len(), most);
    let arrows = arrows::arrows(snapshot, key, &places);
    let view = format!("0 0 {width:.0} {height:.0}");
    html! {
        svg.picture viewBox=(view) width=(round(width * ZOOM)) role="img" aria-labelledby="picture-title picture-text" {
            title #picture-title { "The members of " (Text(&snapshot.mesh)) " and who may reach whom" }
            desc #picture-text { (summary(snapshot)) }
            defs {
                marker #head viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9"
                    orient="auto-start-reverse" { path.head d="M0 0L10 5L0 10z" {} }
            }
            @for arrow in &arrows { (line(arrow)) }
            // Under the boxes: where it is crowded, a box is still read.
            @if !key.is_one() { @for arrow in &arrows { (label(arrow)) } }
            @for (member, (lines, place)) in snapshot.members.iter().zip(boxes.iter().zip(&places)) {
                (member_box(member, lines, place))
            }
        }
    }
}

/// The picture in a sentence.
fn summary(snapshot: &Snapshot) -> String {
    let members = counted(snapshot.members.len(), "member");
    let open = snapshot.reach.iter().filter(|reach| reach.from != reach.to).count();
    let all = snapshot.members.len() * snapshot.members.len().saturating_sub(1);
    format!(
        "{members}; of {all} directions between two of them {open} are open. The table “Who may \
         reach whom” says the same in words."
    )
}

/// A line of a box: its class, and what it says.
type Line = (&'static str, String);

fn lines(snapshot: &Snapshot, key: &Key, member: &Member) -> Vec<Line> {
    let mut lines = vec![("name", member.name.clone())];
    if member.region != member.name {
        lines.push(("small", member.region.clone()));
    }
    lines.push((member.health.class(), member.health.word().to_owned()));
    let groups = member.groups.iter().map(|group| match group.instances {
        Some(count) => format!("{}: {count}", shortened(&group.name, LINE_CHARS - 6)),
        None => format!("{}: ?", shortened(&group.name, LINE_CHARS - 6)),
    });
    lines.extend(some(groups));
    lines.extend(some(member.security_groups.iter().cloned()));
    if let Some(letter) = key.letter(snapshot, &member.name, &member.name) {
        lines.push(("small", format!("among themselves: {letter}")));
    }
    lines
}

/// The first few, and how many there are besides.
fn some(mut names: impl ExactSizeIterator<Item = String>) -> Vec<Line> {
    let mut lines: Vec<Line> = names.by_ref().take(GROUPS).map(|name| ("small", name)).collect();
    if names.len() > 0 {
        lines.push(("small", format!("and {} more", names.len())));
    }
    lines
}

fn member_box(member: &Member, lines: &[Line], place: &Place) -> Markup {
    let class = format!("member {}", member.health.class());
    let (left, top) = place.corner();
    html! {
        g class=(class) {
            rect x=(round(left)) y=(round(top)) width=(round(place.width)) height=(round(place.height)) rx="8" {}
            @for ((class, text), line) in lines.iter().zip(1_u32..) {
                text class=(class) x=(round(left + 14.0)) y=(round(f64::from(line).mul_add(LINE_HEIGHT, top + 6.0))) {
                    (Text(&shortened(text, LINE_CHARS)))
                }
            }
        }
    }
}

fn line(arrow: &Arrow) -> Markup {
    let start = arrow.both.then_some("url(#head)");
    html! { path.arrow d=(arrow.path()) marker-end="url(#head)" marker-start=[start] {} }
}

fn label(arrow: &Arrow) -> Markup {
    let (x, y) = arrow.label_at();
    html! {
        circle.key cx=(round(x)) cy=(round(y)) r="12" {}
        text.letter x=(round(x)) y=(round(y + 5.0)) text-anchor="middle" { (arrow.letter) }
    }
}

/// Whole units are fine enough for a screen, and the same on every machine.
fn round(number: f64) -> String {
    format!("{number:.0}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn letters_go_on_after_z() {
        let letters = [0, 25, 26, 51, 52, 701, 702].map(super::letter);
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
