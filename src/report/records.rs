//! Every attacked record as a table: `--records FILE`. The rows, names and risks of persons stand here and,
//! asked for by the same flag, in the page's list; nowhere else.
//!
//! Not how they are found ([`crate::audit::results::records`]).
//!
//! | column | holds |
//! |---|---|
//! | `run`, `replica` | the run's or file's name, and the model's number in it |
//! | `membership` | `member` of D, `reference` record of D′, or `nonmember` |
//! | `row`, `id`, `person` | the record's number in the data set or file; its name and its person, where given |
//! | `label` | its class |
//! | `known` | 1 where the attacker knows its membership, else 0 |
//! | `risk`, `risk_low`, `risk_high` | the probability, at even odds, that it is a member, with its 95% interval |
//! | `risk_attack` | the attack whose scores tell the risk |
//! | `say_member`, `attacks` | how many attacks say that it is a member, of how many that judge it |
//! | `score_ATTACK` | that attack's score: higher is more member-like |
//! | `member_ATTACK` | 1 where that attack says that it is a member, else 0 |
//!
//! A cell is empty where there is nothing to tell. Non-members stand once, as the attacks on D see them.

use super::csv_table::Csv;
use crate::audit::results::records::{RecordsFound, ReplicaScores};
use crate::error::Result;

/// The records of one audit.
#[derive(Debug, Clone, Copy)]
pub struct AuditedRecords<'a> {
    /// The run's or the file's.
    pub name: &'a str,
    /// A model each.
    pub replicas: &'a [ReplicaScores],
}

/// The table of all records of these audits.
///
/// # Errors
/// None for numbers and text.
pub fn csv(audits: &[AuditedRecords]) -> Result<Vec<u8>> {
    let sets = || {
        audits.iter().flat_map(|audit| {
            audit.replicas.iter().enumerate().flat_map(move |(r, replica)| {
                let reference = replica.on_reference.iter().map(|records| ("reference", records));
                let sets = std::iter::once(("member", &replica.on_members)).chain(reference);
                sets.map(move |(kind, records)| (audit.name, r, kind, records))
            })
        })
    };
    let mut attacks: Vec<&str> = vec![];
    for attack in sets().flat_map(|(.., records)| &records.attacks) {
        if !attacks.contains(&attack.name.as_str()) {
            attacks.push(&attack.name);
        }
    }
    let columns = "run replica membership row id person label known risk risk_low risk_high risk_attack \
                   say_member attacks";
    let by_attack: Vec<String> = attacks.iter().map(|name| format!("score_{name} member_{name}")).collect();
    let mut csv = Csv::new(&format!("{columns} {}", by_attack.join(" ")))?;
    for (name, r, kind, records) in sets() {
        let judged: Vec<_> =
            attacks.iter().map(|name| records.attacks.iter().find(|attack| attack.name == *name)).collect();
        let shown = if kind == "member" { records.rows.len() } else { records.members };
        for i in 0..shown {
            let mut row = cells(name, r, if i < records.members { kind } else { "nonmember" }, records, i);
            for attack in &judged {
                let said = attack.and_then(|attack| Some((attack.scores[i], attack.says_member(i)?)));
                row.extend(match said {
                    Some((score, member)) => [score.to_string(), u8::from(member).to_string()],
                    None => [String::new(), String::new()],
                });
            }
            csv.row(row)?;
        }
    }
    csv.bytes()
}

/// The cells before those of the attacks.
fn cells(name: &str, r: usize, membership: &str, records: &RecordsFound, i: usize) -> Vec<String> {
    let text = |texts: &Option<Vec<String>>| texts.as_ref().map_or(String::new(), |texts| texts[i].clone());
    let agreement = records.agreement(i);
    let risk = match records.risks[i] {
        Some(risk) => [risk.value, risk.low, risk.high].map(|value| value.to_string()),
        None => [const { String::new() }; 3],
    };
    let mut cells = vec![
        name.to_owned(),
        r.to_string(),
        membership.to_owned(),
        records.rows[i].to_string(),
        text(&records.ids),
        text(&records.persons),
        records.class(i),
        u8::from(records.known[i]).to_string(),
    ];
    cells.extend(risk);
    cells.extend([
        records.risks[i].and(records.risk_attack.clone()).unwrap_or_default(),
        agreement.members.to_string(),
        agreement.attacks.to_string(),
    ]);
    cells
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audit::results::records::JudgedBy;
    use crate::statistics::calibration::Risk;

    /// Two members and a non-member, judged by two attacks.
    pub fn replica() -> ReplicaScores {
        let judged = |name: &str, scores: [f64; 3], threshold: f64| JudgedBy {
            name: name.to_owned(),
            scores: scores.to_vec(),
            threshold,
        };
        let on_members = RecordsFound {
            rows: vec![7001, 8002, 9003],
            ids: Some(vec!["=cmd".to_owned(), "Ada, \"L\"".to_owned(), "x\u{1b}[2J".to_owned()]),
            persons: None,
            labels: vec![0, 1, 1],
            classes: vec!["no".to_owned(), "yes".to_owned()],
            members: 2,
            known: vec![true, false, false],
            risk_attack: Some("confidence".to_owned()),
            risks: vec![Some(Risk { value: 0.625, low: 0.5, high: 0.75 }), None, Some(Risk::UNKNOWN)],
            attacks: vec![
                judged("gap", [1.0, 0.0, 1.0], 1.0),
                judged("confidence", [2.5, f64::NAN, -0.5], -0.25),
            ],
        };
        let mut reference = on_members.clone();
        reference.attacks.truncate(1);
        ReplicaScores { on_members, on_reference: Some(reference) }
    }

    #[test]
    fn every_record_is_a_row_with_scores_decisions_and_risk() {
        let replicas = [replica()];
        let text = String::from_utf8(csv(&[AuditedRecords { name: "a", replicas: &replicas }]).unwrap());
        let lines = [
            "run,replica,membership,row,id,person,label,known,risk,risk_low,risk_high,risk_attack,say_member,\
             attacks,score_gap,member_gap,score_confidence,member_confidence",
            "a,0,member,7001,'=cmd,,no,1,0.625,0.5,0.75,confidence,2,2,1,1,2.5,1",
            "a,0,member,8002,\"Ada, \"\"L\"\"\",,yes,0,,,,,0,1,0,0,,",
            "a,0,nonmember,9003,x\\u{1b}[2J,,yes,0,0.5,0,1,confidence,1,2,1,1,-0.5,0",
            "a,0,reference,7001,'=cmd,,no,1,0.625,0.5,0.75,confidence,1,1,1,1,,",
            "a,0,reference,8002,\"Ada, \"\"L\"\"\",,yes,0,,,,,0,1,0,0,,",
        ];
        assert_eq!(text.unwrap().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn the_most_exposed_come_first() {
        let mut records = replica().on_members;
        records.risks[1] = Some(Risk { value: 0.75, low: 0.25, high: 1.0 });
        assert_eq!((records.most_exposed(5), records.most_exposed(1)), (vec![1, 0], vec![1]));
        // As many attacks say so of both: the higher score of the attack that tells the risk.
        records.risks[1] = records.risks[0];
        assert_eq!(records.most_exposed(5), [0, 1]);
    }
}
