//! Text in lines of so many columns: broken between words, never within one.
//!
//! Not tables, whose cells are broken where their columns are made ([`super::table`]).

/// The words in lines of at most `columns`, each ended: the first begins with `first`, those after it with
/// `later`. A longer word has a line of its own.
pub fn filled(words: &str, first: &str, later: &str, columns: usize) -> String {
    let (mut lines, mut line) = (String::new(), first.to_owned());
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > columns {
            lines += line.trim_end();
            lines.push('\n');
            (line, empty) = (later.to_owned(), true);
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    lines + &line + "\n"
}

/// `text` with every line that is longer than `columns` broken between words, what is broken off two columns
/// further in than its line began. Lines that fit stay as they are.
pub fn fitted(text: &str, columns: usize) -> String {
    let fit = |line: &str| match line.chars().count() <= columns {
        true => line.to_owned(),
        false => {
            let indent = &line[..line.len() - line.trim_start().len()];
            filled(line, indent, &format!("{indent}  "), columns).trim_end().to_owned()
        }
    };
    text.split('\n').map(fit).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_too_long_are_broken_and_no_word_is_lost() {
        let text = "short  line\n  a line of many words\n\nunbreakable-word";
        assert_eq!(fitted(text, 12), "short  line\n  a line of\n    many\n    words\n\nunbreakable-word");
        assert_eq!(fitted(text, 80), text);
    }
}
