//! Data sets through the public interface: every form gives the same records back, splits partition,
//! standardization standardizes, and no bytes make the loader panic.
//!
//! Not the small rules of each file form: those are tested beside their code.

mod errors;
mod files;
mod images;
#[cfg(feature = "parquet")]
mod parquet;
mod real;
mod tables;

use files::{Table, csv, load, load_with, npy_file, npz, refused, tar, tgz, txt, write};
use proptest::prelude::*;
use proptest::sample::subsequence;
use veilgrad::dataset::{Dataset, Features, LabelColumn, LoadOptions, Split};

/// Records of bits with a record of every class: 2 to 5 classes, 1 to 70 features.
fn bits() -> impl Strategy<Value = Table> {
    (2_u32..6, 1_usize..71, 0_usize..20).prop_flat_map(|(classes, width, more)| {
        let records = classes as usize + more;
        let rows = prop::collection::vec(prop::collection::vec(0_u8..2, width), records);
        (rows, prop::collection::vec(0..classes, more)).prop_map(move |(rows, extra)| Table {
            rows: rows.iter().map(|row| row.iter().map(|b| f32::from(*b)).collect()).collect(),
            labels: (0..classes).chain(extra).collect(),
        })
    })
}

/// The same with numbers of all magnitudes.
fn numbers() -> impl Strategy<Value = Table> {
    let value = prop_oneof![Just(0.0), Just(1.0), -1e3_f32..1e3, prop::num::f32::NORMAL];
    (2_u32..5, 1_usize..8).prop_flat_map(move |(classes, width)| {
        let rows = prop::collection::vec(prop::collection::vec(value.clone(), width), 2 * classes as usize);
        rows.prop_map(move |rows| Table { rows, labels: (0..classes).chain(0..classes).collect() })
    })
}

