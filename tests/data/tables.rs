//! Tables as people have them: what a column is told to be, what is left out, what is refused.

use crate::files::{load_with, write};
use veilgrad::dataset::{ColumnKind, Dataset, LoadOptions, load_for};
use veilgrad::error::Result;

const N: usize = 120;

/// A table of N records with the columns x (numbers), `column` made by `field`, and a label.
fn table(column: &str, field: impl Fn(usize) -> String) -> String {
    let line = |i: usize| {
        format!("{:.3};{};{}\n", (i * 37 % 101) as f64 / 7.0, field(i), ["no", "yes"][i * 5 % 3 % 2])
    };
    format!("x;{column};label\n{}", (0..N).map(line).collect::<String>())
}

fn read(text: &str, options: &LoadOptions) -> Result<Dataset> {
    write(&[("t.csv", text.as_bytes())], |dir| load_with(&dir.join("t.csv"), options))
}

/// The kind of the second column, and why it is left out.
fn kind(text: &str) -> (ColumnKind, String) {
    let data = read(text, &LoadOptions::default()).expect("read");
    (data.schema.columns[1].kind, data.schema.columns[1].why.clone())
}

#[test]
fn what_tells_records_apart_is_left_out() {
    let left_out = |text: String, why: &str| {
        let (kind, found) = kind(&text);
        assert!(kind == ColumnKind::Drop && found.contains(why), "{found} of {}", &text[..30]);
    };
    left_out(table("", |i| i.to_string()), "an index");
    left_out(table("n", |i| (i + 1).to_string()), "an index");
    left_out(table("n", |i| (i * 7 % N).to_string()), "an index");
    left_out(table("patient_id", |i| (80_000 + 13 * i).to_string()), "identifiers");
    left_out(table("seen", |i| format!("2021-{:02}-{:02}", 1 + i % 12, 1 + i % 28)), "dates");
    left_out(table("seen", |i| format!("{}.{}.{}", 1 + i % 28, 1 + i % 12, 1950 + i)), "dates");
    left_out(table("seen", |i| format!("2021{:02}{:02}", 1 + i % 12, 1 + i % 28)), "dates");
    left_out(table("caller", |i| format!("0170{:07}", i * 7919)), "identifiers or times");
    left_out(table("visit", |i| (1_500_000_000 + i * 86_399).to_string()), "identifiers or times");
    left_out(table("unused", |_| String::new()), "no record has a value");
    left_out(table("note", |i| format!("came with {i} complaints")), "nearly every record");
    for text in [
        table("age", |i| (20 + i * i % 71).to_string()),
        table("year", |i| (1950 + i % 60).to_string()),
        table("month", |i| format!("{:02}", 1 + i % 12)),
        table("people", |i| (900_000 + i * 334_567).to_string()),
        table("price", |i| format!("${}", 10_000_000 + i * 7919)),
    ] {
        assert_eq!(kind(&text).0, ColumnKind::Number, "{}", &text[..30]);
    }
    let asked = |options: LoadOptions| {
        read(&table("n", |i| i.to_string()), &options).expect("read").schema.columns[1].kind
    };
    let named = || vec!["n".to_owned()];
    assert_eq!(asked(LoadOptions { keep: named(), ..LoadOptions::default() }), ColumnKind::Number);
    assert_eq!(asked(LoadOptions { categorical: named(), ..LoadOptions::default() }), ColumnKind::Category);
    let options = LoadOptions { drop: vec!["x".to_owned()], ..LoadOptions::default() };
    let error = read(&table("n", |i| i.to_string()), &options).expect_err("nothing left").to_string();
    assert!(error.contains("--keep"), "{error}");
    let options = LoadOptions { drop: vec!["z".to_owned()], ..LoadOptions::default() };
    assert!(
        read(&table("n", |i| i.to_string()), &options).expect_err("no z").to_string().contains("--drop z")
    );
}

#[test]
fn numbers_are_numbers_however_they_are_written() {
    let comma = LoadOptions { decimal_comma: Some(true), ..LoadOptions::default() };
    let point = LoadOptions { decimal_comma: Some(false), ..LoadOptions::default() };
    let value =
        |text: String, options: &LoadOptions, i: usize| read(&text, options).map(|data| data.row(i)[1]);
    let plain = LoadOptions::default();
    assert_eq!(value(table("c", |i| format!("${i}.5")), &plain, 3), Ok(3.5));
    assert_eq!(value(table("c", |i| format!("{}%", i % 90)), &plain, 79), Ok(0.79));
    let thousands = || table("c", |i| format!("2,{:03},678", i % 90));
    assert_eq!(value(thousands(), &point, 4), Ok(2_004_678.0));
    let found = read(&thousands(), &plain).expect_err("two meanings").to_string();
    assert!(found.contains("--decimal ,") && found.contains("--decimal ."), "{found}");
    let decimal = table("c", |i| format!("{},25", i % 90)).replace('.', ",");
    assert_eq!(value(decimal.clone(), &comma, 4), Ok(4.25));
    assert!(read(&decimal, &plain).expect_err("commas").to_string().contains("--decimal ,"));
    let codes = table("icd", |i| ["428", "250.1", "V45"][i % 3].to_owned());
    assert!(read(&codes, &plain).expect_err("codes").to_string().contains("--categorical 'icd'"));
}

#[test]
fn characters_are_never_lost() {
    let text = table("who", |i| ["Müller", "Möller", "Meyer"][i % 3].to_owned());
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [text.as_bytes(), &latin, &wide] {
        let load =
            || write(&[("t.csv", bytes)], |dir| load_with(&dir.join("t.csv"), &LoadOptions::default()));
        assert_eq!(load().expect("decoded").schema.columns[1].values, ["Meyer", "Möller", "Müller"]);
    }
}

#[test]
fn what_few_members_have_is_not_learnt() {
    let town = |i: usize| match i {
        0..4 => "Thule",
        4..9 => "Riga",
        _ => ["Oslo", "Bergen"][i % 2],
    };
    let text = table("town", |i| town(i).to_owned());
    let learnt = |members: Vec<Vec<u32>>| {
        write(&[("t.csv", text.as_bytes())], |dir| {
            load_for(&dir.join("t.csv"), &LoadOptions::default(), |_| Ok(members.clone()))
        })
    };
    let all: Vec<u32> = (0..N as u32).collect();
    let values = |members| learnt(members).expect("learnt").schema.columns[1].values.clone();
    assert_eq!(values(vec![all.clone()]), ["Bergen", "Oslo", "Riga"]);
    assert_eq!(values(vec![all[5..].to_vec()]), ["Bergen", "Oslo"], "four members of Riga");
    assert_eq!(values(vec![all.clone(), all[5..].to_vec()]), ["Bergen", "Oslo"], "of one replica");
    // Four of Thule and four of Riga are eight others: enough for a feature of theirs.
    let columns = learnt(vec![[&all[..8], &all[9..]].concat()]).expect("learnt").schema.columns;
    assert!(columns[1].other);
    let few: Vec<u32> = (0..N as u32).filter(|i| i * 5 % 3 % 2 == 1).take(4).collect();
    let rest = (0..N as u32).filter(|i| i * 5 % 3 % 2 == 0);
    let error = learnt(vec![few.into_iter().chain(rest).collect()]).expect_err("a rare class").to_string();
    assert!(error.contains("1 class with fewer") && !error.contains("yes"), "{error}");
}
