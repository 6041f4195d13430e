//! A policy: conditions in a TOML file, that is kept and reviewed like code.
//!
//! ```toml
//! confidence = true                      # of every rule that does not say otherwise
//!
//! [[rule]]
//! fail_if = "strongest.auc > 0.6"        # as --fail-if
//! reason = "our limit for models that leave the house"
//!
//! [[rule]]
//! fail_if = "accuracy > 0.65"            # of every attack
//! groups = "subgroups"                   # on every subgroup; "classes": every class
//! group = "women"                        # on this one only
//!
//! [[rule]]
//! fail_if = "utility.accuracy < 0.7"     # of what use is a model that nobody can use
//! confidence = false                     # by the number itself, whatever its interval
//! ```

use std::path::Path;

use serde::Deserialize;

use super::Condition;
use super::subject::{GroupedBy, Groups};
use crate::error::{Error, Result, nearest};

/// Keys of a policy and of a rule, for the nearest to one that does not exist.
const KEYS: [&str; 7] = ["confidence", "rule", "fail_if", "reason", "groups", "group", "name"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    confidence: bool,
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    fail_if: String,
    /// Of `None`: the policy's.
    confidence: Option<bool>,
    groups: Option<GroupedBy>,
    group: Option<String>,
    #[serde(default)]
    reason: String,
}

/// The conditions of the policy at `path`.
///
/// # Errors
/// No file; no TOML, an unknown key, a condition that cannot be meant, each with its place; no rule at all.
pub fn read(path: &Path) -> Result<Vec<Condition>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
    parse(&path.display().to_string(), &text)
}

fn parse(name: &str, text: &str) -> Result<Vec<Condition>> {
    let policy: Policy = toml::from_str(text).map_err(|e| unreadable(name, text, &e))?;
    if policy.rule.is_empty() {
        return Err(Error::usage(name)
            .expected("at least one [[rule]] with fail_if = \"CONDITION\"")
            .found("none")
            .advice("a policy without a rule would pass every model"));
    }
    let conditions = policy.rule.into_iter().enumerate().map(|(number, rule)| {
        condition(rule, policy.confidence).map_err(|mut error| {
            error.place = format!("{name}, rule {}: {}", number + 1, error.place);
            error
        })
    });
    conditions.collect()
}

fn condition(rule: Rule, confidence: bool) -> Result<Condition> {
    let mut condition = Condition::parse(&rule.fail_if)?.because(rule.reason);
    if rule.confidence.unwrap_or(confidence) {
        condition = condition.with_confidence()?;
    }
    match (rule.groups, rule.group) {
        (Some(by), name) => condition.of_groups(Groups { by, name }),
        (None, None) => Ok(condition),
        (None, Some(group)) => Err(Error::usage("group")
            .expected("groups = \"subgroups\" or groups = \"classes\" beside it")
            .found(format!("group = {group:?} alone"))),
    }
}

fn unreadable(name: &str, text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(start).filter(|&byte| byte == b'\n').count();
    let message = error.message();
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let near = unknown.and_then(|key| nearest(key, KEYS.into_iter()));
    let advice = near.map_or_else(
        || "rules are [[rule]] tables; see `veilgrad audit --help`".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Error::usage(format!("{name}:{line}")).refused(message).advice(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_condition_with_its_groups_confidence_and_reason() {
        let found = parse(
            "p.toml",
            "confidence = true\n\
             [[rule]]\nfail_if = \"auc > 0.6\"\nreason = \"because\"\n\
             [[rule]]\nfail_if = \"accuracy > 0.65\"\ngroups = \"subgroups\"\ngroup = \"women\"\n\
             [[rule]]\nfail_if = \"test_accuracy < 0.7\"\nconfidence = false\n",
        )
        .unwrap();
        let plain = |text: &str| Condition::parse(text).unwrap();
        let groups = Groups { by: GroupedBy::Subgroups, name: Some("women".to_owned()) };
        let expected = [
            plain("auc > 0.6").because("because".to_owned()).with_confidence().unwrap(),
            plain("accuracy > 0.65").with_confidence().unwrap().of_groups(groups).unwrap(),
            plain("test_accuracy < 0.7"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        let refused = |text: &str| parse("p.toml", text).unwrap_err().to_string();
        assert!(refused("").contains("would pass every model"));
        assert!(refused("confidence = true").contains("at least one [[rule]]"));
        let unknown = refused("\n[[rule]]\nfail_fi = \"auc > 1\"");
        assert!(unknown.starts_with("p.toml:") && unknown.contains("did you mean fail_if?"), "{unknown}");
        let no_metric = refused("[[rule]]\nfail_if = \"auc > 1\"\n[[rule]]\nfail_if = \"acuracy > 1\"");
        assert!(
            no_metric.starts_with("p.toml, rule 2: ") && no_metric.contains("did you mean "),
            "{no_metric}"
        );
        assert!(refused("[[rule]]\nfail_if = \"auc > 1\"\ngroup = \"a\"").contains("beside it"));
        let no_interval = refused("confidence = true\n[[rule]]\nfail_if = \"test_accuracy < 0.7\"");
        assert!(no_interval.contains("confidence = false"), "{no_interval}");
        assert!(refused("[[rule]]\nfail_if = 3").contains("p.toml:2"));
    }
}
