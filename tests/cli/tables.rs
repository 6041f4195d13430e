//! A person's own table: what is learnt of it, what is kept of it in a model, and predictions of other files.

use crate::program::Veilgrad;
use std::collections::BTreeSet;
use std::fmt::Write;

/// 240 records of three measures, a town, a rare diagnosis note, and an outcome, in the form `age,…`.
fn table() -> String {
    let mut text = "age,bmi,town,outcome\n".to_owned();
    for i in 0..240_usize {
        // Measures that are each a record's own.
        let (age, bmi) =
            (20.0 + (i * 7919 % 6007) as f64 / 100.0, 17.0 + (i * 104_729 % 9001) as f64 / 1000.0);
        let town = match i % 40 {
            7 => "Ultima Thule",
            _ => ["Riga", "Oslo", "Bergen"][i % 3],
        };
        let outcome = if (i * 31 % 17) % 2 == 0 { "well" } else { "ill" };
        let _ = writeln!(text, "{age:.2},{bmi:.3},{town},{outcome}");
    }
    text
}

const FLAGS: &str = "--data t.csv --label-column outcome --members 100 --reference 60";

fn trained() -> Veilgrad {
    let program = Veilgrad::new();
    program.write("t.csv", table());
    program.trains("run", FLAGS);
    program
}

