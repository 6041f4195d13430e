//! A condition: `SUBJECT.METRIC OP NUMBER`, as `neural.accuracy > 0.6` or `tpr_at_fpr_0.001 > 0.01`.
//!
//! The audit fails if it holds for any model, and without a subject for any attack. METRIC is a key of an
//! attack's result in `summary.json`, or a number of the model (`test_accuracy < 0.7`); `METRIC.low` and
//! `METRIC.high` are the ends of its 95% interval. SUBJECT is an attack's name, `strongest`, or `blind`; with
//! `reference.` before it the attack is on D′, with `persons.` on persons. `utility.METRIC` is a key of the model's
//! [`Utility`]. A number that is not known (`null`:
//! not resolvable, or an attack that was not run) and one whose control failed are inconclusive: what was not
//! measured is no evidence, for neither side.

use serde_json::Map;

use super::path;
use super::subject::{AttackedSet, Groups, Numbers, Subject, object};
use super::{Outcome, Verdict};
use crate::audit::results::details::{Details, GroupAttack, GroupResult};
use crate::audit::results::summary::Summary;
use crate::audit::results::utility::Utility;
use crate::error::{Error, Result};
use crate::statistics::judgment::AttackResult;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer first: `>=` is not `>`.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::Greater => value > bound,
            Comparison::GreaterOrEqual => value >= bound,
        }
    }
}

/// Between which numbers `metric` lies; `None` where it has no end. A limit beyond them is one that no model passes
/// or every model does.
fn range(metric: &str) -> Option<[f64; 2]> {
    let rate = ["accuracy", "auc", "precision", "neural_as_published"].contains(&metric)
        || metric.ends_with("_accuracy")
        || metric.starts_with("tpr_at")
        || metric.starts_with("tnr_at");
    match metric {
        "advantage" | "above_commonest_class" | "above_logistic" => Some([-1.0, 1.0]),
        _ if rate => Some([0.0, 1.0]),
        _ => None,
    }
}

/// What of a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// The number itself.
    Estimate,
    /// An end of its 95% interval, 0 the low one.
    End(usize),
    /// The whole interval: where it is on both sides of the bound, nobody can say.
    Interval,
}

/// A condition under which the audit fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    subject: Subject,
    metric: String,
    compared: Compared,
    comparison: Comparison,
    bound: f64,
    groups: Option<Groups>,
    reason: String,
}

