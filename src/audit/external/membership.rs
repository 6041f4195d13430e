//! What the values of membership mean.
//!
//! Not their reading, nor whether the model agrees with them (`inspect`).

use super::column::Column;
use super::column::whole;
use super::options::Options;
use crate::error::{Error, Result};
use crate::run::predictions::{MEMBER, REFERENCE, TEST};

/// More values than this are no membership.
const MOST: usize = 16;

/// In our codes.
///
/// # Errors
/// Values that are not known, or that leave open which of them means "member".
pub(super) fn resolve(
    membership: Column,
    place: &str,
    options: &Options,
    found: &mut Vec<String>,
) -> Result<Vec<u8>> {
    let place = format!("{place}, membership");
    let texts = membership.into_texts();
    let values = &texts.values;
    if values.len() > MOST {
        return Err(Error::data(place)
            .expected("one of a few values a record")
            .found(format!("{} different values", values.len()))
            .advice(
                "membership is a value for each record, 1 for a member; of a list of members' numbers make \
                 that: numpy.isin(numpy.arange(N), list)",
            ));
    }
    let blank = |code: &u32| values[*code as usize].trim().is_empty();
    if let Some(first) = texts.codes.iter().position(blank) {
        let without = texts.codes.iter().filter(|code| blank(code)).count();
        let found = format!(
            "no value for {without} of {} records, the first being record {first}",
            texts.codes.len()
        );
        return Err(Error::data(place)
            .expected("whether it is a member, for every record")
            .found(found)
            .advice("leave records out of which it is not known; they are counted from 0"));
    }
    let meanings: Vec<u8> = match &options.member_value {
        Some(member) => values.iter().map(|value| given(value, member, values)).collect(),
        None => told(values, &place)?,
    };
    let with = |code: u8| -> Vec<&str> {
        values.iter().zip(&meanings).filter(|(_, m)| **m == code).map(|(v, _)| v.as_str()).collect()
    };
    if with(MEMBER).is_empty() {
        let asked = options.member_value.as_deref().unwrap_or("1");
        return Err(Error::data(place)
            .expected(format!("members, of the value {asked}"))
            .found(format!("only {}", values.join(", ")))
            .advice("name the value of members with --member-value"));
    }
    found.push(format!("membership: {} is a member, {} not", with(MEMBER).join(", "), with(TEST).join(", ")));
    Ok(texts.codes.iter().map(|&code| meanings[code as usize]).collect())
}

/// What a value is known to mean.
fn known(value: &str) -> Option<u8> {
    let value = value.trim().to_lowercase().replace([' ', '_'], "-");
    match value.as_str() {
        "true" | "t" | "member" | "members" | "train" | "training" | "in" | "seen" | "yes" | "y" => {
            Some(MEMBER)
        }
        "false" | "f" | "nonmember" | "nonmembers" | "non-member" | "non-members" | "not-member" | "test"
        | "testing" | "out" | "unseen" | "holdout" | "hold-out" | "val" | "valid" | "validation" | "no"
        | "n" => Some(TEST),
        "reference" | "ref" => Some(REFERENCE),
        number => match whole(number)? {
            1 => Some(MEMBER),
            0 | -1 => Some(TEST),
            2 => Some(REFERENCE),
            _ => None,
        },
    }
}

/// What `value` means where a person says that `member` means a member.
fn given(value: &str, member: &str, values: &[String]) -> u8 {
    let same = value.trim().eq_ignore_ascii_case(member.trim())
        || whole(value).is_some_and(|number| whole(member) == Some(number));
    // Of two values the other one is a non-member, whatever it is.
    let third = values.len() > 2 && known(member) == Some(MEMBER) && known(value) == Some(REFERENCE);
    match (same, third) {
        (true, _) => MEMBER,
        (_, true) => REFERENCE,
        _ => TEST,
    }
}

fn told(values: &[String], place: &str) -> Result<Vec<u8>> {
    let either = |error: Error| {
        error.advice(format!(
            "say which value means a member: {}",
            values.iter().map(|value| format!("--member-value {value}")).collect::<Vec<_>>().join(" or ")
        ))
    };
    let meanings: Option<Vec<u8>> = values.iter().map(|value| known(value)).collect();
    let Some(meanings) = meanings else {
        let error = Error::data(place)
            .expected("0 and 1, or member and nonmember, train and test, in and out")
            .found(values.join(", "));
        return Err(either(error));
    };
    // 1 and 2 alone, as some programs number two kinds.
    if values.len() == 2 && !meanings.contains(&TEST) {
        let error = Error::data(place)
            .expected("non-members, of the value 0")
            .found(format!("only {}", values.join(" and ")));
        return Err(either(error));
    }
    Ok(meanings)
}

#[cfg(test)]
mod tests {
    use super::super::column::Texts;
    use super::*;

    fn resolved(texts: &[&str], member: Option<&str>) -> Result<Vec<u8>> {
        let mut column = Texts::default();
        texts.iter().for_each(|text| column.push(text));
        let options = Options { member_value: member.map(str::to_owned), ..Options::default() };
        resolve(Column::from(column), "f", &options, &mut vec![])
    }

    #[test]
    fn words_and_numbers_of_membership_are_known() {
        for pair in
            [["train", "test"], ["1.0", "0.0"], ["True", "False"], ["Yes", "no"], ["1", "-1"], ["IN", "out"]]
        {
            assert_eq!(resolved(&pair, None).unwrap(), [MEMBER, TEST], "{pair:?}");
        }
        assert_eq!(resolved(&["1", "0", "2"], None).unwrap(), [MEMBER, TEST, REFERENCE]);
        assert_eq!(resolved(&["a", "b"], Some("b")).unwrap(), [TEST, MEMBER]);
    }

    #[test]
    fn one_and_two_need_a_word_and_either_word_is_taken() {
        let error = resolved(&["1", "2"], None).unwrap_err();
        assert!(error.advice.contains("--member-value 1 or --member-value 2"), "{error}");
        assert_eq!(resolved(&["1", "2"], Some("1")).unwrap(), [MEMBER, TEST]);
        assert_eq!(resolved(&["1", "2"], Some("2")).unwrap(), [TEST, MEMBER]);
        assert_eq!(resolved(&["0", "1", "2"], Some("1")).unwrap(), [TEST, MEMBER, REFERENCE]);
        assert_eq!(resolved(&["1", "0"], Some("0")).unwrap(), [TEST, MEMBER]);
    }

    #[test]
    fn a_record_of_which_it_is_not_known_is_no_non_member() {
        for member in [None, Some("1")] {
            let error = resolved(&["1", "0", " ", "1", ""], member).unwrap_err().to_string();
            assert!(error.contains("found no value for 2 of 5 records, the first being record 2"), "{error}");
        }
    }
}