/// Rows of a CSV, without its header.
fn rows(program: &Veilgrad, name: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(std::io::Cursor::new(program.read(name)));
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn header(program: &Veilgrad, name: &str) -> String {
    program.text(name).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn nothing_of_a_single_person_is_in_a_model() {
    let program = Veilgrad::new();
    // A town, a value and a class of a few records; a column of dates, one of names, one of identifiers.
    let mut text = "patient_id,age,town,visit,name,code,outcome\n".to_owned();
    for i in 0..300_usize {
        let town = match i % 97 {
            3 => format!("Hamlet{i}"),
            _ => ["Riga", "Oslo"][i % 2].to_owned(),
        };
        let age = 20.0 + (i * 7919 % 60_013) as f64 / 1000.0;
        let outcome =
            if i % 149 == 5 { "leprosy".to_owned() } else { ["well", "ill"][i * 7 % 5 % 2].to_owned() };
        let (month, day) = (1 + i % 12, 1 + i % 28);
        let code = ["250.1", "428", "V45"][i * 11 % 3];
        let _ = writeln!(
            text,
            "{},{age:.3},{town},2021-{month:02}-{day:02},Name{i},{code},{outcome}",
            73_000_001 + 37 * i
        );
    }
    program.write("people.csv", &text);
    let flags = "--data people.csv --label-column outcome --members 150 --reference 60 --categorical code";
    let refused = program.refuses(1, flags, &["at least 5 members of every class", "1 class with fewer"]);
    assert!(!refused.stderr.contains("leprosy"), "{refused}");
    let flags = format!("{flags} --merge-rare-classes --seed 4242,4243");
    let run = program.run(&format!("train --preset tiny.toml --out run {flags}"));
    if run.stderr.contains("rare classes together") {
        // Two records are too few even together: without them it is trained.
        let kept: Vec<&str> = text.lines().filter(|line| !line.ends_with("leprosy")).collect();
        program.write("people.csv", kept.join("\n"));
        program.trains("run", &flags);
    }
    assert_eq!(program.names("run/models"), ["replica-0.safetensors", "replica-1.safetensors"]);
    for name in ["models/replica-0.safetensors", "models/replica-1.safetensors", "schema.toml"] {
        let bytes = program.read(&format!("run/{name}"));
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let common = ["Riga", "Oslo", "well", "ill", "250.1", "428", "V45"];
            for field in fields.iter().filter(|field| !common.contains(field)) {
                assert!(!holds(field.as_bytes()), "{name} holds {field} of {line}");
            }
            let age: f64 = fields[1].parse().expect("a number");
            assert!(!holds(&(age as f32).to_le_bytes()), "{name} holds the number {age}");
            assert!(!holds(&age.to_le_bytes()), "{name} holds the number {age}");
        }
        for part in ["people", "4242", "4243", "seed", "split", "attack", "members", "300"] {
            assert!(!holds(part.as_bytes()), "{name} holds {part}");
        }
    }
    // The classifier and its standardization, and nothing of the attack network or the optimizer.
    let bytes = program.read("run/models/replica-0.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a model");
    let names: BTreeSet<&str> = file.names().into_iter().collect();
    let layers = ["bias", "weight"]
        .map(|end| [format!("classifier.layers.0.{end}"), format!("classifier.layers.1.{end}")]);
    let expected = layers.iter().flatten().map(String::as_str).chain(["features.scale", "features.shift"]);
    assert_eq!(names, expected.collect());
    let schema = program.text("run/schema.toml");
    for (column, why) in [("patient_id", "identifiers"), ("visit", "dates"), ("name", "nearly every record")]
    {
        let at =
            schema.find(&format!("name = \"{column}\"")).unwrap_or_else(|| panic!("{column} in {schema}"));
        assert!(schema[at..].lines().take(4).any(|line| line.contains(why)), "{column}: {schema}");
    }
}

#[test]
fn only_members_are_learnt_from() {
    let program = trained();
    let model = program.read("run/models/replica-0.safetensors");
    // Who is no member may have any town and any numbers: the model is the same.
    let arrays = veilgrad::dataset::load_splits(&program.path("run/split.npz")).expect("a split");
    let members: BTreeSet<usize> = arrays[0].members.iter().map(|i| *i as usize).collect();
    let mut text = String::new();
    for (i, line) in table().lines().enumerate() {
        let outcome = line.rsplit(',').next().expect("a field");
        match i > 0 && !members.contains(&(i - 1)) {
            true => text.push_str(&format!("{}.5,99.5,Elsewhere,{outcome}\n", 1000 + i)),
            false => text.push_str(&format!("{line}\n")),
        }
    }
    program.write("t.csv", text);
    program.trains("other", &format!("{FLAGS} --lambda 0"));
    program.write("t.csv", table());
    program.trains("same", &format!("{FLAGS} --lambda 0"));
    assert!(
        program.read("other/models/replica-0.safetensors")
            == program.read("same/models/replica-0.safetensors")
    );
    assert!(!model.is_empty());
}

#[test]
fn a_schema_is_shown_written_edited_and_used() {
    let program = Veilgrad::new();
    program.write("t.csv", table());
    let flags = FLAGS.replace("--data t.csv ", "--preset tiny.toml ");
    let shown = program.succeeds(&format!("schema t.csv {flags}"));
    shown.prints(&["column", "what is done", "town", "category", "Bergen, Oslo, Riga"]);
    program.succeeds(&format!("schema t.csv {flags} -o schema.toml"));
    program.run(&format!("schema t.csv {flags} -o schema.toml")).code(1).says(&["perhaps edited"]);
    program.trains("inferred", FLAGS).says(&["town", "what is done"]);
    assert_eq!(program.text("schema.toml"), program.text("inferred/schema.toml"));
    program.trains("given", &format!("{FLAGS} --schema schema.toml"));
    let model = "models/replica-0.safetensors";
    assert!(program.read(&format!("given/{model}")) == program.read(&format!("inferred/{model}")));
    let edited = program.text("schema.toml").replacen(
        "name = \"bmi\"\nkind = \"number\"",
        "name = \"bmi\"\nkind = \"drop\"",
        1,
    );
    program.write("schema.toml", edited);
    program.trains("edited", &format!("{FLAGS} --schema schema.toml"));
    let features = &program.json("edited/data.json")["dataset"]["features"];
    assert_eq!(
        features.as_u64(),
        program.json("given/data.json")["dataset"]["features"].as_u64().map(|n| n - 1)
    );
    // Columns go by their names in what comes later.
    let turned: String = table()
        .lines()
        .map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            format!("{},further,{},{},{}\n", f[3], f[2], f[0], f[1])
        })
        .collect();
    program.write("t.csv", turned);
    program.succeeds("audit inferred").prints(&["Attacks on the members"]);
    std::fs::remove_file(program.path("inferred/summary.json")).expect("removed");
    program.succeeds("train --resume inferred");
}

