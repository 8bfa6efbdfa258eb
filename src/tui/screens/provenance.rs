//! 3 Provenance: the links of the chain and every attestation's seven answers, with the evidence for the selected one.

use ratatui::layout::Rect;

use super::overview::indent;
use crate::text::{Role, Row};
use crate::tui::app::{App, ClaimRow, MEDIUM, Pane, lists_role as role_of, outcome_mark, standing_mark};
use crate::tui::widgets::{Canvas, skip};

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let focus = app.pane();
    let title = Row::new().with(Role::Text, "Who built what from what");
    if app.zoom {
        if focus == Pane::Evidence {
            return evidence(canvas, area, true);
        }
        let inside = canvas.pane(area, title, true, true);
        return claims(canvas, inside);
    }
    if area.width < MEDIUM {
        let top = Rect { height: area.height / 2, ..area };
        let bottom = Rect { y: area.y + top.height, height: area.height - top.height, ..area };
        let inside = canvas.pane(top, title, true, focus == Pane::Claims);
        claims(canvas, inside);
        evidence(canvas, bottom, true);
    } else {
        let left = if area.width >= crate::tui::app::WIDE { area.width * 104 / 200 } else { area.width * 62 / 120 };
        let inside = canvas.pane(Rect { width: left, ..area }, title, true, focus == Pane::Claims);
        claims(canvas, inside);
        evidence(canvas, Rect { x: area.x + left, width: area.width - left, ..area }, false);
    }
}

fn claims(canvas: &mut Canvas<'_, '_>, inside: Rect) {
    let app = canvas.app;
    if app.claims.is_empty() {
        let text = match &app.facts.attestations {
            None => " checking …",
            Some(_) => " the bundle has no attestation: nobody says who built this from what",
        };
        canvas.row(inside, 0, &Row::new().with(Role::Dim, text), false);
        canvas.cursor(inside, 0, 0);
    }
    canvas.list(inside, Pane::Claims, app.claims.len(), |i| claim_row(app, i));
}

/// A row: a link, an attestation, or one of its answers, with the person's mark where it is an item.
pub(super) fn claim_row(app: &App, at: usize) -> Row {
    match app.claims.get(at) {
        None => Row::new(),
        Some(ClaimRow::Link(i)) => app.facts.chain.get(*i).map_or_else(Row::new, |link| {
            let mark = standing_mark(link.standing);
            Row::new()
                .with(role_of(mark), &format!(" {mark} "))
                .with(Role::Text, &format!("{:<22} {:<8} ", link.name, link.standing.word()))
                .with(Role::Text, &link.why)
        }),
        Some(ClaimRow::Check(i)) => app.checks.get(*i).map_or_else(Row::new, |check| {
            let mark = check.verdict.mark();
            Row::new()
                .with(role_of(mark), &format!(" {mark} "))
                .with(Role::Dim, &format!("{:<23} {:<10} ", check.code.code, check.verdict.word()))
                .with(Role::Text, &check.why)
        }),
        Some(ClaimRow::Head(i)) => app.facts.attestations.as_ref().and_then(|a| a.get(*i)).map_or_else(Row::new, |a| {
            let line = a.line.map(|l| format!(":{l}")).unwrap_or_default();
            Row::new()
                .with(Role::Text, " ")
                .untrusted(Role::Title, &a.file)
                .with(Role::Title, &line)
                .with(Role::Dim, &format!("  {}", a.kind))
        }),
        Some(ClaimRow::Answer(i, j)) => {
            let answer = app.facts.attestations.as_ref().and_then(|a| a.get(*i)).and_then(|a| a.answers.get(*j));
            answer.map_or_else(Row::new, |answer| {
                let mark = outcome_mark(answer.outcome);
                Row::new()
                    .with(role_of(mark), &format!(" {mark} "))
                    .with(Role::Text, &format!("{:<10} ", answer.question.word()))
                    .with(Role::Text, &answer.reason)
            })
        }
        Some(ClaimRow::Offer(i)) => app.facts.offers.get(*i).map_or_else(Row::new, |key| {
            let known = if key.known_as.is_some() { "yours too" } else { "an offer" };
            Row::new()
                .with(Role::Dim, &format!(" key {known:<9} "))
                .untrusted(Role::Claim, &key.called)
                .with(Role::Text, &format!("  {}", key.fingerprint))
        }),
    }
}

fn evidence(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
    let app = canvas.app;
    let mut title = Row::new().with(Role::Text, "Evidence");
    let room = usize::from(area.width).saturating_sub(16);
    match app.claim() {
        Some(ClaimRow::Link(i)) => {
            let name = app.facts.chain.get(i).map(|l| l.name).unwrap_or_default();
            title = title.with(Role::Text, &format!(": {name}"));
        }
        Some(ClaimRow::Check(i)) => {
            let code = app.checks.get(i).map(|c| c.code.code).unwrap_or_default();
            title = title.with(Role::Text, &format!(": {code}"));
        }
        Some(ClaimRow::Head(i) | ClaimRow::Answer(i, _)) => {
            if let Some(a) = app.facts.attestations.as_ref().and_then(|a| a.get(i)) {
                title = title.with(Role::Text, ": ");
                title.push(Role::Text, a.file.shown().cut_start(room));
            }
        }
        Some(ClaimRow::Offer(_)) => title = title.with(Role::Text, ": a key that the bundle offers"),
        None => {}
    }
    if let Some(item) = app.front().and_then(|i| app.items.get(i)) {
        title = title.with(Role::Text, &format!("  [{}{}]", item.mark, app.person_mark(item)));
    }
    let inside = canvas.pane(area, title, first, app.pane() == Pane::Evidence);
    canvas.list(inside, Pane::Evidence, app.evidence.rows.len(), |i| {
        let row = app.evidence.rows.get(i).cloned().unwrap_or_default();
        indent(skip(&row, app.sideways))
    });
}