fn same(data: &Dataset, table: &Table) {
    assert_eq!(data.labels, table.labels, "{}", data.kind);
    assert_eq!((data.records(), data.width()), (table.rows.len(), table.rows[0].len()), "{}", data.kind);
    for (i, row) in table.rows.iter().enumerate() {
        assert_eq!(&data.row(i), row, "record {i}: {}", data.kind);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_form_of_the_same_bits_gives_the_same_records(table in bits()) {
        let first = csv(&table, 1, 0, "");
        let feats = csv(&Table { labels: vec![], ..table.clone() }, 0, 0, "");
        let labels: String = table.labels.iter().map(|l| format!("{}\n", l + 1)).collect();
        let one_hot: Vec<f64> = table.labels.iter()
            .flat_map(|l| (0..table.classes()).map(move |c| f64::from(u8::from(c == *l)))).collect();
        let n = table.rows.len();
        let pair: [(&str, &[u8]); 2] =
            [("texas/100/feats", feats.as_bytes()), ("texas/100/labels", labels.as_bytes())];
        let forms: Vec<(&str, Vec<u8>)> = vec![
            ("plain.csv", first.clone().into()),
            ("quoted.csv", first.replace("0,", "\"0\",").into()),
            ("marked.csv", format!("\u{feff}{first}").into()),
            ("dos.csv", first.replace('\n', "\r\n").into()),
            ("tabs.tsv", first.replace(',', "\t").into()),
            ("blanks.txt", first.replace(',', " ").into()),
            ("form.txt", txt(&table).into()),
            ("one.tgz", tgz(&[("data", first.as_bytes())])),
            ("one.tar", tar(&[("README", b"about"), ("data", first.as_bytes())])),
            ("two.tar.gz", tgz(&pair)),
            ("gzipped.csv.gz", files::gzip(first.as_bytes())),
            ("bytes.npz", npz(("features", &table.matrix(|v| v as u8)), ("labels", &table.labels(0)), n, true)),
            ("wide.npz", npz(("X", &table.matrix(f64::from)), ("Y", &table.labels(0)), n, false)),
            ("based.npz", npz(("x", &table.matrix(|v| v as i64)), ("y", &table.labels(1)), n, true)),
            ("hot.npz", npz(("features", &table.matrix(|v| v)), ("labels", &one_hot), n, true)),
            ("column.npy", npy_file(n, &table.with_labels(1))),
        ];
        for (name, bytes) in forms {
            let data = write(&[(name, &bytes)], |dir| load(&dir.join(name)));
            let data = data.unwrap_or_else(|e| panic!("{name}: {e}"));
            same(&data, &table);
            prop_assert!(matches!(data.features, Features::Bits { .. }), "{}: {}", name, data.kind);
        }
        let features = npy_file(n, &table.matrix(|v| v as i32));
        let labels_npy = npy_file(n, &table.labels(0));
        for names in [["X.npy", "Y.npy"], ["feats.npy", "labels.npy"], ["texas100-features.npy", "texas100-labels.npy"]] {
            let pair: [(&str, &[u8]); 2] = [(names[0], &features), (names[1], &labels_npy)];
            same(&write(&pair, load).expect("a directory"), &table);
            same(&write(&pair, |dir| load(&dir.join(names[0]))).expect("the features' path"), &table);
        }
        let pair: [(&str, &[u8]); 2] = [("feats", feats.as_bytes()), ("labels", labels.as_bytes())];
        same(&write(&pair, load).expect("a directory of text"), &table);
    }

    #[test]
    fn numbers_come_back_from_text_and_arrays(table in numbers(), base in 0_u32..3) {
        let width = table.rows[0].len();
        let names: Vec<String> = (0..width).map(|j| format!("f{j}")).collect();
        let header = format!("{},target\n", names.join(","));
        let text = csv(&table, base, width, &header);
        let options = LoadOptions { label_base: Some(base), ..LoadOptions::default() };
        let data = write(&[("a.csv", text.as_bytes())], |dir| load_with(&dir.join("a.csv"), &options));
        let data = data.expect("a header");
        same(&data, &table);
        prop_assert_eq!(&data.schema.columns[0].name, "f0");
        let bytes = npz(("data", &table.matrix(f64::from)), ("target", &table.labels(0)), table.rows.len(), true);
        same(&write(&[("a.npz", &bytes)], |dir| load(&dir.join("a.npz"))).expect("npz"), &table);
    }

    #[test]
    fn the_label_may_stand_in_any_column(table in bits(), at in 0_usize..71) {
        let at = at.min(table.rows[0].len());
        let text = csv(&table, 0, at, "");
        let options = LoadOptions { label_column: Some(LabelColumn::Index(at)), ..LoadOptions::default() };
        let data = write(&[("a.csv", text.as_bytes())], |dir| load_with(&dir.join("a.csv"), &options));
        same(&data.expect("an index"), &table);
    }

    #[test]
    fn a_split_is_a_partition(
        (records, members, reference) in (3_usize..300).prop_flat_map(|n| (Just(n), 1..n - 1, 0..n - 1)),
        seed: u64,
    ) {
        let reference = reference.min(records - members - 1);
        let split = Split::random(records, [members, reference, 0], None, seed).expect("fits");
        split.check(records).expect("disjoint");
        prop_assert_eq!((split.members.len(), split.reference.len()), (members, reference));
        let mut all = [split.members, split.reference, split.test].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..records as u32).collect::<Vec<_>>());
    }

    #[test]
    fn standardized_members_have_mean_0_and_deviation_1(
        rows in prop::collection::vec(prop::array::uniform3(-50_f32..1e4), 6..40),
        members in subsequence((0..6_u32).collect::<Vec<_>>(), 2..6),
    ) {
        let labels = (0..rows.len()).map(|i| (i % 2) as u32).collect();
        let table = Table { rows: rows.iter().map(|r| r.to_vec()).collect(), labels };
        let text = csv(&table, 0, 0, "");
        let data = write(&[("a.csv", text.as_bytes())], |dir| load(&dir.join("a.csv"))).expect("numbers");
        let standard = data.standardization(&members).expect("numbers");
        for (j, (shift, scale)) in standard.shift.iter().zip(&standard.scale).enumerate() {
            let (shift, scale) = (f64::from(*shift), f64::from(*scale));
            let x: Vec<f64> = members.iter().map(|i| f64::from(rows[*i as usize][j])).collect();
            let z: Vec<f64> = x.iter().map(|x| (x - shift) * scale).collect();
            let n = z.len() as f64;
            let mean = z.iter().sum::<f64>() / n;
            let deviation = (z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n).sqrt();
            // Shift and scale are f32: the mean is off by half an ulp of the shift, times the scale.
            let slack = 1e-6 + scale * shift.abs() * f64::from(f32::EPSILON);
            prop_assert!(mean.abs() <= slack, "mean {} of feature {}", mean, j);
            let constant = x.iter().all(|v| *v == x[0]);
            let expected = if constant { 0.0 } else { 1.0 };
            prop_assert!((deviation - expected).abs() < 1e-5, "deviation {} of feature {}", deviation, j);
        }
    }

    #[test]
    fn cut_files_are_refused(table in bits(), cut in 0.0_f64..1.0) {
        let n = table.rows.len();
        let whole = [
            ("a.npz", npz(("X", &table.matrix(|v| v)), ("Y", &table.labels(0)), n, true)),
            ("a.tgz", tgz(&[("data", csv(&table, 0, 0, "").as_bytes())])),
            ("a.csv.gz", files::gzip(csv(&table, 0, 0, "").as_bytes())),
            ("a.npy", npy_file(n, &table.with_labels(0))),
        ];
        for (name, bytes) in whole {
            let cut = (cut * bytes.len() as f64) as usize;
            write(&[(name, &bytes[..cut])], |dir| refused(&dir.join(name)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        table in bits(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        text in "[0-9a-z,;.\"\n \t-]{0,200}",
    ) {
        let n = table.rows.len();
        let forms = [
            ("a.npz", npz(("X", &table.matrix(|v| v)), ("Y", &table.labels(0)), n, true)),
            ("b.npz", npz(("X", &table.matrix(|v| v)), ("Y", &table.labels(0)), n, false)),
            ("a.tgz", tgz(&[("data", csv(&table, 0, 0, "").as_bytes())])),
            ("a.npy", npy_file(n, &table.with_labels(0))),
            ("a.csv", text.into_bytes()),
        ];
        for (name, mut bytes) in forms {
            for (place, value) in &changes {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] = *value;
                }
            }
            // What loads must be whole: labels in range, a feature row a record.
            if let Ok(data) = write(&[(name, &bytes)], |dir| load(&dir.join(name))) {
                prop_assert_eq!(data.labels.len(), data.features.records());
                prop_assert!(data.labels.iter().all(|l| (*l as usize) < data.classes));
                prop_assert!((0..data.records()).all(|i| data.row(i).iter().all(|v| v.is_finite())));
            }
        }
    }
}

#[test]
fn a_persons_own_csv_is_understood() {
    let text = "age,town,member,class\n31,Riga,0,yes\n45.5,Oslo,1,no\n22,\"Riga\",1,yes\n";
    let data = write(&[("my.csv", text.as_bytes())], |dir| load(&dir.join("my.csv"))).expect("loaded");
    assert_eq!((data.name.as_str(), data.classes), ("my", 2));
    assert_eq!(data.class_names, ["no", "yes"]);
    assert_eq!(data.labels, [1, 0, 1]);
    // Age as it is, Oslo and Riga one-hot, the bit.
    assert_eq!(data.row(0), [31.0, 0.0, 1.0, 0.0]);
    assert_eq!(data.row(1), [45.5, 1.0, 0.0, 1.0]);
    assert_eq!(
        data.kind,
        "CSV with a header, label in column 3 (class), by its name; text labels, numbered in sorted order, \
         2 classes; 1 binary and 1 numeric and 1 categorical columns: 3 records of 4 features"
    );
    let standard = data.standardization(&[0, 2]).expect("age is a number");
    assert_eq!((standard.shift[0], standard.scale[0]), (26.5, 1.0 / 4.5));
    assert_eq!((&standard.shift[1..], &standard.scale[1..]), (&[0.0; 3][..], &[1.0; 3][..]));
}

#[test]
fn categories_without_numbers_are_bits() {
    let text = "y,a,b\n0,u,0\n1,v,1\n";
    let data = write(&[("a.csv", text.as_bytes())], |dir| load(&dir.join("a.csv"))).expect("loaded");
    assert_eq!(data.features, Features::Bits { words: vec![0b001, 0b110], width: 3 });
    assert_eq!(data.standardization(&[0]), None);
}

#[test]
fn a_header_can_be_forced_either_way() {
    let options = |header| LoadOptions { header: Some(header), ..LoadOptions::default() };
    let text = b"0,5\n1,6\n0,7\n";
    let with = |o: LoadOptions| write(&[("a.csv", text)], |dir| load_with(&dir.join("a.csv"), &o));
    assert_eq!(with(options(false)).expect("three records").records(), 3);
    let named = LoadOptions { label_column: Some(LabelColumn::Name("0".to_owned())), ..options(true) };
    assert_eq!(with(named).expect("two records").records(), 2);
}

#[test]
fn images_of_bytes_stay_bytes() {
    let pixels: Vec<u8> = (0..24).map(|i| i * 10).collect();
    let mut writer = veilgrad::dataset::npz::Writer::new(std::io::Cursor::new(Vec::new()));
    writer.write("features", &[2, 2, 2, 3], &pixels).expect("written");
    writer.write("labels", &[2, 1], &[1_i64, 0]).expect("written");
    let bytes = writer.finish().expect("finished").into_inner();
    let data = write(&[("a.npz", &bytes)], |dir| load(&dir.join("a.npz"))).expect("loaded");
    assert!(matches!(data.features, Features::Bytes { width: 12, .. }), "{}", data.kind);
    assert_eq!(data.row(1)[11], 230.0);
    assert_eq!(data.standardization(&[0]), None);
}