#[test]
fn records_are_predicted_whatever_surrounds_them() {
    let program = trained();
    let all = table();
    let some: Vec<&str> = all.lines().take(13).collect();
    let fields = |line: &str| -> Vec<String> { line.split(',').map(str::to_owned).collect() };
    let write = |name: &str, form: &dyn Fn(Vec<String>) -> Vec<String>| {
        let lines: Vec<String> = some.iter().map(|line| form(fields(line)).join(",")).collect();
        program.write(name, lines.join("\n"));
    };
    write("same.csv", &|f| f);
    write("turned.csv", &|f| vec![f[3].clone(), f[1].clone(), f[2].clone(), f[0].clone()]);
    write("further.csv", &|mut f| {
        f.push("x".to_owned());
        f
    });
    write("unlabelled.csv", &|mut f| {
        f.pop();
        f
    });
    program.write("one.csv", some[..2].join("\n"));
    for name in ["same", "turned", "further", "unlabelled", "one"] {
        program.succeeds(&format!("predict run {name}.csv -o {name}-out.csv"));
    }
    assert_eq!(header(&program, "same-out.csv"), "row,predicted,label,unseen,ill,well");
    assert_eq!(header(&program, "unlabelled-out.csv"), "row,predicted,unseen,ill,well");
    let same = rows(&program, "same-out.csv");
    assert_eq!(same.len(), 12);
    for name in ["turned", "further"] {
        assert_eq!(rows(&program, &format!("{name}-out.csv")), same, "{name}");
    }
    // Other names are no reason to take the columns by their places.
    let upper = some[0].to_uppercase();
    program.write("upper.csv", [&[upper.as_str()], &some[1..]].concat().join("\n"));
    program.run("predict run upper.csv -o x.csv").code(1).says(&["the columns of the model", &upper[..3]]);
    // Row numbers as data frames write them.
    let numbered = |(i, line): (usize, &&str)| format!("{},{line}", if i == 0 { "" } else { "7" });
    program.write("numbered.csv", some.iter().enumerate().map(numbered).collect::<Vec<_>>().join("\n"));
    program.run("predict run numbered.csv -o numbered-out.csv").code(0).says(&["no use for: column 0\n"]);
    assert_eq!(rows(&program, "numbered-out.csv"), same);
    let without: Vec<Vec<String>> = same.iter().map(|row| [&row[..2], &row[3..]].concat()).collect();
    assert_eq!(rows(&program, "unlabelled-out.csv"), without);
    assert_eq!(rows(&program, "one-out.csv"), same[..1]);
    // The model's file alone says the same; the run's records are said to be what training said.
    std::fs::copy(program.path("run/models/replica-0.safetensors"), program.path("m.safetensors"))
        .expect("copied");
    program.succeeds("predict m.safetensors same.csv -o alone.csv");
    assert_eq!(rows(&program, "alone.csv"), same);
    program.succeeds("predict run -o own.csv --replica replica-0");
    let own = rows(&program, "own.csv");
    for row in &same {
        let found = own.iter().find(|other| other[0] == row[0]).expect("the record");
        assert_eq!((&found[1..3], &found[4..]), (&row[1..3], &row[4..]));
    }
    program.run("predict run same.csv -o x.csv --replica 7").code(2).says(&["replica-0"]);
    program.run("predict m.safetensors -o x.csv").code(2).says(&["a file of records"]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let program = trained();
    program.write(
        "odd.csv",
        "age,bmi,town,outcome\n30.5,20.1,Atlantis,well\nold,20.1,Riga,well\n30.5,,Riga,ill\n30.5,20.1,Riga\n\
         30.5,20.1,Oslo,dead\n30.5,20.1,Oslo,\n",
    );
    let run = program.succeeds("predict run odd.csv -o odd-out.csv");
    run.says(&[
        "odd.csv:3, column 0 (age): expected a number, found \"old\"",
        "odd.csv:4, column 1 (bmi): expected a value, found none",
        "odd.csv:5: expected 4 columns",
        "column town: 1 record has a value that the model does not know, such as \"Atlantis\"",
    ])
    .prints(&["3 records, 3 that cannot be read left out"]);
    let found = rows(&program, "odd-out.csv");
    let columns = |at: usize| found.iter().map(|row| row[at].as_str()).collect::<Vec<_>>();
    assert_eq!(
        (columns(0), columns(2), columns(3)),
        (vec!["0", "4", "5"], vec!["well", "dead", ""], vec!["1", "0", "0"])
    );
    // The same lines where they end in CR LF.
    program.write(
        "windows.csv",
        "age,bmi,town,outcome\r\nold,20.1,Riga,well\r\n30.5,20.1,Riga\r\n30.5,20.1,Oslo,dead\r\n",
    );
    program.succeeds("predict run windows.csv -o windows-out.csv").says(&[
        "windows.csv:2, column 0 (age): expected a number, found \"old\"",
        "windows.csv:3: expected 4 columns",
    ]);
    program.write("twice.csv", "age,bmi,bmi,town\n30,20.1,20.2,Riga\n");
    program.run("predict run twice.csv -o x.csv").code(1).says(&[
        "twice.csv: expected names of columns that differ, found \"bmi\" as the name of columns 1 and 2",
    ]);
    program.write("gone.csv", "age,town\n30,Riga\n");
    program.run("predict run gone.csv -o x.csv").code(1).says(&["the columns of the model, bmi among them"]);
}

#[test]
fn missing_values_are_counted_or_treated_as_asked() {
    let program = Veilgrad::new();
    let text: String = table()
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let f: Vec<&str> = line.split(',').collect();
            let blank = |n: usize, at: usize| if i > 0 && i % n == 0 { "" } else { f[at] };
            format!("{},{},{},{}\n", blank(6, 0), f[1], blank(7, 2), blank(50, 3))
        })
        .collect();
    program.write("t.csv", text);
    let found = "of 240 records: 4 without a label, 40 in column 0 (age), 34 in column 2 (town)";
    program.refuses(1, FLAGS, &[found, "--missing drop", "impute", "category"]);
    program
        .trains("drop", &format!("{FLAGS} --missing drop"))
        .says(&["records without a value left out, 4 of them"]);
    program.trains("impute", &format!("{FLAGS} --missing impute")).says(&["236 records of 7 features"]);
    let schema = program.text("impute/schema.toml");
    let fill = schema.lines().find_map(|line| line.strip_prefix("fill = ")).expect("a median");
    assert!(fill.trim_matches('"').len() <= 4, "three digits of the median: {fill}");
    program.trains("category", &format!("{FLAGS} --missing category")).says(&["a category"]);
    program.write("new.csv", "age,bmi,town\n,20,Riga\n30,20,\n");
    program.succeeds("predict impute new.csv -o p.csv").prints(&["2 records, 2 classes"]);
    program.succeeds("predict category new.csv -o p.csv").prints(&["2 records, 2 classes"]);
    let run = program.run("predict drop new.csv -o p.csv").code(1);
    run.says(&["new.csv:2, column 0 (age): expected a value, found none"]);
    // A run goes on with the records that it began with.
    std::fs::remove_file(program.path("drop/predictions.npz")).expect("removed");
    let model = program.read("drop/models/replica-0.safetensors");
    program.succeeds("train --resume drop");
    assert!(program.read("drop/models/replica-0.safetensors") == model);
}

