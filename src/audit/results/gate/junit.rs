//! Verdicts as JUnit XML, which continuous-integration systems show as tests: a suite a condition, a case a
//! number. A condition that holds is a failure, one that is inconclusive an error.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Outcome, Verdict};
use crate::error::{Error, Result};

/// The document, UTF-8.
///
/// # Errors
/// None: memory takes everything.
pub fn document(name: &str, verdicts: &[Verdict]) -> Result<Vec<u8>> {
    write(name, verdicts).map_err(|e| Error::usage("JUnit").found(e.to_string()))
}

fn write(name: &str, verdicts: &[Verdict]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(vec![], b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = counts(verdicts);
    writer
        .create_element("testsuites")
        .with_attribute(("name", name))
        .with_attributes(attributes(&counts))
        .write_inner_content(|writer| {
        for suite in verdicts.chunk_by(|a, b| a.condition == b.condition) {
            let counts = self::counts(suite);
            writer
                .create_element("testsuite")
                .with_attribute(("name", suite[0].condition.as_str()))
                .with_attributes(attributes(&counts))
                .write_inner_content(|writer| suite.iter().try_for_each(|verdict| case(writer, verdict)))?;
        }
        Ok(())
    })?;
    Ok(writer.into_inner())
}

/// Cases, failures, errors.
fn counts(verdicts: &[Verdict]) -> [String; 3] {
    let of = |outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
    [verdicts.len(), of(Outcome::Failed), of(Outcome::Inconclusive)].map(|count| count.to_string())
}

fn attributes(counts: &[String; 3]) -> [(&'static str, &str); 3] {
    let [tests, failures, errors] = counts;
    [("tests", tests), ("failures", failures), ("errors", errors)]
}

fn case(writer: &mut Writer<Vec<u8>>, verdict: &Verdict) -> std::io::Result<()> {
    let case = writer
        .create_element("testcase")
        .with_attribute(("classname", verdict.condition.as_str()))
        .with_attribute(("name", verdict.number.as_str()));
    let kind = match verdict.outcome {
        Outcome::Passed => return case.write_empty().map(drop),
        Outcome::Failed => "failure",
        Outcome::Inconclusive => "error",
    };
    let text = verdict.to_string();
    let element = |writer: &mut Writer<Vec<u8>>| {
        let message = writer.create_element(kind).with_attribute(("message", text.as_str()));
        message.write_text_content(BytesText::new(&text)).map(drop)
    };
    case.write_inner_content(element).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_errors_and_passes_are_counted_and_text_is_escaped() {
        let verdict = |condition: &str, number: &str, outcome| Verdict {
            condition: condition.to_owned(),
            number: number.to_owned(),
            outcome,
            finding: "is <1>".to_owned(),
            reason: String::new(),
        };
        let text = document(
            "a & b",
            &[
                verdict("auc > 0.6", "gap.auc", Outcome::Passed),
                verdict("auc > 0.6", "neural.auc", Outcome::Failed),
                verdict("tpr > 0.6", "gap.tpr", Outcome::Inconclusive),
            ],
        )
        .unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains(r#"<testsuites name="a &amp; b" tests="3" failures="1" errors="1">"#),
            "{text}"
        );
        assert_eq!(text.matches("<testsuite name=").count(), 2);
        assert!(text.contains(r#"name="auc &gt; 0.6""#) && text.contains("is &lt;1&gt;"), "{text}");
        assert!(text.contains("<failure message=") && text.contains("<error message="));
    }
}