impl Condition {
    /// `neural.accuracy > 0.55`: a metric of an attack, of every attack where none is named, compared with a
    /// number.
    ///
    /// # Errors
    /// A text of another form; a metric or an attack that does not exist, with the nearest that does.
    pub fn parse(text: &str) -> Result<Self> {
        let form = || {
            Error::usage(format!("condition {text:?}"))
                .expected("METRIC OP NUMBER or ATTACK.METRIC OP NUMBER, with OP one of > >= < <=")
        };
        let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(sign, _)| text.contains(sign)) else {
            return Err(form().found("no comparison"));
        };
        let (path, bound) = text.split_once(sign).unwrap_or((text, ""));
        let (path, bound) = (path.trim(), bound.trim());
        let bound: f64 = bound.parse().map_err(|_| form().found(format!("{bound:?} as the number")))?;
        if bound.is_nan() {
            return Err(form().found("NaN as the number"));
        }
        let ends = [(".low", Compared::End(0)), (".high", Compared::End(1))];
        let end = ends.into_iter().find_map(|(end, compared)| Some((path.strip_suffix(end)?, compared)));
        let (path, compared) = end.unwrap_or((path, Compared::Estimate));
        let (subject, metric) =
            path::parse(path)?.map_err(|(found, advice)| form().found(found).advice(advice))?;
        if let Some([low, high]) = range(&metric)
            && !(low..=high).contains(&bound)
        {
            return Err(form()
                .expected(format!("a limit from {low} to {high}, between which {metric} lies"))
                .found(bound.to_string())
                .advice("a share is a part of 1: 60% is 0.6"));
        }
        let condition = Condition {
            text: text.to_owned(),
            subject,
            metric,
            compared,
            comparison,
            bound,
            groups: None,
            reason: String::new(),
        };
        match compared {
            Compared::End(_) => condition.with_an_interval(),
            _ => Ok(condition),
        }
    }

    /// The same of every group of records, or of one.
    ///
    /// # Errors
    /// A number that is not known of groups.
    pub fn of_groups(self, groups: Groups) -> Result<Self> {
        let known = match &self.subject {
            Subject::Model => object(&GroupResult::default())?.contains_key(&self.metric),
            Subject::Attack(AttackedSet::Members, _) => {
                object(&GroupAttack::default())?.contains_key(&self.metric)
            }
            _ => false,
        };
        if !known {
            return Err(Error::usage(format!("condition {:?}", self.text))
                .expected(
                    "a number that is known of groups: accuracy or auc of attacks on members, \
                    train_accuracy or test_accuracy",
                )
                .found(self.metric));
        }
        Ok(Condition { groups: Some(groups), ..self })
    }

    /// The same with `reason` as the words for it.
    pub fn because(self, reason: String) -> Self {
        Condition { reason, ..self }
    }

    /// The same of the whole 95% interval: it fails where all of it is on the wrong side, passes where none of
    /// it is, and is inconclusive in between.
    ///
    /// # Errors
    /// A number of which no interval is known; an end of an interval.
    pub fn with_confidence(self) -> Result<Self> {
        if let Compared::End(_) = self.compared {
            return Err(Error::usage(format!("condition {:?}", self.text))
                .expected("a number, of which the whole interval is judged where confidence = true")
                .found("an end of an interval"));
        }
        Condition { compared: Compared::Interval, ..self }.with_an_interval()
    }

    fn with_an_interval(self) -> Result<Self> {
        let of = match self.subject {
            Subject::Model => Map::new(),
            Subject::Utility => object(&Utility::default())?,
            _ => object(&AttackResult::default())?,
        };
        let known = of.get("ci95").is_some_and(|ends| ends.get(&self.metric).is_some());
        match known {
            true => Ok(self),
            false => Err(Error::usage(format!("condition {:?}", self.text))
                .expected("a number of which a 95% interval is known")
                .found(self.metric)
                .advice("judge the number itself: without .low and .high, and with confidence = false")),
        }
    }

    /// What comes of it for every number that it is about.
    ///
    /// # Errors
    /// None for the numbers and texts of an audit.
    pub fn judge(&self, summary: &Summary, details: &Details) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![];
        for (number, replica) in summary.replicas.iter().enumerate() {
            let model =
                if summary.replicas.len() > 1 { format!("replica {number}: ") } else { String::new() };
            for numbers in
                self.subject.numbers(replica, details.replicas.get(number), self.groups.as_ref())?
            {
                let (outcome, finding) = self.compare(&numbers);
                verdicts.push(Verdict {
                    condition: self.text.clone(),
                    number: format!("{model}{}{}", numbers.whose, self.metric),
                    outcome,
                    finding,
                    reason: self.reason.clone(),
                });
            }
        }
        if verdicts.is_empty() {
            verdicts.push(Verdict {
                condition: self.text.clone(),
                number: self.metric.clone(),
                outcome: Outcome::Inconclusive,
                finding: "is not known: the audit has no model".to_owned(),
                reason: self.reason.clone(),
            });
        }
        Ok(verdicts)
    }

    fn compare(&self, numbers: &Numbers) -> (Outcome, String) {
        let inconclusive = |why: &str| (Outcome::Inconclusive, why.to_owned());
        if let Some(why) = &numbers.invalid {
            return inconclusive(why);
        }
        let holds = |value: f64| self.comparison.holds(value, self.bound);
        let judged = |value: f64, finding: String| {
            (if holds(value) { Outcome::Failed } else { Outcome::Passed }, finding)
        };
        let (value, interval) = (numbers.value(&self.metric), numbers.interval(&self.metric));
        match (self.compared, value, interval) {
            (Compared::Estimate, Some(value), _) => judged(value, format!("is {value:.6}")),
            (Compared::End(end), Some(_), Some(ends)) => {
                judged(ends[end], format!("has a 95% interval of [{:.6}, {:.6}]", ends[0], ends[1]))
            }
            (Compared::Interval, Some(value), Some(ends)) => {
                let finding = format!("is {value:.6} [{:.6}, {:.6}]", ends[0], ends[1]);
                match ends.map(holds) {
                    [true, true] => (Outcome::Failed, finding),
                    [false, false] => (Outcome::Passed, finding),
                    _ => (Outcome::Inconclusive, format!("{finding}: the interval is on both sides")),
                }
            }
            _ => inconclusive(&numbers.unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::subject::GroupedBy;
    use super::*;
    use crate::audit::results::attacks::Attacks;
    use crate::audit::results::details::ReplicaDetails;
    use crate::audit::results::summary::ReplicaSummary;
    use crate::audit::results::utility::UtilityIntervals;
    use crate::statistics::judgment::Intervals;
    use crate::statistics::levels::TprAtFpr;

    fn summary() -> Summary {
        let attack = |accuracy: f64, tpr: Option<f64>| AttackResult {
            accuracy,
            tpr: TprAtFpr { at_0_001: tpr, ..TprAtFpr::default() },
            ci95: Intervals { accuracy: [accuracy - 0.05, accuracy + 0.05], ..Intervals::default() },
            curve_nonmembers: 750,
            ..AttackResult::default()
        };
        let replica = |shift: f64| ReplicaSummary {
            test_accuracy: Some(0.5),
            attacks: Attacks::from([
                ("neural".to_owned(), attack(0.6 + shift, Some(0.02))),
                ("gap".to_owned(), attack(0.55, None)),
            ]),
            attacks_on_reference: Attacks::from([("neural".to_owned(), attack(0.5, None))]),
            ..ReplicaSummary::default()
        };
        Summary { replicas: vec![replica(0.0), replica(0.1)], ..Summary::default() }
    }

    fn judged(condition: &Condition, outcome: Outcome) -> Vec<String> {
        let verdicts = condition.judge(&summary(), &Details::default()).unwrap();
        verdicts.iter().filter(|v| v.outcome == outcome).map(Verdict::to_string).collect()
    }

    fn failed(text: &str) -> Vec<String> {
        judged(&Condition::parse(text).unwrap(), Outcome::Failed)
    }

    fn inconclusive(text: &str) -> Vec<String> {
        judged(&Condition::parse(text).unwrap(), Outcome::Inconclusive)
    }

    #[test]
    fn each_number_that_fails_is_named() {
        assert_eq!(
            failed("neural.accuracy > 0.65"),
            ["neural.accuracy > 0.65: replica 1: neural.accuracy is 0.700000"]
        );
        assert_eq!(failed("accuracy>=0.6").len(), 2);
        assert_eq!(failed("reference.accuracy > 0.5"), [""; 0]);
        assert_eq!(failed("reference.neural.accuracy >= 0.5").len(), 2);
        assert_eq!(failed("test_accuracy < 0.6").len(), 2);
        assert_eq!(failed("test_accuracy <= 0.4"), [""; 0]);
    }

    #[test]
    fn what_is_not_known_is_inconclusive() {
        let found = inconclusive("tpr_at_fpr_0.001 > 0.03");
        assert_eq!(found.len(), 2, "gap's, of both replicas: {found:?}");
        assert!(
            found[0].ends_with("gap.tpr_at_fpr_0.001 is not resolvable with 750 non-members"),
            "{found:?}"
        );
        let not_run = inconclusive("lira_online.auc > 0.9");
        assert!(not_run[0].ends_with("lira_online.auc is not known: the attack was not run"), "{not_run:?}");
        assert!(inconclusive("blind.auc > 0.6")[0].contains("not run"));
        assert!(inconclusive("strongest.auc > 0.6")[0].contains("not run"));
        assert!(inconclusive("persons.auc > 0.6")[0].contains("not run"));
        assert!(inconclusive("control_accuracy < 0.9")[0].ends_with("control_accuracy is not known"));
        // Nothing at all was audited.
        let nothing = Condition::parse("auc > 0.5").unwrap();
        let nothing = nothing.judge(&Summary::default(), &Details::default()).unwrap();
        assert_eq!(nothing[0].outcome, Outcome::Inconclusive);
    }

    #[test]
    fn the_utility_is_judged_with_its_intervals() {
        let mut summary = summary();
        summary.replicas.truncate(1);
        let judged = |summary: &Summary, text: &str, confidence: bool| {
            let condition = Condition::parse(text).unwrap();
            let condition = if confidence { condition.with_confidence().unwrap() } else { condition };
            let verdicts = condition.judge(summary, &Details::default()).unwrap();
            (verdicts[0].outcome, verdicts[0].number.clone())
        };
        assert_eq!(judged(&summary, "utility.accuracy < 0.7", false).0, Outcome::Inconclusive);
        summary.replicas[0].utility = Some(Utility {
            balanced_accuracy: 0.6,
            above_commonest_class: 0.02,
            ci95: UtilityIntervals { above_commonest_class: [-0.01, 0.05], ..UtilityIntervals::default() },
            ..Utility::default()
        });
        let balanced = judged(&summary, "utility.balanced_accuracy < 0.7", false);
        assert_eq!(balanced, (Outcome::Failed, "utility.balanced_accuracy".to_owned()));
        assert_eq!(judged(&summary, "utility.above_commonest_class <= 0", false).0, Outcome::Passed);
        assert_eq!(judged(&summary, "utility.above_commonest_class <= 0", true).0, Outcome::Inconclusive);
        assert_eq!(judged(&summary, "utility.worst_class_accuracy < 0.1", false).0, Outcome::Inconclusive);
        let refused = |text: &str| Condition::parse(text).unwrap_err().to_string();
        assert!(
            refused("utility.auc > 0.5").contains("balanced_accuracy"),
            "{}",
            refused("utility.auc > 0.5")
        );
        assert!(refused("balanced_accuracy < 0.5").contains("write utility.balanced_accuracy"));
        assert!(refused("utility.worst_class_accuracy.low < 0.5").contains("a 95% interval"));
    }

    #[test]
    fn a_limit_that_no_number_reaches_is_no_condition() {
        for text in [
            "confidence.auc > 60",
            "auc > inf",
            "test_accuracy < -3",
            "tpr_at_fpr_0.01.low > 5",
            "advantage > 2",
        ] {
            let error = Condition::parse(text).unwrap_err().to_string();
            assert!(error.contains("expected a limit from "), "{error}");
        }
        for text in ["auc > 1", "advantage > -0.5", "epsilon_lower_bound > 2", "members < 1000"] {
            Condition::parse(text).unwrap();
        }
    }

    #[test]
    fn an_attack_that_did_not_train_is_no_evidence_for_either_side() {
        let mut summary = summary();
        summary.replicas[1].attacks.get_mut("neural").unwrap().trained = Some(false);
        for text in ["neural.accuracy > 0.65", "neural.accuracy > 0.99"] {
            let verdicts = Condition::parse(text).unwrap().judge(&summary, &Details::default()).unwrap();
            assert_eq!(verdicts[1].outcome, Outcome::Inconclusive, "{text}");
            assert!(verdicts[1].finding.contains("did not train"), "{:?}", verdicts[1]);
        }
        // Nor on a group.
        let attacks = [("neural".to_owned(), GroupAttack { auc: 0.5, ..GroupAttack::default() })].into();
        let group = GroupResult { name: "women".to_owned(), attacks, ..GroupResult::default() };
        let subgroups = vec![group];
        let details = Details {
            replicas: vec![ReplicaDetails { subgroups, ..ReplicaDetails::default() }; 2],
            ..Details::default()
        };
        let groups = Groups { by: GroupedBy::Subgroups, name: None };
        let condition = Condition::parse("neural.auc > 0.6").unwrap().of_groups(groups).unwrap();
        let outcomes: Vec<_> =
            condition.judge(&summary, &details).unwrap().into_iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Inconclusive]);
    }

    /// neural's accuracy is 0.6 [0.55, 0.65] and 0.7 [0.65, 0.75].
    #[test]
    fn intervals_are_judged_by_an_end_or_as_a_whole() {
        assert_eq!(failed("neural.accuracy.low > 0.6").len(), 1);
        assert_eq!(failed("neural.accuracy.high > 0.6").len(), 2);
        let whole = |text: &str, outcome| {
            judged(&Condition::parse(text).unwrap().with_confidence().unwrap(), outcome)
        };
        assert_eq!(whole("neural.accuracy > 0.6", Outcome::Failed).len(), 1);
        let unsure = whole("neural.accuracy > 0.6", Outcome::Inconclusive);
        assert!(
            unsure[0].contains("is 0.600000 [0.550000, 0.650000]: the interval is on both sides"),
            "{unsure:?}"
        );
        assert_eq!(whole("neural.accuracy > 0.76", Outcome::Passed).len(), 2);
        assert_eq!(whole("neural.accuracy < 0.76", Outcome::Failed).len(), 2);
        assert_eq!(whole("neural.accuracy < 0.5", Outcome::Passed).len(), 2);
        let refused = |text: &str| Condition::parse(text).unwrap().with_confidence().unwrap_err().to_string();
        assert!(refused("test_accuracy < 0.7").contains("a 95% interval"));
        assert!(refused("auc.low > 0.7").contains("an end of an interval"));
        assert!(Condition::parse("epsilon_lower_bound.low > 1").is_err());
    }

    #[test]
    fn groups_are_judged_each_or_by_name() {
        let group = |name: &str, accuracy: f64| GroupResult {
            name: name.to_owned(),
            test_accuracy: Some(accuracy),
            members: 40,
            ..GroupResult::default()
        };
        let subgroups = vec![group("women", 0.5), group("men", 0.8)];
        let details = Details {
            replicas: vec![ReplicaDetails { subgroups, ..ReplicaDetails::default() }; 2],
            ..Details::default()
        };
        let outcomes = |name: Option<&str>, text: &str| -> Vec<(String, Outcome)> {
            let groups = Groups { by: GroupedBy::Subgroups, name: name.map(str::to_owned) };
            let condition = Condition::parse(text).unwrap().of_groups(groups).unwrap();
            let verdicts = condition.judge(&summary(), &details).unwrap();
            verdicts.into_iter().take(2).map(|v| (v.number, v.outcome)).collect()
        };
        assert_eq!(
            outcomes(None, "test_accuracy < 0.7"),
            [
                ("replica 0: group women: test_accuracy".to_owned(), Outcome::Failed),
                ("replica 0: group men: test_accuracy".to_owned(), Outcome::Passed)
            ]
        );
        assert_eq!(outcomes(Some("men"), "test_accuracy < 0.7")[0].1, Outcome::Passed);
        assert_eq!(outcomes(Some("others"), "test_accuracy < 0.7")[0].1, Outcome::Inconclusive);
        // No attack on it is resolvable.
        assert_eq!(outcomes(Some("women"), "auc > 0.7")[0].1, Outcome::Inconclusive);
        let groups = || Groups { by: GroupedBy::Classes, name: None };
        for text in ["epsilon_lower_bound > 2", "reference.auc > 0.6", "strongest.auc > 0.6"] {
            assert!(Condition::parse(text).unwrap().of_groups(groups()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_meant_is_refused() {
        let refused = |text: &str| Condition::parse(text).unwrap_err().to_string();
        assert!(refused("accuracy = 3").contains("found no comparison"));
        assert!(refused("acuracy > 0.6").contains("did you mean accuracy?"), "{}", refused("acuracy > 0.6"));
        assert!(refused("neurl.accuracy > 0.6").contains("did you mean neural?"));
        assert!(refused("accuracy > high").contains("\"high\" as the number"));
        assert!(refused("neural.test_accuracy > 0.5").contains("it is the model's"));
        assert!(refused("tpr_at_fpr_0.1 > 0.5").contains("no metric"));
        assert!(refused("strongest.tpr_at_fpr_0.01 > 0.5").contains("only accuracy and auc"));
        for text in ["epsilon_lower_bound > 2", "strongest.auc > 0.6", "reference.strongest.accuracy > 0.6"] {
            assert!(Condition::parse(text).is_ok(), "{text}");
        }
    }
}