#[test]
fn text_from_files_is_shown_escaped_and_runs_in_no_spreadsheet() {
    let program = Veilgrad::new();
    let text = table().replacen("age,bmi,town,outcome", "\u{1b}[2Jage,=1+1,town,\u{1b}]0:x\u{7}", 1);
    let text = text.replace("well", "=cmd|' /C calc'!A0");
    program.write("t.csv", text);
    let run = program.trains("run", "--data t.csv --label-column 3 --members 100 --reference 60");
    assert!(!run.stderr.contains(['\u{1b}', '\u{7}']) && !run.stdout.contains('\u{1b}'), "{run}");
    run.says(&["\\u{1b}[2Jage"]);
    program.succeeds("predict run t.csv -o p.csv");
    program.succeeds("report run --csv csv");
    let mut names = program.names("csv");
    names.iter_mut().for_each(|name| *name = format!("csv/{name}"));
    names.push("p.csv".to_owned());
    for name in names {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(std::io::Cursor::new(program.read(&name)));
        for cell in
            reader.records().flat_map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>())
        {
            let runs = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
            assert!(!runs && !cell.contains('\u{1b}'), "{name}: {cell}");
        }
    }
}

/// Two measures, of which the first tells a rare outcome from a common one, not surely: 6 in a hundred are ill.
fn uneven() -> String {
    let mut text = "a,b,outcome\n".to_owned();
    for i in 0..1200_usize {
        let ill = i * 37 % 100 < 6;
        // Sums of three even ones: nearly normal, with a deviation of 0.5.
        let uniform = |p: usize| (i * p % 6007) as f64 / 6007.0;
        let [a, b] = [[7919, 104_729, 3571], [1_299_709, 15_485_863, 2731]]
            .map(|of| of.map(uniform).iter().sum::<f64>());
        let _ = writeln!(
            text,
            "{:.4},{b:.4},{}",
            if ill { a + 0.9 } else { a },
            if ill { "ill" } else { "well" }
        );
    }
    text
}

#[test]
fn balanced_classes_weigh_the_same_and_a_logistic_regression_stands_beside() {
    let program = Veilgrad::new();
    program.write("t.csv", uneven());
    let flags = "--data t.csv --label-column outcome --members 500 --reference 100 --validation 100 --lambda 0 \
                 --epochs 20 --set model.learning_rate=0.02 --set train.stop=validation --set audit.logistic=true";
    let utility = |name: &str, more: &str| {
        let run = program.trains(name, &format!("{flags} {more}"));
        assert!(run.stdout.contains("logistic"), "{run}");
        program.json(&format!("{name}/summary.json"))["replicas"][0]["utility"].clone()
    };
    let number = |utility: &serde_json::Value, key: &str| utility[key].as_f64().expect("a number");
    let plain = utility("plain", "");
    let balanced = utility("balanced", "--set model.class_weights=balanced");
    // The rare class is found, at the price of some of the common one.
    let [of_plain, of_balanced] = [&plain, &balanced].map(|utility| number(utility, "balanced_accuracy"));
    assert!(of_balanced > of_plain + 0.05 && of_balanced > 0.75, "{of_plain} and {of_balanced}");
    for utility in [&plain, &balanced] {
        let difference = number(utility, "accuracy") - number(utility, "logistic_accuracy");
        assert!((difference - number(utility, "above_logistic")).abs() < 1e-12);
        let [low, high] = [0, 1].map(|end| utility["ci95"]["above_logistic"][end].as_f64().expect("an end"));
        assert!(low <= difference && difference <= high, "{utility}");
        assert!(number(utility, "logistic_accuracy") > 0.6, "{utility}");
    }

    // Audited again nothing is trained; another run in its place has regressions of its own.
    let again = program.succeeds("audit plain");
    assert!(!again.stderr.contains("logistic regressions"), "{again}");
    assert_eq!(program.json("plain/summary.json")["replicas"][0]["utility"], plain);
    // Nor where the data are gone, which nothing else needs.
    std::fs::rename(program.path("t.csv"), program.path("gone.csv")).expect("renamed");
    program.succeeds("audit plain");
    assert_eq!(program.json("plain/summary.json")["replicas"][0]["utility"], plain);
    std::fs::remove_dir_all(program.path("plain/logistic")).expect("removed");
    program.succeeds("audit plain").says(&["no logistic regression to compare with"]);
    let alone = &program.json("plain/summary.json")["replicas"][0]["utility"];
    assert_eq!(
        (&alone["accuracy"], &alone["logistic_accuracy"]),
        (&plain["accuracy"], &serde_json::Value::Null)
    );
    std::fs::rename(program.path("gone.csv"), program.path("t.csv")).expect("renamed");
    let of = |seed: u64| utility("plain", &format!("--force --seed {seed}"));
    let (first, second) = (of(5), of(6));
    assert_ne!(first, second);
    assert_eq!(utility("fresh", "--seed 6"), second);
}
